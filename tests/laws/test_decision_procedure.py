"""The decision procedure, tested by simulation: its error rate, its power, and the intervals that it uses."""

import itertools

import numpy as np
import pytest
import scipy.stats

from jaxdl.experiment import CHAPTERS, Equivalent, Greater
from jaxdl.statistics import bootstrap_interval, mean_interval, power, seeds_needed, sign_flip_interval

SEEDS = 16
CHAPTER = max(CHAPTERS, key=lambda chapter: chapter.tests)


def outcomes(rule, draws, confidence):
    return np.array([rule.judge({"d": draw}, confidence).outcome for draw in draws])


def outcomes_by_scipy(draws, confidence, margin):
    """Return the outcomes of `Greater` by scipy.stats, for many samples at once."""
    interval = scipy.stats.ttest_1samp(draws, 0.0, axis=1).confidence_interval(confidence)
    return np.where(interval.high < margin, "refuted", np.where(interval.low > 0, "supported", "inconclusive"))


def test_an_independent_implementation_gives_the_same_outcomes():
    draws = np.random.default_rng(0).normal(0.4, 1, (300, SEEDS))
    ours = outcomes(Greater("d", 0.0, 1.0, 1.0), draws, 0.95)
    assert len(set(ours)) == 3
    np.testing.assert_array_equal(ours, outcomes_by_scipy(draws, 0.95, 1.0))


@pytest.mark.parametrize("draw", ["normal", "laplace", "standard_cauchy"])
def test_without_differences_at_most_one_chapter_in_twenty_reports_one(draw):
    draws = getattr(np.random.default_rng(1), draw)(size=(2000 * CHAPTER.tests, SEEDS))
    supported = (outcomes_by_scipy(draws, CHAPTER.confidence, 1e-9) == "supported").reshape(-1, CHAPTER.tests)
    assert supported.any(axis=1).mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2000)


def test_the_sign_flip_interval_keeps_the_error_rate_and_the_bootstrap_does_not():
    rng, chapters, tests = np.random.default_rng(2), 100, 3
    draws = rng.standard_cauchy((chapters, tests, SEEDS))
    lows = np.array([[sign_flip_interval(draw, level=1 - 0.05 / tests).low for draw in chapter] for chapter in draws])
    assert (lows > 0).any(axis=1).mean() <= 0.05
    skewed = rng.lognormal(size=(200, SEEDS)) - np.exp(0.5)
    missed = np.mean([not (low <= 0 <= high) for _, low, high in map(bootstrap_interval, skewed)])
    assert missed > 0.07  # it should be 0.05, so the bootstrap is for display only


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.number)
def test_the_power_at_the_margin_is_80_percent_with_the_planned_seeds(chapter):
    seeds = next(n for n in itertools.count(2) if power(1.0, 1.0, n, level=chapter.confidence) >= 0.8)
    assert seeds == pytest.approx(seeds_needed(1.0, 1.0, level=chapter.confidence), abs=1)
    draws = np.random.default_rng(3).normal(1.0, 1.0, (4000, seeds))
    supported = (outcomes_by_scipy(draws, chapter.confidence, 1.0) == "supported").mean()
    assert supported >= 0.78
    assert supported == pytest.approx(power(1.0, 1.0, seeds, level=chapter.confidence), abs=0.03)


def test_claims_with_a_known_answer_get_that_outcome():
    rng = np.random.default_rng(4)
    greater, equivalent = Greater("d", 0.0, 1.0, 1.0), Equivalent("d", 0.0, 1.0, 1.0)
    true, false, opposite = (rng.normal(mean, 0.5, (200, SEEDS)) for mean in (1.2, 0.0, -1.0))
    level = CHAPTER.confidence
    assert (outcomes(greater, true, level) == "supported").mean() > 0.95
    assert not (outcomes(greater, false, level) == "supported").any()
    assert (outcomes(greater, opposite, level) == "refuted").all()
    assert (outcomes(equivalent, false, level) == "supported").mean() > 0.9
    assert (outcomes(equivalent, true, level) == "refuted").mean() > 0.95


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
