"""Paired comparisons, which statistical rules share: scale, differences, interval, checks and power."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from jaxdl._formatting import format_argument
from jaxdl.experiment.claim import Arm, Comparison, Measured, Verdict, number_text
from jaxdl.experiment.columns import arms_in, check_quantity, label_of_difference, numbers_of
from jaxdl.experiment.estimands import SHARE, Mean, check_estimand
from jaxdl.statistics import Interval


class Scale(NamedTuple):
    """Scale on which two arms are compared: the interval is computed for differences of transformed numbers.

    Attributes:
        name: Name of the result, such as "difference".
        sign: Operator between two arms in a text, such as "−".
        transform: Applied to the numbers before they are subtracted.
        inverse: Applied to the difference, to report it.
    """

    name: str
    sign: str
    transform: Callable[[Any], Any]
    inverse: Callable[[Any], Any]

    @property
    def neutral(self) -> float:
        """Result for two equal arms: 0 for a difference, 1 for a ratio."""
        return float(self.inverse(0.0))


ROUNDING = 1e-6  # relative errors of float32 up to which a difference equals a threshold
DIFFERENCE = Scale("difference", "−", lambda numbers: numbers, lambda number: number)
RATIO = Scale("ratio", "/", np.log, np.exp)


def halved(confidence: float, parts: int = 2) -> float:
    """Return the confidence level at which each of several tests takes an equal part of the significance level."""
    return 1 - (1 - confidence) / parts


def compared(test: Any, name_of: Callable[[Arm], str]) -> str:
    """Name the quantity that the interval of a statistical rule is about, such as "mlp − linear"."""
    return label_of_difference(test.arm, test.reference, test.scale.sign, name_of)


def interval_of(test: Any, name_of: Callable[[Arm], str]) -> str:
    """Name the interval that decides a statistical rule."""
    return f"the confidence interval of the {estimand_name(test)} of {compared(test, name_of)}"


def estimand_name(test: Any) -> str:
    """Name the estimand of a statistical rule: the mean of logarithms is a geometric mean."""
    is_geometric = test.scale is RATIO and isinstance(test.estimand, Mean)
    return "geometric mean" if is_geometric else test.estimand.name


def differences_of(test: Any, measured: Measured) -> np.ndarray:
    """Return the paired differences on the scale of a rule: NaN where both runs failed.

    Raises ValueError for a ratio of numbers that are not positive.
    """
    values = numbers_of(test.arm, measured)
    reference = numbers_of(0.0 if test.reference is None else test.reference, measured)
    if values.ndim == reference.ndim == 1 and len(values) != len(reference):
        raise ValueError(
            f"both arms must have one number for each seed, got {len(values)} for {test.arm!r} and {len(reference)} "
            f"for {test.reference!r}: measure them with the same keys."
        )
    if test.scale is not DIFFERENCE:
        lowest = min(values[~np.isneginf(values)].min(initial=1.0), reference[~np.isneginf(reference)].min(initial=1.0))
        if not lowest > 0:
            raise ValueError(f"numbers must be positive for a ratio, got {lowest}: compare them by their difference.")
        values, reference = (np.where(np.isneginf(numbers), 0.0, numbers) for numbers in (values, reference))
    with np.errstate(invalid="ignore", divide="ignore"):  # ∞ − ∞, where both failed
        differences = test.scale.transform(values) - test.scale.transform(reference)
    largest = 1.0 if test.scale is not DIFFERENCE else np.maximum(np.abs(values), np.abs(reference))
    return _snapped(np.atleast_1d(differences), np.where(np.isfinite(largest), largest, 0.0), test)


def _snapped(differences, largest, test) -> np.ndarray:
    """Return differences that equal a threshold of the rule up to rounding errors as that threshold."""
    marks = [getattr(test, name, None) for name in ("margin", "tolerance")]
    for mark in (float(test.scale.transform(each)) for each in marks if each is not None):
        for threshold in (mark, -mark):
            near = np.abs(differences - threshold) <= ROUNDING * np.maximum(largest, abs(threshold))
            differences = np.where(near, threshold, differences)
    return differences


def compare(
    test: Any, measured: Measured, confidence: float, threshold: float, decide: Callable[[float, float], str]
) -> Verdict:
    """Compute the interval of a statistical rule, seed by seed, and decide by its limits."""
    differences = differences_of(test, measured)
    interval: Interval = test.estimand.interval(differences, confidence)
    outcome = decide(interval.low, interval.high)
    inverse = test.scale.inverse
    needed = None
    if outcome == "inconclusive":
        nearest = threshold if not hasattr(test, "max_share") or interval.estimate >= 0 else -threshold
        needed = test.estimand.seeds_needed(differences, nearest, confidence)
    comparison = Comparison(
        arm=test.arm,
        reference=test.reference,
        scale=test.scale.name,
        estimand=estimand_name(test),
        estimate=float(inverse(interval.estimate)),
        low=float(inverse(interval.low)),
        high=float(inverse(interval.high)),
        confidence=confidence,
        margin=float(inverse(threshold)),
        outcome=outcome,
        needed=needed,
        failed=int((~np.isfinite(differences)).sum()),
        two_sided=hasattr(test, "max_share"),
        differences=tuple(float(inverse(value)) for value in differences),
    )
    return Verdict(outcome, "", (comparison,))


def compared_arms(test: Any) -> list[Arm]:
    """Return the arms that a statistical rule reads."""
    return [*arms_in(test.arm), *arms_in(test.reference)]


def check_comparison(test: Any, margin: str, *, at_least: bool) -> None:
    """Raise TypeError or ValueError unless arms, margin, estimand, standard deviation and scale can be right."""
    check_estimand(test.estimand)
    check_quantity("arm", test.arm)
    if test.reference is not None:
        check_quantity("reference", test.reference)
    if test.arm == test.reference:
        raise ValueError(f"arm and reference must differ, got {test.arm!r} twice.")
    if not isinstance(test.scale, Scale):
        raise TypeError(f"scale must be DIFFERENCE or RATIO, got {format_argument(test.scale)}.")
    for name, value in ((margin, test.margin), ("expected_sd", test.expected_sd)):
        if name and value is not None:
            check_finite(name, value)
    if margin and not (test.margin >= test.scale.neutral if at_least else test.margin > test.scale.neutral):
        bound = "at least" if at_least else "greater than"
        raise ValueError(f"margin must be {bound} {test.scale.neutral:g} for a {test.scale.name}, got {test.margin}.")
    if test.expected_sd is not None and not test.expected_sd > 0:
        raise ValueError(f"expected_sd must be above 0, got {test.expected_sd}.")
    if test.estimand == SHARE and test.reference is not None:
        raise ValueError("a share must be compared with a number, by AtLeast: it counts the seeds of one arm.")


def check_effect(test, threshold) -> None:
    """Raise TypeError or ValueError unless the effect that the power is computed for lies beyond the threshold."""
    if test.effect is not None:
        check_finite("effect", test.effect)
        if not test.effect > threshold:
            raise ValueError(f"effect must be greater than {number_text(float(threshold))}, got {test.effect}.")
    if (test.effect is None) != (test.expected_sd is None) and test.estimand != SHARE:
        raise ValueError(
            f"effect and expected_sd must be given together, because the power needs both, got {test.effect} and "
            f"{test.expected_sd}."
        )


def check_finite(name: str, value: Any) -> None:
    """Raise TypeError unless a setting of a rule is a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not np.isfinite(value):
        raise TypeError(f"{name} must be a finite number, got {format_argument(value)}: write 0.01 for 1 %.")


def power_above(test: Any, threshold: float, seeds: int, confidence: float) -> float | None:
    """Return the power of a rule to find its effect above a threshold, or None if it does not state what it takes."""
    sd = 1.0 if test.estimand == SHARE else test.expected_sd
    if test.effect is None or sd is None:
        return None
    return test.estimand.power(float(test.scale.transform(test.effect)), threshold, sd, seeds, confidence)


def decided(supported: bool, refuted: bool) -> str:
    """Return the outcome of a rule of which at most one side holds."""
    return "supported" if supported else "refuted" if refuted else "inconclusive"
