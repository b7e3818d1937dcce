import itertools

import numpy as np
import pytest
import scipy.stats

from jaxdl.statistics import (
    conformal_radius,
)


@pytest.mark.parametrize(("n", "level"), [(9, 0.9), (20, 0.9), (40, 0.8), (30, 0.5)])
def test_conformal_intervals_cover_new_labels_as_often_as_they_promise(n, level):
    """In 4000 repetitions with skewed errors, the number of covered labels is binomial with k / (n + 1) ≥ level."""
    errors = np.random.default_rng(n).gamma(1.0, size=(4000, n + 1)) - 0.5
    covered = sum(abs(new) <= conformal_radius(old, level=level) for *old, new in errors)
    share = next(k for k in range(n + 2) if k * 100 >= round(100 * level) * (n + 1)) / (n + 1)
    low, high = scipy.stats.binom.ppf([0.0005, 0.9995], 4000, share)
    assert low <= covered <= high


def test_equal_weights_do_not_change_the_conformal_radius():
    residuals = np.random.default_rng(0).permutation(np.arange(99.0))
    for weight, level in itertools.product((0.1, 1, 7.0), (0.1, 0.5, 0.55, 0.9, 0.99, 0.995)):
        weights = np.full(99, weight)
        assert conformal_radius(residuals, weights=weights, level=level) == conformal_radius(residuals, level=level)


def test_weighted_conformal_intervals_cover_new_labels_of_another_distribution():
    """Residuals of size x with x uniform; new examples have the density 2x, so that weights are proportional to x."""
    random, covered = np.random.default_rng(0), {"weighted": 0.0, "equal": 0.0}
    for _ in range(400):
        x, new = random.uniform(size=100), np.sqrt(random.uniform(size=100))
        covered["weighted"] += (new <= conformal_radius(x, weights=x, level=0.8)).mean() / 400
        covered["equal"] += (new <= conformal_radius(x, level=0.8)).mean() / 400
    assert 0.8 <= covered["weighted"] < 0.83
    assert covered["equal"] < 0.7
    assert conformal_radius([1.0, 2.0, 9.0], weights=[1, 1, 0], level=0.6) == 2  # weight 0 counts nowhere


def test_the_conformal_radius_is_infinite_for_too_few_residuals():
    ranks = np.arange(1.0, 101.0)
    assert conformal_radius(ranks[:8]) == np.inf
    assert conformal_radius(ranks[:9]) == 9.0
    assert conformal_radius(ranks[:99]) == 90.0
    assert conformal_radius(ranks[:99], level=0.55) == 55.0  # 100 · 0.55 is above 55 in floating point
    assert conformal_radius(-ranks[:98]) == 90.0  # 89.1, rounded up
    assert conformal_radius([*ranks[:98], np.inf], level=0.99) == np.inf
