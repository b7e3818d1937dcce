"""Streams: data sets that are read from disk during training, because they do not fit on the device or in memory."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl._display import short_repr
from jaxdl.data._arguments import check_integer
from jaxdl.data.dataset import (
    Dataset,
    Split,
    array_of_numbers,
    check_class_numbers,
    check_inputs_shape,
    check_length,
    check_unmasked,
    check_weight_sizes,
)


class Stream(NamedTuple):
    """A data set whose examples are read on demand. Make one with `stream_arrays` or `stream_examples`.

    Attributes:
        size: Number of examples.
        fetch: Function that returns the examples at the given ascending rows as numpy arrays. Several threads call it.
        chunk_bytes: Largest amount of data to send to the device at a time; a single batch may exceed it. Two chunks
            are on the device at a time: the one in use and the next.
        threads: Number of threads, each of which reads one chunk ahead.
        weighted: Whether examples can have other weights than 1.
    """

    size: int
    fetch: Callable[[np.ndarray], Dataset]
    chunk_bytes: int
    threads: int
    weighted: bool = True

    __repr__ = short_repr


def stream_arrays(
    inputs: Any,
    labels: Any,
    *,
    weights: Any = None,
    chunk_bytes: int = 1 << 24,
    threads: int = 2,
) -> Stream:
    """Stream arrays that stay on disk, such as `np.load(path, mmap_mode="r")`.

    Integers and bytes reach the device unchanged; `Task(..., transform=lambda inputs: inputs / 255)` converts
    them there. Floating-point numbers become float32.

    Args:
        inputs: Array (examples, ...) that can be indexed by an array of rows.
        labels: Class numbers (examples,) or targets (examples, outputs), likewise.
        weights: Weight of each example (examples,). Default: 1 for every example. Training skips batches whose weights
            are all 0.
        chunk_bytes: Largest amount of data to send to the device at a time.
        threads: Number of threads that read ahead.

    Returns:
        A stream, which `training.train` and `training.fit` accept in place of a Dataset.

    Raises:
        ValueError: If there is no example, lengths differ, or a setting is below 1.

    Example:
        >>> from jaxdl import data
        >>> stream = data.stream_arrays(np.eye(3, dtype=np.uint8), np.array([0, 1, 2]))
        >>> stream.size, stream.fetch(np.array([0, 2])).inputs.tolist()
        (3, [[1, 0, 0], [0, 0, 1]])
    """
    arrays = {"inputs": inputs, "labels": labels} | ({} if weights is None else {"weights": weights})
    rows = {name: array if hasattr(array, "shape") else array_of_numbers(name, array) for name, array in arrays.items()}
    for name, array in rows.items():
        check_unmasked(name, array)
    size = len(rows["inputs"])
    check_inputs_shape(rows["inputs"])
    for name, array in rows.items():
        check_length(name, array, size)

    def fetch(indices):
        return _dataset(len(indices), *(np.asarray(array[indices]) for array in rows.values()))

    return _stream(size, fetch, chunk_bytes, threads)._replace(weighted=weights is not None)


def stream_examples(
    source: Any,
    *,
    chunk_bytes: int = 1 << 24,
    threads: int = 2,
) -> Stream:
    """Stream a source with a length and random access, such as a TFDS data source or a PyTorch map-style data set.

    `source[row]` returns (inputs, labels) or (inputs, labels, weights). If the source has `__getitems__(rows)`, the
    stream reads many rows per call with it. Exceptions of the source are passed on.

    Args:
        source: Object with `len(source)` and `source[row]`.
        chunk_bytes: Largest amount of data to send to the device at a time.
        threads: Number of threads that read ahead.

    Returns:
        A stream, which `training.train` and `training.fit` accept in place of a Dataset.

    Raises:
        TypeError: If the source has no length or no random access; while reading, if an example is not such a tuple.
        ValueError: If the source is empty or a setting is below 1.

    Example:
        >>> from jaxdl import data
        >>> squares = [(np.array([x]), np.array([x**2])) for x in (0.0, 1.0, 2.0)]
        >>> stream = data.stream_examples(squares)
        >>> stream.fetch(np.array([1, 2])).labels.tolist()
        [[1.0], [4.0]]
    """
    if isinstance(source, Dataset | Split | Stream):
        raise TypeError(
            f"source must return one example for source[row], got a "
            f"{type(source).__name__}: stream arrays with "
            "stream_arrays(inputs, labels)."
        )
    if not (hasattr(source, "__len__") and hasattr(source, "__getitem__")):
        raise TypeError(f"source must have a length and source[row], got {type(source).__name__}.")

    def fetch(indices):
        rows = indices.tolist()
        get_many = getattr(source, "__getitems__", None)
        examples = [source[row] for row in rows] if get_many is None else get_many(rows)
        for row, example in zip(rows, examples, strict=True):
            if not isinstance(example, tuple) or len(example) not in (2, 3):
                raise TypeError(
                    "source must return a tuple (inputs, labels) or (inputs, labels, weights) for every row, got "
                    f"{type(example).__name__} for row {row}."
                )
            if len(example) != len(examples[0]):
                raise TypeError(
                    f"source must return tuples of one length, got {len(examples[0])} values for row {rows[0]} and "
                    f"{len(example)} for row {row}: return a weight for every row, or for none."
                )
        return _dataset(len(rows), *jax.tree.map(lambda *leaves: np.stack(leaves), *examples))

    return _stream(len(source), fetch, chunk_bytes, threads)


def read_rows(stream: Stream, rows: np.ndarray) -> Dataset:
    """Read examples as numpy arrays whose first axes have the shape of `rows`.

    The source reads each row once, in ascending order. Raises ValueError, which names the row, for NaN or infinity and
    for class numbers or weights below 0; raises TypeError for values that are not numbers and for class numbers that
    are not integers.
    """
    order = np.argsort(rows, axis=None)
    ascending = rows.reshape(-1)[order]
    back = np.argsort(order)
    examples = _checked(stream.fetch(ascending), ascending)
    return jax.tree.map(lambda array: array[back].reshape(*rows.shape, *array.shape[1:]), examples)


def first_rows(stream: Stream, count: int) -> Dataset:
    """Read the first `count` examples, or all if there are fewer, and put them on the device."""
    return jax.tree.map(jnp.asarray, read_rows(stream, np.arange(min(count, stream.size))))


def _stream(size, fetch, chunk_bytes, threads) -> Stream:
    if size == 0:
        raise ValueError("a stream must hold at least one example, got none.")
    for name, setting in [("chunk_bytes", chunk_bytes), ("threads", threads)]:
        check_integer(name, setting, 1)
    return Stream(size, fetch, chunk_bytes, threads)


def _dataset(size, inputs, labels, weights=None) -> Dataset:
    return Dataset(inputs, labels, np.ones(size, np.float32) if weights is None else weights)


def _checked(examples, rows) -> Dataset:
    """Return the examples in dtypes of the device; raise an error for values that cannot be trained on."""
    if examples.labels.ndim == 1:
        check_class_numbers(examples.labels)
    inputs = jax.tree.map(lambda array: _numbers("inputs", array, rows), examples.inputs)
    labels, weights = (_numbers(name, getattr(examples, name), rows) for name in ("labels", "weights"))
    if weights.ndim != 1 or weights.min(initial=0) < 0:
        raise ValueError(
            f"weights must be one number of at least 0 for each example, got the shape {weights.shape} with a minimum "
            f"of {weights.min()} for {len(rows)} examples."
        )
    check_weight_sizes(examples.weights)
    kind = np.int32 if np.issubdtype(labels.dtype, np.integer) else np.float32
    return Dataset(inputs, labels.astype(kind, copy=False), weights.astype(np.float32, copy=False))


def _numbers(name, array, rows) -> np.ndarray:
    """Convert to at most 32 bits; raise an error for values that are not real, finite or representable."""
    kind = array.dtype.kind
    if kind not in "biuf":
        raise TypeError(f"{name} must be real numbers, got {array.dtype}: encode them first.")
    with np.errstate(over="ignore"):  # an overflow is reported below
        numbers = array.astype(f"{kind}4") if kind == "f" or array.dtype.itemsize > 4 else array
    lost = ~np.isfinite(numbers) if kind == "f" else numbers != array
    if lost.any():
        bad_rows = rows[lost.reshape(len(array), -1).any(axis=1)]
        raise ValueError(
            f"{name} must be finite and fit into 32 bits, but {len(bad_rows)} of {len(rows)} rows read hold NaN, "
            f"infinity or larger numbers, the first of them row {bad_rows[0]}: drop, impute or scale them."
        )
    return numbers
