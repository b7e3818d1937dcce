"""Statistics of a few seeds: comparisons, confidence and prediction intervals, power, and number of seeds to run."""

import bisect
import functools
import math
import numbers
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from jaxdl._display import line_repr, short_repr
from jaxdl._formatting import format_argument, is_integer
from jaxdl._names import offer_public_names
from jaxdl._types import ArrayLike

__all__ = [
    "Interval",
    "PairedComparison",
    "Summary",
    "bootstrap_interval",
    "compare",
    "conformal_radius",
    "mean_interval",
    "mean_intervals",
    "power",
    "proportion_interval",
    "seeds_needed",
    "sign_flip_interval",
    "summary",
]

offer_public_names(__name__)

MAX_ENUMERATED = 16  # with up to 16 values all 2^16 - 1 subsets are used; with more, as many are sampled
MAX_SEEDS = 100_000


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
    values = _numbers("values", values)
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
    values, level = _numbers("values", values), _checked_level(level)
    if not values.size:
        raise ValueError(f"values must hold at least one number, got the shape {values.shape}.")
    if values.ndim == 0:
        raise ValueError("values must have the shape (n, ...), got a single number: give one number for each seed.")
    if np.shape(within) != (2,):
        raise ValueError(f"within must be two bounds, such as (0, 1) for an accuracy, got {within}.")
    mean = values.mean(axis=0)
    if len(values) < 2:
        return Interval(mean, np.full_like(mean, np.nan), np.full_like(mean, np.nan))
    half_width = (
        _special().stdtrit(len(values) - 1, (1 + level) / 2) * values.std(axis=0, ddof=1) / np.sqrt(len(values))
    )
    return Interval(mean, np.maximum(mean - half_width, within[0]), np.minimum(mean + half_width, within[1]))


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
    values, level = _vector("values", values), _checked_level(level)
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

    values, level = _vector("values", values), _checked_level(level)
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
    tail, failures = (1 - _checked_level(level)) / 2, trials - successes
    low = _special().betaincinv(successes, failures + 1, tail) if successes else 0.0
    high = _special().betaincinv(successes + 1, failures, 1 - tail) if failures else 1.0
    return Interval(successes / trials, float(low), float(high))


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
        ValueError: The spread is not above 0, there are fewer than 2 seeds, or the level is not between 0 and 1.

    Example:
        To detect an effect of half a standard deviation four times out of five takes 34 seeds:

        >>> from jaxdl import statistics
        >>> round(statistics.power(0.5, 1.0, 34), 2), round(statistics.power(0.5, 1.0, 10), 2)
        (0.81, 0.29)
    """
    _check_numbers(effect=effect, spread=spread, seeds=seeds)
    if not spread > 0:
        raise ValueError(f"spread must be above 0, got {spread}.")
    if not seeds >= 2:
        raise ValueError(f"seeds must be at least 2, got {seeds}: one difference has no standard deviation.")
    critical = _special().stdtrit(seeds - 1, (1 + _checked_level(level)) / 2)
    return float(1 - _special().nctdtr(seeds - 1, effect / spread * np.sqrt(seeds), critical))


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
    _checked_level(level)
    _check_numbers(distance=distance, spread=spread)
    if spread < 0:
        raise ValueError(f"spread must be a standard deviation of at least 0, got {spread}.")
    if not distance > 0:
        return None

    def is_enough(seeds):
        critical, quantile = (_special().stdtrit(seeds - 1, share) for share in ((1 + level) / 2, 0.8))
        return distance * np.sqrt(seeds) >= (critical + quantile) * spread

    numbers = range(2, MAX_SEEDS + 1)
    fewest = bisect.bisect_left(numbers, True, key=is_enough)
    return numbers[fewest] if fewest < len(numbers) else None


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
    values = _finite_values("values", values)
    mean, low, high = mean_interval(values, level=_checked_level(level))
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
    a, b = _finite_values("a", a), _finite_values("b", b)
    if len(a) != len(b):
        raise ValueError(
            f"a and b must have one value for each seed, in the same order, but a has {len(a)} values and b has "
            f"{len(b)}: drop the seeds that only one of them has."
        )
    _check_numbers(effect=0.0 if effect is None else effect)
    if effect is not None and not 0 < effect < np.inf:
        raise ValueError(f"effect must be above 0 and finite, got {effect}: give a difference without its sign.")
    differences = a - b
    mean, low, high = sign_flip_interval(differences, level=_checked_level(level))
    better = differences if larger_is_better else -differences
    share = float((better > 0).mean() + (better == 0).mean() / 2)
    detected = abs(mean) if effect is None else float(effect)
    needed = seeds_needed(detected, float(differences.std(ddof=1)), level=level)
    if needed is not None:
        needed = max(needed, math.ceil(math.log2(2 / (1 - level))))  # with fewer, the sign-flip interval is infinite
    return PairedComparison(mean, low, high, share, len(a), detected, needed, level)


def _numbers(name, values) -> np.ndarray:
    """Return values as float64. Raises TypeError if they are not numbers, and ValueError if some are masked."""
    if np.ma.is_masked(values):
        raise ValueError(f"{name} must not hold masked numbers, got {np.ma.count_masked(values)}: leave them out.")
    advice = "give one number for each seed"
    if hasattr(values, "best") and hasattr(values, "history"):
        advice = "give one number for each member, such as a column of fit.table()"
    elif isinstance(values, Mapping):
        advice = "give its numbers, such as list(scores.values())"
    try:
        if isinstance(values, str | Mapping) or hasattr(values, "_fields"):
            raise TypeError
        return np.asarray(values, np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be numbers, got {format_argument(values)}: {advice}.") from None


def _vector(name, values, least="one number") -> np.ndarray:
    """Return a vector of at least one number, or "two values", as float64. Raises ValueError otherwise."""
    values = _numbers(name, values)
    if values.ndim != 1 or len(values) < (1 if least == "one number" else 2):
        raise ValueError(
            f"{name} must be one-dimensional with at least {least}, got the shape {values.shape}: give one number for "
            "each seed."
        )
    return values


def _finite_values(name, values) -> np.ndarray:
    """Return at least two finite numbers as float64. Raises ValueError otherwise."""
    values = _vector(name, values, "two values")
    wrong = int((~np.isfinite(values)).sum())
    if wrong:
        raise ValueError(
            f"{name} must hold finite numbers, but {wrong} of {len(values)} are NaN or infinite: report these runs "
            "separately, and leave their seeds out."
        )
    return values


def _check_numbers(**settings) -> None:
    for name, number in settings.items():
        if not isinstance(number, numbers.Real) and not hasattr(number, "dtype"):
            raise TypeError(f"{name} must be a number, got {format_argument(number)}.")


def _checked_level(level) -> float:
    if not isinstance(level, numbers.Real) and not hasattr(level, "dtype"):
        raise TypeError(f"level must be a number, got {format_argument(level)}: give 0.95 for 95 %.")
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level}: give 0.95 for 95 %.")
    return level


def conformal_radius(residuals: ArrayLike, *, weights: ArrayLike | None = None, level: float = 0.9) -> float:
    r"""Compute the half-width of prediction intervals by split conformal prediction.

    Among $n$ absolute residuals $|y_i - \hat y_i|$ of examples that were not trained on, it is the $k$-th smallest,
    $k = \lceil (n + 1)\,\mathrm{level} \rceil$. The interval $\hat y \pm$ radius then contains a new label with a
    probability of at least `level`, on average over residuals and new examples, if new examples and those of the
    residuals are exchangeable, for example independent and of the same distribution. Nothing else is assumed.

    With weights $w_i$ it is the smallest residual $r$ with $\sum_{|y_i - \hat y_i| \le r} w_i \ge \mathrm{level}\,
    (\sum_i w_i + \max_i w_i)$. This holds for new examples of another distribution, if the weights are proportional to
    the ratio of its density to that of the residuals, and that of the new example is at most the largest of them.

    Args:
        residuals: Differences of $n \ge 1$ labels from their predictions; their signs do not matter.
        weights: Weights of the residuals, at least 0. Default: equal weights.
        level: Probability to cover a new label, between 0 and 1.

    Returns:
        The radius; infinity if $n < \mathrm{level} / (1 - \mathrm{level})$, which is fewer than 9 for the level 0.9.

    Raises:
        ValueError: There is no residual, one is NaN, they are not one-dimensional, the weights do not fit, or the level
            is not between 0 and 1.

    References:
        Lei, G'Sell, Rinaldo, Tibshirani and Wasserman, *Distribution-free predictive inference for regression* (2018),
        algorithm 2.
        Tibshirani, Foygel Barber, Candès and Ramdas, *Conformal prediction under covariate shift* (2019), equation 7.

    Example:
        Nine of the nine residuals are needed for 90 %, and five of them for 50 %:

        >>> from jaxdl import statistics
        >>> residuals = [-4.0, 1.0, 3.0, -2.0, 5.0, 6.0, -7.0, 8.0, 9.0]
        >>> statistics.conformal_radius(residuals), statistics.conformal_radius(residuals, level=0.5)
        (9.0, 5.0)
        >>> statistics.conformal_radius(residuals, level=0.95)
        inf
    """
    residuals = np.abs(_numbers("residuals", residuals))
    if residuals.ndim != 1 or len(residuals) == 0 or np.isnan(residuals).any():
        raise ValueError(
            f"residuals must be one-dimensional with at least one number and without NaN, got the shape "
            f"{residuals.shape} with {int(np.isnan(residuals).sum())} NaN: give one residual for each example."
        )
    weights = np.ones(len(residuals)) if weights is None else _numbers("weights", weights)
    if weights.shape != residuals.shape or not (np.isfinite(weights).all() and weights.min() >= 0 and weights.any()):
        raise ValueError(
            f"weights must be finite, at least 0 and not all 0, one for each residual, got the shape {weights.shape}."
        )
    order = np.argsort(residuals)
    shares = weights[order].cumsum() / (weights.sum() + weights.max())
    first = int(np.searchsorted(shares, _checked_level(level) - 1e-12))  # 100 * 0.55 is 55, not a little more
    return float(residuals[order[first]]) if first < len(order) else math.inf


def _special() -> Any:
    """Import and return scipy.special, which takes half a second; scipy.stats takes 1.5 s."""
    import scipy.special

    return scipy.special
