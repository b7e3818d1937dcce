"""Intervals: how far a number measured on a few seeds may be from what it stands for."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike


class Interval(NamedTuple):
    """An estimate between its limits: numbers, or arrays of them."""

    estimate: Any
    low: Any
    high: Any


def mean_interval(
    values: ArrayLike, *, level: float = 0.95, within: tuple[float, float] = (-np.inf, np.inf)
) -> Interval:
    r"""Student's interval $\bar x \pm t_{n-1} s / \sqrt n$ for the mean of independent values.

    What cannot lie outside two bounds, as an accuracy, is cut there; with fewer than two values the
    limits are NaN. Student, *The probable error of a mean* (1908).
    """
    return Interval(*(float(limit) for limit in mean_intervals(values, level=level, within=within)))


def mean_intervals(
    values: ArrayLike, *, level: float = 0.95, within: tuple[float, float] = (-np.inf, np.inf)
) -> Interval:
    """The same along the first axis of an array, for all the others at once: an Interval of arrays."""
    values = np.asarray(values, np.float64)
    mean = values.mean(axis=0)
    if len(values) < 2:
        return Interval(mean, np.full_like(mean, np.nan), np.full_like(mean, np.nan))
    half = _special().stdtrit(len(values) - 1, (1 + level) / 2) * values.std(axis=0, ddof=1) / np.sqrt(len(values))
    return Interval(mean, np.maximum(mean - half, within[0]), np.minimum(mean + half, within[1]))


def proportion_interval(successes: int, trials: int, *, level: float = 0.95) -> Interval:
    """The exact interval of Clopper and Pearson (1934) for a probability, from successes in independent trials."""
    half, failures = (1 - level) / 2, trials - successes
    low = _special().betaincinv(successes, failures + 1, half) if successes else 0.0
    high = _special().betaincinv(successes + 1, failures, 1 - half) if failures else 1.0
    return Interval(successes / trials, float(low), float(high))


def _special() -> Any:
    """Of scipy, whose import takes half a second, and `scipy.stats`, which has the same, a second and a half."""
    import scipy.special

    return scipy.special
