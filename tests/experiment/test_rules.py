"""Rules decide as they describe: by a falsifier, or by a confidence interval and a margin."""

import numpy as np
import pytest
import scipy.stats

from jaxdl.experiment import (
    RATIO,
    AllOf,
    Equivalent,
    Exact,
    ForEverySeed,
    Greater,
    PerRegime,
    describe_comparison,
)
from jaxdl.experiment.rules import arms_of
from jaxdl.statistics import mean_interval, sign_flip_interval

SEEDS = 20
SPREAD = np.linspace(-1, 1, SEEDS)  # mean 0, standard deviation 0.62


def two_arms(difference, spread=0.0):
    """Return two arms with this mean difference, whose differences vary as spread * SPREAD."""
    low = np.arange(SEEDS, dtype=float)
    return {"high": low + difference + spread * SPREAD, "low": low}


def outcome(rule, difference, spread=0.0, confidence=0.95):
    return rule.judge(two_arms(difference, spread), confidence).outcome


HALF = scipy.stats.t.ppf(0.975, SEEDS - 1) * SPREAD.std(ddof=1) / SEEDS**0.5  # half width of the interval of SPREAD


@pytest.mark.parametrize(
    ("difference", "expected"),
    [
        (2.0, "supported"),
        (1.0, "supported"),
        (0.75, "supported"),  # reaches the margin
        (0.65, "refuted"),  # a difference that does not matter
        (0.3, "refuted"),
        (0.0, "refuted"),
        (-2.0, "refuted"),
    ],
)
def test_greater_is_supported_if_the_interval_is_above_zero_and_reaches_the_margin(difference, expected):
    assert outcome(Greater("high", "low", 1.0, 1.0), difference, spread=1.0) == expected


def test_greater_is_inconclusive_if_the_interval_holds_zero_and_the_margin():
    assert outcome(Greater("high", "low", 1.0, 1.0), 0.5, spread=4.0) == "inconclusive"
    assert outcome(Greater("high", "low", 0.2, 1.0), 0.1, spread=1.0) == "inconclusive"


@pytest.mark.parametrize(
    ("difference", "spread", "expected"),
    [
        (0.0, 1.0, "supported"),
        (0.6, 1.0, "supported"),  # a difference that does not matter
        (0.75, 1.0, "refuted"),
        (-0.75, 1.0, "refuted"),
        (2.0, 1.0, "refuted"),
        (0.0, 4.0, "inconclusive"),
        (0.9, 4.0, "inconclusive"),
    ],
)
def test_equivalent_is_supported_within_the_margin_on_both_sides(difference, spread, expected):
    assert outcome(Equivalent("high", "low", 1.0, 1.0), difference, spread) == expected


def test_equivalent_is_supported_exactly_if_greater_is_refuted_in_both_directions():
    for difference in np.linspace(-2, 2, 41):
        for spread in (0.5, 2.0, 4.0):
            equivalent = outcome(Equivalent("high", "low", 1.0, 1.0), difference, spread)
            up = outcome(Greater("high", "low", 1.0, 1.0), difference, spread)
            down = outcome(Greater("low", "high", 1.0, 1.0), difference, spread)
            assert (equivalent == "refuted") == ("supported" in (up, down))
            assert (equivalent == "supported") == (up == down == "refuted")


def test_the_interval_is_student_s_interval_of_the_paired_differences():
    (comparison,) = Greater("high", "low", 1.0, 1.0).judge(two_arms(0.75, 1.0), 0.95).comparisons
    assert (comparison.low, comparison.high) == pytest.approx((0.75 - HALF, 0.75 + HALF), rel=1e-9)
    assert comparison.effect_size == pytest.approx(0.75 / SPREAD.std(ddof=1))
    assert (comparison.confidence, comparison.margin, comparison.needed) == (0.95, 1.0, None)
    wider = Greater("high", "low", 1.0, 1.0).judge(two_arms(0.75, 1.0), 0.999).comparisons[0]
    assert wider.low < comparison.low < comparison.high < wider.high


