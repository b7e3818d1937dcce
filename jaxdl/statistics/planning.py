"""Plan the number of seeds: the power of an interval, and the seeds that a given effect needs."""

import bisect
import math

import numpy as np

from jaxdl.statistics._arguments import check_number, checked_level, special
from jaxdl.statistics.intervals import median_rank

MAX_SEEDS = 100_000


def power(effect: float, spread: float, seeds: int, *, level: float = 0.95) -> float:
    r"""Compute the probability that Student's interval of differences lies above 0.

    The differences are normal with the mean $\mu > 0$ and the standard deviation $\sigma$. The power is that of a
    noncentral $t$, $P(t_{n-1}(\sqrt n\, \mu / \sigma) > t_{n-1, (1 + \mathrm{level}) / 2})$.

    Args:
        effect: Mean difference $\mu$.
        spread: Standard deviation $\sigma$ of the differences.
        seeds: Number $n$ of differences, at least 2.
        level: Confidence level of the interval.

    Raises:
        ValueError: The effect is not finite, the spread is not above 0, the seeds are no integer of at least 2, or the
            level is not between 0 and 1.

    Example:
        To detect an effect of half a standard deviation four times out of five takes 34 seeds:

        >>> from jaxdl import statistics
        >>> round(statistics.power(0.5, 1.0, 34), 2), round(statistics.power(0.5, 1.0, 10), 2)
        (0.81, 0.29)
    """
    check_number("effect", effect)
    check_number("spread", spread)
    check_number("seeds", seeds)
    if not spread > 0:
        raise ValueError(f"spread must be above 0, got {spread}.")
    if not np.isfinite(effect) or seeds != int(seeds):
        raise ValueError(f"effect must be finite and seeds an integer, got {effect} and {seeds}.")
    if not seeds >= 2:
        raise ValueError(f"seeds must be at least 2, got {seeds}: one difference has no standard deviation.")
    critical = special().stdtrit(seeds - 1, (1 + checked_level(level)) / 2)
    return float(1 - special().nctdtr(seeds - 1, effect / spread * np.sqrt(seeds), critical))


def seeds_needed(distance: float, spread: float, *, level: float = 0.95) -> int | None:
    r"""Return about the smallest number of seeds with which an interval excludes a value in 80 % of repetitions.

    It is the smallest $n$ with $\sqrt n\, d \ge (t_{n-1, (1 + \mathrm{level}) / 2} + t_{n-1, 0.8})\, \sigma$.

    Args:
        distance: Distance $d$ from the true mean to the value to exclude.
        spread: Standard deviation $\sigma$ of the differences.
        level: Confidence level of the interval.

    Returns:
        Number of seeds, or None if the distance is not positive or 100,000 seeds are too few.

    Raises:
        ValueError: The spread is negative, or the level is not between 0 and 1.

    Example:
        Half the effect needs about four times as many seeds:

        >>> from jaxdl import statistics
        >>> statistics.seeds_needed(0.5, 1.0), statistics.seeds_needed(0.25, 1.0)
        (34, 128)
    """
    checked_level(level)
    check_number("distance", distance)
    check_number("spread", spread)
    if spread < 0:
        raise ValueError(f"spread must be a standard deviation of at least 0, got {spread}.")
    if not distance > 0:
        return None

    def is_enough(seeds):
        critical, quantile = (special().stdtrit(seeds - 1, share) for share in ((1 + level) / 2, 0.8))
        return distance * np.sqrt(seeds) >= (critical + quantile) * spread

    numbers = range(2, MAX_SEEDS + 1)
    fewest = bisect.bisect_left(numbers, True, key=is_enough)
    return numbers[fewest] if fewest < len(numbers) else None


def median_power(share: float, seeds: int, *, level: float = 0.95) -> float:
    r"""Compute the probability that the interval of the median lies above a threshold.

    If each difference lies above the threshold with the probability $p$, it is $P(\mathrm{Bin}(n, p) \ge n - k + 1)$
    with the rank $k$ of the limits. For normal differences of mean $\mu$ and standard deviation $\sigma$ and the
    threshold $m$, $p = \Phi((\mu - m) / \sigma)$.

    Args:
        share: Probability $p$ of a difference above the threshold.
        seeds: Number $n$ of differences.
        level: Confidence level of `median_interval`.

    Raises:
        ValueError: The share or the level is not between 0 and 1.

    Example:
        If nine of ten seeds favor a method, 13 seeds show it almost always, and 6 seeds every second time:

        >>> from jaxdl import statistics
        >>> [round(statistics.median_power(0.9, seeds), 2) for seeds in (6, 13, 20)]
        [0.53, 0.87, 0.99]
    """
    check_number("share", share)
    check_number("seeds", seeds)
    if not 0 <= share <= 1:
        raise ValueError(f"share must be a probability, got {share}.")
    rank = median_rank(seeds, level=level)
    return float(special().bdtrc(seeds - rank, seeds, share)) if rank else 0.0


def equivalence_power(outside: float, seeds: int, *, level: float = 0.95) -> float:
    r"""Compute the probability that the interval of the median lies within a margin on both sides of zero.

    The differences are distributed symmetrically about zero, and each lies beyond the margin, on one side, with the
    probability $q$. It is the probability that fewer than $k$ of $n$ lie beyond it on each side.

    Args:
        outside: Probability $q$ of a difference above the margin.
        seeds: Number $n$ of differences.
        level: Confidence level of `median_interval`.

    Raises:
        ValueError: The probability is not between 0 and 1/2, or the level is not between 0 and 1.

    Example:
        >>> from jaxdl import statistics
        >>> round(statistics.equivalence_power(0.1, 20), 2), round(statistics.equivalence_power(0.2, 20), 2)
        (0.98, 0.63)
    """
    check_number("outside", outside)
    check_number("seeds", seeds)
    if not 0 <= outside <= 0.5:
        raise ValueError(f"outside must be a probability of at most 1/2, got {outside}.")
    rank = median_rank(seeds, level=level)
    below = np.arange(rank)  # numbers below the margin; those above it are binomial among the rest
    rest = np.maximum(seeds - below, 1)
    above = special().bdtr(np.minimum(rank - 1, rest), rest, outside / (1 - outside))
    chance = special().bdtr(below, seeds, outside) - np.where(below > 0, special().bdtr(below - 1, seeds, outside), 0)
    return float((chance * above).sum())


def seeds_to_notice(rate: float, *, level: float = 0.95) -> int:
    r"""Return the number of seeds in which a failure of this rate occurs at least once with the probability `level`.

    It is the smallest $n$ with $(1 - r)^n \le 1 - \mathrm{level}$, $n \ge \ln(1 - \mathrm{level}) / \ln(1 - r)$. With
    fewer seeds, an interval for a mean knows nothing of such failures.

    Args:
        rate: Share $r$ of the runs that fail.
        level: Probability of at least one failure.

    Raises:
        ValueError: The rate or the level is not between 0 and 1.

    Example:
        To notice that one run in twenty diverges takes 59 runs:

        >>> from jaxdl import statistics
        >>> statistics.seeds_to_notice(0.05)
        59
    """
    check_number("rate", rate)
    if not 0 < rate < 1:
        raise ValueError(f"rate must be between 0 and 1, got {rate}.")
    return math.ceil(math.log(1 - checked_level(level)) / math.log1p(-rate) - 1e-9)
