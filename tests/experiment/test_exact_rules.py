"""Exact rules: a condition that holds for every seed or is refuted, and that truth values alone decide."""

import numpy as np
import pytest

from jaxdl.experiment import Exact, ForEverySeed

MEASURED = {"a": np.ones(2)}


def reading(result):
    """Return a function that reads an arm and returns a given result."""
    return lambda measured: (measured["a"], result)[1]


def exact(holds, control=True):
    return Exact("it holds", reading(holds), lambda measured: "Found.", reading(control), "x is large")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (exact(True), "supported"),
        (exact(np.array([True, False])), "refuted"),
        (exact([np.array([True]), np.array([True])]), "supported"),
        (exact(True, control=False), "inconclusive"),
        (exact(False, control=np.array([True, False])), "inconclusive"),
        (exact(np.array([np.nan]) <= 1), "refuted"),
        (ForEverySeed("it holds", reading(np.array([True, True])), str), "supported"),
        (ForEverySeed("it holds", reading(np.array([False, False])), str), "refuted"),
        (ForEverySeed("it holds", reading(np.array([True, False])), str), "conditional"),
    ],
)
def test_one_seed_refutes_an_exact_claim(rule, expected):
    assert rule.judge(MEASURED, 0.95).outcome == expected
    assert rule.tests == 0


def test_a_control_that_fails_is_described():
    finding = exact(True, control=False).judge(MEASURED, 0.95).finding
    assert finding == "Found. The control failed. It requires that x is large."


def test_an_exact_claim_may_have_no_control():
    rule = Exact("it holds", reading(True), lambda measured: "Found.")
    assert rule.judge(MEASURED, 0.95) == ("supported", "Found.", ())
    assert rule.describe(str) == "supported if it holds, otherwise refuted"


@pytest.mark.parametrize("kind", [Exact, ForEverySeed])
def test_nan_is_an_error_but_only_where_a_rule_reads_it(kind):
    measured = {"a": np.ones(3), "b": np.array([1.0, np.nan, 1.0])}
    reads_b = kind("b is 1", lambda m: m["b"] == 1, lambda m: "Found.")
    reads_all = kind("all are 1", lambda m: np.logical_and(*(values == 1 for values in m.values())), lambda m: "Found.")
    for rule in (reads_b, reads_all):
        with pytest.raises(ValueError, match=r"the arm 'b' is NaN for 1 seeds \(1\): measure FAILED"):
            rule.judge(measured, 0.95)
    reads_a = kind("a is 1", lambda m: m["a"] == 1, lambda m: f"{len(m)} arms.")
    assert reads_a.judge(measured, 0.95) == ("supported", "2 arms.", ())


@pytest.mark.parametrize("kind", [Exact, ForEverySeed])
def test_a_rule_that_reads_nothing_raises(kind):
    with pytest.raises(ValueError, match=f"a rule must read the measurements, but holds of {kind.__name__} reads no"):
        kind("it holds", lambda m: np.array([True, True]), str).judge(MEASURED, 0.95)


def test_measurements_may_be_lists(unchecked):
    exact = Exact("it is 1", lambda m: m["a"] == 1, lambda m: "Measured.")
    each = ForEverySeed("it is 1", lambda m: m["a"] == 1, lambda m: "Measured.")
    assert unchecked(Exact.judge)(exact, {"a": [1.0, 1.0]}, 0.95).outcome == "supported"
    assert unchecked(ForEverySeed.judge)(each, {"a": [1.0, 2.0]}, 0.95).outcome == "conditional"


@pytest.mark.parametrize(
    "result",
    [(x for x in [False]), map(bool, [0]), {False}, {"a": False}, "no", [], (), np.array([]), None, 0.0, [[True], []]],
)
def test_what_python_counts_as_true_decides_nothing(result):
    """np.all is true for most of these."""
    for rule in (exact(result), exact(True, control=result), ForEverySeed("it holds", reading(result), str)):
        with pytest.raises((TypeError, ValueError), match="holds must return "):
            rule.judge(MEASURED, 0.95)


def test_a_property_of_every_seed_needs_a_truth_value_for_each():
    rule = ForEverySeed("it holds", lambda m: [(m["a"] == 1).all()], str)
    with pytest.raises(ValueError, match=r"one truth value for each seed, of the shape \(3,\), got \(1,\)"):
        rule.judge({"a": np.ones(3)}, 0.95)
