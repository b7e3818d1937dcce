"""A confidence interval for the median that assumes no distribution."""

import numpy as np
import scipy.special

from jaxdl.statistics import Interval


def median_interval(values: np.ndarray, *, level: float = 0.95) -> Interval:
    """Return the median and a distribution-free confidence interval for it.

    The interval reaches from the k-th smallest to the k-th largest value. It misses the true median only if fewer than
    k of the n independent values lie on one side of it, which has twice the probability of fewer than k heads in n fair
    coin tosses. k is the largest number that keeps this probability at most `1 - level`. With fewer than six values no
    k does so for 95 %; the interval then reaches from the smallest to the largest value, and `coverage` returns its
    probability.

    Args:
        values: Independent values of shape (n,), n at least 1.
        level: The least probability with which the interval contains the true median.

    Returns:
        The median and the bounds of the interval.

    References:
        W. R. Thompson, *On confidence ranges for the median* (1936).
    """
    ordered = np.sort(values)
    k = _rank(len(ordered), level)
    return Interval(float(np.median(ordered)), float(ordered[k - 1]), float(ordered[-k]))


def coverage(rounds: int, *, level: float = 0.95) -> float:
    """Return the probability that `median_interval` of this many values contains the true median."""
    return float(1 - 2 * scipy.special.bdtr(_rank(rounds, level) - 1, rounds, 0.5))


def _rank(count, level) -> int:
    allowed = [k for k in range(1, count // 2 + 1) if 2 * scipy.special.bdtr(k - 1, count, 0.5) <= 1 - level]
    return max(allowed, default=1)
