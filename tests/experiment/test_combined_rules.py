"""Combined rules: parts, regimes and orders give one outcome, and the side that multiplies chances is corrected."""

import numpy as np
import pytest

from jaxdl.experiment import MEDIAN, AllOf, AnyOf, Equivalent, Exact, Greater, PerRegime, contrast, ordered
from jaxdl.experiment.combined_rules import arms_of, power_of, strictest_levels
from jaxdl.experiment.paired import halved

SEEDS = 41
SPREAD = np.linspace(-1, 1, SEEDS)
LOW = np.arange(SEEDS, dtype=float)
MEASURED = {"high": LOW + 5 + SPREAD, "low": LOW, "noise": 1 + 5 * SPREAD, "weak": 1 + 2.5 * (SPREAD - 0.375)}
TRUE, FALSE = Greater("high", "low", 1.0, MEDIAN), Greater("low", "high", 1.0, MEDIAN)
OPEN = Greater("noise", 0.0, 1.0, MEDIAN)
WEAK = Greater("weak", 0.0, 1.0, MEDIAN)  # refuted at the level 0.05, but not at half of it


def exact(holds):
    return Exact("it holds", lambda measured: (measured["low"] >= 0) == holds, lambda measured: "Found.")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (AllOf((TRUE, TRUE)), "supported"),
        (AllOf((TRUE, FALSE, OPEN)), "refuted"),
        (AllOf((TRUE, OPEN)), "inconclusive"),
        (AllOf((TRUE, exact(False))), "refuted"),
        (AllOf((TRUE, PerRegime({"a": TRUE, "b": FALSE}))), "conditional"),
        (AnyOf((FALSE, TRUE)), "supported"),
        (AnyOf((FALSE, FALSE)), "refuted"),
        (AnyOf((FALSE, OPEN)), "inconclusive"),
        (PerRegime({"a": TRUE, "b": TRUE}), "supported"),
        (PerRegime({"a": FALSE, "b": FALSE}), "refuted"),
        (PerRegime({"a": TRUE, "b": FALSE}), "conditional"),
        (PerRegime({"a": TRUE, "b": FALSE, "c": OPEN}), "conditional"),
        (PerRegime({"a": TRUE, "b": OPEN}), "inconclusive"),
        (PerRegime({"a": FALSE, "b": OPEN}), "inconclusive"),
        (PerRegime({"a": exact(True), "b": exact(False)}), "conditional"),
    ],
)
def test_parts_and_regimes_give_one_outcome(rule, expected):
    assert rule.judge(MEASURED, 0.95).outcome == expected


def test_one_of_many_parts_decides_at_a_part_of_the_level():
    assert WEAK.judge(MEASURED, 0.95).outcome == "refuted"
    assert WEAK.judge(MEASURED, halved(0.95)).outcome == "inconclusive"
    assert AllOf((WEAK, TRUE)).judge(MEASURED, 0.95).outcome == "inconclusive"
    assert AllOf((WEAK,)).judge(MEASURED, 0.95).outcome == "refuted"
    assert AnyOf((WEAK, WEAK)).judge(MEASURED, 0.95).outcome == "refuted"  # all must agree: no correction
    decided = AllOf((FALSE, TRUE)).judge(MEASURED, 0.95)
    assert {comparison.confidence for comparison in decided.comparisons} == {halved(0.95)}


def test_a_composite_counts_once_and_a_regime_counts_each():
    assert (AllOf((TRUE, OPEN)).tests, AnyOf((TRUE, OPEN)).tests, AllOf((exact(True),)).tests) == (1, 1, 0)
    assert PerRegime({"a": TRUE, "b": AllOf((TRUE, OPEN)), "c": exact(True)}).tests == 2


def test_regimes_within_a_composite_share_its_level():
    nested = AllOf((PerRegime({"a": TRUE, "b": TRUE}),)).judge(MEASURED, 0.95)
    assert {comparison.confidence for comparison in nested.comparisons} == {halved(0.95)}


