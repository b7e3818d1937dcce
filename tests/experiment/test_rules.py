"""Statistical rules decide as they describe: by one threshold and a confidence interval of their estimand."""

import numpy as np
import pytest
import scipy.stats

from jaxdl.experiment import (
    MEDIAN,
    RATIO,
    SHARE,
    AtLeast,
    Equivalent,
    Greater,
    Mean,
    Near,
    NonInferior,
    describe_comparison,
)

SEEDS = 41
SPREAD = np.linspace(-1, 1, SEEDS)  # symmetric about 0
MEAN = Mean(rarest=0.2)


def two_arms(difference, spread=1.0):
    """Return two arms with this typical difference, whose differences vary as spread * SPREAD."""
    low = np.arange(SEEDS, dtype=float)
    return {"high": low + difference + spread * SPREAD, "low": low}


def limits_by_scipy(values, confidence):
    """Return the exact interval of the median by the order statistics that scipy's binomial quantile selects."""
    rank = int(scipy.stats.binom.ppf((1 - confidence) / 2, len(values), 0.5))
    return np.sort(values)[rank - 1], np.sort(values)[-rank]


LOW, HIGH = limits_by_scipy(SPREAD, 0.95)  # half widths of the interval


@pytest.mark.parametrize("estimand", [MEDIAN, MEAN, Mean(rarest=0.2, draws=100)])
@pytest.mark.parametrize(
    ("difference", "spread", "expected"),
    [
        (3.0, 1.0, "supported"),
        (1.1, 1.0, "inconclusive"),
        (0.9, 1.0, "inconclusive"),
        (0.3, 1.0, "refuted"),  # a difference that does not matter
        (0.0, 1.0, "refuted"),
        (-2.0, 1.0, "refuted"),
        (1.0, 8.0, "inconclusive"),
    ],
)
def test_greater_has_one_threshold(estimand, difference, spread, expected):
    assert Greater("high", "low", 1.0, estimand).judge(two_arms(difference, spread), 0.95).outcome == expected


def test_the_threshold_belongs_to_the_refuting_side():
    (at,) = {difference: two_arms(difference, 0.0) for difference in (1.0,)}.values()
    assert Greater("high", "low", 1.0, MEDIAN).judge(at, 0.95).outcome == "refuted"
    assert AtLeast("high", 0.0, MEDIAN).judge({"high": np.zeros(SEEDS)}, 0.95).outcome == "supported"
    equal = Equivalent("high", "low", 1.0, MEDIAN, tolerance=1.0, max_share=0.2)
    assert equal.judge(at, 0.95).outcome == "supported"


@pytest.mark.parametrize(
    ("difference", "spread", "expected"),
    [(0.0, 1.0, "supported"), (0.5, 1.0, "supported"), (2.0, 1.0, "refuted"), (-2.0, 1.0, "refuted"), (1, 1, "open")],
)
def test_equivalent_is_supported_within_and_refuted_outside(difference, spread, expected):
    rule = Equivalent("high", "low", 1.0, MEAN)
    outcome = rule.judge(two_arms(difference, spread), 0.95).outcome
    assert outcome == expected.replace("open", "inconclusive")


def test_equal_medians_do_not_suffice_if_many_pairs_are_apart():
    rule = Equivalent("high", "low", 1.0, MEDIAN, tolerance=2.0, max_share=0.3)
    near, far = two_arms(0.0), two_arms(0.0)
    far["high"] = far["high"] + np.where(np.arange(SEEDS) % 2, 5 * SPREAD, 0)  # half of the pairs, symmetric
    assert rule.judge(near, 0.95).outcome == "supported"
    verdict = rule.judge(far, 0.95)
    typical, share = verdict.comparisons
    assert typical.outcome == "supported"
    outside = int((np.abs(far["high"] - far["low"]) > 2.0).sum())
    exact = scipy.stats.binomtest(outside, SEEDS).proportion_ci(share.confidence)
    assert (share.low, share.high) == pytest.approx((exact.low, exact.high))
    assert verdict.outcome == share.outcome == "inconclusive"
    worst = two_arms(0.0, 20.0)
    assert rule.judge(worst, 0.95).comparisons[1].outcome == "refuted"
    assert rule.judge(worst, 0.95).outcome == "refuted"


