"""Exact confidence intervals of a few values: Student, order statistics, sign flips, Clopper and Pearson."""

import functools
from typing import Any, NamedTuple

import numpy as np

from jaxdl._display import short_repr
from jaxdl._formatting import format_argument, is_integer
from jaxdl._types import ArrayLike
from jaxdl.statistics._arguments import checked_level, special, to_numbers, to_vector

MAX_ENUMERATED = 16  # with up to 16 values all 2^16 - 1 subsets are used; with more, as many are sampled


class Interval(NamedTuple):
    """Estimate with a confidence interval.

    Attributes:
        estimate: Number, or array of numbers.
        low: Lower limit, of the shape of `estimate`.
        high: Upper limit, of the shape of `estimate`.
    """

    estimate: Any
    low: Any
    high: Any

    __repr__ = short_repr


def mean_interval(
    values: ArrayLike, *, level: float = 0.95, within: tuple[float, float] = (-np.inf, np.inf)
) -> Interval:
    r"""Compute Student's confidence interval $\bar x \pm t_{n-1} s / \sqrt n$ for the mean of independent values.

    Args:
        values: $n$ values.
        level: Confidence level, between 0 and 1.
        within: Bounds of the quantity, such as (0, 1) for an accuracy; the limits are clipped to them.

    Returns:
        Mean and limits. The limits are NaN for fewer than two values.

    Raises:
        TypeError: The values are not numbers.
        ValueError: There is no value, they are not one-dimensional, or the level is not between 0 and 1.

    References:
        Student, *The probable error of a mean* (1908).

    Example:
        >>> from jaxdl import statistics
        >>> mean, low, high = statistics.mean_interval([1, 2, 3, 4, 5])
        >>> mean, round(low, 3), round(high, 3)
        (3.0, 1.037, 4.963)
    """
    values = to_numbers("values", values)
    if values.ndim > 1:
        raise ValueError(
            f"values must be one-dimensional, got the shape {values.shape}: use mean_intervals for an interval of each "
            "column."
        )
    return Interval(*(float(limit) for limit in mean_intervals(values, level=level, within=within)))


def mean_intervals(
    values: ArrayLike, *, level: float = 0.95, within: tuple[float, float] = (-np.inf, np.inf)
) -> Interval:
    r"""Compute Student's confidence interval $\bar x \pm t_{n-1} s / \sqrt n$ along the first axis of an array.

    Args:
        values: Array of shape (n, ...).
        level: Confidence level, between 0 and 1.
        within: Bounds of the quantity, such as (0, 1) for an accuracy; the limits are clipped to them.

    Returns:
        Arrays of shape (...). The limits are NaN for fewer than two values.

    Raises:
        TypeError: The values are not numbers.
        ValueError: There is no value, or the level is not between 0 and 1.

    Example:
        >>> from jaxdl import statistics
        >>> accuracies = [[0.5, 0.9], [0.6, 0.9], [0.7, 0.9]]  # of three seeds after two epochs
        >>> intervals = statistics.mean_intervals(accuracies)
        >>> intervals.low.round(3).tolist(), intervals.high.round(3).tolist()
        ([0.352, 0.9], [0.848, 0.9])
    """
    values, level = to_numbers("values", values), checked_level(level)
    if not values.size:
        raise ValueError(f"values must hold at least one number, got the shape {values.shape}.")
    if values.ndim == 0:
        raise ValueError("values must have the shape (n, ...), got a single number: give one number for each seed.")
    if np.shape(within) != (2,) or not within[0] < within[1]:
        raise ValueError(f"within must be two bounds, such as (0, 1) for an accuracy, got {within}.")
    mean = values.mean(axis=0)
    if len(values) < 2:
        return Interval(mean, np.full_like(mean, np.nan), np.full_like(mean, np.nan))
    half_width = special().stdtrit(len(values) - 1, (1 + level) / 2) * values.std(axis=0, ddof=1) / np.sqrt(len(values))
    return Interval(mean, np.maximum(mean - half_width, within[0]), np.minimum(mean + half_width, within[1]))