def test_a_ratio_is_compared_by_its_logarithm():
    base = np.exp(SPREAD)
    measured = {"high": 3 * base * np.exp(0.1 * SPREAD), "low": base}
    verdict = Greater("high", "low", 2.0, 1.0, scale=RATIO).judge(measured, 0.95)
    (comparison,) = verdict.comparisons
    assert verdict.outcome == "supported"
    assert comparison.estimate == pytest.approx(3)
    assert comparison.low == pytest.approx(3 * np.exp(-0.1 * HALF), rel=1e-3)
    assert describe_comparison(comparison, str) == "high / low: 3, 95 % interval 2.91 to 3.09, margin 2."
    assert Equivalent("high", "low", 4.0, 1.0, scale=RATIO).judge(measured, 0.95).outcome == "supported"
    assert Greater("low", "high", 2.0, 1.0, scale=RATIO).judge(measured, 0.95).outcome == "refuted"


def test_an_arm_can_be_compared_with_a_number():
    measured = {"share": 0.7 + 0.01 * SPREAD}
    assert Greater("share", 0.5, 0.1, 0.1).judge(measured, 0.99).outcome == "supported"
    assert Greater("share", 0.9, 0.1, 0.1).judge(measured, 0.99).outcome == "refuted"
    assert Greater(0.9, "share", 0.1, 0.1).judge(measured, 0.99).outcome == "supported"


def test_the_interval_can_be_that_of_the_sign_flip_test():
    lows = {}
    for interval in (mean_interval, sign_flip_interval):
        rule = Greater("high", "low", 1.0, 1.0, interval=interval)
        lows[interval] = rule.judge(two_arms(0.75, 1.0), 0.95).comparisons[0].low
    assert lows[sign_flip_interval] == pytest.approx(sign_flip_interval(0.75 + SPREAD).low)
    assert lows[sign_flip_interval] != pytest.approx(lows[mean_interval])


def test_an_inconclusive_test_estimates_how_many_seeds_would_decide():
    (comparison,) = Greater("high", "low", 0.2, 1.0).judge(two_arms(0.1, 1.0), 0.95).comparisons
    assert comparison.needed > SEEDS
    assert f"; deciding needs about {comparison.needed:,} seeds." in describe_comparison(comparison, str)
    rng = np.random.default_rng(0)
    decided = 0
    for _ in range(200):
        differences = rng.normal(0.1, SPREAD.std(ddof=1), comparison.needed)
        verdict = Greater("d", 0.0, 0.2, 1.0).judge({"d": differences}, 0.95).outcome
        decided += verdict != "inconclusive"
    assert decided > 160


def test_numbers_that_are_not_finite_are_inconclusive():
    broken = two_arms(5.0, 1.0)
    broken["high"][3], broken["low"][3] = np.inf, np.inf
    for rule in (Greater("high", "low", 1.0, 1.0), Equivalent("high", "low", 1.0, 1.0)):
        verdict = rule.judge(broken, 0.95)
        assert verdict.outcome == "inconclusive"
        assert (
            describe_comparison(verdict.comparisons[0], str)
            == "high − low: not finite for some seeds, so nothing can be decided."
        )


def exact(holds, control=True):
    return Exact("it holds", lambda measured: holds, lambda measured: "Found.", lambda measured: control, "x is large")


