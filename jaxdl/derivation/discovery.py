"""Find every function with a hand derivation beside it, and arguments to try it on."""

import importlib
import inspect
import itertools
import pkgutil
import types
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jaxdl.functional

BATCHES = (10, 1, 100)  # one row and many are where a sum over the batch goes wrong unseen


class Derivation(NamedTuple):
    """A function and its hand-derived pullback, `f_vjp(g, *arguments, **settings)`."""

    name: str
    f: types.FunctionType
    f_vjp: types.FunctionType


def functions(package: types.ModuleType = jaxdl.functional) -> dict[str, types.FunctionType]:
    """Every public function that the modules of a package define, by name."""
    names = [info.name for info in pkgutil.iter_modules(package.__path__) if not info.name.startswith("_")]
    modules = [importlib.import_module(f"{package.__name__}.{name}") for name in names]
    return {
        name: function
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }


def derivations(package: types.ModuleType = jaxdl.functional) -> list[Derivation]:
    """Each function of a package that has a derivation beside it, `f` with `f_vjp`."""
    known = functions(package)
    return [Derivation(name, f, known[f"{name}_vjp"]) for name, f in known.items() if f"{name}_vjp" in known]


def examples(f: types.FunctionType) -> list[tuple[tuple, dict[str, Any]]]:
    """The (arguments, settings) on which `f` is tried, drawn on the host.

    They are those of `f_examples(random)` where it stands beside `f`, else of the shapes in the signature, all axes of
    different sizes, with a batch of ten, of one and of a hundred. Raises TypeError where the signature says too little.
    """
    random = np.random.default_rng(0)
    beside = getattr(inspect.getmodule(inspect.unwrap(f)), f"{f.__name__}_examples", None)
    cases = list(beside(random)) if beside else [(tuple(_drawn(f, random, batch)), {}) for batch in BATCHES]
    return [(jax.tree.map(round_to_single, tuple(arguments)), settings) for arguments, settings in cases]


def _drawn(f, random, batch) -> Iterator[Any]:
    """Random arguments of the shapes in the signature: floats are standard normal, integers 0, 1 or 2."""
    counting_down = itertools.count(9, -1)  # so that a window named after its image fits inside it
    sizes: dict[str, int] = {"batch": batch}
    for name, annotation in arguments_of(f).items():
        if not hasattr(annotation, "dim_str"):
            raise TypeError(f"{f.__name__}({name}) says no shape: annotate it, or write {f.__name__}_examples(random).")
        axes = [axis for dim in annotation.dim_str.split() for axis in ([dim, f"{dim}'"] if dim[0] == "*" else [dim])]
        for axis in axes:
            sizes.setdefault(axis, int(axis) if axis.isdigit() else next(counting_down))
        shape = tuple(sizes[axis] for axis in axes)
        match annotation.dtype.__name__:
            case "Float":
                yield random.standard_normal(shape)
            case "Int" | "Integer":
                yield random.integers(0, 3, shape)
            case "Key":
                yield jax.random.key(0)
            case kind:
                raise TypeError(f"{f.__name__}({name}) is of kind {kind}: write {f.__name__}_examples(random).")


def arguments_of(f: Callable) -> dict[str, Any]:
    """The annotations of the positional arguments of `f`; what stands after the star is a setting, not an argument."""
    parameters = inspect.signature(f).parameters.values()
    return {p.name: p.annotation for p in parameters if p.kind is not p.KEYWORD_ONLY}


def is_floating(argument: Any) -> bool:
    """Does the argument get a cotangent, because all its leaves are floating?"""
    return all(jnp.issubdtype(jnp.result_type(leaf), jnp.floating) for leaf in jax.tree.leaves(argument))


def is_key(argument: Any) -> bool:
    """Is the argument a key of random numbers?"""
    return isinstance(argument, jax.Array) and jnp.issubdtype(argument.dtype, jax.dtypes.prng_key)


def round_to_single(leaf):
    """Round floats to float32, so that both precisions start from the same numbers."""
    if is_key(leaf):
        return leaf
    leaf = np.asarray(leaf)
    if leaf.dtype.kind == "f":
        return leaf.astype(np.float32).astype(np.float64)
    return leaf.astype(np.int32) if leaf.dtype == np.int64 else leaf
