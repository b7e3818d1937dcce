"""Estimands: which property of the paired differences a claim speaks of, with its interval, its power and its seeds."""

import bisect
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from typing_extensions import TypeAliasType

from jaxdl._formatting import format_argument, is_integer
from jaxdl.statistics import (
    Interval,
    bootstrap_t_interval,
    mean_interval,
    median_interval,
    median_power,
    power,
    proportion_interval,
)
from jaxdl.statistics.planning import MAX_SEEDS

POWER = 0.975  # that seeds are planned for
EQUAL = 1e-9  # relative differences up to which numbers are equal
FOR_SKEWED = 25  # seeds for each decimal of the significance level, for the bootstrap of an exponential distribution
MANY_DRAWS = 100  # draws that a number must average for Student's interval of its mean


class Median(NamedTuple):
    """The median of the paired differences: a claim about a typical run. Its interval is exact for any distribution.

    Attributes:
        name: Its name in texts.
    """

    name: str = "median"

    def interval(self, differences: np.ndarray, confidence: float) -> Interval:
        """Return the interval of order statistics. NaN, where both runs failed, counts as −∞ below and ∞ above."""
        both_failed = np.isnan(differences)
        low = median_interval(np.where(both_failed, -np.inf, differences), level=confidence).low
        high = median_interval(np.where(both_failed, np.inf, differences), level=confidence).high
        known = differences[~both_failed]
        return Interval(median_interval(known).estimate if len(known) else np.nan, low, high)

    def fewest_seeds(self, confidence: float) -> int:
        """Return the number of seeds from which on the interval exists."""
        return math.ceil(math.log2(2 / (1 - confidence)) - 1e-9)

    def power(self, effect: float, threshold: float, sd: float, seeds: int, confidence: float) -> float:
        """Return the power to find an effect above a threshold, for normal differences of this standard deviation."""
        return median_power(normal_share((effect - threshold) / sd), seeds, level=confidence)

    def seeds_needed(self, differences: np.ndarray, threshold: float, confidence: float) -> int | None:
        """Return the number of seeds that would decide, if the share beyond the threshold were that measured here."""
        share = float(np.mean(differences > threshold))
        share = max(share, float(np.mean(differences < threshold)))
        return _fewest(lambda seeds: median_power(share, seeds, level=confidence)) if share > 0.5 else None


class Mean(NamedTuple):
    r"""The mean of the paired differences: a claim about an expectation, a variance or a risk.

    Its interval is the studentized bootstrap, which allows skewed differences; Student's interval where each number
    averages at least 100 draws. Neither knows of failures that happen in no seed. It therefore takes
    $\ln \alpha / \ln(1 - r)$ seeds, so that a failure of the rate $r$ occurs in one of them. The bootstrap is
    approximate: for exponential differences and its fewest seeds, $25 \log_{10}(2 / \alpha)$, a side errs up to 1.6
    times as often as the level says, and several times as often for heavier tails. A median is exact.

    Attributes:
        rarest: Rate $r$ of the rarest failure that the claim must notice.
        draws: Number of draws that the number of each seed averages.
        name: Its name in texts.
    """

    rarest: float
    draws: int = 1
    name: str = "mean"

    def interval(self, differences: np.ndarray, confidence: float) -> Interval:
        """Return the interval; it is infinite if a run failed, because a mean of infinite numbers does not exist."""
        if not np.isfinite(differences).all():
            return Interval(np.nan, -np.inf, np.inf)
        if np.ptp(differences) <= EQUAL * np.abs(differences).max():  # their spread is unknown
            return Interval(float(differences.mean()), -np.inf, np.inf)
        student = self.draws >= MANY_DRAWS
        return (mean_interval if student else bootstrap_t_interval)(differences, level=confidence)

    def fewest_seeds(self, confidence: float) -> int:
        """Return the number of seeds in which the rarest failure occurs with the confidence level.

        It is at least that from which on the bootstrap is near its level also for skewed differences.
        """
        if not 0 < self.rarest < 1:
            raise ValueError(f"rarest must be the rate of a failure, between 0 and 1, got {self.rarest}.")
        if not is_integer(self.draws) or self.draws < 1:
            raise ValueError(f"draws must be an integer of at least 1, got {format_argument(self.draws)}.")
        fewest = math.ceil(math.log(1 - confidence) / math.log1p(-self.rarest) - 1e-9)
        skewed = 2 if self.draws >= MANY_DRAWS else math.ceil(FOR_SKEWED * math.log10(2 / (1 - confidence)))
        return max(2, fewest, skewed)

    def power(self, effect: float, threshold: float, sd: float, seeds: int, confidence: float) -> float:
        """Return the power of Student's interval, which that of the bootstrap is close to for normal differences."""
        return power(effect - threshold, sd, seeds, level=confidence)

    def seeds_needed(self, differences: np.ndarray, threshold: float, confidence: float) -> int | None:
        """Return the number of seeds that would decide, if mean and standard deviation were those measured here."""
        if not np.isfinite(differences).all():
            return None
        distance, sd = abs(float(differences.mean()) - threshold), float(differences.std(ddof=1))
        if not (sd > 0 and distance > 0):
            return None
        return _fewest(lambda seeds: power(distance, sd, max(seeds, 2), level=confidence))


