"""The data set type: inputs, labels and weights, and a split of them into train, dev and test."""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, PyTree
from typing_extensions import TypeAliasType

from jaxdl._display import field_table, html_table, short_repr, summarized
from jaxdl._formatting import format_argument
from jaxdl._names import suggest_attributes
from jaxdl._types import ArrayLike

PARTS = dict.fromkeys(("train", "dev", "test"), "split it with data.random_split(key, data).")
SHAPES = dict.fromkeys(("shape", "dtype", "ndim"), "take that of an array, such as data.inputs.shape.")
FIELDS = dict.fromkeys(("x", "X", "features", "images", "data"), "write inputs.")
FIELDS |= dict.fromkeys(("y", "Y", "target", "targets", "classes"), "write labels.")
SAFE_WEIGHTS = 1e-18, 1e18  # positive weights whose products float32 holds


@suggest_attributes({**PARTS, **SHAPES, **FIELDS, "sample_weight": "write weights."})
class Dataset(NamedTuple):
    """Examples along the first axis of every array; a pytree, so that every jax transformation accepts it.

    `load` returns a data set as it was read: its inputs may then be a dict with one numpy array for each column of a
    table, and its labels may be strings. `prepare` turns both into numbers.

    Attributes:
        inputs: An array (examples, ...), or a pytree of such arrays.
        labels: Class numbers (examples,) from 0, or signs -1 and 1, or regression targets (examples, outputs).
        weights: Weight of each example in the loss (examples,), at least 0. `from_arrays` sets 1; functions of jaxdl do
            not accept a data set without weights.
    """

    inputs: PyTree
    labels: Any
    weights: Any = None

    __repr__ = short_repr
    _repr_html_ = field_table

    @property
    def size(self) -> int:
        """Number of examples."""
        if self.weights is None:
            raise ValueError(
                "a Dataset needs a weight for each example, got None: make it with data.from_arrays(inputs, labels)."
            )
        return len(self.weights)

    @property
    def outputs(self) -> int:
        """Number of outputs of a model for these labels: classes, 1 for signs, or regression targets."""
        return _count_outputs(self.labels)


def _of_parts() -> dict[str, str]:
    """Return advice for the names of arrays of the parts, such as x_train, and for the fields of a Dataset."""
    hints = {"val": "write dev.", "valid": "write dev.", "validation": "write dev."}
    for field, names in {"inputs": ("x", "X", "inputs"), "labels": ("y", "Y", "labels")}.items():
        for name in names:
            hints[name] = f"write train.{field}, or that of another part."
            for part in ("train", "dev", "test"):
                hints |= {f"{name}_{part}": f"write {part}.{field}.", f"{part}_{name}": f"write {part}.{field}."}
            hints |= dict.fromkeys((f"{name}_val", f"val_{name}", f"{name}_valid"), f"write dev.{field}.")
    return hints


@suggest_attributes({**_of_parts(), "size": "write train.size, or that of another part."})
class Split(NamedTuple):
    """Three disjoint parts of a data set.

    Attributes:
        train: The part to train on.
        dev: The part for decisions, such as early stopping and the choice of hyperparameters.
        test: The part for the final evaluation, used once.
    """

    train: Dataset
    dev: Dataset
    test: Dataset

    __repr__ = short_repr

    def _repr_html_(self) -> str:
        """Return a table with a row for each part, for a notebook."""
        fields = ("inputs", "labels", "weights")
        rows = [
            (name, *(summarized(getattr(part, field)) for field in fields)) for name, part in self._asdict().items()
        ]
        return html_table([("part", *fields), *rows])

    @property
    def outputs(self) -> int:
        """Number of outputs of a model for the labels of all parts: classes, 1 for signs, or regression targets."""
        if any(np.ndim(part.labels) != 1 for part in self):
            return self.train.outputs
        return _count_outputs(np.concatenate([part.labels for part in self]))


