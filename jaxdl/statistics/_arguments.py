"""Checks of the arguments of statistics."""

import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxdl._formatting import format_argument


def to_numbers(name, values) -> np.ndarray:
    """Return values as float64. Raises TypeError if they are not numbers, and ValueError if some are masked."""
    if np.ma.is_masked(values):
        raise ValueError(f"{name} must not hold masked numbers, got {np.ma.count_masked(values)}: leave them out.")
    advice = "give one number for each seed"
    if hasattr(values, "best") and hasattr(values, "history"):
        advice = "give one number for each member, such as a column of fit.table()"
    elif isinstance(values, Mapping):
        advice = "give its numbers, such as list(scores.values())"
    try:
        found = np.asarray(values)  # NumPy reads texts as numbers, and None as NaN, if it is asked for float64
        if isinstance(values, str | Mapping) or hasattr(values, "_fields") or found.dtype.kind in "OSUc":
            raise TypeError
        return np.asarray(found, np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be numbers, got {format_argument(values)}: {advice}.") from None


def to_vector(name, values, least="one number") -> np.ndarray:
    """Return a vector of at least one number, or "two values", as float64. Raises ValueError otherwise."""
    values = to_numbers(name, values)
    if values.ndim != 1 or len(values) < (1 if least == "one number" else 2):
        raise ValueError(
            f"{name} must be one-dimensional with at least {least}, got the shape {values.shape}: give one number for "
            "each seed."
        )
    return values


def to_finite_values(name, values) -> np.ndarray:
    """Return at least two finite numbers as float64. Raises ValueError otherwise."""
    values = to_vector(name, values, "two values")
    wrong = int((~np.isfinite(values)).sum())
    if wrong:
        raise ValueError(
            f"{name} must hold finite numbers, but {wrong} of {len(values)} are NaN or infinite: report these runs "
            "separately, and leave their seeds out."
        )
    return values


def check_number(name: str, number: Any) -> None:
    """Raise TypeError unless a setting is a number."""
    if not isinstance(number, numbers.Real) and not hasattr(number, "dtype"):
        raise TypeError(f"{name} must be a number, got {format_argument(number)}.")


def checked_level(level) -> float:
    """Return a confidence level. Raises TypeError or ValueError unless it is a number between 0 and 1."""
    if not isinstance(level, numbers.Real) and not hasattr(level, "dtype"):
        raise TypeError(f"level must be a number, got {format_argument(level)}: give 0.95 for 95 %.")
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level}: give 0.95 for 95 %.")
    return level


def special() -> Any:
    """Import and return scipy.special, which takes half a second; scipy.stats takes 1.5 s."""
    import scipy.special

    return scipy.special
