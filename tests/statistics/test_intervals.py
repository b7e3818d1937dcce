import numpy as np
import pytest
import scipy.stats

from jaxdl import statistics
from jaxdl.statistics import (
    mean_interval,
    mean_intervals,
    median_interval,
    proportion_interval,
)


def test_students_interval_of_a_textbook_sample():
    """Five values with mean 3 and standard deviation sqrt(2.5); t for four degrees of freedom is 2.776445."""
    interval = mean_interval([1, 2, 3, 4, 5])
    half = 2.776445 * np.sqrt(2.5 / 5)
    assert interval == pytest.approx((3, 3 - half, 3 + half), rel=1e-6)


def test_the_limits_for_one_value_are_nan():
    interval = mean_interval([0.5])
    assert interval.estimate == 0.5
    assert np.isnan([interval.low, interval.high]).all()


def test_limits_are_clipped_to_the_bounds():
    assert mean_interval([1.0, 1.0, 0.9], within=(0.0, 1.0)).high == 1
    assert mean_interval([0.0, 0.0, 0.1], within=(0.0, 1.0)).low == 0


def test_another_confidence_level_gives_its_interval():
    assert mean_interval([1, 2, 3, 4, 5], level=0.99).high == pytest.approx(3 + 4.604095 * np.sqrt(0.5), rel=1e-6)
    assert proportion_interval(0, 64, level=0.99).high == pytest.approx(1 - 0.005 ** (1 / 64))


def test_the_exact_interval_without_success_equals_the_closed_form():
    interval = proportion_interval(0, 64)
    assert interval.low == 0
    assert interval.high == pytest.approx(1 - 0.025 ** (1 / 64))


@pytest.mark.parametrize(("successes", "trials"), [(0, 5), (5, 5), (1, 1), (3, 64), (63, 64), (500, 1000)])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_both_intervals_equal_scipy(successes, trials, level, random):
    limits = scipy.stats.binomtest(successes, trials).proportion_ci(level, method="exact")
    expected = (successes / trials, limits.low, limits.high)
    assert proportion_interval(successes, trials, level=level) == pytest.approx(expected, rel=1e-9)
    values = random.normal(size=trials + 1)
    limits = scipy.stats.t.interval(level, trials, values.mean(), scipy.stats.sem(values))
    assert mean_interval(values, level=level)[1:] == pytest.approx(limits, rel=1e-9)


def test_both_intervals_have_the_stated_coverage():
    random = np.random.default_rng(0)
    means = [mean_interval(random.normal(size=8)) for _ in range(2000)]
    assert np.mean([low <= 0 <= high for _, low, high in means]) == pytest.approx(0.95, abs=0.015)
    shares = [proportion_interval(int(random.binomial(64, 0.3)), 64) for _ in range(2000)]
    assert np.mean([low <= 0.3 <= high for _, low, high in shares]) >= 0.945


def test_intervals_along_the_first_axis_equal_the_loop(random):
    values = random.normal(size=(6, 3, 2))
    intervals = mean_intervals(values, within=(-0.5, 0.5))
    for row in range(3):
        for column in range(2):
            single = mean_interval(values[:, row, column], within=(-0.5, 0.5))
            assert [limit[row, column] for limit in intervals] == pytest.approx(list(single))


def test_bounds_that_are_one_number_raise(unchecked):
    with pytest.raises(ValueError, match=r"within must be two bounds, such as \(0, 1\) for an accuracy, got 1"):
        unchecked(statistics.mean_intervals)([1, 2], within=1)


@pytest.mark.parametrize("level", [0.8, 0.95, 0.999])
@pytest.mark.parametrize("count", [1, 5, 6, 7, 16, 31, 200])
def test_the_interval_of_the_median_is_that_of_scipys_quantile_test(count, level, random):
    values = random.standard_cauchy(count)
    expected = scipy.stats.quantile_test(values).confidence_interval(level)
    limits = [np.nan_to_num(limit, nan=sign * np.inf) for limit, sign in zip(expected, (-1, 1), strict=True)]
    assert median_interval(values, level=level) == (np.median(values), *limits)


def test_failed_runs_count_as_the_worst():
    assert median_interval([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, np.inf, np.inf]) == (4.5, 1.0, np.inf)
    assert median_interval([np.inf] * 4).estimate == np.inf
    assert median_interval([-np.inf, -np.inf, *[1.0] * 20]).low == 1.0
    with pytest.raises(ValueError, match="values must not be NaN, got 1: give a failed run as inf or -inf"):
        median_interval([1.0, np.nan])
