"""The decision procedure, tested by simulation: at the threshold a false verdict is as rare as its level says.

The distributions are symmetric, skewed, heavy-tailed, with rare failures, and with ties. The estimand of each, not its
mean, lies at the threshold.
"""

import itertools

import numpy as np
import pytest
import scipy.stats

from jaxdl.experiment import MEDIAN, SHARE, AllOf, AnyOf, AtLeast, Equivalent, Greater, Mean
from jaxdl.statistics import bootstrap_interval, mean_interval, power, seeds_needed, sign_flip_interval

DRAWS = {  # distributions of the median 0
    "normal": lambda rng, size: rng.normal(size=size),
    "skewed": lambda rng, size: np.log(2) - rng.exponential(size=size),
    "cauchy": lambda rng, size: rng.standard_cauchy(size=size),
    "failures": lambda rng, size: np.where(rng.random(size) < 0.05, -np.inf, rng.normal(0.0660, 1.0, size)),
    "ties": lambda rng, size: rng.integers(-2, 3, size).astype(float),
}


def outcomes(rule, draws, confidence):
    return np.array([rule.judge({"d": draw}, confidence).outcome for draw in draws])


def at_most(count, trials, rate):
    """Return whether this number of events is no evidence of a higher rate."""
    return scipy.stats.binomtest(int(count), trials, rate, alternative="greater").pvalue > 1e-4


def test_the_median_with_failures_is_zero():
    assert 0.05 + 0.95 * scipy.stats.norm.cdf(-0.0660) == pytest.approx(0.5, abs=1e-3)


OFTEN, RARELY = (("skewed", 61), ("failures", 61)), (("normal", 61), ("cauchy", 61), ("ties", 61), ("ties", 16))


@pytest.mark.parametrize(
    ("distribution", "seeds"), [*OFTEN, *(pytest.param(*case, marks=pytest.mark.slow) for case in RARELY)]
)
def test_a_median_at_the_threshold_is_rarely_decided(distribution, seeds):
    draws = DRAWS[distribution](np.random.default_rng(1), (250, seeds))
    found = outcomes(Greater("d", 0.0, 1.0, MEDIAN), draws + 1.0, 0.95)
    assert at_most((found == "supported").sum(), len(draws), 0.025)
    if distribution != "ties":  # where the median is the threshold with certainty, "at most" is true
        assert at_most((found == "refuted").sum(), len(draws), 0.025)
    spread = Equivalent("d", 0.0, 1.0, MEDIAN, tolerance=1e9, max_share=0.9)
    assert at_most((outcomes(spread, draws + 1.0, 0.95) == "refuted").sum(), len(draws), 0.025)


@pytest.mark.slow
@pytest.mark.parametrize("draw", ["normal", "skewed"])
def test_a_mean_at_the_threshold_is_rarely_decided(draw):
    rng, seeds = np.random.default_rng(2), 41
    draws = rng.normal(size=(300, seeds)) if draw == "normal" else 1 - rng.exponential(size=(300, seeds))
    found = outcomes(Greater("d", 0.0, 1.0, Mean(rarest=0.1)), draws + 1.0, 0.95)
    for outcome in ("supported", "refuted"):
        assert at_most((found == outcome).sum(), len(draws), 0.03)
    student = np.array([mean_interval(draw, level=0.95).low > 0 for draw in 1 - rng.exponential(size=(4000, 16))])
    assert not at_most(student.sum(), len(student), 0.025)  # why Student decides only where many draws are averaged


def test_a_share_at_the_threshold_is_rarely_decided():
    draws = (np.random.default_rng(3).random((800, 40)) < 0.9).astype(float)
    found = outcomes(AtLeast("d", 0.9, SHARE), draws, 0.95)
    assert at_most((found == "supported").sum(), len(draws), 0.025)
    assert at_most((found == "refuted").sum(), len(draws), 0.025)


@pytest.mark.parametrize("seeds", [48, 1024])
def test_decisions_do_not_turn_around_as_seeds_grow(seeds):
    """A difference of 0.8 margins is never called one that matters, and is equivalent once there are enough seeds."""
    draws = np.random.default_rng(4).normal(0.8, 1.0, (100, seeds))
    greater = outcomes(Greater("d", 0.0, 1.0, MEDIAN), draws, 0.95)
    equivalent = outcomes(Equivalent("d", 0.0, 1.0, MEDIAN, 5.0, 0.2), draws, 0.95)
    assert at_most((greater == "supported").sum(), 100, 0.025)
    assert at_most((equivalent == "refuted").sum(), 100, 0.025)
    if seeds == 1024:
        assert (greater == "refuted").mean() > 0.75
        assert (equivalent == "supported").mean() > 0.75


