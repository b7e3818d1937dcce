"""Experiments that cannot be right raise before they are measured, and a mistake in one part leaves the others."""

import numpy as np
import pytest

from jaxdl.experiment import Claim, Exact, Greater, Panel, conduct, conduct_all, results
from tests.experiment.test_conduct import SEEDS, Calls, close, coins, counting, finding, made, pairs


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


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": "../outside"}, "name must consist of letters, digits, _ and -, because it names files, got '../outs"),
        ({"name": ""}, "name must consist of letters"),
        ({"seeds": 0}, "seeds must be an integer of at least 1, got 0"),
        ({"claims": (Claim("So.", Greater("left", "up", 1.0, 1.0)),)}, "unknown arm 'up'"),
        (
            {"claims": (Claim("So.", Greater(("left", 3), 0.0, 1.0, 1.0)),)},
            r"names the arm \('left', 3\), but the ",
        ),
    ],
)
def test_experiments_that_cannot_be_right_raise_before_measuring(tmp_path, change, sentence):
    calls = Calls()
    with pytest.raises(ValueError, match=sentence):
        conduct(made(counting(calls))._replace(**change), tmp_path / "results")
    assert calls.seeds == []
    assert not list(tmp_path.rglob("*.json"))


def test_an_arm_that_is_measured_twice_raises(tmp_path):
    with pytest.raises(ValueError, match="measure must yield each arm once, got 'left' twice"):
        conduct(made(lambda keys: [*coins(keys), *coins(keys)]), tmp_path)


def test_two_experiments_of_one_name_raise(tmp_path):
    with pytest.raises(ValueError, match="experiments must have different names, .* got 'coin' twice"):
        conduct_all([made(), made()], tmp_path, lambda result: None)


def test_a_mistake_in_a_rule_loses_no_numbers(tmp_path):
    calls = Calls()
    measure = counting(calls)
    wrong = Exact("they are equal", lambda measured: measured["lft"], finding)
    with pytest.raises(KeyError, match="lft"):
        conduct(made(measure, rule=wrong), tmp_path)
    assert conduct(made(measure), tmp_path)["claims"][0]["verdict"] == "supported"
    assert len(calls.seeds) == 1


def test_nan_in_an_arm_that_no_rule_reads_touches_no_verdict(tmp_path):
    measure = lambda keys: [*coins(keys), ("other", np.full(SEEDS, np.nan))]
    panels = (*made().panels, Panel("other", {"other": "another"}))
    rule = Exact("they differ by less than 1", close, lambda measured: "Found.")
    result = conduct(made(measure, rule=rule)._replace(panels=panels), tmp_path)
    assert result["claims"][0]["verdict"] == "supported"


def test_an_interrupted_measurement_leaves_no_result(tmp_path):
    def measure(keys):
        yield from [*coins(keys)][:1]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        conduct(made(measure), tmp_path)
    assert results(tmp_path) == []