Augmentation = TypeAliasType("Augmentation", Callable[[Array, Dataset], Dataset])
"""`augment(key, batch) -> batch`, such as `each_image` and `label_noise` return"""


def from_arrays(inputs: ArrayLike, labels: ArrayLike, *, weights: ArrayLike | None = None) -> Dataset:
    """Check arrays and put them on the device as a Dataset.

    Inputs become float32. Images of bytes stay bytes: give the Task a `transform` that converts each batch.

    Args:
        inputs: Real numbers (examples, ...). A single feature has the shape (examples, 1).
        labels: Integer class numbers (examples,) from 0, or signs -1 and 1, or targets (examples, outputs).
        weights: Weight of each example (examples,), at least 0. Default: 1 for every example.

    Returns:
        The data set, with labels as int32 or float32 and weights as float32.

    Raises:
        ValueError: If there is no example, a number is NaN or infinite, lengths differ, a class number is below 0 or
            beyond int32, or a weight is below 0 or all are 0.
        TypeError: If inputs or labels are not real numbers, or class numbers are not integers.

    Example:
        >>> from jaxdl import data
        >>> examples = data.from_arrays([[0, 1], [2, 3]], [0, 1])
        >>> examples.inputs.dtype.name, examples.labels.dtype.name, examples.weights.tolist()
        ('float32', 'int32', [1.0, 1.0])
    """
    inputs, labels = array_of_numbers("inputs", inputs), array_of_numbers("labels", labels)
    if inputs.ndim == 1 and labels.ndim > 1 and len(inputs) == len(labels):
        raise ValueError(
            f"inputs come before labels, got the shapes {inputs.shape} and {labels.shape}: exchange them, or reshape "
            "a single feature to (examples, 1)."
        )
    if inputs.ndim > 1 and len(inputs) > 1 and loses_digits(inputs):
        warnings.warn(
            "inputs lose digits in float32, because they vary little compared to their size: subtract the mean of each "
            "feature before",
            stacklevel=2,
        )
    if inputs.dtype != np.uint8 or inputs.ndim < 3:
        with np.errstate(over="ignore"):  # an overflow is reported below
            inputs = inputs.astype(np.float32)
    check_inputs_shape(inputs)
    if len(inputs) == 0:
        raise ValueError(f"inputs must hold at least one example, got the shape {inputs.shape}.")
    if labels.ndim == 1:
        check_class_numbers(labels)
    weights = array_of_numbers("weights", np.ones(len(inputs)) if weights is None else weights)
    for name, array in [("inputs", inputs), ("labels", labels), ("weights", weights)]:
        check_length(name, array, len(inputs))
        _check_finite(name, array)
    if weights.ndim != 1 or weights.min() < 0 or weights.max() == 0:
        raise ValueError(
            "weights must be one number of at least 0 for each example, and one of them above 0, got the shape "
            f"{weights.shape} with values from {weights.min()} to {weights.max()}."
        )
    check_weight_sizes(weights)
    integer_labels = np.issubdtype(labels.dtype, np.integer)
    labels = labels.astype(np.int32 if integer_labels else np.float32)
    return jax.device_put(Dataset(inputs, labels, weights.astype(np.float32)))


def check_weight_sizes(weights: np.ndarray) -> None:
    """Raise ValueError for weights whose sums and products overflow or vanish in float32."""
    positive = weights[weights > 0]
    if positive.size and not (SAFE_WEIGHTS[0] <= positive.min() and positive.max() <= SAFE_WEIGHTS[1]):
        raise ValueError(
            f"weights must be 0 or between {SAFE_WEIGHTS[0]:g} and {SAFE_WEIGHTS[1]:g}, got positive weights from "
            f"{positive.min():g} to {positive.max():g}: scale them, because only their ratios matter."
        )


