"""Experiments that cannot be right raise before they are measured, and a mistake in one part leaves the others."""

import numpy as np
import pytest

from jaxdl.experiment import (
    MEDIAN,
    AllOf,
    AtLeast,
    Claim,
    Greater,
    Mean,
    Panel,
    Published,
    conduct,
    conduct_all,
    results,
)
from tests.experiment.test_conduct import SEEDS, Calls, coins, counting, made, pairs


def test_columns_that_cannot_be_told_apart_raise(tmp_path):
    def with_panels(*panels, **fields):
        return made(pairs())._replace(panels=panels, claims=(), **fields)

    twice = Panel("height", {"a": "one"}, over=("size", (1, 1.0)))
    like_a_column = (Panel("x", {"a": "one"}, over=("size", (1,))), Panel("y", {"a @ 1": "other"}))
    for panels, text in (((twice,), "a @ 1"), (like_a_column, "a @ 1")):
        with pytest.raises(ValueError, match=f"every arm of a panel must be a column of its own, got '{text}' twice"):
            conduct(with_panels(*panels), tmp_path)


def test_numbers_that_differ_in_the_seventh_digit_are_different_arms(tmp_path):
    sizes = (1.0, 1.0000001)
    panel = Panel("height", {"a": "one"}, over=("size", sizes))
    experiment = made(lambda keys: [(("a", size), np.full(SEEDS, size)) for size in sizes])._replace(
        panels=(panel,), claims=()
    )
    conduct(experiment, tmp_path)
    ((_, measured),) = results(tmp_path)
    assert [values[0] for values in measured.values()] == list(sizes)
    assert experiment.name_of(("a", 1.0000001)) == "one (size = 1.0000001)"


PANEL, TEST = made().panels[0], Greater("left", "right", 1.0, MEDIAN)


def claims(rule):
    return (Claim("So.", rule),)


def test_a_threshold_of_its_own_has_no_step(tmp_path):
    experiment = made()._replace(panels=(PANEL._replace(step=0.6),), claims=claims(AtLeast("left", 0.5, MEDIAN)))
    assert conduct(experiment, tmp_path)["claims"][0]["kind"] == "statistical"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": "../outside"}, "name must consist of letters, digits, _ and -, because it names files, got '../outs"),
        ({"name": ""}, "name must consist of letters"),
        ({"seeds": 0}, "seeds must be an integer of at least 1, got 0"),
        ({"claims": claims(Greater("left", "up", 1.0, MEDIAN))}, "unknown arm 'up'"),
        ({"claims": claims(Greater(("left", 3), 0.0, 1.0, MEDIAN))}, r"names the arm \('left', 3\), but the "),
        ({"claims": claims(Greater)}, "rule must be a rule, such as Greater"),
        ({"claims": claims(AllOf((TEST._replace(margin="1"),)))}, "margin must be a finite number"),
        (
            {"claims": claims(TEST), "seeds": 8},
            "seeds must be at least 10 for the 99.6429 % interval of a median, got 8",
        ),
        (
            {"claims": claims(TEST._replace(estimand=Mean(rarest=0.05)))},
            "seeds must be at least 110 for the 99.6429 % interval of a mean, got 16",
        ),
        (
            {"claims": claims(TEST), "panels": (PANEL._replace(step=0.6),)},
            "the margin must be at least 1.2, twice the step 0.6 of 'height', got 1",
        ),
        ({"panels": (PANEL._replace(arms=["left", "right"]),)}, "arms of a panel must be a dictionary of their labels"),
        ({"panels": (PANEL._replace(over="size"),)}, "over must be the name of a variable and its values"),
        ({"panels": (PANEL._replace(larger_is_better="yes"),)}, "larger_is_better must be True, False or None"),
        ({"panels": (PANEL._replace(step=0),)}, "step must be a number above 0, or None, got 0"),
        ({"level": 0.95}, "level must be a significance level, such as 0.05 for 95 % confidence, got 0.95"),
        ({"item": None, "claims": claims(TEST)}, "level must be given for an experiment without an item"),
        ({"measure": lambda *, keys: []}, "measure must be a function of the keys alone"),
        ({"measure": 3}, "measure must be a function of the keys, got 3"),
        ({"published": (Published("up", 1.0, "", "", "", 0.1),)}, "unknown arm 'up'"),
    ],
)
def test_experiments_that_cannot_be_right_raise_before_measuring(tmp_path, unchecked, change, sentence):
    calls = Calls()
    with pytest.raises((TypeError, ValueError), match=sentence):
        unchecked(conduct)(made(counting(calls))._replace(**change), tmp_path / "results")
    assert calls.seeds == []
    assert not list(tmp_path.rglob("*.json"))


def test_an_arm_that_is_measured_twice_raises(tmp_path):
    with pytest.raises(ValueError, match="measure must yield each arm once, got 'left' twice"):
        conduct(made(lambda keys: [*coins(keys), *coins(keys)]), tmp_path)


def test_two_experiments_of_one_name_raise(tmp_path):
    with pytest.raises(ValueError, match="experiments must have different names, .* got 'coin' twice"):
        conduct_all([made(), made()], tmp_path, lambda result: None)


def test_an_interrupted_measurement_leaves_no_result(tmp_path):
    def measure(keys):
        yield from [*coins(keys)][:1]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        conduct(made(measure), tmp_path)
    assert results(tmp_path) == []
