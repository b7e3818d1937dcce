"""Checks of arguments against the shapes and dtypes in a function's annotations, with errors in plain sentences."""

import inspect
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

NUMBER = bool | int | float | complex
KINDS = {
    "Float": ((jnp.floating,), "floating", "float32"),
    "Integer": ((jnp.integer,), "integers", "int32"),
    "Real": ((jnp.floating, jnp.integer), "numbers", "float32"),
}


def check_annotations(f: Callable, *arguments) -> None:
    """Raise an error if the arguments do not have the shapes and dtypes in the signature of `f`.

    Without this check (N, 1) and (N,) would broadcast to all N² pairs. Shapes are static: inside jit the check costs
    nothing when the program runs. Raises TypeError for a dtype or for a value other than an array, and ValueError for a
    shape.
    """
    sizes: dict[str, int] = {}
    ranks: dict[str, int] = {}
    for (name, parameter), argument in zip(inspect.signature(f).parameters.items(), arguments, strict=False):
        is_key = parameter.annotation.dtype.__name__ not in KINDS
        if not hasattr(argument, "dtype") and (is_key or not isinstance(argument, NUMBER)):
            kind = "a random key, such as jax.random.key(0)," if is_key else "a jax or numpy array,"
            entry = ": take an entry of it, as in outputs, stats = model.apply(...)" * isinstance(argument, tuple)
            given = "None" if argument is None else type(argument).__name__
            raise TypeError(f"{name} must be {kind} got {given}{entry}.")
        if is_key:
            continue
        dtype, shape = jnp.result_type(argument), getattr(argument, "shape", ())
        kinds, name_of_kind, target = KINDS[parameter.annotation.dtype.__name__]
        if not any(jnp.issubdtype(dtype, kind) for kind in kinds):
            one_hot = target == "int32" and len(shape) == 2
            raise TypeError(
                f"{name} must be {name_of_kind}, got {dtype}: convert it with {name}.astype('{target}')"
                f"{f', or one-hot {name} with {name}.argmax(-1)' if one_hot else ''}."
            )
        check_range(name, dtype)
        bound, dims = dict(ranks), parameter.annotation.dim_str.split()
        axes = _without_stars(dims, len(shape), ranks)
        expected = {axis: size for axis in axes if (size := _size(axis, sizes)) is not None}
        if len(shape) != len(axes) or any(expected.get(a, size) != size for a, size in zip(axes, shape, strict=True)):
            described = _describe(dims, expected, bound)
            raise ValueError(
                f"{name} must have the shape {described}, got {shape}{_reshaping(name, shape, axes, expected)}."
            )
        sizes.update(zip(axes, shape, strict=True))


def check_leaves(name: str, tree) -> None:
    """Raise TypeError unless every leaf of the tree is a floating array of the range of float32."""
    for leaf in jax.tree.leaves(tree):
        if not hasattr(leaf, "dtype") or not jnp.issubdtype(leaf.dtype, jnp.floating):
            kind = getattr(leaf, "dtype", type(leaf).__name__)
            raise TypeError(f"{name} must be floating arrays, got {kind}: convert it with jnp.asarray(…, 'float32').")
        check_range(name, leaf.dtype)


def check_range(name: str, dtype) -> None:
    """Raise TypeError for a floating dtype with a smaller range than float32, such as float16.

    In float16, squares overflow from 256 on and underflow below 2e-4: norms, variances and moving averages would be
    plausible wrong numbers.
    """
    if jnp.issubdtype(dtype, jnp.floating) and jnp.finfo(dtype).maxexp < jnp.finfo(jnp.float32).maxexp:
        raise TypeError(
            f"{name} must have the range of float32, got {dtype}: convert it with {name}.astype('bfloat16') or "
            f"{name}.astype('float32')."
        )


def _without_stars(axes, rank, ranks):
    """Replace an axis like *batch by uniquely named axes: as many as it had before, or as the shape leaves for it."""
    names = []
    for axis in axes:
        if axis.startswith("*"):
            count = ranks.setdefault(axis, max(rank - len(axes) + 1, 0))
            names += [f"{axis[1:]} {number}" for number in range(count)]
        else:
            names.append(axis)
    return names


def _describe(dims, expected, bound) -> str:
    """Return the axes of an annotation and their known sizes: "(batch, *outputs) with batch = 4, *outputs = (1,)"."""
    known = {axis: expected[axis] for axis in dims if axis in expected}
    known |= {
        axis: tuple(expected[name] for name in _without_stars([axis], 0, bound)) for axis in dims if axis in bound
    }
    sizes = ", ".join(f"{axis} = {known[axis]}" for axis in dims if axis in known)
    return f"({', '.join(dims)}{',' * (len(dims) == 1)}){f' with {sizes}' if sizes else ''}"


def _reshaping(name, shape, axes, expected) -> str:
    """Return how to get the expected shape from one of as many numbers, or from one that lacks a column or has one."""
    if len(expected) == len(axes) and math.prod(expected.values()) == math.prod(shape):
        sizes = [axis if axis == "batch" else str(size) for axis, size in expected.items()]
        return f": reshape it to ({', '.join(sizes)}{',' * (len(sizes) == 1)})"
    if len(axes) == 1 and len(shape) == 2 and shape[1] == 1:
        return f": take its column, {name}[:, 0]"
    if axes[1:] == ["outputs"] and len(shape) == 1 and "outputs" not in expected:
        return ": reshape it to (batch, 1)"
    return ""


def _size(axis, sizes):
    """Return the required size of an axis: that of its name so far, or n times that for n*name; None for a new name."""
    times, _, name = axis.rpartition("*")
    return int(times or 1) * sizes[name] if name in sizes else None
