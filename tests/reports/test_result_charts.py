"""Charts of results in memory: their data and titles."""

import numpy as np
import pytest

pytest.importorskip("altair")

from jaxdl.reports import result_charts as charts
from jaxdl.statistics import Interval, compare, mean_intervals, summary
from jaxdl.training import Best, Fit, History
from tests.reports.test_training_charts import titles


def fit(best_epochs=(2, 3, 0)):
    """Return the result of three members: one trained three epochs, one stopped after two, one diverged."""
    loss = np.array([[3.0, 2.0, 1.0], [5.0, 4.0, 4.0], [9.0, np.nan, np.nan]])
    history = History(loss, {"loss": loss + 1, "accuracy": np.nan_to_num(loss / 10)})
    best = Best(np.ones(3), np.array(best_epochs), None, None)
    return Fit(None, history, best, np.array([3, 2, 2]), np.array([0, 0, 2]), None, False, None)


def layers_of(panel):
    """Return the rows of every layer of a panel."""
    specification = panel.to_dict()
    return [layer.get("data", specification.get("data"))["values"] for layer in specification["layer"]]


def test_the_curves_of_a_fit_are_quantiles_over_the_members_that_have_not_diverged():
    chart = charts.training_curves(fit())
    assert titles(chart.to_dict()) == ["epoch", "loss", "accuracy on dev"]
    loss, accuracy = (layers_of(panel) for panel in chart.concat)
    rows = loss[-1]
    assert [(row["part"], row["epoch"], row["median"]) for row in rows] == [
        ("train", 1, 5.0),
        ("train", 2, 3.0),
        ("train", 3, 2.5),  # the second member has stopped with 4
        ("dev", 1, 6.0),
        ("dev", 2, 4.0),
        ("dev", 3, 3.5),
    ]
    np.testing.assert_allclose([rows[0]["low"], rows[0]["high"]], np.quantile([3, 5, 9], [0.05, 0.95]))
    assert [row["median"] for row in accuracy[-1]] == pytest.approx([0.5, 0.3, 0.25])


def test_the_mark_of_a_fit_is_at_the_median_of_the_best_epochs():
    for panel in charts.training_curves(fit()).concat:
        assert layers_of(panel)[0] == [{"best": 2.5, "text": "best epoch 2.5"}]
    unknown = charts.training_curves(fit(best_epochs=(0, 0, 0)))
    assert "best" not in layers_of(unknown.concat[0])[0][0]


def test_a_history_of_one_network_has_no_mark():
    chart = charts.training_curves(History(np.array([2.0, 1.0]), {"l2_norm": np.array([0.5, 0.25])}))
    assert titles(chart.to_dict()) == ["epoch", "loss", "l2 norm on dev"]
    assert [row["median"] for row in layers_of(chart.concat[0])[0]] == [2.0, 1.0]
    with pytest.raises(ValueError, match="must have at least one epoch to draw, got none"):
        charts.training_curves(History(np.zeros(0), {}))


def test_intervals_are_those_of_the_results():
    a, b = np.array([0.9, 0.8, 0.95]), np.array([0.7, 0.85, 0.8])
    mean, difference = summary(a), compare(a, b)
    chart = charts.intervals({"a": mean, "known": Interval(0.5, 0.25, 0.75)})
    assert layers_of(chart)[0] == [
        {"name": "a", "estimate": mean.mean, "low": mean.mean_low, "high": mean.mean_high},
        {"name": "known", "estimate": 0.5, "low": 0.25, "high": 0.75},
    ]
    assert titles(chart.to_dict()) == ["mean, 95 % interval"]
    chart = charts.intervals({"a − b": difference})
    zero, rows, _ = layers_of(chart)
    assert zero == [{"zero": 0}]
    assert (rows[0]["low"], rows[0]["high"]) == (difference.difference_low, difference.difference_high)
    assert titles(chart.to_dict()) == ["mean difference, 95 % interval"]
    with pytest.raises(ValueError, match=r"must be of one number to be drawn, got the shape \(2,\): give a dictionary"):
        charts.intervals({"a": mean_intervals(np.array([[1.0, 2.0], [2.0, 4.0]]))})


def test_a_confusion_matrix_is_drawn_by_label_and_prediction():
    rows = layers_of(charts.confusion_table(np.array([[5, 1], [0, 4]])))[0]
    assert [(row["label"], row["predicted"], row["mean"], row["wrong"]) for row in rows] == [
        (0, 0, 5, 0),
        (0, 1, 1, 1),
        (1, 0, 0, 0),
        (1, 1, 4, 0),
    ]
    for shape in [(2, 3), (0, 0), (101, 101)]:
        with pytest.raises(ValueError, match=r"must have the shape \(classes, classes\) with at most 100 classes, got"):
            charts.confusion_table(np.zeros(shape, int))
