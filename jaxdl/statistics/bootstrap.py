"""Bootstrap intervals for a mean, by resampling with a fixed seed."""

import numpy as np

from jaxdl._types import ArrayLike
from jaxdl.statistics._arguments import checked_level, to_vector
from jaxdl.statistics.intervals import Interval

MIN_RESAMPLES, MIN_BEYOND = 10_000, 40  # of a studentized bootstrap; resamples beyond each limit
ROUNDING = 1e-9  # relative differences up to which values are equal
MAX_BLOCK = 1 << 22  # numbers that are resampled at a time


def bootstrap_interval(values: ArrayLike, *, level: float = 0.95) -> Interval:
    """Compute the bias-corrected and accelerated bootstrap interval for a mean.

    Use it for display, not for decisions: with a few dozen values it is too narrow. The 4000 resamples have a fixed
    seed.

    Args:
        values: Independent values.
        level: Confidence level, between 0 and 1.

    Returns:
        Mean and limits. If all values are equal, the limits equal them. The limits are NaN for fewer than two values,
        or if a value is not finite.

    Raises:
        TypeError: The values are not numbers.
        ValueError: There is no value, they are not one-dimensional, or the level is not between 0 and 1.

    References:
        Efron, *Better bootstrap confidence intervals* (1987).

    Example:
        The interval is narrower than that of Student for the same values, 1.04 to 4.96:

        >>> from jaxdl import statistics
        >>> interval = statistics.bootstrap_interval([1, 2, 3, 4, 5])
        >>> bool(1.04 < interval.low < interval.estimate < interval.high < 4.96)
        True
    """
    import scipy.stats

    values, level = to_vector("values", values), checked_level(level)
    mean = float(values.mean())
    if len(values) < 2 or not np.isfinite(values).all():
        return Interval(mean, np.nan, np.nan)
    if np.ptp(values) == 0:
        return Interval(mean, mean, mean)
    scale = np.abs(values).max()  # otherwise cubes of large numbers overflow
    interval = scipy.stats.bootstrap(
        (values / scale,), np.mean, confidence_level=level, n_resamples=4000, method="BCa", rng=np.random.default_rng(0)
    ).confidence_interval
    return Interval(mean, float(scale * interval.low), float(scale * interval.high))


def bootstrap_t_interval(values: ArrayLike, *, level: float = 0.95) -> Interval:
    r"""Compute the studentized bootstrap interval for a mean, which allows skewed distributions.

    With the quantiles $q$ of $t^* = (\bar x^* - \bar x) / \mathrm{se}^*$ over resamples, the limits are
    $\bar x - q_{(1 + \mathrm{level}) / 2}\, \mathrm{se}$ and $\bar x - q_{(1 - \mathrm{level}) / 2}\, \mathrm{se}$. A
    resample of equal values has no standard error: its $t^*$ is infinite, so that values of which few differ give wide
    limits. The resamples, at least 10,000 and 40 beyond each limit, have a fixed seed.

    Args:
        values: $n \ge 2$ independent values.
        level: Confidence level, between 0 and 1.

    Returns:
        Mean and limits. If all values are equal, the limits are infinite, because their spread is unknown. The limits
        are NaN for fewer than two values, or if a value is not finite.

    Raises:
        TypeError: The values are not numbers.
        ValueError: There is no value, they are not one-dimensional, or the level is not between 0 and 1.

    References:
        Efron, *Nonparametric standard errors and confidence intervals* (1981).
        Hall, *Theoretical comparison of bootstrap confidence intervals* (1988).

    Example:
        Skewed values have a longer interval on the side of their tail:

        >>> from jaxdl import statistics
        >>> mean, low, high = statistics.bootstrap_t_interval([0, 0, 1, 1, 1, 2, 2, 3, 4, 9])
        >>> bool(high - mean > mean - low)
        True
    """
    values, level = to_vector("values", values), checked_level(level)
    count, mean = len(values), float(values.mean())
    if count < 2 or not np.isfinite(values).all():
        return Interval(mean, np.nan, np.nan)
    error = values.std(ddof=1) / np.sqrt(count)
    if np.ptp(values) <= ROUNDING * np.abs(values).max():
        return Interval(mean, -np.inf, np.inf)
    resamples = max(MIN_RESAMPLES, int(np.ceil(2 * MIN_BEYOND / (1 - level))))
    random, scaled = np.random.default_rng(0), (values - mean) / error
    blocks = [scaled[random.integers(0, count, (size, count))] for size in _block_sizes(resamples, count)]
    with np.errstate(divide="ignore", invalid="ignore"):
        spreads = [np.where(np.ptp(block, axis=1) <= ROUNDING, 0.0, block.std(axis=1, ddof=1)) for block in blocks]
        ratios = [b.mean(axis=1) / (spread / np.sqrt(count)) for b, spread in zip(blocks, spreads, strict=True)]
    quantiles = np.nanquantile(np.concatenate(ratios), ((1 + level) / 2, (1 - level) / 2), method="inverted_cdf")
    return Interval(mean, *(float(mean - quantile * error) for quantile in quantiles))


def _block_sizes(resamples, count) -> list[int]:
    """Divide resamples into blocks that need little memory."""
    most = max(1, MAX_BLOCK // count)
    return [min(most, resamples - done) for done in range(0, resamples, most)]
