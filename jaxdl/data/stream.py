"""A stream: examples that are read while they are trained on, where they do not all fit on the device, or in memory."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.data.dataset import Dataset, _check_class_numbers


class Stream(NamedTuple):
    """Examples of which only those are read that are asked for: `stream_arrays` and `stream_examples` make it.

    `fetch(rows)` gives the examples at these ascending rows as arrays of numpy, and is called by several threads.
    `chunk_bytes` bounds what is sent to the device at a time, but for a single batch that is larger; two such chunks
    lie there, the one that is trained on and the next. `threads` read as many chunks ahead, one each.
    """

    size: int
    fetch: Callable[[np.ndarray], Dataset]
    chunk_bytes: int
    threads: int


def stream_arrays(
    inputs: Any,
    labels: Any,
    *,
    weights: Any = None,
    chunk_bytes: int = 1 << 24,
    threads: int = 2,
) -> Stream:
    """A Stream of arrays that stay where they are: `np.load(path, mmap_mode="r")`, or others that rows can be read of.

    Integers and bytes are sent to the device as they are: `Task(..., transform=lambda inputs: inputs / 255)` makes
    numbers of them there. Floating numbers are read in float32. Without weights every example counts 1. Raises
    ValueError for nothing at all and for lengths that differ.
    """
    arrays = {"inputs": inputs, "labels": labels} | ({} if weights is None else {"weights": weights})
    rows = {name: array if hasattr(array, "shape") else np.asarray(array) for name, array in arrays.items()}
    size = len(rows["inputs"])
    if rows["inputs"].ndim < 2:
        raise ValueError(
            f"inputs must have the shape (examples, ...), but were given as {rows['inputs'].shape}: "
            "reshape a single feature to (examples, 1)."
        )
    for name, array in rows.items():
        if len(array) != size:
            raise ValueError(f"{name} must hold one row for each of the {size} inputs, but hold {len(array)}.")

    def fetch(indices):
        return _dataset(len(indices), *(np.asarray(array[indices]) for array in rows.values()))

    return _stream(size, fetch, chunk_bytes, threads)


def stream_examples(
    source: Any,
    *,
    chunk_bytes: int = 1 << 24,
    threads: int = 2,
) -> Stream:
    """A Stream of any source with a length whose `source[row]` is (inputs, labels) or (inputs, labels, weights).

    Where it also has `__getitems__(rows)`, that is called instead, for many rows at a time. What the source raises is
    passed on. Raises TypeError for what is no source and, when they are read, for examples of another kind; ValueError
    for a source that is empty.
    """
    if not (hasattr(source, "__len__") and hasattr(source, "__getitem__")):
        raise TypeError(f"source must have a length and source[row], but was {type(source).__name__}.")

    def fetch(indices):
        rows = indices.tolist()
        many = getattr(source, "__getitems__", None)
        examples = [source[row] for row in rows] if many is None else many(rows)
        for row, example in zip(rows, examples, strict=True):
            if not isinstance(example, tuple) or len(example) not in (2, 3):
                raise TypeError(
                    "source must give (inputs, labels) or (inputs, labels, weights) for every row, but gave "
                    f"{type(example).__name__} for row {row}."
                )
        return _dataset(len(rows), *jax.tree.map(lambda *leaves: np.stack(leaves), *examples))

    return _stream(len(source), fetch, chunk_bytes, threads)


def read_rows(stream: Stream, rows: np.ndarray) -> Dataset:
    """The examples at these rows as arrays of numpy that begin with the shape of `rows`.

    They are read in the order of the source, each once. Raises ValueError that names the row for NaN or infinity, class
    numbers or weights below 0, and TypeError for what are no numbers, or class numbers that are no integers.
    """
    order = np.argsort(rows, axis=None)
    ascending = rows.reshape(-1)[order]
    back = np.argsort(order)
    examples = _checked(stream.fetch(ascending), ascending)
    return jax.tree.map(lambda array: array[back].reshape(*rows.shape, *array.shape[1:]), examples)


def first_rows(stream: Stream, count: int) -> Dataset:
    """The first examples, at most so many, on the device."""
    return jax.tree.map(jnp.asarray, read_rows(stream, np.arange(min(count, stream.size))))


def _stream(size, fetch, chunk_bytes, threads) -> Stream:
    if size == 0:
        raise ValueError("a stream must hold at least one example, but is empty.")
    for name, setting in [("chunk_bytes", chunk_bytes), ("threads", threads)]:
        if setting < 1:
            raise ValueError(f"{name} must be at least 1, but was {setting}.")
    return Stream(size, fetch, chunk_bytes, threads)


def _dataset(size, inputs, labels, weights=None) -> Dataset:
    return Dataset(inputs, labels, np.ones(size, np.float32) if weights is None else weights)


def _checked(examples, rows) -> Dataset:
    """The examples in what a device computes with, refused where they cannot be trained on."""
    if examples.labels.ndim == 1:
        _check_class_numbers(examples.labels)
    inputs = jax.tree.map(lambda array: _numbers("inputs", array, rows), examples.inputs)
    labels, weights = (_numbers(name, getattr(examples, name), rows) for name in ("labels", "weights"))
    if weights.ndim != 1 or weights.min(initial=0) < 0:
        raise ValueError(
            f"weights must be one number for each example and none below 0, but for {len(rows)} examples were "
            f"{weights.shape}, from {weights.min()} on."
        )
    kind = np.int32 if np.issubdtype(labels.dtype, np.integer) else np.float32
    return Dataset(inputs, labels.astype(kind, copy=False), weights.astype(np.float32, copy=False))


def _numbers(name, array, rows) -> np.ndarray:
    """Real and finite, of no more than 32 bits each."""
    kind = array.dtype.kind
    if kind not in "biuf":
        raise TypeError(f"{name} must be real numbers, but were given as {array.dtype}: encode them first.")
    with np.errstate(over="ignore"):  # what overflows is told below
        numbers = array.astype(f"{kind}4") if kind == "f" or array.dtype.itemsize > 4 else array
    lost = ~np.isfinite(numbers) if kind == "f" else numbers != array
    if lost.any():
        missing = rows[lost.reshape(len(array), -1).any(axis=1)]
        raise ValueError(
            f"{name} must be finite and fit into 32 bits, but {len(missing)} of {len(rows)} rows read hold NaN, "
            f"infinity or larger numbers, the first of them row {missing[0]}: drop, impute or scale them."
        )
    return numbers
