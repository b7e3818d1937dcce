"""What the settings of every model must be; told at once, where they are given."""

import numbers
from typing import Any


def check_size(name: str, size: Any) -> None:
    """Refuse what is no whole number of at least 1: TypeError, or ValueError below 1."""
    if not isinstance(size, numbers.Integral):
        raise TypeError(f"{name} must be a whole number, but was {size!r}.")
    if size < 1:
        raise ValueError(f"{name} must be at least 1, but was {size}.")


def checked_sizes(name: str, given: Any, *, count: int | None = None) -> tuple[int, ...]:
    """A list or tuple as a tuple. Refuses what holds no whole numbers of at least 1, or another count of them."""
    if not isinstance(given, list | tuple):
        raise TypeError(f"{name} must be a tuple of whole numbers, but was {given!r}: write one as ({given!r},).")
    sizes = tuple(given)
    for size in sizes:
        check_size(f"each of {name} {sizes}", size)
    if count is not None and len(sizes) != count:
        raise ValueError(f"{name} must be {count} numbers, but was {sizes}.")
    return sizes


def check_function(name: str, function: Any) -> None:
    """Refuse, with TypeError, what cannot be called, such as the name of a function."""
    if not callable(function):
        raise TypeError(f"{name} must be a function, but was {function!r}: give the function itself, not its name.")


def check_rate(dropout_rate: float) -> None:
    """Refuse, with ValueError, what is no rate of dropout."""
    if not 0 <= dropout_rate < 1:
        raise ValueError(f"dropout_rate must be at least 0 and below 1, but was {dropout_rate}.")
