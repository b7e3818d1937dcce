"""Results of one method, and of two methods that ran with the same seeds."""

import math
from typing import NamedTuple

import numpy as np

from jaxdl._display import line_repr
from jaxdl._formatting import format_argument
from jaxdl._types import ArrayLike
from jaxdl.statistics._arguments import check_number, checked_level, to_finite_values
from jaxdl.statistics.intervals import mean_interval, sign_flip_interval
from jaxdl.statistics.planning import MAX_SEEDS, seeds_needed


class PairedComparison(NamedTuple):
    """Comparison of two methods that ran with the same seeds; `str` gives it as a sentence.

    Attributes:
        difference: Mean of a - b over the seeds.
        difference_low: Lower limit of the confidence interval of the mean difference.
        difference_high: Upper limit of the confidence interval of the mean difference.
        share_favoring_a: Share of the seeds with the better value for a; an equal pair counts half.
        seeds: Number of seeds.
        effect: True mean difference, without its sign, that `seeds_needed` is for.
        seeds_needed: Seeds that detect the effect with a probability of about 80 %, or None if 100,000 are too few.
        level: Confidence level of the interval.
    """

    difference: float
    difference_low: float
    difference_high: float
    share_favoring_a: float
    seeds: int
    effect: float
    seeds_needed: int | None
    level: float

    def __str__(self) -> str:
        needed = f"more than {MAX_SEEDS:,}" if self.seeds_needed is None else f"about {self.seeds_needed:,}"
        return (
            f"a − b: mean {self.difference:.4g}, {100 * self.level:.4g} % interval {self.difference_low:.4g} to "
            f"{self.difference_high:.4g}; a is better for {100 * self.share_favoring_a:.3g} % of {self.seeds} seeds; a "
            f"difference of {self.effect:.4g} takes {needed} seeds"
        )

    __repr__ = line_repr


class Summary(NamedTuple):
    """Summary of the results of one method; `str` gives it as a sentence.

    Attributes:
        n: Number of values.
        mean: Mean of the values.
        mean_low: Lower limit of the confidence interval of the mean.
        mean_high: Upper limit of the confidence interval of the mean.
        median: Median of the values.
        level: Confidence level of the interval.
    """

    n: int
    mean: float
    mean_low: float
    mean_high: float
    median: float
    level: float

    def __str__(self) -> str:
        return (
            f"mean {self.mean:.4g}, {100 * self.level:.4g} % interval {self.mean_low:.4g} to {self.mean_high:.4g}; "
            f"median {self.median:.4g}; {self.n} values"
        )

    __repr__ = line_repr


def summary(values: ArrayLike, *, level: float = 0.95) -> Summary:
    r"""Summarize independent results, such as one score for each seed.

    Args:
        values: $n \ge 2$ finite numbers.
        level: Confidence level of Student's interval for the mean (`mean_interval`), between 0 and 1.

    Returns:
        Mean with its interval, median, and number of values.

    Raises:
        ValueError: There are fewer than two values, one is NaN or infinite, they are not one-dimensional, or the level
            is not between 0 and 1.

    Example:
        >>> from jaxdl import statistics
        >>> found = statistics.summary([1, 2, 3, 4, 5])
        >>> found
        Summary(n=5, mean=3, mean_low=1.037, mean_high=4.963, median=3, level=0.95)
        >>> print(found)
        mean 3, 95 % interval 1.037 to 4.963; median 3; 5 values
    """
    values = to_finite_values("values", values)
    mean, low, high = mean_interval(values, level=checked_level(level))
    return Summary(len(values), mean, low, high, float(np.median(values)), level)


def compare(
    a: ArrayLike,
    b: ArrayLike,
    *,
    effect: float | None = None,
    larger_is_better: bool = True,
    level: float = 0.95,
) -> PairedComparison:
    r"""Compare two methods that ran with the same seeds.

    The interval of the mean difference is that of the sign-flip test (`sign_flip_interval`), which assumes independent
    seeds and differences distributed symmetrically about their mean. Its limits are infinite for fewer than 6 seeds at
    the level 0.95. If the interval excludes 0, the methods differ at this level.

    Args:
        a: Results of the first method, one for each of $n \ge 2$ seeds.
        b: Results of the second method, of the same seeds in the same order.
        effect: True mean difference, above 0, that further seeds should detect. Default: the observed mean difference,
            which is itself uncertain; better give the smallest difference that matters.
        larger_is_better: False for losses and errors.
        level: Confidence level of the interval, between 0 and 1.

    Returns:
        Mean difference a - b with its interval, share of the seeds that favor a, and the number of seeds with which
        the interval would exclude 0 in about 80 % of repetitions: that of `seeds_needed` for the standard deviation of
        the differences, but at least as many as the sign-flip test needs to reject anything.

    Raises:
        ValueError: The lengths differ, there are fewer than two seeds, a value is NaN or infinite, the values are not
            one-dimensional, the effect is not above 0, or the level is not between 0 and 1.

    References:
        Fisher, *The design of experiments* (1935), section 21.

    Example:
        >>> from jaxdl import statistics
        >>> a, b = [0.91, 0.93, 0.92, 0.95, 0.94, 0.96], [0.90, 0.91, 0.92, 0.91, 0.93, 0.92]
        >>> found = statistics.compare(a, b, effect=0.01)
        >>> print(found)
        a − b: mean 0.02, 95 % interval 0 to 0.04; a is better for 91.7 % of 6 seeds; a difference of 0.01 takes about
        24 seeds
        >>> found.difference > 0, found.seeds_needed
        (True, 24)
    """
    a, b = to_finite_values("a", a), to_finite_values("b", b)
    if len(a) != len(b):
        raise ValueError(
            f"a and b must have one value for each seed, in the same order, but a has {len(a)} values and b has "
            f"{len(b)}: drop the seeds that only one of them has."
        )
    if not isinstance(larger_is_better, bool | np.bool_):
        raise TypeError(f"larger_is_better must be True or False, got {format_argument(larger_is_better)}.")
    check_number("effect", 0.0 if effect is None else effect)
    if effect is not None and not 0 < effect < np.inf:
        raise ValueError(f"effect must be above 0 and finite, got {effect}: give a difference without its sign.")
    differences = a - b
    mean, low, high = sign_flip_interval(differences, level=checked_level(level))
    better = differences if larger_is_better else -differences
    share = float((better > 0).mean() + (better == 0).mean() / 2)
    detected = abs(mean) if effect is None else float(effect)
    needed = seeds_needed(detected, float(differences.std(ddof=1)), level=level)
    if needed is not None:
        needed = max(needed, math.ceil(math.log2(2 / (1 - level))))  # with fewer, the sign-flip interval is infinite
    return PairedComparison(mean, low, high, share, len(a), detected, needed, level)