@pytest.mark.slow
def test_parts_at_the_threshold_decide_a_composite_as_rarely_as_one_test():
    """All parts lie at their threshold, the worst case of the side on which one part decides."""
    draws = np.random.default_rng(5).normal(1.0, 1.0, (200, 6, 40))
    parts = tuple(Greater(f"d{number}", 0.0, 1.0, MEDIAN) for number in range(6))
    found = {
        kind: np.array(
            [kind(parts).judge({f"d{i}": arm for i, arm in enumerate(draw)}, 0.95).outcome for draw in draws]
        )
        for kind in (AllOf, AnyOf)
    }
    assert at_most((found[AllOf] == "refuted").sum(), len(draws), 0.025)
    assert at_most((found[AnyOf] == "supported").sum(), len(draws), 0.025)
    uncorrected = np.array([[mean_interval(arm, level=0.95).low > 1 for arm in draw] for draw in draws]).any(axis=1)
    assert not at_most(uncorrected.sum(), len(draws), 0.025)


def test_the_sign_flip_interval_keeps_the_error_rate_and_the_bootstrap_does_not():
    rng, chapters, tests, seeds = np.random.default_rng(2), 100, 3, 16
    draws = rng.standard_cauchy((chapters, tests, seeds))
    lows = np.array([[sign_flip_interval(draw, level=1 - 0.05 / tests).low for draw in chapter] for chapter in draws])
    assert (lows > 0).any(axis=1).mean() <= 0.05
    skewed = rng.lognormal(size=(200, seeds)) - np.exp(0.5)
    missed = np.mean([not (low <= 0 <= high) for _, low, high in map(bootstrap_interval, skewed)])
    assert missed > 0.07  # it should be 0.05, so the bootstrap is for display only


def test_the_power_at_the_margin_is_80_percent_with_the_needed_seeds():
    level = 0.999
    seeds = next(n for n in itertools.count(2) if power(1.0, 1.0, n, level=level) >= 0.8)
    assert seeds == pytest.approx(seeds_needed(1.0, 1.0, level=level), abs=1)
    draws = np.random.default_rng(3).normal(1.0, 1.0, (4000, seeds))
    interval = scipy.stats.ttest_1samp(draws, 0.0, axis=1).confidence_interval(level)
    assert (interval.low > 0).mean() == pytest.approx(power(1.0, 1.0, seeds, level=level), abs=0.03)


def test_the_power_agrees_with_published_tables():
    """Cohen, *Statistical power analysis* (1988): paired two-sided test at 5 %, d = 0.5: power 0.8 from 34 pairs on."""
    assert power(0.5, 1.0, 34) == pytest.approx(0.8078, abs=5e-4)
    assert power(0.5, 1.0, 33) < 0.8


def test_the_sign_flip_interval_holds_the_centers_that_the_test_does_not_reject():
    rng = np.random.default_rng(5)
    for n in (6, 9):
        values = rng.standard_cauchy(n)
        interval = sign_flip_interval(values, level=0.9)

        def rejected(center, values=values):
            outcome = scipy.stats.permutation_test(
                (values - center,), np.mean, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
            )
            return outcome.pvalue <= 0.1

        for limit, sign in ((interval.low, 1), (interval.high, -1)):
            assert not rejected(limit + sign * 1e-6)
            assert rejected(limit - sign * 1e-6)


def test_the_coverage_of_the_sign_flip_interval_is_exact_for_heavy_tails():
    rng = np.random.default_rng(6)
    covered = [
        low <= 3 <= high
        for _, low, high in (sign_flip_interval(3 + rng.standard_cauchy(8), level=0.9) for _ in range(2000))
    ]
    # 12 of 256 subsets lie outside on either side; 0.90625 lie inside
    assert np.mean(covered) == pytest.approx(0.90625, abs=0.02)


def test_the_sign_flip_interval_of_few_values_is_infinite_and_of_many_is_sampled():
    assert sign_flip_interval([1.0, 2.0, 3.0], level=0.95)[1:] == (-np.inf, np.inf)
    values = np.random.default_rng(7).normal(size=40)
    sampled, student = sign_flip_interval(values), mean_interval(values)
    assert sampled == sign_flip_interval(values)
    assert (sampled.low, sampled.high) == pytest.approx((student.low, student.high), abs=0.03)
    assert np.isnan(sign_flip_interval([1.0, np.nan, 2.0, 3.0, 1.0, 2.0, 3.0])[1:]).all()


def test_the_bootstrap_handles_constant_infinite_and_large_values():
    assert bootstrap_interval([2.0] * 5) == (2.0, 2.0, 2.0)
    assert np.isnan(bootstrap_interval([1.0])[1:]).all()
    assert np.isnan(bootstrap_interval([1.0, np.inf])[1:]).all()
    low, high = bootstrap_interval(np.arange(30.0))[1:]
    assert 11 < low < 14.5 < high < 18
    assert bootstrap_interval(1e150 * np.arange(30.0))[1:] == pytest.approx((1e150 * low, 1e150 * high), rel=0.01)


def test_seeds_needed_is_none_if_no_number_suffices():
    assert seeds_needed(1e-9, 1.0) is None
    assert seeds_needed(1.0, 1e-9) == 2
