"""Errors relative to the largest entry of a reference, and the place of the largest."""

from typing import Any

import numpy as np


def relative_error(values: Any, reference: Any, extra_scale: float = 0.0) -> float:
    """Compute max|a - b| / (max|b| + extra_scale), where NaN equals NaN and nothing else.

    Args:
        values: Array a.
        reference: Array b of the same shape. `max_magnitude` computes max|b|.
        extra_scale: Number added to the scale of the reference, for references that are 0 up to rounding.

    Returns:
        The relative error; infinity if NaN or infinity occurs in one of the arrays only.

    Example:
        >>> from jaxdl import derivation
        >>> round(derivation.relative_error([1.0, 3.0], [1.0, 4.0]), 3)
        0.25
        >>> derivation.relative_error([np.nan, 1.0], [np.nan, 1.0])
        0.0
    """
    gap = _gaps(values, reference).max(initial=0.0)
    return float("inf" if np.isnan(gap) else gap / (max_magnitude(reference) + extra_scale))


def max_magnitude(numbers: Any) -> float:
    """Compute max|b| over the finite entries, at least the smallest normal float32 number.

    Args:
        numbers: Array b.

    Returns:
        A positive number, also for zeros and empty arrays.

    Example:
        >>> from jaxdl import derivation
        >>> derivation.max_magnitude([1.0, -3.0, np.inf])
        3.0
    """
    numbers = np.asarray(numbers, np.float64)
    return float(np.abs(numbers[np.isfinite(numbers)]).max(initial=np.finfo(np.float32).tiny))


def describe_largest_difference(name: str, values: Any, reference: Any) -> str:
    """Describe where two arrays differ most, as "W1[0, 2]: 0.5 by hand, 1 by jax".

    Args:
        name: Name of the array.
        values: The hand-derived array.
        reference: The array of the same shape that jax computes.

    Returns:
        The place and both values, with as many digits as are needed to tell them apart.

    Example:
        >>> from jaxdl.derivation.relative_errors import describe_largest_difference
        >>> describe_largest_difference("W1", [[1.0, 2.0]], [[1.0, 4.0]])
        'W1[0, 1]: 2 by hand, 4 by jax'
    """
    gaps = _gaps(values, reference)
    place = np.unravel_index(np.argmax(gaps), gaps.shape)  # NaN counts as the largest
    by_hand, by_jax = (float(np.asarray(array, np.float64)[place]) for array in (values, reference))
    texts = ((f"{by_hand:.{digits}g}", f"{by_jax:.{digits}g}") for digits in range(4, 18))
    hand_text, jax_text = next((pair for pair in texts if pair[0] != pair[1]), (repr(by_hand), repr(by_jax)))
    indices = f"[{', '.join(map(str, place))}]" if place else ""
    return f"{name}{indices}: {hand_text} by hand, {jax_text} by jax"


def _gaps(values, reference) -> np.ndarray:
    """Return |a - b| for every entry; 0 where both are NaN or the same infinity, NaN where only one is not finite."""
    values, reference = np.asarray(values, np.float64), np.asarray(reference, np.float64)
    with np.errstate(invalid="ignore"):
        same = (values == reference) | (np.isnan(values) & np.isnan(reference))
        return np.where(same, 0.0, np.abs(values - reference))