def test_an_order_is_that_of_all_neighbors():
    depth = {name: number + 0.1 * SPREAD for number, name in enumerate(("one", "two", "three"))}
    assert ordered(("one", "two", "three"), 0.5, MEDIAN).judge(depth, 0.95).outcome == "supported"
    assert ordered(("one", "three", "two"), 0.5, MEDIAN).judge(depth, 0.95).outcome == "refuted"
    with pytest.raises(ValueError, match="quantities must be at least two arms, got 'one'"):
        ordered("one", 0.5, MEDIAN)


def test_the_power_of_a_combination_is_a_lower_bound():
    planned = TRUE._replace(effect=1.5, expected_sd=0.5)
    one = planned.power(SEEDS, 0.95)
    assert 0.9 < one < 1
    assert AllOf((planned, planned)).power(SEEDS, 0.95) == pytest.approx(2 * one - 1)
    assert AnyOf((planned, planned)).power(SEEDS, 0.95) == pytest.approx(planned.power(SEEDS, halved(0.95)))
    assert PerRegime({"a": planned, "b": planned}).power(SEEDS, 0.95) == pytest.approx(2 * one - 1)
    regimes = PerRegime({"a": planned, "b": planned})
    at_half = planned.power(SEEDS, halved(0.95))
    assert AllOf((regimes,)).power(SEEDS, 0.95) == pytest.approx(2 * at_half - 1)
    for rule in (AllOf((planned, TRUE)), AnyOf((planned, TRUE)), PerRegime({"a": TRUE}), exact(True)):
        assert power_of(rule, SEEDS, 0.95) is None


def test_the_strictest_level_at_which_each_part_must_decide():
    regimes = PerRegime({"a": TRUE, "b": TRUE})
    levels = [
        [round(1 - level, 6) for _, level in strictest_levels(rule, 0.95)]
        for rule in (
            TRUE,
            AllOf((TRUE, OPEN)),
            regimes,
            AnyOf((regimes, TRUE, exact(True))),
            Equivalent("a", "b", 1, MEDIAN, 1, 0.2),
        )
    ]
    assert levels == [[0.05], [0.025, 0.025], [0.05, 0.05], [0.0125, 0.0125, 0.025], [0.025]]


def test_the_arms_that_rules_name():
    gain = Greater(contrast("high", "low", "noise", "low"), 0.0, 1.0, MEDIAN)
    assert arms_of(PerRegime({"a": AllOf((TRUE, OPEN)), "b": exact(True)})) == ["high", "low", "noise"]
    assert arms_of(gain) == ["high", "low", "noise", "low"]


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (AllOf(()), "parts must be a tuple of at least one rule, got none"),
        (PerRegime({}), "regimes must be a dictionary of at least one rule, got none"),
        (AllOf(TRUE), "parts must be a tuple of rules, such as .*: a single rule needs no combination"),
        (AllOf((Greater,)), "parts must be a tuple of rules, .*got"),
        (PerRegime((TRUE,)), "regimes must be a dictionary of rules by name, got tuple"),
        (PerRegime({"small": "high"}), "regimes must be a dictionary of rules, .* got 'high'"),
        (AllOf((TRUE._replace(margin="1"),)), "margin must be a finite number, got '1'"),
    ],
)
def test_wrong_parts_raise(unchecked, rule, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        unchecked(type(rule).judge)(rule, MEASURED, 0.95)


def test_combinations_describe_their_parts():
    regime = PerRegime({"a": exact(True)}).describe(str)
    assert regime.startswith("a: supported if it holds")
    assert regime.endswith("conditional if supported in one regime and refuted in another")
    parts = AllOf((TRUE, FALSE)).describe(str)
    assert parts.startswith("Part 1: supported if")
    assert " Part 2: supported if" in parts
    assert parts.endswith("The claim is supported if every part is, refuted if a part is")
    assert AnyOf((TRUE,)).describe(str).endswith("supported if a part is, refuted if every part is")
