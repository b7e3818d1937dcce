"""Turn the leaves of a tree into NumPy arrays with digests, and back into exactly the same leaves."""

import ast
import functools
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from jaxdl.system.keys import is_key

NUMBERS = np.generic | bool | int | float | complex
NUMBER_TYPES = {kind.__name__: kind for kind in (bool, int, float, complex)}
PATH_STEP = r"""\.(\w+)|\[('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|-?\d+)\]"""  # .name, ['key'] or [0]


class AlteredError(ValueError):
    """A leaf has other values than were saved."""


class Leaf(NamedTuple):
    """One leaf of a tree.

    Attributes:
        path: Its place in the tree.
        kind: Its dtype, or the type of a Python number.
        shape: Its shape.
        array: Its values; the words of a typed key.
        generator: The implementation of a typed key.
    """

    path: str
    kind: str
    shape: list[int]
    array: np.ndarray
    generator: str | None = None


def to_leaves(tree: PyTree) -> list[Leaf]:
    """Return the leaves of a tree. Raises TypeError for a leaf that is neither an array nor a number."""
    return [_leaf(jax.tree_util.keystr(path), leaf) for path, leaf in jax.tree.leaves_with_path(tree)]


def _leaf(path, leaf) -> Leaf:
    if not isinstance(leaf, jax.Array | np.ndarray | NUMBERS):
        raise TypeError(f"cannot save the leaf {path}: expected an array or a number, got {type(leaf).__name__}.")
    array = np.asarray(jax.random.key_data(leaf) if is_key(leaf) else leaf, order="C")
    if not (jnp.issubdtype(array.dtype, np.number) or array.dtype == bool):
        raise TypeError(f"cannot save the leaf {path}: expected numbers, got an array of {array.dtype}.")
    return Leaf(path, *_kind_and_shape(leaf), array, str(jax.random.key_impl(leaf)) if is_key(leaf) else None)


def manifest_of(leaf: Leaf) -> dict[str, Any]:
    """Return the entry of a leaf in a manifest: everything but its values, and their digest."""
    return {name: value for name, value in leaf._asdict().items() if name != "array"} | {"sha256": digest(leaf.array)}


def digest(array: Any) -> str:
    """Return the SHA-256 of an array's dtype, shape and bytes."""
    array = np.asarray(array, order="C")
    sha256 = hashlib.sha256(f"{array.dtype}{array.shape}".encode())
    sha256.update(array.reshape(-1).view(np.uint8).data)
    return sha256.hexdigest()


def digest_of(tree: PyTree) -> str:
    """Return one SHA-256 of all leaves of a tree and their paths."""
    return hashlib.sha256(json.dumps([manifest_of(leaf) for leaf in to_leaves(tree)]).encode()).hexdigest()


def check_same_structure(leaves: Sequence[Mapping[str, Any]], like: PyTree) -> None:
    """Raise ValueError if the leaves of a manifest differ in path, kind or shape from those of a tree."""
    found = [(leaf["path"], f"{leaf['kind']}{leaf['shape']}") for leaf in leaves]
    expected = [
        (jax.tree_util.keystr(path), "{}{}".format(*_kind_and_shape(leaf)))
        for path, leaf in jax.tree.leaves_with_path(like)
    ]
    if found == expected:
        return
    for path in dict.fromkeys(path for path, _ in (*expected, *found)):
        in_found, in_expected = (dict(tree).get(path, "nothing") for tree in (found, expected))
        if in_found != in_expected:
            raise ValueError(f"the checkpoint holds another tree: at {path} expected {in_expected}, found {in_found}.")
    raise ValueError("the checkpoint holds another tree: the same leaves in another order.")


def to_tree(arrays: Mapping[str, Any], leaves: Sequence[Mapping[str, Any]], like: PyTree) -> PyTree:
    """Rebuild a tree with the leaf types of `like` from arrays by number; empty leaves need no array.

    Raises AlteredError if an array differs from its digest in the manifest.
    """
    expected, structure = jax.tree.flatten(like)
    return structure.unflatten(
        _restore(arrays.get(str(index)), leaf, wanted)
        for index, (leaf, wanted) in enumerate(zip(leaves, expected, strict=True))
    )


def to_nested(arrays: Mapping[str, Any], leaves: Sequence[Mapping[str, Any]]) -> PyTree:
    """Rebuild a tree from arrays by number: dictionaries for dictionaries and classes, tuples for lists and tuples.

    An array of a dtype that jax would narrow stays a NumPy array. Raises AlteredError as `to_tree` does.
    """
    tree: dict[Any, Any] = {}
    for leaf, value in zip(leaves, to_tree(arrays, leaves, [_like(leaf) for leaf in leaves]), strict=True):
        *parents, last = [(), *_steps(leaf["path"])]
        functools.reduce(lambda node, step: node.setdefault(step, {}), parents, tree)[last] = _Value(value)
    return _nested(tree.get((), {}))


class _Value(NamedTuple):
    """The value of a leaf, as opposed to an inner node."""

    value: Any


def _steps(path) -> list[str | int]:
    """Return the names and positions in the path of a leaf: `.params['w'][0]` has the steps params, w and 0."""
    return [name or ast.literal_eval(key) for name, key in re.findall(PATH_STEP, path)]


def _nested(node) -> Any:
    if isinstance(node, _Value):
        return node.value
    children = {step: _nested(child) for step, child in node.items()}
    positions = [step for step in children if isinstance(step, int)]
    is_sequence = positions and positions == list(range(len(children)))
    return tuple(children.values()) if is_sequence else children


def _like(leaf) -> Any:
    shape = tuple(leaf["shape"])
    if leaf["kind"] in NUMBER_TYPES:
        return NUMBER_TYPES[leaf["kind"]]()
    if leaf["generator"] is not None:
        return jax.ShapeDtypeStruct(shape, jax.random.key(0, impl=leaf["generator"]).dtype)
    dtype = jnp.dtype(leaf["kind"])
    return (
        jax.ShapeDtypeStruct(shape, dtype) if jax.dtypes.canonicalize_dtype(dtype) == dtype else np.zeros(shape, dtype)
    )


def _restore(array, leaf, wanted) -> Any:
    """Verify one leaf and convert it to the type of `wanted`."""
    words = jax.eval_shape(jax.random.key_data, wanted) if is_key(wanted) else wanted
    dtype = np.asarray(words).dtype if isinstance(words, NUMBERS) else words.dtype
    array = np.zeros(np.shape(words), dtype) if array is None else np.asarray(array).astype(dtype, copy=False)
    if array.shape != np.shape(words) or digest(array) != leaf["sha256"]:
        raise AlteredError(f"the leaf {leaf['path']} has other values than were saved")
    if isinstance(wanted, np.ndarray):
        return array
    if isinstance(wanted, NUMBERS):
        return array[()] if isinstance(wanted, np.generic) else array.item()
    if is_key(wanted):
        return jax.random.wrap_key_data(jnp.asarray(array), impl=leaf["generator"])
    on_device = jax.device_put(array, getattr(wanted, "sharding", None))
    if on_device.dtype != dtype:
        raise ValueError(f"the leaf {leaf['path']} was saved as {dtype}: set jax_enable_x64 to load it.")
    return on_device


def _kind_and_shape(leaf) -> tuple[str, list[int]]:
    """Return the kind and the shape of a leaf, or of its ShapeDtypeStruct."""
    if hasattr(leaf, "dtype"):
        return str(leaf.dtype), list(leaf.shape)
    return type(leaf).__name__, []
