"""Comparisons and powers as sentences."""

from collections.abc import Callable
from typing import Any

import numpy as np

from jaxdl._formatting import format_argument
from jaxdl.experiment.claim import Arm, Comparison, number_text
from jaxdl.experiment.columns import label_of_difference
from jaxdl.experiment.combined_rules import statistical_rules
from jaxdl.experiment.estimands import POWER
from jaxdl.experiment.paired import DIFFERENCE, RATIO
from jaxdl.statistics.planning import MAX_SEEDS

ROUNDING = 1e-5  # of a margin


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
    numbers = (comparison.estimate, comparison.low, comparison.high)
    limits = [_number(number, comparison.margin) for number in numbers]
    estimand = comparison.estimand + (":" if comparison.estimand.startswith("share of") else "")
    part = f"{comparison.part}: " if comparison.part else ""
    sentence = (
        f"{part}{compared}: {estimand} {limits[0]}, {100 * comparison.confidence:.4g} % interval {limits[1]} to "
        f"{limits[2]}, threshold {_threshold(comparison, scale)}."
    )
    is_small = (
        comparison.reference is not None and scale.neutral < comparison.low <= comparison.high <= comparison.margin
    )
    if comparison.outcome == "refuted" and is_small:
        sentence += f" The {scale.name} is significant, but smaller than what matters."
    if comparison.failed:
        sentence += f" For {comparison.failed} seeds a run failed."
    if comparison.outcome == "inconclusive" and comparison.differences:
        seeds = f"about {comparison.needed:,}" if comparison.needed else f"more than {MAX_SEEDS:,}"
        sentence += f" Deciding needs {seeds} seeds."
    return sentence


def describe_power(rule: Any, power: float | None, seeds: int) -> str:
    """Describe the power that a claim is planned with, and the effects that it is for."""
    if power is None:
        return "No power was planned"
    effects = [number_text(float(getattr(test, "effect", test.scale.neutral))) for test in statistical_rules(rule)]
    stated = f"a true effect of {effects[0]}" if len(effects) == 1 else f"true effects of {', '.join(effects)}"
    less = f", less than the planned {_percent(POWER)}" if power < POWER else ""
    return f"With {seeds} seeds, the power at {stated} is {_percent(power)}{less}"


def _percent(power) -> str:
    return "above 99.9 %" if power > 0.999 else f"{100 * power:.1f} %"


def _threshold(comparison, scale) -> str:
    """Return the threshold, on both sides of equality if it holds on both."""
    margin = number_text(comparison.margin)
    if not comparison.two_sided:
        return margin.replace("-", "−")
    return f"{number_text(1 / comparison.margin)} and {margin}" if scale is RATIO else f"±{margin}"


def _number(value, margin) -> str:
    """Return a number with three digits; one that is small beside the margin, because of rounding errors, is 0."""
    if np.isinf(value):
        return "∞" if value > 0 else "−∞"
    if abs(value) < ROUNDING * abs(margin):
        return "0"
    return "undefined" if np.isnan(value) else f"{value:.3g}".replace("-", "−")
