"""Charts of experiments: what they draw of the measured numbers."""

import json

import numpy as np
import pytest

pytest.importorskip("altair")

from jaxdl.reports.experiment_charts import decision_charts, figure, panel_charts


def result(*panels, claims=()):
    return {"panels": panels, "claims": claims}


def panel(**changes):
    means = [{"arm": arm, "at": None, "estimate": 0.5, "low": 0.4, "high": 0.6} for arm in ("left", "right")]
    arms = {"left": "the left arm", "right": "the right arm"}
    return {"metric": "height", "arms": arms, "over": None, "thresholds": [], "means": means, **changes}


def test_every_finite_seed_is_a_point():
    measured = {"left": np.array([0.1, 0.2, np.nan]), "right": np.array([0.3, np.inf, 0.4])}
    specification = json.dumps(figure(result(panel()), measured).to_dict())
    for value in ("0.1", "0.2", "0.3", "0.4"):
        assert f'"value": {value}' in specification
    assert specification.count('"seed": ') == 4
    assert "the left arm" in specification


def test_a_variable_on_the_axis_gives_one_line_for_each_arm():
    means = [
        {"arm": arm, "at": at, "estimate": at, "low": at - 0.1, "high": at + 0.1}
        for arm in ("left", "right")
        for at in (1.0, 2.0)
    ]
    measured = {(arm, at): np.full(3, at) for arm in ("left", "right") for at in (1.0, 2.0)}
    chart = figure(result(panel(over=["size", [1.0, 2.0]], means=means)), measured)
    specification = json.dumps(chart.to_dict())
    assert '"title": ["size"]' in specification
    assert specification.count('"estimate": 2.0') >= 2


def test_several_panels_are_drawn_below_each_other():
    measured = {"left": np.arange(3.0), "right": np.arange(3.0)}
    assert len(figure(result(panel(), panel(metric="width")), measured).to_dict()["vconcat"]) == 2


def test_the_paired_differences_are_drawn_with_equality_threshold_and_interval():
    comparison = {"arm": "left", "reference": "right", "scale": "difference", "margin": 0.25, "outcome": "refuted"}
    comparison |= {"estimand": "median", "confidence": 0.95, "two_sided": False, "part": ""}
    comparison |= {"estimate": 0.3, "low": 0.2, "high": None, "differences": [0.125, None, 0.375]}

    def drawn(**changes):
        return json.dumps([chart.to_dict() for chart in decision_charts({"comparisons": [comparison | changes]})])

    both = drawn(high=0.4)
    for text in (
        '"left \\u2212 right"',
        '"value": 0.125',
        '"value": 0.25, "mark": "threshold 0.25"',
        '"mark": "equal"',
        '"high": 0.4',
    ):
        assert text in both
    assert '"low": 0.2' not in drawn()  # an infinite limit is not drawn
    assert '"left / right"' in drawn(scale="ratio")
    assert '"value": -0.25, "mark": "threshold \\u00b10.25"' in drawn(two_sided=True)
    assert '"value": 4.0, "mark": "threshold 0.25"' in drawn(two_sided=True, scale="ratio")
    assert '"value": 0.0' not in drawn(scale="ratio", high=0.4, low=0.0)  # a logarithmic axis has no 0
    assert '["small: left \\u2212 right"]' in drawn(part="small")
    alone = drawn(reference=None, high=0.4)
    assert '"left"' in alone
    assert '"mark": "equal"' not in alone
    share = drawn(estimand="share of seeds that differ by more than 0.1", high=0.4, differences=[])
    assert '"high": 0.4' in share
    assert '"mark": "equal"' not in share
    for nothing in ([], [0.5, 0.5], [None, 1.0]):
        assert drawn(differences=nothing) == "[]"


def test_without_the_numbers_of_every_seed_means_and_intervals_are_drawn():
    missing = {"arm": "right", "at": None, "estimate": None, "low": None, "high": None, "failed": 3}
    (chart,) = panel_charts(result(panel(means=[panel()["means"][0], missing])))
    drawn = json.dumps(chart.to_dict())
    assert '"low": 0.4' in drawn
    assert '"seed"' not in drawn
    assert '"label": "the right arm (3 runs failed)"' in drawn


def test_the_name_of_an_arm_is_wrapped_and_not_cut():
    long = "a convolutional network with global average pooling, trained on shifted images"
    (chart,) = panel_charts(result(panel(arms={"left": long, "right": "short"})))
    (labels,) = (layer["data"]["values"] for layer in chart.to_dict()["layer"] if layer["mark"]["type"] == "text")
    assert labels[0]["label"].replace("\n", " ") == long
    assert max(map(len, labels[0]["label"].split("\n"))) <= 48


@pytest.mark.parametrize("over", [None, ["size", [1.0, 2.0]]])
def test_published_numbers_are_drawn_with_their_interval(over):
    published = {"arm": "left", "at": 2.0, "value": 0.625, "low": 0.5, "high": None, "source": "A. Author (2000)"}
    measured = {arm: np.arange(3.0) for arm in ("left", "right", ("left", 1.0), ("left", 2.0))}
    drawn = result(panel(over=over)) | {"published": [published]}
    text = json.dumps(figure(drawn, measured).to_dict())
    assert '"value": 0.625' in text
    assert '"shape": "triangle-down"' in text
    assert "triangle-down" not in json.dumps(
        figure(drawn | {"published": [published | {"arm": "up"}]}, measured).to_dict()
    )