TRUE, FALSE = Greater("high", "low", 1.0, 1.0), Greater("low", "high", 1.0, 1.0)
OPEN = Greater("noise", 0.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (AllOf((TRUE, TRUE)), "supported"),
        (AllOf((TRUE, FALSE, OPEN)), "refuted"),
        (AllOf((TRUE, OPEN)), "inconclusive"),
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
    measured = {**two_arms(5.0, 1.0), "noise": 0.5 + 5 * SPREAD}
    verdict = rule.judge(measured, 0.95)
    assert verdict.outcome == expected
    assert len(verdict.comparisons) == rule.tests


def test_a_combination_of_no_rules_raises():
    with pytest.raises(ValueError, match="parts must be a tuple of at least one rule, got none"):
        AllOf(()).judge({}, 0.95)
    with pytest.raises(ValueError, match="regimes must be a dictionary of at least one rule, got none"):
        PerRegime({}).judge({}, 0.95)


def test_the_arms_that_rules_name():
    assert arms_of(PerRegime({"a": AllOf((TRUE, OPEN)), "b": exact(True)})) == ["high", "low", "noise"]


@pytest.mark.parametrize(
    "rule",
    [
        Greater("high", "low", 0.0, 1.0),
        Equivalent("high", "low", -1.0, 1.0),
        Greater("high", "low", 0.5, 1.0, scale=RATIO),
    ],
)
def test_a_margin_that_is_not_positive_raises(rule):
    with pytest.raises(
        ValueError, match=r"margin must be greater than (0 for a difference|1 for a ratio of geometric means), got"
    ):
        rule.judge(two_arms(1.0, 1.0), 0.95)


def test_rules_describe_how_they_decide():
    assert TRUE.describe(str) == (
        "supported if the confidence interval of the difference high − low lies above 0 and reaches 1; refuted if it "
        "lies below 1; otherwise inconclusive"
    )
    ratio = Equivalent("a", "b", 2.0, 1.0, scale=RATIO).describe(str)
    assert "ratio of geometric means a / b lies between 0.5 and 2; refuted if it excludes 1 and is not within" in ratio
    assert exact(True).describe(str) == "supported if it holds, otherwise refuted; inconclusive unless x is large"
    regime = PerRegime({"a": exact(True)}).describe(str)
    assert regime.startswith("a: supported if it holds")
    assert regime.endswith("conditional if supported in one regime and refuted in another")
    parts = AllOf((TRUE, FALSE)).describe(str)
    assert parts.startswith("Part 1: supported if")
    assert " Part 2: supported if" in parts
    assert parts.endswith("The claim is supported if every part is, refuted if a part is")
    assert "conditional" in ForEverySeed("it holds", str, str).describe(str)


RULE = Greater("high", "low", margin=1.0, expected_sd=1.0)


@pytest.mark.parametrize(
    ("rule", "measured", "sentence"),
    [
        (RULE, {"high": np.ones(3)}, "unknown arm 'low'. Measured: 'high'"),
        (
            RULE,
            {"high": np.ones(3), "low": np.ones(2)},
            "both arms must have one number for each seed, got 3 for 'high'",
        ),
        (AllOf(RULE), {}, "parts must be a tuple of rules, .* got 'high' in it"),
        (PerRegime((RULE,)), {}, "regimes must be a dictionary of rules by name, got tuple"),
        (PerRegime({"small": "high"}), {}, "regimes must be a dictionary of rules, .* got 'high' in it"),
    ],
)
def test_wrong_parts_of_rules_raise(unchecked, rule, measured, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        unchecked(type(rule).judge)(rule, measured, 0.95)


def test_measurements_may_be_lists(unchecked):
    exact = Exact("it is 1", lambda m: m["a"] == 1, lambda m: "Measured.")
    each = ForEverySeed("it is 1", lambda m: m["a"] == 1, lambda m: "Measured.")
    assert unchecked(Exact.judge)(exact, {"a": [1.0, 1.0]}, 0.95).outcome == "supported"
    assert unchecked(ForEverySeed.judge)(each, {"a": [1.0, 2.0]}, 0.95).outcome == "conditional"


def test_a_verdict_in_place_of_its_comparison_raises(unchecked):
    with pytest.raises(
        TypeError, match="comparison must be a Comparison, got Verdict: pass one of verdict.comparisons"
    ):
        unchecked(describe_comparison)(RULE.judge(two_arms(2.0), 0.95), str)
