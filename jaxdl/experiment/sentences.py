"""Comparisons and powers as sentences."""

from collections.abc import Callable

import numpy as np

from jaxdl._formatting import format_argument
from jaxdl.experiment.claim import Arm, Comparison, number_text
from jaxdl.experiment.columns import label_of_difference
from jaxdl.experiment.estimands import POWER
from jaxdl.experiment.paired import DIFFERENCE, RATIO


def describe_comparison(comparison: Comparison, name_of: Callable[[Arm], str]) -> str:
    """Describe a comparison in a sentence: estimate, confidence interval and threshold.

    Args:
        comparison: A comparison of a verdict.
        name_of: Gives the label of an arm, such as `Experiment.name_of`.

    Example:
        >>> from jaxdl.experiment import MEDIAN, Greater, describe_comparison
        >>> rule, linear = Greater("mlp", "linear", 0.05, MEDIAN), np.linspace(0.78, 0.82, 8)
        >>> verdict = rule.judge({"mlp": linear + 0.1, "linear": linear}, 0.9)
        >>> describe_comparison(verdict.comparisons[0], str)
        'mlp − linear: median 0.1, 90 % interval 0.1 to 0.1, threshold 0.05.'
    """
    if not isinstance(comparison, Comparison):
        raise TypeError(
            f"comparison must be a Comparison, got {format_argument(comparison)}: pass one of verdict.comparisons."
        )
    scale = RATIO if comparison.scale == RATIO.name else DIFFERENCE
    compared = label_of_difference(comparison.arm, comparison.reference, scale.sign, name_of)
    limits = [_number(limit) for limit in (comparison.estimate, comparison.low, comparison.high)]
    estimand = comparison.estimand + (":" if comparison.estimand.startswith("share of") else "")
    sentence = (
        f"{compared}: {estimand} {limits[0]}, {100 * comparison.confidence:.4g} % interval {limits[1]} to "
        f"{limits[2]}, threshold {number_text(comparison.margin)}."
    )
    is_small = (
        comparison.reference is not None and scale.neutral < comparison.low <= comparison.high <= comparison.margin
    )
    if comparison.outcome == "refuted" and is_small:
        sentence += f" The {scale.name} is significant, but smaller than what matters."
    if comparison.failed:
        sentence += f" For {comparison.failed} seeds a run failed."
    if comparison.outcome == "inconclusive" and comparison.needed:
        sentence += f" Deciding needs about {comparison.needed:,} seeds."
    return sentence


def describe_power(power: float | None, seeds: int) -> str:
    """Describe the power that a claim is planned with."""
    if power is None:
        return "No power was planned"
    less = f", less than the planned {POWER:.1%}" if power < POWER else ""
    return f"With {seeds} seeds, the power at the stated effect is {power:.1%}{less}"


def _number(value) -> str:
    if np.isinf(value):
        return "∞" if value > 0 else "−∞"
    return "undefined" if np.isnan(value) else f"{value:.3g}"