def median_interval(values: ArrayLike, *, level: float = 0.95) -> Interval:
    r"""Compute the interval between two order statistics that contains the median, whatever the distribution.

    The limits are the $k$-th smallest and the $k$-th largest of $n$ values, with the largest $k$ for which
    $P(\mathrm{Bin}(n, 1/2) < k) \le (1 - \mathrm{level}) / 2$. They contain the median with at least the probability
    `level`, if the values are independent; nothing else is assumed. Infinite values are allowed: a run that failed
    counts as worse than every other.

    Args:
        values: $n$ values.
        level: Confidence level, between 0 and 1.

    Returns:
        Median and limits. The limits are infinite for fewer than $\log_2 (2 / (1 - \mathrm{level}))$ values, which is 6
        for the level 0.95.

    Raises:
        TypeError: The values are not numbers.
        ValueError: There is no value, one is NaN, they are not one-dimensional, or the level is not between 0 and 1.

    References:
        Thompson, *On confidence ranges for the median* (1936).

    Example:
        >>> from jaxdl import statistics
        >>> statistics.median_interval([1, 2, 3, 4, 5, 6, 7, 8, 9])
        Interval(estimate=5, low=2, high=8)
        >>> statistics.median_interval([1, 2, 3, 4, 5, 6, 7, 8, np.inf])
        Interval(estimate=5, low=2, high=8)
    """
    values = np.sort(to_vector("values", values))
    if np.isnan(values).any():
        raise ValueError(f"values must not be NaN, got {np.isnan(values).sum()}: give a failed run as inf or -inf.")
    rank = median_rank(len(values), level=level)
    low, high = (values[rank - 1], values[-rank]) if rank else (-np.inf, np.inf)
    lower, upper = values[(len(values) - 1) // 2], values[len(values) // 2]
    middle = lower if lower == upper else (lower + upper) / 2  # equal infinities have no mean
    return Interval(float(middle), float(low), float(high))


def median_rank(count: int, *, level: float) -> int:
    """Return the rank of the limits of `median_interval`, counted from 1 at both ends; 0 for too few values."""
    tail = (1 - checked_level(level) + 1e-12) / 2
    near = special().bdtrik(tail, count, 0.5) if count > 1 and special().bdtr(0, count, 0.5) <= tail else 0.0
    ranks = np.arange(max(1, int(near) - 2), min(count // 2, int(near) + 3) + 1)  # bdtrik is rounded
    outside = ranks[special().bdtr(ranks - 1, count, 0.5) <= tail]
    return int(outside.max(initial=0))


def sign_flip_interval(values: ArrayLike, *, level: float = 0.95) -> Interval:
    r"""Compute the interval of all centers that the sign-flip test does not reject.

    It is valid for independent values that are distributed symmetrically about the center, with tails of any weight.
    The sign-flip test rejects a center if few flips of signs make the sum of the differences from it more extreme,
    that is, if few subsets of the values have a mean beyond it. The limits are therefore order statistics of the means
    of all subsets. The interval contains the center with the probability `level`, except for rounding to whole subsets.
    For more than 16 values, $2^{16} - 1$ subsets are sampled with a fixed seed.

    Args:
        values: $n$ values.
        level: Confidence level, between 0 and 1.

    Returns:
        Mean and limits. The limits are infinite if there are too few values for the level, and NaN if a value is not
        finite.

    Raises:
        TypeError: The values are not numbers.
        ValueError: There is no value, they are not one-dimensional, or the level is not between 0 and 1.

    References:
        Hartigan, *Using subsample values as typical values* (1969), theorem 1.

    Example:
        Five values reject no center at the level 0.95, because the smallest p-value is 2/32:

        >>> from jaxdl import statistics
        >>> statistics.sign_flip_interval([1, 2, 3, 4, 5])[1:]
        (-inf, inf)
        >>> statistics.sign_flip_interval([1, 2, 3, 4, 5, 6])
        Interval(estimate=3.5, low=1, high=6)
    """
    values, level = to_vector("values", values), checked_level(level)
    subsets, sizes = _subsets(len(values))
    means = np.sort(subsets @ values / sizes)
    outside = int((1 - level) / 2 * (len(means) + 1))
    limits = (means[outside - 1], means[-outside]) if outside else (-np.inf, np.inf)
    if not np.isfinite(values).all():
        limits = np.nan, np.nan
    return Interval(float(values.mean()), float(limits[0]), float(limits[1]))


@functools.lru_cache(maxsize=1)
def _subsets(n) -> tuple[np.ndarray, np.ndarray]:
    """Return the subsets of n values as rows of zeros and ones, and their sizes."""
    if n <= MAX_ENUMERATED:
        subsets = (np.arange(1, 2**n)[:, None] >> np.arange(n)) & 1
    else:
        subsets = np.random.default_rng(0).integers(0, 2, (2**MAX_ENUMERATED - 1, n))
        subsets = subsets[subsets.any(axis=1)]
    return subsets.astype(np.float64), subsets.sum(axis=1)


def proportion_interval(successes: int, trials: int, *, level: float = 0.95) -> Interval:
    """Compute the exact interval of Clopper and Pearson for a probability.

    Args:
        successes: Number of successes.
        trials: Number of independent trials, at least 1.
        level: Confidence level, between 0 and 1.

    Returns:
        Share of successes, with limits between 0 and 1.

    Raises:
        TypeError: A number is not an integer.
        ValueError: There are more successes than trials, no trial, or the level is not between 0 and 1.

    References:
        Clopper and Pearson, *The use of confidence or fiducial limits illustrated in the case of the binomial* (1934).

    Example:
        Even 10 successes in 10 trials leave a failure probability of up to 31 %:

        >>> from jaxdl import statistics
        >>> share, low, high = statistics.proportion_interval(10, 10)
        >>> share, round(low, 2), high
        (1.0, 0.69, 1.0)
    """
    for name, number in (("successes", successes), ("trials", trials)):
        if not is_integer(number):
            raise TypeError(f"{name} must be an integer, got {format_argument(number)}: count them.")
    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(f"successes must be from 0 to the trials, at least 1, got {successes} of {trials}.")
    tail, failures = (1 - checked_level(level)) / 2, trials - successes
    low = special().betaincinv(successes, failures + 1, tail) if successes else 0.0
    high = special().betaincinv(successes + 1, failures, 1 - tail) if failures else 1.0
    return Interval(successes / trials, float(low), float(high))
