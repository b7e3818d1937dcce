"""Estimands refuse numbers of seeds with which nothing can be said."""

import numpy as np
import pytest

from jaxdl.experiment import MEDIAN, SHARE, Mean
from jaxdl.experiment.estimands import normal_share
from jaxdl.statistics import median_interval


@pytest.mark.parametrize("confidence", [0.95, 0.99, 0.99875])
def test_the_interval_of_a_median_exists_from_the_fewest_seeds_on(confidence):
    fewest = MEDIAN.fewest_seeds(confidence)
    assert np.isfinite(median_interval(np.arange(fewest), level=confidence).low)
    assert not np.isfinite(median_interval(np.arange(fewest - 1), level=confidence).low)
    assert MEDIAN.fewest_seeds(0.99875) == 11


def test_a_mean_needs_the_seeds_in_which_the_rarest_failure_occurs():
    assert Mean(rarest=0.05).fewest_seeds(0.95) == 59  # 0.95^59 < 0.05 < 0.95^58
    assert 0.95**59 < 0.05 < 0.95**58
    assert Mean(rarest=0.9, draws=100).fewest_seeds(0.5) == 2
    assert Mean(rarest=0.9).fewest_seeds(0.95) == 41  # 25 log10(2 / 0.05)
    with pytest.raises(ValueError, match=r"rarest must be the rate of a failure, between 0 and 1, got 0\.0"):
        Mean(rarest=0.0).fewest_seeds(0.95)


@pytest.mark.parametrize("constant", [0.002, 0.1, 0.3, 1 / 3, 0.0])
@pytest.mark.parametrize("draws", [1, 100])
def test_equal_numbers_say_nothing_of_their_mean(constant, draws):
    assert Mean(0.3, draws).interval(np.full(10, constant), 0.999)[1:] == (-np.inf, np.inf)


def test_a_failed_run_lacks_the_property():
    solved = np.array([1.0, 1.0, np.inf, -np.inf, 0.0])
    assert SHARE.interval(solved, 0.95).estimate == 0.4


def test_too_few_seeds_of_no_effect_are_needed_for_nothing():
    even = np.array([1.0, -1.0] * 10)
    assert MEDIAN.seeds_needed(even, 0.0, 0.95) is None
    assert Mean(0.2).seeds_needed(even, 0.0, 0.95) is None
    assert SHARE.seeds_needed(np.array([1.0, 0.0] * 10), 0.5, 0.95) is None
    assert SHARE.seeds_needed(np.array([1.0, 1.0, 0.0] * 10), 0.5, 0.95) == pytest.approx(136, abs=6)


def test_the_share_of_a_normal_distribution_below_a_distance():
    assert normal_share(-1.959964) == pytest.approx(0.025, abs=1e-6)
