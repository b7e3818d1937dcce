"""The leaves of a tree as arrays of numpy with their digests, and back again as exactly what they were."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

NUMBERS = np.generic | bool | int | float | complex


class AlteredError(ValueError):
    """A leaf is not what it was."""


class Leaf(NamedTuple):
    """A leaf: where it stands in the tree, what it is, and its numbers; those of a typed key are its words."""

    path: str
    kind: str
    shape: list[int]
    array: np.ndarray
    generator: str | None = None  # of a key


def to_leaves(tree: PyTree) -> list[Leaf]:
    """The leaves of a tree, in its order. Raises TypeError for one that is neither an array nor a number."""
    return [_leaf(jax.tree_util.keystr(place), leaf) for place, leaf in jax.tree.leaves_with_path(tree)]


def _leaf(path, leaf) -> Leaf:
    if not isinstance(leaf, jax.Array | np.ndarray | NUMBERS):
        raise TypeError(f"the leaf {path} must be an array or a number, but is {type(leaf).__name__}.")
    array = np.asarray(jax.random.key_data(leaf) if is_key(leaf) else leaf, order="C")
    if not (jnp.issubdtype(array.dtype, np.number) or array.dtype == bool):
        raise TypeError(f"the leaf {path} must be of numbers, but is of {array.dtype}.")
    return Leaf(path, *_described(leaf), array, str(jax.random.key_impl(leaf)) if is_key(leaf) else None)


def told(leaf: Leaf) -> dict[str, Any]:
    """What a manifest says of a leaf."""
    return {name: of for name, of in leaf._asdict().items() if name != "array"} | {"sha256": digest(leaf.array)}


def digest(array: Any) -> str:
    """The SHA-256 of an array's dtype, shape and bytes."""
    array = np.asarray(array, order="C")
    of_all = hashlib.sha256(f"{array.dtype}{array.shape}".encode())
    of_all.update(array.reshape(-1).view(np.uint8).data)
    return of_all.hexdigest()


def check_alike(leaves: Sequence[Mapping[str, Any]], like: PyTree) -> None:
    """Refuse, with ValueError, leaves that a manifest tells of where the given tree has others."""
    found = [(leaf["path"], f"{leaf['kind']}{leaf['shape']}") for leaf in leaves]
    expected = [
        (jax.tree_util.keystr(place), "{}{}".format(*_described(leaf)))
        for place, leaf in jax.tree.leaves_with_path(like)
    ]
    if found == expected:
        return
    for path in dict.fromkeys(path for path, _ in (*expected, *found)):
        of_found, of_expected = (dict(tree).get(path, "nothing") for tree in (found, expected))
        if of_found != of_expected:
            raise ValueError(
                f"a checkpoint must hold a tree like the given one, but at {path} it has {of_found} instead of "
                f"{of_expected}."
            )
    raise ValueError("a checkpoint must hold a tree like the given one, but has the same leaves in another order.")


def to_tree(arrays: Mapping[str, Any], leaves: Sequence[Mapping[str, Any]], like: PyTree) -> PyTree:
    """The tree of these arrays, each under its number, in the kinds of the given tree; empty ones need no array.

    Raises AlteredError where one has other values than its manifest says.
    """
    expected, structure = jax.tree.flatten(like)
    return structure.unflatten(
        _restored(arrays.get(str(index)), leaf, wanted)
        for index, (leaf, wanted) in enumerate(zip(leaves, expected, strict=True))
    )


def _restored(array, leaf, wanted) -> Any:
    """One leaf, verified, as the kind that is wanted."""
    words = jax.eval_shape(jax.random.key_data, wanted) if is_key(wanted) else wanted
    dtype = np.asarray(words).dtype if isinstance(words, NUMBERS) else words.dtype
    array = np.zeros(np.shape(words), dtype) if array is None else np.asarray(array).astype(dtype, copy=False)
    if digest(array) != leaf["sha256"]:
        raise AlteredError(f"the leaf {leaf['path']} has other values than were saved")
    if isinstance(wanted, np.ndarray):
        return array
    if isinstance(wanted, NUMBERS):
        return array[()] if isinstance(wanted, np.generic) else array.item()
    if is_key(wanted):
        return jax.random.wrap_key_data(jnp.asarray(array), impl=leaf["generator"])
    placed = jax.device_put(array, getattr(wanted, "sharding", None))
    if placed.dtype != dtype:
        raise ValueError(f"the leaf {leaf['path']} is of {dtype}: set jax_enable_x64 to load it as it was saved.")
    return placed


def is_key(leaf: Any) -> bool:
    """Is it a typed key, or an array of such?"""
    return jnp.issubdtype(getattr(leaf, "dtype", np.float32), jax.dtypes.prng_key)


def _described(leaf) -> tuple[str, list[int]]:
    """The kind and the shape of a leaf, or of what stands for one."""
    if hasattr(leaf, "dtype"):
        return str(leaf.dtype), list(leaf.shape)
    return type(leaf).__name__, []