@pytest.mark.parametrize(("larger_is_better", "sign"), [(True, 1), (False, -1)])
def test_a_method_is_not_worse_than_the_margin(larger_is_better, sign):
    rule = NonInferior("high", "low", 1.0, MEDIAN, larger_is_better)
    outcomes = [rule.judge(two_arms(sign * gain), 0.95).outcome for gain in (5.0, 0.0, -1.0, -2.0)]
    assert outcomes == ["supported", "supported", "inconclusive", "refuted"]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_difference_at_the_threshold_is_not_decided_by_rounding(kind):
    """0.8 − 0.7 is 0.10000000000000009, and 0.3 − 0.2 is 0.09999999999999998."""
    for high, low in ((0.8, 0.7), (0.3, 0.2), (0.9, 0.8), (1.1, 1.0)):
        measured = {"high": np.full(SEEDS, high, kind), "low": np.full(SEEDS, low, kind)}
        assert Greater("high", "low", 0.1, MEDIAN).judge(measured, 0.95).outcome == "refuted"
        rule = Equivalent("high", "low", 0.1, MEDIAN, tolerance=0.1, max_share=0.2)
        assert rule.judge(measured, 0.95).outcome == "supported"
        worse = NonInferior("low", "high", 0.1, MEDIAN, larger_is_better=True)
        assert worse.judge(measured, 0.95).outcome == "refuted"
        assert AtLeast("high", high, MEDIAN).judge(measured, 0.95).outcome == "supported"
        ratio = {"high": np.full(SEEDS, 3 * high, kind), "low": np.full(SEEDS, high, kind)}
        assert Greater("high", "low", 3.0, MEDIAN, scale=RATIO).judge(ratio, 0.95).outcome == "refuted"


def test_a_failed_run_is_the_worst_in_a_ratio_too():
    measured = {"high": np.full(SEEDS, 3.0), "low": np.ones(SEEDS)}
    measured["low"][:3] = -np.inf
    (comparison,) = Greater("high", "low", 2.0, MEDIAN, scale=RATIO).judge(measured, 0.95).comparisons
    assert (comparison.outcome, comparison.failed) == ("supported", 3)


def test_the_interval_of_a_median_is_that_of_scipy():
    for confidence in (0.95, 0.999):
        measured = two_arms(0.75)
        (comparison,) = Greater("high", "low", 1.0, MEDIAN).judge(measured, confidence).comparisons
        expected = limits_by_scipy(measured["high"] - measured["low"], confidence)
        assert (comparison.low, comparison.high) == pytest.approx(expected)
        assert (comparison.estimate, comparison.confidence) == (pytest.approx(0.75), confidence)


def test_the_interval_of_a_mean_of_many_draws_is_that_of_student():
    measured = two_arms(0.75)
    (comparison,) = Greater("high", "low", 1.0, Mean(0.2, draws=100)).judge(measured, 0.95).comparisons
    expected = scipy.stats.ttest_rel(measured["high"], measured["low"]).confidence_interval(0.95)
    assert (comparison.low, comparison.high) == pytest.approx((expected.low, expected.high))


def test_the_interval_of_a_share_is_that_of_clopper_and_pearson():
    measured = {"solved": (np.arange(SEEDS) < 36).astype(float)}
    (comparison,) = AtLeast("solved", 0.7, SHARE).judge(measured, 0.95).comparisons
    expected = scipy.stats.binomtest(36, SEEDS).proportion_ci(0.95)
    assert (comparison.low, comparison.high) == pytest.approx((expected.low, expected.high))
    assert comparison.outcome == "supported"
    with pytest.raises(ValueError, match="numbers must be 0 or 1 for a share"):
        AtLeast("solved", 0.7, SHARE).judge({"solved": np.full(SEEDS, 0.5)}, 0.95)


