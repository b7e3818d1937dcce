"""Check the arguments of `population` by their types and shapes, and warn about constants of its program."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import jax

from jaxdl._formatting import format_argument
from jaxdl.system.keys import is_key
from jaxdl.training.argument_checks import accepts, check_devices, check_untraced, traceable
from jaxdl.training.sweep import shapes_of_member

LARGE_CONSTANTS = 1 << 20  # bytes of constants of a program that trigger a warning


def check_population(train_one: Any, mapped: tuple, shared: Any, devices: Any) -> None:
    """Raise TypeError for arguments of `population` of a wrong type."""
    check_untraced("population", (mapped, shared))
    if not callable(train_one):
        raise TypeError(f"train_one must be a function, got {format_argument(train_one)}: pass the function itself.")
    check_devices(devices)
    if not isinstance(shared, tuple | list) or hasattr(shared, "_fields"):  # a Dataset is a tuple of three arrays
        raise TypeError(f"shared must be a tuple of arguments, got {format_argument(shared)}: write shared=(data,).")
    for leaf in jax.tree.leaves(mapped):
        if not getattr(leaf, "shape", ()):
            advice = "use jnp.array" if not is_key(leaf) else "use jnp.stack for a list"
            raise TypeError(
                "mapped arguments must be arrays with the members as their first axis, but contain "
                f"{format_argument(leaf)}: {advice}, or jax.random.split(jax.random.key(0), members) for keys."
            )
    for leaf in jax.tree.leaves(shared):
        if not hasattr(leaf, "shape") and not isinstance(leaf, int | float | complex):
            raise TypeError(
                f"shared must contain arrays and numbers, but contains {format_argument(leaf)}: use it in the function "
                "itself, without passing it."
            )
    if not accepts(train_one, len(shared) + len(mapped)):
        raise TypeError(
            f"train_one must be a function of {len(shared)} shared and {len(mapped)} mapped arguments, got "
            f"{format_argument(train_one)}: pass a function with these arguments."
        )


def warn_of_constants(train_one: Callable, mapped: tuple, shared: tuple) -> None:
    """Warn about large arrays in the closure of a function of members, which become constants of its program."""
    with traceable("train_one"):
        # jax remembers the trace for the compilation
        traced = jax.jit(train_one).trace(*shared, *shapes_of_member(mapped))
    program = traced.jaxpr
    if not program.out_avals:
        raise TypeError("train_one must return an array, a number or a tree of them, got None: return the result.")
    size = sum({id(array): array.nbytes for array in _constants(program) if hasattr(array, "nbytes")}.values())
    if size > LARGE_CONSTANTS:
        warnings.warn(
            f"train_one has {size / 2**20:.1f} MB of arrays in its closure, which are compiled into the program as "
            "constants: pass them as arguments, such as population(lambda data, key: ..., keys, shared=(data,)).",
            stacklevel=3,
        )


def _constants(program) -> Iterator[Any]:
    """Yield the constants of a jaxpr, and of the jaxprs in it."""
    yield from getattr(program, "consts", ())
    for equation in program.eqns:
        yield from (variable.val for variable in equation.invars if hasattr(variable, "val"))
        for parameter in jax.tree.leaves(list(equation.params.values())):
            if hasattr(parameter, "eqns"):
                yield from _constants(parameter)
