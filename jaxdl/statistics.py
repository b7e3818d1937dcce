"""Intervals: how far a number measured on a few seeds may be from what it stands for; and how many seeds decide."""

import bisect
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

ENUMERATED = 16  # values, of which all 2^16 - 1 subsets are taken; of more as many are drawn
MOST_SEEDS = 100_000


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


def sign_flip_interval(values: ArrayLike, *, level: float = 0.95) -> Interval:
    r"""All centres that the sign-flip test does not reject, for values symmetric about theirs: no tail is too heavy.

    A centre is rejected where few flips of signs make the sum of what is beyond it larger, and that is where few
    subsets of the values have a mean beyond it: so the limits are order statistics of the means of all subsets, and the
    interval holds the centre with the probability asked for, but for rounding up to whole subsets. Of more than 16
    values $2^{16} - 1$ subsets are drawn, always the same; with too few for the level the limits are infinite. The
    estimate is the mean. Hartigan, *Using subsample values as typical values* (1969), theorem 1.
    """
    values = np.asarray(values, np.float64)
    n = len(values)
    if n <= ENUMERATED:
        chosen = (np.arange(1, 2**n)[:, None] >> np.arange(n)) & 1
    else:
        chosen = np.random.default_rng(0).integers(0, 2, (2**ENUMERATED - 1, n))
        chosen = chosen[chosen.any(axis=1)]
    means = np.sort(chosen @ values / chosen.sum(axis=1))
    outside = int((1 - level) / 2 * (len(means) + 1))
    limits = (means[outside - 1], means[-outside]) if outside else (-np.inf, np.inf)
    if not np.isfinite(values).all():
        limits = np.nan, np.nan
    return Interval(float(values.mean()), float(limits[0]), float(limits[1]))


def bootstrap_interval(values: ArrayLike, *, level: float = 0.95) -> Interval:
    """The interval of the bootstrap for a mean, bias-corrected and accelerated: to look at, not to decide by.

    With a few dozen values it is too narrow. Of values that are all equal the limits are these, and with fewer than
    two, or one that is not finite, NaN. Efron, *Better bootstrap confidence intervals* (1987).
    """
    import scipy.stats

    values = np.asarray(values, np.float64)
    mean = float(values.mean())
    if len(values) < 2 or not np.isfinite(values).all():
        return Interval(mean, np.nan, np.nan)
    if np.ptp(values) == 0:
        return Interval(mean, mean, mean)
    size = np.abs(values).max()  # cubes of large numbers would overflow
    found = scipy.stats.bootstrap(
        (values / size,), np.mean, confidence_level=level, n_resamples=4000, method="BCa", rng=np.random.default_rng(0)
    ).confidence_interval
    return Interval(mean, float(size * found.low), float(size * found.high))


def proportion_interval(successes: int, trials: int, *, level: float = 0.95) -> Interval:
    """The exact interval of Clopper and Pearson (1934) for a probability, from successes in independent trials."""
    half, failures = (1 - level) / 2, trials - successes
    low = _special().betaincinv(successes, failures + 1, half) if successes else 0.0
    high = _special().betaincinv(successes + 1, failures, 1 - half) if failures else 1.0
    return Interval(successes / trials, float(low), float(high))


def power(effect: float, spread: float, seeds: int, *, level: float = 0.95) -> float:
    r"""The probability that Student's interval of so many differences lies above 0.

    Where they are normal about `effect`, above 0, with the standard deviation `spread`: that of a noncentral $t$
    above the quantile, $P(t_{n-1}(\sqrt n\, \mu / \sigma) > t_{n-1, (1 + \mathrm{level}) / 2})$.
    """
    beyond = _special().stdtrit(seeds - 1, (1 + level) / 2)
    return float(1 - _special().nctdtr(seeds - 1, effect / spread * np.sqrt(seeds), beyond))


def seeds_needed(distance: float, spread: float, *, level: float = 0.95) -> int | None:
    """About the fewest seeds with which an interval excludes what is `distance` away, in four of five repetitions.

    For differences with the standard deviation `spread`; None where 100,000 are not enough, or there is no distance.
    """
    if not distance > 0:
        return None

    def reached(seeds):
        half, moved = (_special().stdtrit(seeds - 1, quantile) for quantile in ((1 + level) / 2, 0.8))
        return distance * np.sqrt(seeds) >= (half + moved) * spread

    numbers = range(2, MOST_SEEDS + 1)
    fewest = bisect.bisect_left(numbers, True, key=reached)
    return numbers[fewest] if fewest < len(numbers) else None


def _special() -> Any:
    """Of scipy, whose import takes half a second, and `scipy.stats`, which has the same, a second and a half."""
    import scipy.special

    return scipy.special
