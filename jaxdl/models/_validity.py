"""Checks of the settings of models. They run when a model is built, before any array exists."""

import inspect
import numbers
from typing import Any

import jax
import numpy as np
from jax.core import Tracer

from jaxdl._formatting import MAX_VALUES, format_argument
from jaxdl.functional._validity import check, check_number


def check_size(name: str, size: Any) -> None:
    """Raise TypeError if `size` is not an integer, and ValueError if it is below 1."""
    if isinstance(size, Tracer):
        raise TypeError(
            f"{name} must be an integer, got a number that jax traces: the shapes of a program are fixed. To train "
            "hidden layers of several sizes in one population, use models.mlp_of_sizes."
        )
    if not isinstance(size, numbers.Integral):
        raise TypeError(f"{name} must be an integer, got {shown(size)}.")
    if size < 1:
        raise ValueError(f"{name} must be at least 1, got {size}.")


def check_outputs(outputs: Any) -> None:
    """Raise unless the number of outputs is None or an integer of at least 1."""
    if outputs is not None:
        check_size("outputs", outputs)


def lacks_outputs(init: Any) -> bool:
    """Return whether a model's `init` does not know the number of outputs: its parameter `outputs` is None."""
    try:
        parameter = inspect.signature(init).parameters.get("outputs")
    except (TypeError, ValueError):  # not a function, or one of C code
        return False
    return parameter is not None and parameter.default is None


def checked_sizes(name: str, sizes: Any, *, count: int | None = None) -> tuple[int, ...]:
    """Return a list or tuple of integers of at least 1 as a tuple; raise for anything else or another length."""
    if not isinstance(sizes, list | tuple):
        one = sizes if isinstance(sizes, numbers.Integral) else 64
        raise TypeError(f"{name} must be a tuple of integers, got {shown(sizes)}. Write one integer as ({one},).")
    sizes = tuple(sizes)
    for size in sizes:
        check_size(f"every entry of {name}" + ("" if isinstance(size, Tracer) else f"={sizes}"), size)
    if count is not None and len(sizes) != count:
        raise ValueError(f"{name} must have {count} entries, got {sizes}.")
    return sizes


def check_function(name: str, function: Any) -> None:
    """Raise TypeError if `function` is not callable."""
    if not callable(function):
        raise TypeError(f"{name} must be a function, got {shown(function)}. Pass the function itself, not its name.")


def check_flag(name: str, flag: Any) -> None:
    """Raise TypeError unless `flag` is True or False."""
    if not isinstance(flag, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {shown(flag)}.")


def check_dropout_rate(dropout_rate: Any) -> None:
    """Raise TypeError if the rate is not a number, and ValueError if it is outside [0, 1); skip a traced rate."""
    check_number("dropout_rate", dropout_rate)
    condition = (dropout_rate >= 0) & (dropout_rate < 1)
    check(condition, f"dropout_rate must be at least 0 and below 1, got {dropout_rate}.")


def is_zero(dropout_rate: Any) -> bool:
    """Return whether the rate is the number 0; an array may be traced, because a population can map it."""
    return not isinstance(dropout_rate, jax.Array) and bool(dropout_rate == 0)


def shown(value: Any) -> str:
    """Return a short value as it is, and describe a long one."""
    text = repr(value)
    return text if len(text) <= MAX_VALUES and "\n" not in text else format_argument(value)
