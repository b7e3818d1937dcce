"""Claims are judged from the numbers: failures have a direction, and a mistake in one part leaves the others."""

import numpy as np
import pytest

from jaxdl.experiment import FAILED, MEDIAN, SHARE, AtLeast, Conditions, Exact, Greater, Panel, conduct
from jaxdl.experiment.judgment import finite, judge_all
from tests.experiment.test_conduct import SEEDS, Calls, close, coins, counting, finding, made, pairs

PANEL = made().panels[0]


def test_numbers_that_json_cannot_hold_are_none():
    assert finite({"a": 1.5, "b": np.nan, "c": "inf", "d": -np.inf}) == {"a": 1.5, "b": None, "c": "inf", "d": None}


def test_an_entry_says_power_rule_and_arms_by_their_labels():
    rule = Greater("left", "right", 0.5, MEDIAN, effect=1.0, expected_sd=0.5)
    measured = {"left": np.linspace(1.5, 2.0, SEEDS), "right": np.zeros(SEEDS)}
    (entry,) = judge_all(made(rule=rule), measured, draft=False)
    assert (entry["verdict"], entry["kind"]) == ("supported", "statistical")
    assert entry["power"] == pytest.approx(rule.power(SEEDS, 1 - 0.05 / 14))
    (comparison,) = entry["comparisons"]
    assert (comparison["arm"], comparison["reference"]) == ("the left one", "the right one")
    assert comparison["differences"] == measured["left"].tolist()


def test_a_failed_run_needs_a_direction(tmp_path):
    numbers = np.where(np.arange(SEEDS) < 1, FAILED, 0.9)
    measure = pairs(left=numbers, right=np.linspace(0, 0.1, SEEDS))
    better = Greater("left", "right", 0.1, MEDIAN)
    with pytest.raises(ValueError, match="If these runs failed, the panel must say whether larger numbers are better"):
        conduct(made(measure, rule=better), tmp_path)
    for larger, outcome in ((True, "supported"), (False, "supported")):
        panels = (PANEL._replace(larger_is_better=larger),)
        result = conduct(made(measure, rule=better)._replace(panels=panels), tmp_path / str(larger))
        assert result["claims"][0]["verdict"] == outcome
        assert result["claims"][0]["comparisons"][0]["failed"] == 1
        assert result["panels"][0]["means"][0]["failed"] == 1
        assert result["panels"][0]["means"][0]["estimate"] == pytest.approx(0.9)
        lowest = result["claims"][0]["comparisons"][0]["differences"][0]
        assert lowest is None
    solved = conduct(made(pairs(left=np.ones(SEEDS), right=np.ones(SEEDS)), rule=AtLeast("left", 0.5, SHARE)), tmp_path)
    assert solved["claims"][0]["verdict"] == "supported"


def test_nan_in_an_arm_that_no_rule_reads_touches_no_verdict(tmp_path):
    measure = lambda keys: [*coins(keys), ("other", np.full(SEEDS, np.nan))]
    panels = (*made().panels, Panel("other", {"other": "another"}))
    rule = Exact("they differ by less than 1", close, lambda measured: "Found.")
    result = conduct(made(measure, rule=rule)._replace(panels=panels), tmp_path)
    assert result["claims"][0]["verdict"] == "supported"
    with pytest.raises(ValueError, match="the arm 'other' is NaN for 16 seeds"):
        conduct(made(measure, rule=AtLeast("other", 0.5, MEDIAN))._replace(panels=panels), tmp_path)


def test_a_mistake_in_a_rule_loses_no_numbers(tmp_path):
    calls = Calls()
    measure = counting(calls)
    wrong = Exact("they are equal", lambda measured: measured["lft"], finding)
    with pytest.raises(KeyError, match="lft"):
        conduct(made(measure, rule=wrong), tmp_path, Conditions(draft=True))
    assert conduct(made(measure), tmp_path, Conditions(draft=True))["claims"][0]["verdict"] == "draft"
    assert len(calls.seeds) == 1