def test_a_failed_run_is_worse_than_every_other_and_two_failed_runs_say_nothing():
    """Compare with an interval in which the failure is replaced by a very large number, on both sides for two."""
    rule = Greater("high", "low", 1.0, MEDIAN)
    measured = two_arms(2.0)
    measured["low"][:3] = -np.inf  # larger is better: the reference failed
    (comparison,) = rule.judge(measured, 0.95).comparisons
    plain = two_arms(2.0)
    plain["low"][:3] = -1e9
    assert (comparison.low, comparison.high) == pytest.approx(limits_by_scipy(plain["high"] - plain["low"], 0.95))
    assert comparison.failed == 3
    measured["high"][:3] = -np.inf
    (both,) = rule.judge(measured, 0.95).comparisons
    below, above = (np.concatenate([[far] * 3, 2 + SPREAD[3:]]) for far in (-1e9, 1e9))
    assert both.low == pytest.approx(limits_by_scipy(below, 0.95)[0])
    assert both.high == pytest.approx(limits_by_scipy(above, 0.95)[1])
    measured["high"][:30] = measured["low"][:30] = -np.inf
    assert rule.judge(measured, 0.95).outcome == "inconclusive"
    assert Greater("high", "low", 1.0, MEAN).judge(measured, 0.95).outcome == "inconclusive"


def test_a_ratio_is_compared_by_its_logarithm():
    base = np.exp(SPREAD)
    measured = {"high": 3 * base * np.exp(0.1 * SPREAD), "low": base}
    verdict = Greater("high", "low", 2.0, MEDIAN, scale=RATIO).judge(measured, 0.95)
    (comparison,) = verdict.comparisons
    assert verdict.outcome == "supported"
    assert comparison.estimate == pytest.approx(3)
    assert comparison.low == pytest.approx(3 * np.exp(0.1 * LOW))
    assert describe_comparison(comparison, str) == "high / low: median 3, 95 % interval 2.9 to 3.11, threshold 2."
    assert Greater("low", "high", 2.0, MEDIAN, scale=RATIO).judge(measured, 0.95).outcome == "refuted"
    mean = Greater("high", "low", 2.0, MEAN, scale=RATIO)
    assert "geometric mean of high / low lies above 2" in mean.describe(str)
    with pytest.raises(
        ValueError, match="numbers must be positive for a ratio, got -1.0: compare them by their differ"
    ):
        mean.judge({"high": -np.ones(SEEDS), "low": np.ones(SEEDS)}, 0.95)


def test_a_predicted_number_is_near():
    measured = {"share": 0.632 + 0.01 * SPREAD}
    near = Near("share", 1 - np.exp(-1), 0.01, Mean(0.2, draws=1000))
    assert near.judge(measured, 0.99).outcome == "supported"
    assert near._replace(value=0.7).judge(measured, 0.99).outcome == "refuted"
    assert "between -0.01 and 0.01" in near.describe(str)


@pytest.mark.parametrize(
    ("rule", "draw"),
    [
        (Greater("d", 0.0, 1.0, MEDIAN, effect=2.0, expected_sd=1.5), lambda rng: rng.normal(2.0, 1.5, 40)),
        (Greater("d", 0.0, 1.0, Mean(0.2, 100), 2.0, 1.5), lambda rng: rng.normal(2.0, 1.5, 40)),
        (AtLeast("d", 0.6, SHARE, effect=0.85), lambda rng: (rng.random(40) < 0.85).astype(float)),
        (NonInferior("d", 0.0, 1.0, MEDIAN, True, 0.0, 1.5), lambda rng: rng.normal(0.0, 1.5, 40)),
        (Equivalent("d", 0.0, 1.0, MEDIAN, 4.0, 0.3, 1.5), lambda rng: rng.normal(0.0, 1.5, 40)),
        (Equivalent("d", 0.0, 1.0, Mean(0.2, 100), expected_sd=1.5), lambda rng: rng.normal(0.0, 1.5, 40)),
    ],
)
def test_the_stated_power_is_that_of_a_simulation(rule, draw):
    rng = np.random.default_rng(0)
    found = np.mean([rule.judge({"d": draw(rng)}, 0.95).outcome == "supported" for _ in range(500)])
    assert rule.power(40, 0.95) == pytest.approx(found, abs=0.06)