def loses_digits(inputs: np.ndarray) -> bool:
    """Return whether float32 holds a feature of inputs (examples, ..., features) with fewer than four digits.

    They are digits of the range of the feature: numbers around 1.7e9 that differ by 100 have less than one.
    """
    if inputs.dtype.itemsize < 4 or inputs.dtype == np.float32 or inputs.size == 0:
        return False
    axes = tuple(range(inputs.ndim - 1))
    with np.errstate(over="ignore", invalid="ignore"):
        error = np.abs(inputs.astype(np.float32) - inputs.astype(np.float64)).max(axes)
        extent = inputs.max(axes).astype(np.float64) - inputs.min(axes)
        return bool(((error > 1e-4 * extent) & (extent > 0)).any())


def array_of_numbers(name: str, values: Any, dtype: Any = None) -> np.ndarray:
    """Return real numbers as a numpy array.

    Raises TypeError for anything else, also for rows of different lengths, and ValueError for masked numbers.
    """
    if isinstance(values, Dataset | Split):
        raise TypeError(f"{name} must be an array, got a {type(values).__name__}: pass its {name}.")
    check_unmasked(name, values)
    try:
        array = np.asarray(values)
    except (ValueError, TypeError):
        raise TypeError(
            f"{name} must be numbers in rows of equal length, got {format_argument(values)} that numpy cannot make an "
            "array of: pad or cut the rows."
        ) from None
    if array.dtype.kind not in "biuf":
        got = array.dtype if array.size != 1 else format_argument(array.item())
        raise TypeError(f"{name} must be real numbers, got {got}: {_encoding_of(name, values, array.dtype.kind)}.")
    return array if dtype is None else array.astype(dtype)


def _encoding_of(name, values, kind) -> str:
    """Return advice for values that are not numbers."""
    if values is None:
        return "pass an array"
    if isinstance(values, dict):
        return "stack its columns with np.column_stack, or encode them with data.prepare"
    if name == "labels" and kind in "OSTU":
        return "number them with names, labels = np.unique(labels, return_inverse=True)"
    return "encode them first"


def check_unmasked(name: str, values: Any) -> None:
    """Raise ValueError for masked numbers, because numpy and jax convert them to the numbers under the mask."""
    if np.ma.is_masked(values):
        raise ValueError(
            f"{name} must not hold masked numbers, got {np.ma.count_masked(values)} of {np.size(values)}: fill them, "
            "for example with values.filled(np.nan), and impute or drop these rows."
        )


def check_inputs_shape(inputs) -> None:
    """Raise ValueError for inputs with fewer than two axes."""
    if inputs.ndim < 2:
        raise ValueError(
            f"inputs must have the shape (examples, ...), got {inputs.shape}: reshape a single feature to "
            "(examples, 1)."
        )


def check_length(name: str, array, examples: int) -> None:
    """Raise ValueError for an array that does not have one row for each example."""
    if array.ndim == 0:
        raise ValueError(f"{name} must hold one row for each of the {examples} inputs, got a single number.")
    if len(array) != examples:
        raise ValueError(f"{name} must hold one row for each of the {examples} inputs, got {len(array)} rows.")


def check_class_numbers(labels) -> None:
    """Raise TypeError or ValueError for labels that are neither class numbers nor signs."""
    if not np.issubdtype(labels.dtype, np.integer):
        raise TypeError(
            f"labels of the shape {labels.shape} must be integers, got {labels.dtype}: convert class numbers with "
            "labels.astype('int32'), or give regression targets the shape (examples, outputs)."
        )
    if labels.min(initial=0) < 0 and not np.isin(labels, (-1, 1)).all():
        raise ValueError(f"labels must be class numbers from 0, or all -1 or 1, got {labels.min()}.")
    if labels.max(initial=0) > np.iinfo(np.int32).max:
        raise ValueError(f"labels must be class numbers that fit into int32, got {labels.max()}.")


