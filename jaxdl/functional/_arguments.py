"""Checks of arguments against the shapes and dtypes in a function's annotations, with errors in plain sentences."""

import inspect
import math
from collections.abc import Callable

import jax.numpy as jnp

NUMBER = bool | int | float | complex
KINDS = {"Float": (jnp.floating, "floating"), "Integer": (jnp.integer, "integers")}


def check_annotations(f: Callable, *arguments) -> None:
    """Raise an error if the arguments do not have the shapes and dtypes in the signature of `f`.

    Without this check (N, 1) and (N,) would broadcast to all N² pairs. Shapes are static: inside jit the check costs
    nothing when the program runs. Raises TypeError for a dtype or a value that is no array, and ValueError for a shape.
    """
    sizes: dict[str, int] = {}
    for (name, parameter), argument in zip(inspect.signature(f).parameters.items(), arguments, strict=False):
        is_key = parameter.annotation.dtype.__name__ not in KINDS
        if not hasattr(argument, "dtype") and (is_key or not isinstance(argument, NUMBER)):
            kind = "a random key, such as jax.random.key(0)," if is_key else "a jax or numpy array,"
            raise TypeError(f"{name} must be {kind} got {'None' if argument is None else type(argument).__name__}.")
        if is_key:
            continue
        dtype, shape = jnp.result_type(argument), getattr(argument, "shape", ())
        kind, name_of_kind = KINDS[parameter.annotation.dtype.__name__]
        if not jnp.issubdtype(dtype, kind):
            target = "float32" if kind is jnp.floating else "int32"
            raise TypeError(
                f"{name} must be {name_of_kind}, got {dtype}: convert it with {name}.astype('{target}')"
                f"{f', or one-hot {name} with {name}.argmax(-1)' if target == 'int32' and len(shape) == 2 else ''}."
            )
        axes = parameter.annotation.dim_str.split()
        axes = _without_stars(axes, len(shape))
        expected = {axis: size for axis in axes if (size := _size(axis, sizes)) is not None}
        if len(shape) != len(axes) or any(expected.get(a, size) != size for a, size in zip(axes, shape, strict=True)):
            known = ", ".join(f"{axis} = {size}" for axis, size in expected.items())
            named = f"({', '.join(axes)}{',' * (len(axes) == 1)})"
            can_reshape = len(expected) == len(axes) and math.prod(expected.values()) == math.prod(shape)
            raise ValueError(
                f"{name} must have the shape {named}{f' with {known}' if known else ''}, got {shape}"
                f"{f': reshape it to {named}' if can_reshape else ''}."
            )
        sizes.update(zip(axes, shape, strict=True))


def _without_stars(axes, rank):
    """Replace an axis like *batch by one uniquely named axis for each of the remaining dimensions."""
    remaining = max(rank - len(axes) + 1, 0)
    return [
        name
        for axis in axes
        for name in ([f"{axis[1:]} {number}" for number in range(remaining)] if axis.startswith("*") else [axis])
    ]


def _size(axis, sizes):
    """Return the required size of an axis: that of its name so far, or n times that for n*name; None for a new name."""
    times, _, name = axis.rpartition("*")
    return int(times or 1) * sizes[name] if name in sizes else None