def test_an_inconclusive_test_names_the_seeds_that_would_decide():
    (comparison,) = Greater("high", "low", 0.2, MEDIAN).judge(two_arms(0.1, 2.0), 0.95).comparisons
    assert comparison.needed > SEEDS
    assert f" Deciding needs about {comparison.needed:,} seeds." in describe_comparison(comparison, str)
    rng, rule = np.random.default_rng(0), Greater("d", 0.0, 0.2, MEDIAN)
    share = np.mean(two_arms(0.1, 2.0)["high"] - two_arms(0.1, 2.0)["low"] < 0.2)
    draws = np.where(rng.random((200, comparison.needed)) < share, 0.1, 0.3)
    assert np.mean([rule.judge({"d": draw}, 0.95).outcome != "inconclusive" for draw in draws]) > 0.93


RULE = Greater("high", "low", 1.0, MEDIAN)


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (RULE._replace(margin="0.02"), "margin must be a finite number, got '0.02'"),
        (RULE._replace(margin=-0.1), "margin must be at least 0 for a difference, got -0.1"),
        (RULE._replace(margin=0.5, scale=RATIO), "margin must be at least 1 for a ratio, got 0.5"),
        (RULE._replace(scale="ratio"), "scale must be DIFFERENCE or RATIO, got 'ratio'"),
        (RULE._replace(estimand="median"), "estimand must be MEDIAN .* got 'median': say what the claim speaks of"),
        (RULE._replace(estimand=SHARE), "a share must be compared with a number, by AtLeast"),
        (RULE._replace(reference="high"), "arm and reference must differ, got 'high' twice"),
        (RULE._replace(arm=None), "arm must be an arm, a Column or a number, got None"),
        (RULE._replace(expected_sd="x"), "expected_sd must be a finite number, got 'x'"),
        (RULE._replace(expected_sd=0.0), "expected_sd must be above 0, got 0.0"),
        (RULE._replace(expected_sd=1.0), "effect and expected_sd must be given together, .* got None and 1.0"),
        (RULE._replace(effect=0.5), "effect must be greater than 1, got 0.5"),
        (Equivalent("high", "low", 0.0, MEAN), "margin must be greater than 0 for a difference"),
        (Equivalent("high", "low", 1.0, MEDIAN), "tolerance and max_share must be given for a median"),
        (Equivalent("high", "low", 1.0, MEAN, 1.0, 0.1), "and not for a mean, got 1.0 and 0.1"),
        (Equivalent("high", "low", 1.0, MEDIAN, 0.5, 0.1), "tolerance must be at least the margin 1.0"),
        (NonInferior("high", "low", 1.0, MEDIAN, "yes"), "larger_is_better must be True or False, got 'yes'"),
        (AtLeast("high", "1", MEDIAN), "threshold must be a finite number, got '1'"),
        (Near("high", "1", 0.1, MEAN), "value must be a finite number, got '1'"),
    ],
)
def test_rules_that_cannot_be_right_raise(rule, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        rule.check()


@pytest.mark.parametrize(
    ("measured", "sentence"),
    [
        ({"high": np.ones(3)}, "unknown arm 'low'. Measured: 'high'"),
        ({"high": np.ones(3), "low": np.ones(2)}, "both arms must have one number for each seed, got 3 for 'high'"),
        ({"high": np.ones(3), "low": np.array([1, np.nan, 1])}, r"'low' is NaN for 1 seeds \(1\): measure FAILED"),
    ],
)
def test_wrong_measurements_raise(measured, sentence):
    with pytest.raises(ValueError, match=sentence):
        RULE.judge(measured, 0.95)


def test_rules_describe_how_they_decide():
    what = "the confidence interval of the median of high − low"
    assert RULE.describe(str) == f"supported if {what} lies above 1, refuted if it lies at or below 1"
    ratio = Equivalent("a", "b", 2.0, MEAN, scale=RATIO).describe(str)
    assert ratio.endswith("of the geometric mean of a / b lies between 0.5 and 2, refuted if it lies outside")
    assert "differ by more than 3 below 20%" in Equivalent("a", "b", 2.0, MEDIAN, 3.0, 0.2).describe(str)
    errors = NonInferior("a", "b", 0.5, MEDIAN, larger_is_better=False).describe(str)
    assert errors.endswith("of a − b lies below 0.5, refuted if it lies at or above 0.5")
    assert AtLeast("a", 0.5, SHARE).describe(str).startswith("supported if the confidence interval of the share of a ")
