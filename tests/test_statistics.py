import itertools
import types

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from jaxdl import statistics
from jaxdl.statistics import (
    Interval,
    compare,
    conformal_radius,
    mean_interval,
    mean_intervals,
    power,
    proportion_interval,
    sign_flip_interval,
    summary,
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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: compare(A, B[:7]), r"^a and b must have one value for each seed.* a has 8 values and b has 7: drop"),
        (lambda: compare(A, [np.nan, np.inf, *B[2:]]), r"^b must hold finite numbers, but 2 of 8 are NaN or infinite:"),
        (lambda: compare([1.0], [2.0]), r"^a must be one-dimensional with at least two values, got the shape \(1,\):"),
        (lambda: compare([A], [B]), r"^a must be one-dimensional with at least two values, got the shape \(1, 8\):"),
        (lambda: compare(A, B, effect=0.0), r"^effect must be above 0 and finite, got 0.0: give"),
        (lambda: compare(A, B, level=95.0), r"^level must be between 0 and 1, got 95.0: give 0.95 for 95 %.$"),
        (lambda: summary([]), r"^values must be one-dimensional with at least two values, got the shape \(0,\):"),
        (lambda: summary([1.0, np.nan]), r"^values must hold finite numbers, but 1 of 2 are NaN or infinite:"),
        (lambda: summary(A, level=1.0), r"^level must be between 0 and 1, got 1.0:"),
        (lambda: conformal_radius([]), r"^residuals must be .* got the shape \(0,\) with 0 NaN:"),
        (lambda: conformal_radius([1.0, np.nan]), r"^residuals must be .* got the shape \(2,\) with 1 NaN:"),
        (lambda: conformal_radius(np.ma.masked_equal([1, 2], 2)), r"^residuals must not hold masked numbers, got 1:"),
        (lambda: conformal_radius([1.0], weights=[-1.0]), r"^weights must be finite, at least 0 and not all 0,"),
        (lambda: conformal_radius([1.0], weights=[0.0]), r"^weights must be .* got the shape \(1,\)\."),
        (lambda: conformal_radius([1.0], weights=[1, 2]), r"^weights must be .* got the shape \(2,\)\."),
        (lambda: conformal_radius([1.0], level=0.0), r"^level must be between 0 and 1, got 0.0:"),
    ],
)
def test_unusable_results_are_an_error_that_says_why(call, message):
    with pytest.raises(ValueError, match=message):
        call()


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


FIT = types.SimpleNamespace(best=None, history=None)


@pytest.mark.parametrize(
    ("function", "arguments", "sentence"),
    [
        ("summary", (FIT,), r"values must be numbers, got SimpleNamespace: .* such as a column of fit.table\(\)"),
        ("summary", (Interval(1, 0, 2),), "values must be numbers, got Interval: give one number for each seed"),
        ("summary", ("ab",), "values must be numbers, got 'ab'"),
        ("compare", ({}, {}), r"a must be numbers, got dict: give its numbers, such as list\(scores.values\(\)\)"),
        (
            "mean_interval",
            (np.ones((3, 2)),),
            r"values must be one-dimensional, got the shape \(3, 2\): use mean_interv",
        ),
        ("mean_interval", ([],), r"values must hold at least one number, got the shape \(0,\)"),
        ("mean_interval", (["a"],), "values must be numbers, got list"),
        ("mean_intervals", (3.0,), "values must have the shape .* got a single number: give one number for each seed"),
        ("sign_flip_interval", ([],), r"values must be one-dimensional with at least one number, got the shape \(0,\)"),
        ("sign_flip_interval", (np.ones((3, 2)),), "values must be one-dimensional with at least one number"),
        ("bootstrap_interval", (np.ones((3, 2)),), "values must be one-dimensional with at least one number"),
        ("conformal_radius", ("ab",), "residuals must be numbers, got 'ab'"),
        ("proportion_interval", (0.9, 10), "successes must be an integer, got 0.9: count them"),
        ("proportion_interval", (11, 10), "successes must be from 0 to the trials, at least 1, got 11 of 10"),
        ("proportion_interval", (0, 0), "successes must be from 0 to the trials, at least 1, got 0 of 0"),
        ("power", (1.0, 0.0, 5), "spread must be above 0, got 0.0"),
        ("power", (1.0, 1.0, "5"), "seeds must be a number, got '5'"),
        ("seeds_needed", (1.0, None), "spread must be a number, got None"),
        ("power", (1.0, 1.0, 1), "seeds must be at least 2, got 1"),
        ("seeds_needed", (1.0, -1.0), "spread must be a standard deviation of at least 0, got -1.0"),
    ],
)
def test_wrong_arguments_raise(unchecked, function, arguments, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        unchecked(getattr(statistics, function))(*arguments)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("mean_intervals", ([1, 2],)),
        ("sign_flip_interval", ([1, 2],)),
        ("bootstrap_interval", ([1, 2],)),
        ("proportion_interval", (1, 2)),
        ("power", (1.0, 1.0, 5)),
        ("seeds_needed", (1.0, 1.0)),
        ("summary", ([1, 2],)),
    ],
)
def test_a_level_that_is_no_share_raises(unchecked, function, arguments):
    with pytest.raises(ValueError, match="level must be between 0 and 1, got 95: give 0.95 for 95 %"):
        unchecked(getattr(statistics, function))(*arguments, level=95)
    with pytest.raises(TypeError, match="level must be a number, got '95%'"):
        unchecked(getattr(statistics, function))(*arguments, level="95%")


def test_bounds_that_are_one_number_raise(unchecked):
    with pytest.raises(ValueError, match=r"within must be two bounds, such as \(0, 1\) for an accuracy, got 1"):
        unchecked(statistics.mean_intervals)([1, 2], within=1)