def _check_finite(name, array) -> None:
    if not np.isfinite(array).all():
        rows = np.flatnonzero(~np.isfinite(array).reshape(len(array), -1).all(axis=1))
        raise ValueError(
            f"{name} must be finite, but {len(rows)} of {len(array)} rows hold NaN or infinity, the first of them row "
            f"{rows[0]}: drop or impute them."
        )


def _count_outputs(labels) -> int:
    """Return the number of classes of labels (examples,), 1 for signs, or the targets of labels (examples, outputs)."""
    if np.ndim(labels) == 2:
        return labels.shape[1]
    if np.ndim(labels) != 1:
        raise ValueError(
            "labels must be classes (examples,) or targets (examples, outputs) to count the outputs of a model, got "
            f"{'the shape ' + str(labels.shape) if hasattr(labels, 'shape') else type(labels).__name__}: give the "
            "model its number of outputs."
        )
    try:
        labels = np.asarray(labels)
    except jax.errors.TracerArrayConversionError:
        raise ValueError(
            "the number of classes is unknown inside jax.jit and jax.vmap, where labels have no values: read `outputs` "
            "outside of them, and give it to the model."
        ) from None
    if labels.dtype.kind in "OSTU":
        return len(np.unique(labels))
    check_class_numbers(labels)
    return 1 if labels.min(initial=0) < 0 else int(labels.max(initial=0)) + 1


def take(data: Dataset, indices: ArrayLike) -> Dataset:
    """Select examples by index, in the given order.

    Args:
        data: The data set.
        indices: Integers from 0 to `data.size - 1`; an index may occur more than once. Or a mask: a Boolean for each
            example.

    Returns:
        A data set of the selected examples.

    Raises:
        IndexError: If an index is out of range.
        TypeError: If the indices are not integers, or the data are not a Dataset.
        ValueError: If the indices are not one-dimensional, or a mask has not one Boolean for each example.

    Example:
        >>> from jaxdl import data
        >>> data.take(data.xor(), [3, 0]).inputs.tolist()
        [[1.0, 1.0], [0.0, 0.0]]
    """
    if not isinstance(data, Dataset):
        raise TypeError(f"data must be a Dataset, got {format_argument(data)}: the data come before the indices.")
    indices = _checked_indices(indices, data.size)
    if indices.size and not (indices.min() >= 0 and indices.max() < data.size):
        raise IndexError(f"indices must be from 0 to {data.size - 1}, got {indices.min()} to {indices.max()}.")
    # select with numpy: jax would compile a program for every shape
    rows = lambda array: jax.device_put(np.asarray(array)[indices]) if isinstance(array, jax.Array) else array[indices]  # noqa: E731
    selected = jax.tree.map(rows, data)
    if isinstance(data.inputs, dict):  # jax.tree.map sorts the keys
        selected = selected._replace(inputs={name: selected.inputs[name] for name in data.inputs})
    return selected


def counted(data: Dataset) -> Dataset:
    """Return the examples of weight above 0; all of them while jax traces them, or if every weight is 0."""
    if isinstance(data.weights, Tracer):
        return data
    weights = np.asarray(data.weights)
    return data if weights.all() or not weights.any() else take(data, np.flatnonzero(weights))


def _checked_indices(indices, examples) -> np.ndarray:
    """Return indices, or the indices of a mask, as integers."""
    if isinstance(indices, slice):
        raise TypeError(f"indices must be integers, got {indices}: write range({indices.start or 0}, {indices.stop}).")
    indices = array_of_numbers("indices", indices)
    if indices.dtype.kind == "f" and indices.size:
        raise TypeError(f"indices must be integers, got {indices.dtype}: convert them with astype(int).")
    if indices.ndim != 1:
        raise ValueError(f"indices must be one-dimensional, got the shape {indices.shape}: write [3] for one example.")
    if indices.dtype.kind != "b":
        return indices.astype(int)
    if len(indices) != examples:
        raise ValueError(f"a mask must hold one Boolean for each of the {examples} examples, got {len(indices)}.")
    return np.flatnonzero(indices)
