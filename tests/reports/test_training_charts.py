"""Charts of a training: their data, scales and titles."""

import numpy as np
import pytest

pytest.importorskip("altair")

from jaxdl.reports import training_charts as charts


def metrics(epochs=3, members=4, **columns):
    epoch = np.tile(np.arange(1, epochs + 1), members)
    loss = np.linspace(1, 2, len(epoch))
    return {"epoch": epoch.tolist(), "train_loss": loss, "dev_loss": loss + 1, **columns}


def titles(specification):
    """Return all axis titles of a chart, in order and once each."""
    found = []

    def visit(node):
        if isinstance(node, dict):
            found.extend([node["title"]] if isinstance(node.get("title"), str) else [])
            for value in node.values():
                visit(value)
        elif isinstance(node, list):
            for value in node:
                visit(value)

    visit(specification)
    return list(dict.fromkeys(found))


def rows_of(chart):
    return chart.to_dict()["layer"][0].get("data", chart.to_dict().get("data"))["values"]


def test_learning_curves_show_losses_and_the_score():
    accuracy = charts.learning_curves(metrics(dev_accuracy=[0.5] * 12)).to_dict()
    assert titles(accuracy) == ["epoch", "cross-entropy (nats)", "accuracy on dev"]
    regression = charts.learning_curves(metrics(dev_r_squared=[0.5] * 12)).to_dict()
    assert titles(regression) == ["epoch", "loss", "R² on dev"]


def test_a_curve_has_median_and_percentiles_of_the_finite_values():
    chart = charts.curves([1, 1, 1, 2, 2, 2], {"train": [1.0, 2.0, 3.0, np.nan, np.inf, 5.0]}, "loss")
    first, second = rows_of(chart)
    assert first == {"epoch": 1, "part": "train", "low": 1.1, "median": 2.0, "high": 2.9}
    assert (second["low"], second["median"], second["high"]) == (5.0, 5.0, 5.0)


def test_an_epoch_without_finite_values_is_left_out():
    chart = charts.curves([1, 2], {"train": [1.0, np.inf]}, "loss")
    assert [row["epoch"] for row in rows_of(chart)] == [1]


def test_a_long_curve_is_thinned_to_its_first_last_and_evenly_spaced_epochs():
    assert charts._thinned(np.arange(7)).tolist() == list(range(7))
    thinned = charts._thinned(np.arange(1, 10_001))
    assert len(thinned) == charts.MAX_EPOCHS
    assert (thinned[0], thinned[-1]) == (1, 10_000)
    assert np.ptp(np.diff(thinned)) <= 1


@pytest.mark.parametrize(
    ("values", "scale"),
    [([1, 11], "log"), ([1, 10], "linear"), ([0, 100], "linear"), ([-1, 100], "linear"), ([], "linear")],
)
def test_a_scale_is_logarithmic_if_positive_values_span_more_than_a_factor_of_ten(values, scale):
    assert charts.scale_of(values) == scale


def test_a_confusion_matrix_has_means_per_network_and_colours_errors_only():
    counts = {"label": ["a", "a", "b", "b"], "predicted": ["a", "b", "a", "b"], "count": [8, 2, 0, 6]}
    chart = charts.confusion(counts, members=2)
    assert rows_of(chart) == [
        {"label": "a", "predicted": "a", "mean": 4.0, "wrong": 0.0},
        {"label": "a", "predicted": "b", "mean": 1.0, "wrong": 1.0},
        {"label": "b", "predicted": "a", "mean": 0.0, "wrong": 0.0},
        {"label": "b", "predicted": "b", "mean": 3.0, "wrong": 0.0},
    ]
    assert titles(chart.to_dict()) == ["predicted", "label"]


@pytest.mark.parametrize(("counts", "members", "text"), [([3, 1], 1, "d"), ([3.0, 0.5], 1, ".1f"), ([3, 1], 2, ".1f")])
def test_counts_of_weighted_examples_and_means_have_a_decimal(counts, members, text):
    chart = charts.confusion({"label": ["a", "b"], "predicted": ["a", "a"], "count": counts}, members)
    assert chart.to_dict()["layer"][1]["encoding"]["text"]["format"] == text


def test_without_errors_the_scale_of_colours_is_still_valid():
    chart = charts.confusion({"label": ["a"], "predicted": ["a"], "count": [3]}, members=3)
    assert chart.to_dict()["layer"][0]["encoding"]["color"]["scale"]["domain"] == [0, 1.0]


@pytest.mark.parametrize("names", [("mean_low_95", "mean_high_95"), ("low", "high")])  # the latter in older runs
def test_predictions_have_intervals_and_the_line_of_perfect_predictions(names):
    limits = dict(zip(names, ([1, 2], [2, 3]), strict=True))
    predicted = {"example": [4, 9], "label": [1.0, 3.0], "predicted": [1.5, 2.5], **limits}
    chart = charts.predictions(predicted, members=3).to_dict()
    diagonal, intervals, points = chart["layer"]
    assert diagonal["data"]["values"] == [{"label": 1.0, "predicted": 1.0}, {"label": 3.0, "predicted": 3.0}]
    assert intervals["encoding"]["y"]["field"] == "mean_low_95"
    assert intervals["encoding"]["y2"]["field"] == "mean_high_95"
    first = {"example": 4, "label": 1.0, "predicted": 1.5, "mean_low_95": 1, "mean_high_95": 2}
    assert intervals["data"]["values"][0] == first
    assert points["mark"]["type"] == "circle"
    assert titles(chart) == ["label", "prediction, mean of 3 networks"]


def test_times_over_sizes_have_a_line_for_each_competitor_and_logarithmic_axes():
    points = [{"line": line, "at": at, "seconds": at / 10, "unit": "step"} for line in "ab" for at in (1, 10)]
    chart = charts.scaling(points, "members").to_dict()
    assert titles(chart) == ["members", "time for one step (s)"]
    encoding = chart["layer"][0]["encoding"]
    assert encoding["x"]["scale"]["type"] == encoding["y"]["scale"]["type"] == "log"
    assert encoding["color"]["scale"]["domain"] == ["a", "b"]
