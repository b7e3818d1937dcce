import itertools

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from jaxdl.statistics import (
    compare,
    conformal_radius,
    power,
    sign_flip_interval,
    summary,
)

A = [0.90, 0.91, 0.97, 0.94, 0.92, 0.96, 0.93, 0.95]


B = [0.88, 0.91, 0.92, 0.95, 0.89, 0.92, 0.87, 0.88]


DIFFERENCES = np.subtract(A, B)


def sign_flip_p_value(values):
    """Return the two-sided p-value of the sign-flip test of mean 0, by all flips of signs."""
    sums = [abs(np.dot(signs, values)) for signs in itertools.product((-1, 1), repeat=len(values))]
    return np.mean(np.array(sums) >= abs(values.sum()) - 1e-12)


def test_a_comparison_has_mean_difference_exact_interval_and_share_of_seeds():
    found = compare(A, B)
    assert found.difference == pytest.approx(DIFFERENCES.mean())
    assert (found.difference_low, found.difference_high) == sign_flip_interval(DIFFERENCES)[1:]
    assert found.share_favoring_a == 6.5 / 8  # six are better, one is equal
    assert found.seeds == 8


@pytest.mark.parametrize("level", [0.8, 0.95, 0.98])
def test_the_interval_excludes_zero_where_the_test_by_all_flips_rejects_it(level):
    found = compare(A, B, level=level)
    assert (found.difference_low > 0) == (sign_flip_p_value(DIFFERENCES) <= 1 - level)


def test_swapping_the_methods_mirrors_the_comparison():
    first, second = compare(A, B, effect=0.02), compare(B, A, effect=0.02)
    mirrored = (-second.difference, -second.difference_high, -second.difference_low, 1 - second.share_favoring_a)
    assert first[:4] == pytest.approx(mirrored)
    assert first[4:] == second[4:]
    assert compare(A, B, larger_is_better=False).share_favoring_a == 1 - first.share_favoring_a


def test_seeds_needed_have_a_power_of_80_percent_for_the_effect():
    observed, effect = compare(A, B), compare(A, B, effect=0.01)
    assert observed.effect == abs(observed.difference)
    std = DIFFERENCES.std(ddof=1)
    assert power(0.01, std, effect.seeds_needed) == pytest.approx(0.8, abs=0.02)
    assert power(0.01, std, effect.seeds_needed - 2) < 0.8
    assert compare(A, B, effect=0.005).seeds_needed > effect.seeds_needed > observed.seeds_needed
    assert compare(A, A).seeds_needed is None


def test_seeds_needed_give_the_sign_flip_test_a_chance():
    """With differences that hardly vary, Student's test needs two seeds, but the sign-flip test six."""
    for level in (0.75, 0.9, 0.95, 0.99):
        needed = compare([1.0, 1.1], [0.0, 0.1001], level=level).seeds_needed
        assert np.isfinite(sign_flip_interval(np.arange(needed), level=level).low)
        assert np.isinf(sign_flip_interval(np.arange(needed - 1), level=level).low)


def test_a_comparison_and_a_summary_print_in_one_readable_line():
    assert str(compare(A, B, effect=0.01)) == (
        "a − b: mean 0.0325, 95 % interval 0.006667 to 0.05667; a is better for 81.2 % of 8 seeds; a difference of "
        "0.01 takes about 65 seeds"
    )
    assert str(compare(A, A)).endswith(
        "a is better for 50 % of 8 seeds; a difference of 0 takes more than 100,000 seeds"
    )
    assert repr(compare(A, B)).startswith(
        "PairedComparison(difference=0.0325, difference_low=0.006667, difference_high="
    )
    assert str(summary([1 / 3, 2 / 3])) == "mean 0.5, 95 % interval -1.618 to 2.618; median 0.5; 2 values"


def test_a_summary_equals_scipy_and_numpy(random):
    values = random.normal(size=12)
    found = summary(values, level=0.9)
    assert (found.n, found.mean, found.median) == pytest.approx((12, np.mean(values), np.median(values)))
    limits = scipy.stats.t.interval(0.9, 11, values.mean(), scipy.stats.sem(values))
    assert (found.mean_low, found.mean_high) == pytest.approx(limits)


@pytest.mark.parametrize("array_like", [list, np.array, jnp.array])
def test_results_may_be_any_array_like(array_like):
    assert compare(array_like(A), array_like(B)).difference == pytest.approx(0.0325, rel=1e-5)
    assert summary(array_like(A)).mean == pytest.approx(0.935, rel=1e-5)
    assert conformal_radius(array_like(A), level=0.5) == pytest.approx(0.94)  # the fifth of eight
