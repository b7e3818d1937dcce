"""Checks of the arguments of the functions on data sets, before anything is computed."""

import numbers
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from jaxdl._formatting import format_argument, is_integer
from jaxdl.data.dataset import Dataset, Split, check_unmasked
from jaxdl.functional._validity import check, check_number
from jaxdl.system.keys import is_key


def check_key(key: Any) -> None:
    """Raise TypeError unless `key` is a random key, typed or legacy, and ValueError if it is an array of keys."""
    is_legacy = getattr(key, "dtype", None) == np.uint32 and np.shape(key)[-1:] == (2,)
    if not (is_key(key) or is_legacy):
        swapped = isinstance(key, Dataset | Split) or getattr(key, "ndim", 0) > 0
        advice = "the key comes before the data" if swapped else "make one with jax.random.key(0)"
        raise TypeError(f"key must be a random key, got {format_argument(key)}: {advice}.")
    if key.ndim > is_legacy:
        raise ValueError(f"key must be a single key, got keys of the shape {key.shape}: take one of them.")


def check_data(data: Any, name: str = "data") -> None:
    """Raise TypeError unless `data` is a data set with arrays, and ValueError for masked numbers."""
    if not isinstance(data, Dataset):
        if isinstance(data, Split):
            advice = "pass one of its parts, such as split.train"
        elif is_key(data):
            advice = "the key comes before the data"
        else:
            advice = "make one with data.from_arrays(inputs, labels)"
        raise TypeError(f"{name} must be a Dataset, got {format_argument(data)}: {advice}.")
    if not hasattr(data.weights, "shape"):
        raise TypeError(
            f"weights of a Dataset must be an array, got {format_argument(data.weights)}: make the data set with "
            "data.from_arrays(inputs, labels)."
        )
    for field, tree in data._asdict().items():
        for leaf in jax.tree.leaves(tree):
            check_unmasked(f"{field} of {name}", leaf)


def check_split(split: Any) -> None:
    """Raise TypeError unless `split` is a Split."""
    if not isinstance(split, Split):
        raise TypeError(
            f"split must be a Split of train, dev and test, got {format_argument(split)}: make one with "
            "data.stratified_split(key, data) or data.random_split(key, data)."
        )


def check_integer(name: str, number: Any, least: int | None = None) -> None:
    """Raise TypeError unless the argument is an integer, and ValueError if it is below `least`."""
    if not is_integer(number):
        raise TypeError(f"{name} must be an integer, got {format_argument(number)}: convert it with int().")
    if least is not None and number < least:
        raise ValueError(f"{name} must be at least {least}, got {number}.")


def check_at_least(name: str, number: Any, least: int) -> None:
    """Raise TypeError unless a setting is a number, and ValueError if it is below `least`; skip a traced value."""
    check_number(name, number)
    check(number >= least, f"{name} must be at least {least}, got {number}.")


def check_above_zero(name: str, number: Any) -> None:
    """Raise TypeError unless a setting is a number, and ValueError unless it is above 0; skip a traced value."""
    check_number(name, number)
    check(number > 0, f"{name} must be above 0, got {number}.")


def check_probability(name: str, number: Any) -> None:
    """Raise TypeError unless a setting is a number, and ValueError if it is outside [0, 1]; skip a traced value."""
    check_number(name, number)
    check((number >= 0) & (number <= 1), f"{name} must be between 0 and 1, got {number}.")


def check_shares(shares: Any, names: Sequence[str] = ()) -> None:
    """Raise TypeError unless shares are a sequence of numbers, and ValueError unless they divide the whole.

    Args:
        shares: The share of each part.
        names: The names of the parts, if their number is given.
    """
    is_sequence = isinstance(shares, list | tuple) or getattr(shares, "ndim", 0) == 1
    if not is_sequence or not all(_is_number(share) for share in shares):
        raise TypeError(
            f"shares must be a tuple of numbers, such as (0.6, 0.2, 0.2), got {_shown(shares)}: give the share of each "
            "part."
        )
    if names and len(shares) != len(names):
        raise ValueError(
            f"shares must be {len(names)} numbers, those of {', '.join(names)}, got {_shown(shares)}: for other parts "
            "use random_parts, stratified_parts or grouped_parts."
        )
    if not (len(shares) and min(shares) > 0 and np.isclose(sum(shares), 1)):
        total = f", whose sum is {sum(shares):g}: divide them by it" if len(shares) and min(shares) > 0 else ""
        raise ValueError(f"shares must be positive and sum to 1, got {_shown(shares)}{total}.")


def check_functions(name: str, functions: Sequence[Any]) -> None:
    """Raise TypeError unless all arguments are functions; a list of them is not."""
    for function in functions:
        if not callable(function):
            in_list = isinstance(function, list | tuple) and all(map(callable, function))
            advice = f"write {name}(*functions)" if in_list else "pass the function itself"
            raise TypeError(f"{name} takes functions, got {format_argument(function)}: {advice}.")


def _is_number(share) -> bool:
    return isinstance(share, numbers.Real) or (hasattr(share, "dtype") and np.ndim(share) == 0)


def _shown(shares) -> str:
    return str(tuple(shares)) if isinstance(shares, list | tuple) else format_argument(shares)
