import numpy as np
import pytest
import scipy.stats

from jaxdl.statistics import equivalence_power, median_interval, median_power, seeds_to_notice


def shares(threshold, seeds, level, center=0.0):
    """Return how often the interval of the median of normal values lies above and within thresholds."""
    draws = np.random.default_rng(0).normal(center, size=(1500, seeds))
    intervals = np.array([median_interval(row, level=level)[1:] for row in draws])
    return (intervals[:, 0] > threshold).mean(), (abs(intervals) <= threshold).all(axis=1).mean()


@pytest.mark.parametrize(("seeds", "level"), [(24, 0.95), (48, 0.99)])
def test_the_power_of_a_median_is_that_of_simulations(seeds, level):
    above, _ = shares(0.0, seeds, level, center=0.5)
    assert median_power(scipy.stats.norm.cdf(0.5), seeds, level=level) == pytest.approx(above, abs=0.04)
    _, within = shares(0.6, seeds, level)
    assert equivalence_power(scipy.stats.norm.sf(0.6), seeds, level=level) == pytest.approx(within, abs=0.04)


def test_the_power_at_the_threshold_is_the_error():
    for seeds in (6, 16, 33, 100):
        assert median_power(0.5, seeds) <= 0.025
    assert median_power(0.5, 5) == equivalence_power(0.1, 5) == 0  # no interval exists
    assert median_power(1.0, 6) == equivalence_power(0.0, 6) == 1
    assert equivalence_power(0.5, 40) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("rate", "level"), [(0.05, 0.95), (0.5, 0.95), (0.01, 0.999)])
def test_seeds_to_notice_are_the_fewest(rate, level):
    seeds = seeds_to_notice(rate, level=level)
    assert (1 - rate) ** seeds <= 1 - level < (1 - rate) ** (seeds - 1)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: median_power(1.5, 10), "share must be a probability, got 1.5"),
        (lambda: equivalence_power(0.6, 10), "outside must be a probability of at most 1/2, got 0.6"),
        (lambda: seeds_to_notice(0.0), "rate must be between 0 and 1, got 0.0"),
        (lambda: seeds_to_notice(0.1, level=1.0), "level must be between 0 and 1, got 1.0"),
    ],
)
def test_wrong_numbers_raise(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
