import numpy as np
import pytest
import scipy.stats

from jaxdl.statistics import bootstrap_interval, bootstrap_t_interval, mean_interval

SKEWED = np.random.default_rng(1).exponential(size=20)


def test_the_studentized_interval_is_that_of_a_loop_with_other_resamples():
    random, ratios = np.random.default_rng(7), []
    error = scipy.stats.sem(SKEWED)
    for _ in range(4000):
        drawn = random.choice(SKEWED, len(SKEWED))
        ratios.append((drawn.mean() - SKEWED.mean()) / scipy.stats.sem(drawn))
    low, high = SKEWED.mean() - error * np.quantile(ratios, [0.975, 0.025])
    assert bootstrap_t_interval(SKEWED)[1:] == pytest.approx((low, high), abs=0.06)


def test_intervals_move_with_the_values():
    for interval in (bootstrap_interval, bootstrap_t_interval):
        moved = interval(1000 * SKEWED - 7)
        assert list(moved) == pytest.approx([1000 * number - 7 for number in interval(SKEWED)])


def test_for_normal_values_it_is_about_students(random):
    values = random.normal(size=60)
    width = lambda interval: interval.high - interval.low
    assert width(bootstrap_t_interval(values)) == pytest.approx(width(mean_interval(values)), rel=0.06)


@pytest.mark.slow
@pytest.mark.parametrize("draw", ["exponential", "standard_normal"])
def test_each_limit_is_missed_as_often_as_it_promises(draw):
    """Student's interval for 24 skewed values misses the mean above it in 6 % of cases instead of 2.5 %."""
    random, mean = np.random.default_rng(0), float(draw == "exponential")
    below = above = 0
    for _ in range(1000):
        _, low, high = bootstrap_t_interval(getattr(random, draw)(size=24))
        below, above = below + (high < mean), above + (low > mean)
    assert max(below, above) <= scipy.stats.binom.ppf(0.9999, 1000, 0.03)


def test_equal_and_too_few_values_have_no_interval():
    assert bootstrap_t_interval([2.0, 2.0, 2.0]) == (2.0, -np.inf, np.inf)
    assert np.isnan(bootstrap_t_interval([2.0]).low)
    assert np.isnan(bootstrap_t_interval([2.0, np.inf]).low)
    assert bootstrap_t_interval([0.0] * 11 + [1.0]).high == np.inf  # every third resample has no spread
