"""What the annotations promise about shapes and dtypes, said in a sentence where a caller broke it."""

import inspect
from collections.abc import Callable

import jax.numpy as jnp

KINDS = {"Float": (jnp.floating, "floating"), "Integer": (jnp.integer, "integers")}


def as_annotated(f: Callable, *arguments) -> None:
    """Refuse arguments whose shapes or dtypes are not those in the signature of `f`.

    Without it (N, 1) beside (N,) would broadcast to all N² pairs. Shapes are static: inside jit this costs nothing when
    the program runs. Raises TypeError for a dtype and ValueError for a shape.
    """
    sizes: dict[str, int] = {}
    for (name, parameter), argument in zip(inspect.signature(f).parameters.items(), arguments, strict=False):
        if parameter.annotation.dtype.__name__ not in KINDS:  # a key
            continue
        dtype, shape = jnp.result_type(argument), getattr(argument, "shape", ())
        kind, told = KINDS[parameter.annotation.dtype.__name__]
        if not jnp.issubdtype(dtype, kind):
            to = "float32" if kind is jnp.floating else "int32"
            raise TypeError(f"{name} must be {told}, but was given as {dtype}: convert it with {name}.astype('{to}').")
        axes = parameter.annotation.dim_str.split()
        axes = _without_stars(axes, len(shape))
        wanted = {axis: size for axis in axes if (size := _size(axis, sizes)) is not None}
        if len(shape) != len(axes) or any(wanted.get(a, size) != size for a, size in zip(axes, shape, strict=True)):
            known = ", ".join(f"{axis} = {size}" for axis, size in wanted.items())
            raise ValueError(
                f"{name} must have the shape ({', '.join(axes)}{',' * (len(axes) == 1)})"
                f"{f' with {known}' if known else ''}, but was given as {shape}."
            )
        sizes.update(zip(axes, shape, strict=True))


def _without_stars(axes, rank):
    """An axis like *batch stands for as many axes as are left over: each gets a name of its own."""
    leftover = max(rank - len(axes) + 1, 0)
    return [
        name
        for axis in axes
        for name in ([f"{axis[1:]} {number}" for number in range(leftover)] if axis.startswith("*") else [axis])
    ]


def _size(axis, sizes):
    """The size that an axis must have: that of its name so far, n times that for n*name; None where it is new."""
    times, _, name = axis.rpartition("*")
    return int(times or 1) * sizes[name] if name in sizes else None
