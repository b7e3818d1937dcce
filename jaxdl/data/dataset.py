"""A data set: inputs, labels and weights, and how it is divided."""

from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import PyTree
from numpy.typing import ArrayLike


class Dataset(NamedTuple):
    """Examples along the first axis of every array: a tree that any transformation of jax can take.

    Inputs are numbers of the shape (examples, ...), or a tree of such. Labels are class numbers from 0 (or signs, -1
    and 1), or targets of shape (examples, outputs). A weight says how much an example counts.

    As a file is read, before anything is fitted to it, inputs may also be a dict with an array of numpy for each column
    of a table, and labels may be names: `prepare` turns them into numbers.
    """

    inputs: PyTree
    labels: Any
    weights: Any

    @property
    def size(self) -> int:
        """The number of examples."""
        return self.weights.shape[0]


class Split(NamedTuple):
    """Three parts: to train on, to decide by, and to be judged by once."""

    train: Dataset
    dev: Dataset
    test: Dataset


def from_arrays(inputs: ArrayLike, labels: ArrayLike, *, weights: ArrayLike | None = None) -> Dataset:
    """A checked Dataset of arrays; without weights every example counts 1.

    Inputs become float32, but images of bytes stay bytes: a Task makes numbers of them, batch by batch.

    Raises ValueError for nothing at all, NaN or infinity, lengths that differ, class numbers or weights below 0, and
    TypeError for class numbers that are no integers.
    """
    inputs, labels = np.asarray(inputs), np.asarray(labels)
    for name, array in [("inputs", inputs), ("labels", labels)]:
        if array.dtype.kind not in "biuf":
            raise TypeError(f"{name} must be real numbers, but were given as {array.dtype}: encode them first.")
    if inputs.dtype != np.uint8 or inputs.ndim < 3:
        with np.errstate(over="ignore"):  # what overflows is told below
            inputs = inputs.astype(np.float32)
    if inputs.ndim < 2:
        raise ValueError(
            f"inputs must have the shape (examples, ...), but were given as {inputs.shape}: "
            "reshape a single feature to (examples, 1)."
        )
    if len(inputs) == 0:
        raise ValueError(f"inputs must hold at least one example, but were given as {inputs.shape}.")
    if labels.ndim == 1:
        _check_class_numbers(labels)
    weights = np.ones(len(inputs), np.float32) if weights is None else np.asarray(weights, np.float32)
    for name, array in [("inputs", inputs), ("labels", labels), ("weights", weights)]:
        if len(array) != len(inputs):
            raise ValueError(f"{name} must hold one row for each of the {len(inputs)} inputs, but hold {len(array)}.")
        if not np.isfinite(array).all():
            rows = np.flatnonzero(~np.isfinite(array).reshape(len(array), -1).all(axis=1))
            raise ValueError(
                f"{name} must be finite, but {len(rows)} of {len(array)} rows hold NaN or infinity, the first of them "
                f"row {rows[0]}: drop or impute them."
            )
    if weights.ndim != 1 or weights.min() < 0 or weights.max() == 0:
        raise ValueError(
            f"weights must be one number for each example, none below 0 and not all 0, but were given as "
            f"{weights.shape} from {weights.min()} to {weights.max()}."
        )
    integer_labels = np.issubdtype(labels.dtype, np.integer)
    return jax.device_put(Dataset(inputs, labels.astype(np.int32 if integer_labels else np.float32), weights))


def _check_class_numbers(labels) -> None:
    """Refuse labels that are no class numbers, and no signs."""
    if not np.issubdtype(labels.dtype, np.integer):
        raise TypeError(
            f"labels of shape {labels.shape} must be integers, but were given as {labels.dtype}: convert class numbers "
            "with labels.astype('int32'), or give targets the shape (examples, outputs)."
        )
    if labels.min(initial=0) < 0 and not np.isin(labels, (-1, 1)).all():
        raise ValueError(f"labels must be class numbers from 0, or all -1 or 1, but {labels.min()} was among them.")
    if labels.max(initial=0) > np.iinfo(np.int32).max:
        raise ValueError(f"labels must be class numbers that int32 can hold, but {labels.max()} was among them.")


def take(data: Dataset, indices: ArrayLike) -> Dataset:
    """The examples at these indices, in their order. Raises IndexError for an index that is none."""
    indices = np.asarray(indices)
    if indices.size and not (indices.min() >= 0 and indices.max() < data.size):
        raise IndexError(f"indices must be from 0 to {data.size - 1}, but go from {indices.min()} to {indices.max()}.")
    # on the host, where nothing is compiled for every shape
    rows = lambda array: jax.device_put(np.asarray(array)[indices]) if isinstance(array, jax.Array) else array[indices]  # noqa: E731
    taken = jax.tree.map(rows, data)
    if isinstance(data.inputs, dict):  # whose keys a map would sort
        taken = taken._replace(inputs={name: taken.inputs[name] for name in data.inputs})
    return taken