class Share(NamedTuple):
    """The share of seeds that have a property, measured as 1 or 0: a claim about reliability.

    Its interval is that of Clopper and Pearson.

    Attributes:
        name: Its name in texts.
    """

    name: str = "share"

    def interval(self, differences: np.ndarray, confidence: float) -> Interval:
        """Return the interval of the share. Raises ValueError unless every number is 0 or 1."""
        differences = np.where(np.isinf(differences), 0.0, differences)  # a failed run lacks the property
        if not np.isin(differences, (0, 1)).all():
            raise ValueError("numbers must be 0 or 1 for a share, one per seed: measure whether the property holds.")
        return proportion_interval(int(differences.sum()), len(differences), level=confidence)

    def fewest_seeds(self, confidence: float) -> int:  # noqa: ARG002
        """Return 1: the interval exists for any number of seeds."""
        return 1

    def power(self, effect: float, threshold: float, sd: float, seeds: int, confidence: float) -> float:  # noqa: ARG002
        """Return the power to find a true share `effect` above the threshold."""
        return _power_of_share(effect, threshold, seeds, confidence)

    def seeds_needed(self, differences: np.ndarray, threshold: float, confidence: float) -> int | None:
        """Return the number of seeds that would decide, if the true share were that measured here."""
        share = float(differences.mean())
        if share < threshold:
            share, threshold = 1 - share, 1 - threshold
        return (
            _fewest(lambda seeds: _power_of_share(share, threshold, seeds, confidence)) if share > threshold else None
        )


MEDIAN, SHARE = Median(), Share()
Estimand = TypeAliasType("Estimand", Median | Mean | Share)


def check_estimand(estimand: object) -> None:
    """Raise TypeError unless a claim names its estimand."""
    if not isinstance(estimand, Median | Mean | Share):
        raise TypeError(
            f"estimand must be MEDIAN (a typical run), Mean(rarest=...) (an expectation) or SHARE (reliability), got "
            f"{format_argument(estimand)}: say what the claim speaks of."
        )


def normal_share(distance: float) -> float:
    """Return the probability that a normal number lies at most this number of standard deviations above its mean."""
    import scipy.special

    return float(scipy.special.ndtr(distance))


def _power_of_share(share, threshold, seeds, confidence) -> float:
    """Return the probability that the lower limit of Clopper and Pearson lies above a threshold.

    It does from the number of successes on that are improbable enough if the threshold is true.
    """
    import scipy.special

    def is_enough(successes):
        return scipy.special.bdtrc(successes - 1, seeds, threshold) < (1 - confidence) / 2

    enough = 1 + bisect.bisect_left(range(1, seeds + 1), True, key=is_enough)
    return float(scipy.special.bdtrc(enough - 1, seeds, share)) if enough <= seeds else 0.0


def _fewest(power_of: Callable[[int], float]) -> int | None:
    """Return about the smallest number of seeds with the planned power, or None if 100,000 are too few."""
    numbers = range(2, MAX_SEEDS + 1)
    fewest = bisect.bisect_left(numbers, True, key=lambda seeds: power_of(seeds) >= POWER)
    return numbers[fewest] if fewest < len(numbers) else None
