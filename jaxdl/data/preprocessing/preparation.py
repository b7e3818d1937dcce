"""Preparation of examples as they were read: encode and standardize them, with numbers fitted to the training part."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxdl._display import short_repr
from jaxdl._formatting import format_argument
from jaxdl.data._arguments import check_data, check_split
from jaxdl.data.dataset import Dataset, Split, check_unmasked, counted, from_arrays
from jaxdl.data.preprocessing.columns import (
    FAMILIAR_STDS,
    MAX_STDS,
    Column,
    encode_column,
    feature_names,
    fit_column,
    missing_cells,
    unfamiliar,
)
from jaxdl.data.preprocessing.pixels import pixels_of
from jaxdl.data.preprocessing.standardization import Standardization, check_fitted, fit_standardization, scaled
from jaxdl.data.preprocessing.weighted import uneven_weights, weighted_moments
from jaxdl.data.readers.labels import as_classes


class Classes(NamedTuple):
    """The classes of the training part.

    Attributes:
        names: Name or number of each class, sorted; the position is the class number.
    """

    names: tuple[str | int, ...]


class Preparation(NamedTuple):
    """Everything that is fitted to the training part.

    Attributes:
        inputs: Encodings of the columns of a table, or the standardization of arrays.
        labels: The classes, or the standardization of regression targets.
        shape: Shape of one example as the model sees it.
        left_out: Reason for each column of the table that is not used, by name.
    """

    inputs: tuple[Column, ...] | Standardization
    labels: Classes | Standardization
    shape: tuple[int, ...]
    left_out: dict[str, str]

    __repr__ = short_repr

    @property
    def outputs(self) -> int:
        """Number of outputs of a model for these labels: classes, or regression targets."""
        return len(self.labels.names) if isinstance(self.labels, Classes) else self.labels.mean.size


def fit_preparation(train: Dataset) -> Preparation:
    """Fit encodings and standardizations to the training part.

    Numbers are standardized and their missing values imputed by the median; text is one-hot encoded; dates become days
    and cyclic features; labels become class numbers, or standardized regression targets. Means, standard deviations and
    medians are weighted by the weights of the examples, and examples of weight 0 do not count.

    Args:
        train: The training part as `load` and the splits return it.

    Returns:
        The preparation for `prepare` and `encode_inputs`.

    Raises:
        ValueError: If no column of the table is usable, all labels are the same class, or numbers overflow.

    Example:
        >>> from jaxdl import data
        >>> columns = {"age": np.array([20.0, 40.0]), "home": np.array(["hut", "flat"], object)}
        >>> people = data.Dataset(columns, np.array(["no", "yes"]), np.ones(2, np.float32))
        >>> fitted = data.fit_preparation(people)
        >>> fitted.labels.names, fitted.shape, fitted.inputs[1].categories
        (('no', 'yes'), (3,), ('flat', 'hut'))
    """
    check_data(train, "train")
    train = counted(train)
    weights = uneven_weights(train)
    if not isinstance(train.inputs, Mapping):
        fitted = fit_standardization(train)
        if not (np.isfinite(fitted.mean).all() and np.isfinite(fitted.std).all()):
            raise ValueError("inputs must be numbers whose squares fit into float64, got larger ones: scale them.")
        return Preparation(fitted, _fit_labels(train.labels, weights), train.inputs.shape[1:], {})
    found = {name: fit_column(name, values, weights) for name, values in train.inputs.items()}
    columns = tuple(column for column in found.values() if not isinstance(column, str))
    left_out = {name: reason for name, reason in found.items() if isinstance(reason, str)}
    if not columns:
        reasons = "; ".join(f"{name!r}: {reason}" for name, reason in left_out.items())
        raise ValueError(f"no column is usable as input ({reasons or 'the table has no column besides the label'}).")
    width = sum(len(feature_names(column)) for column in columns)
    return Preparation(columns, _fit_labels(train.labels, weights), (width,), left_out)


def _fit_labels(labels, weights) -> Classes | Standardization:
    labels = np.asarray(labels)
    if labels.ndim == 1:
        names = tuple(np.unique(labels).tolist())
        if len(names) < 2:
            raise ValueError(f"labels must have at least two classes, but all are {names[0]!r} in the training part.")
        return Classes(names)
    targets = labels.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        if weights is None:
            varies = np.ptp(targets, axis=0) > 0
            mean, std = targets.mean(axis=0), np.where(varies, targets.std(axis=0), 1.0)
        else:
            mean, std = weighted_moments(targets, weights)
    if not (np.isfinite(std).all() and (std > 0).all()):
        raise ValueError(
            f"labels must be numbers whose squares fit into float64, got numbers from {targets.min():g} to "
            f"{targets.max():g} in the training part: correct or scale them."
        )
    return Standardization(mean, std)


def rescaled(standardized: Array | np.ndarray, standardization: Standardization) -> np.ndarray:
    r"""Convert standardized targets back to the units of the labels: $y s + \mu$.

    Args:
        standardized: Standardized targets or predictions (..., outputs).
        standardization: Mean $\mu$ and standard deviation $s$, such as `preparation.labels`.

    Returns:
        The targets in float64, which keeps the precision of labels far from 0.

    Example:
        >>> from jaxdl import data
        >>> unit = data.Standardization(np.array([100.0]), np.array([20.0]))
        >>> data.rescaled(np.array([[0.5], [-1.0]]), unit).tolist()
        [[110.0], [80.0]]
    """
    if not isinstance(standardization, Standardization):
        raise TypeError(
            f"standardization must be a Standardization, got {format_argument(standardization)}: give "
            "preparation.labels of a regression after the numbers."
        )
    return np.asarray(standardized, np.float64) * np.asarray(standardization.std) + np.asarray(standardization.mean)


def prepare(preparation: Preparation, data: Dataset, *, keep_pixels: bool = False) -> Dataset:
    """Encode inputs and labels as numbers that a model can be trained on.

    Args:
        preparation: The preparation, fitted to the training part.
        data: Examples as they were read.
        keep_pixels: Whether to keep images that were read from bytes as bytes, for a quarter of the memory. The Task
            then needs `transform=transform_of(preparation)`.

    Returns:
        The prepared data set, on the device.

    Raises:
        ValueError: If a label is not a class of the training part, a target is over a million standard deviations from
            the training mean, or the inputs do not fit the preparation.
        TypeError: If a column is of another kind than in training.

    Example:
        >>> from jaxdl import data
        >>> named = data.Dataset(np.array([[1.0], [3.0]], np.float32), np.array(["b", "a"]), np.ones(2, np.float32))
        >>> ready = data.prepare(data.fit_preparation(named), named)
        >>> ready.inputs.tolist(), ready.labels.tolist()
        ([[-1.0], [1.0]], [1, 0])
    """
    check_fitted("preparation", preparation, Preparation)
    check_data(data)
    labels = _encode_labels(preparation.labels, np.asarray(data.labels), np.asarray(data.weights) > 0)
    fits = isinstance(preparation.inputs, Standardization) and np.shape(data.inputs)[1:] == preparation.shape
    pixels = pixels_of(data.inputs) if keep_pixels and fits else None
    if pixels is None:
        return from_arrays(encode_inputs(preparation, data.inputs), labels, weights=data.weights)
    return jax.device_put(Dataset(pixels, labels, np.asarray(data.weights, np.float32)))


def _encode_labels(fitted, labels, counts) -> np.ndarray:
    """Return class numbers, or standardized targets; 0 for an invalid label of an example that does not count."""
    if isinstance(fitted, Classes):
        numbers = class_numbers(fitted, labels)
        invalid = np.flatnonzero((numbers < 0) & counts)
        if invalid.size:
            raise ValueError(
                f"label {str(labels[invalid[0]])!r} is not among the classes of the training part: give more "
                "examples of it, or leave it out."
            )
        return np.maximum(numbers, 0)
    targets = (labels - fitted.mean) / fitted.std
    targets = np.where(counts[:, None] | (np.abs(targets) < MAX_STDS), targets, 0.0)
    if not (np.abs(targets) < MAX_STDS).all():
        raise ValueError(
            "labels must be finite and within a million standard deviations of the training mean, but at least one is "
            "not: correct it, or leave it out."
        )
    return targets.astype(np.float32)


def transform_of(preparation: Preparation) -> Callable[[Array], Array]:
    """Return the function that standardizes a batch of byte images, for the `transform` of a Task.

    Args:
        preparation: The preparation, fitted to the training part.

    Returns:
        A function that converts bytes to the numbers of `encode_inputs`, and returns other inputs unchanged.

    Example:
        >>> from jaxdl import data
        >>> pixels = np.array([0, 255], np.uint8).reshape(2, 1, 1, 1)
        >>> images = data.Dataset(pixels / np.float32(255), np.array([0, 1]), np.ones(2, np.float32))
        >>> fitted = data.fit_preparation(images)
        >>> kept = data.prepare(fitted, images, keep_pixels=True)
        >>> kept.inputs.dtype.name, data.transform_of(fitted)(kept.inputs).ravel().tolist()
        ('uint8', [-1.0, 1.0])
    """
    check_fitted("preparation", preparation, Preparation)

    def transform(inputs: Array) -> Array:
        if inputs.dtype != jnp.uint8:
            return inputs
        return _standardized(preparation.inputs, inputs.astype(jnp.float32) / 255)

    return transform


def _standardized(standardization, inputs) -> Any:
    """Return standardized numbers, clipped to a range that float32 can hold."""
    return scaled(standardization, inputs).clip(-MAX_STDS, MAX_STDS)


def encode_inputs(preparation: Preparation, inputs: Any) -> Array:
    """Encode inputs as the model takes them.

    Args:
        preparation: The preparation, fitted to the training part.
        inputs: The columns of a table as a dict, or an array (examples, ...), as in training. Unused columns may be
            present.

    Returns:
        Numbers (examples, features), or images in their own shape.

    Raises:
        ValueError: If a column is absent, the shape differs from training, or an array holds NaN or infinity.
        TypeError: If a column is of another kind than in training.

    Example:
        >>> from jaxdl import data
        >>> columns = {"age": np.array([20.0, 40.0]), "home": np.array(["hut", "flat"], object)}
        >>> people = data.Dataset(columns, np.array(["no", "yes"]), np.ones(2, np.float32))
        >>> fitted = data.fit_preparation(people)
        >>> data.encode_inputs(fitted, {"age": np.array([30.0]), "home": np.array(["hut"], object)}).tolist()
        [[0.0, 0.0, 1.0]]
    """
    check_fitted("preparation", preparation, Preparation)
    if isinstance(inputs, Dataset | Split | str):
        raise TypeError(f"inputs must be an array or the columns of a table, got {format_argument(inputs)}.")
    for values in inputs.values() if isinstance(inputs, Mapping) else (inputs,):
        check_unmasked("inputs", values)
    fitted = preparation.inputs
    if isinstance(fitted, Standardization):
        inputs = np.asarray(inputs) if isinstance(inputs, list | tuple) else inputs
        if isinstance(inputs, Mapping):
            raise ValueError("inputs must be an array, as in training, got the columns of a table.")
        if inputs.shape[1:] != preparation.shape:
            raise ValueError(
                f"inputs must have the shape {preparation.shape} per example, as in training, got {inputs.shape[1:]}."
            )
        fitted = Standardization(*map(np.asarray, fitted))  # numpy: jax would compile a program for every shape
        array = np.asarray(inputs, np.result_type(np.float32, fitted.mean))
        if not np.isfinite(array).all():
            raise ValueError("inputs must be finite, but hold NaN or infinity: drop or impute these examples.")
        return jax.device_put(_standardized(fitted, array).astype(np.float32))
    if not isinstance(inputs, Mapping):
        raise ValueError("inputs must be the columns of a table, as in training, got an array.")
    absent = [column.name for column in fitted if column.name not in inputs]
    if absent:
        raise ValueError(f"inputs lack columns of training: {', '.join(map(repr, absent))}.")
    encoded = [encode_column(column, _as_read(inputs[column.name])) for column in fitted]
    return jax.device_put(np.concatenate(encoded, axis=1))


def _as_read(values: Any) -> np.ndarray:
    """Return a column with the dtype that readers give it: integers as float64, text as objects."""
    array = np.asarray(values)
    return array.astype({"i": np.float64, "u": np.float64, "U": object}.get(array.dtype.kind, array.dtype))


def unlike_training(preparation: Preparation, inputs: Any) -> dict[str, np.ndarray]:
    """Return masks of examples with values unlike any in training, for which predictions are unreliable.

    These are unknown categories, missing values in columns that had none, and numbers over 100 standard deviations from
    the training mean.

    Args:
        preparation: The preparation, fitted to the training part.
        inputs: Inputs as `encode_inputs` takes them.

    Returns:
        A mask (examples,) for each column of a table, or for "inputs" if they are an array.

    Example:
        >>> from jaxdl import data
        >>> from jaxdl.data.preprocessing import unlike_training
        >>> unlike_training(data.fit_preparation(data.xor()), np.array([[0.0, 1.0], [999.0, 0.0]]))["inputs"].tolist()
        [False, True]
    """
    fitted = preparation.inputs
    if isinstance(fitted, Standardization):
        scaled = (np.asarray(inputs) - np.asarray(fitted.mean)) / np.asarray(fitted.std)
        return {"inputs": (np.abs(scaled) > FAMILIAR_STDS).reshape(len(scaled), -1).any(axis=1)}
    return {column.name: unfamiliar(column, _as_read(inputs[column.name])) for column in fitted}


def class_numbers(classes: Classes, labels: np.ndarray) -> np.ndarray:
    """Return the class number of each label, or -1 for a label that is not a class."""
    names, labels = np.asarray(classes.names), as_classes(labels)
    if names.dtype.kind in "UO" or labels.dtype.kind in "UO":
        names, labels = names.astype(str), labels.astype(str)
    order = np.argsort(names)  # as text, 10 comes before 9
    found = order[np.searchsorted(names, labels, sorter=order).clip(max=len(names) - 1)]
    return np.where(names[found] == labels, found, -1).astype(np.int32)


def prepared(split: Split, *, keep_pixels: bool = False) -> tuple[Split, Preparation]:
    """Fit a preparation to the training part and apply it to all parts.

    Args:
        split: A split of examples as they were read.
        keep_pixels: Whether to keep images that were read from bytes as bytes; see `prepare`.

    Returns:
        The prepared split and the preparation.

    Raises:
        ValueError: As `fit_preparation` and `prepare`.

    Example:
        >>> from jaxdl import data
        >>> split = data.stratified_split(jax.random.key(0), data.moons(jax.random.key(1), examples=50))
        >>> split, preparation = data.prepared(split)
        >>> preparation.labels.names, bool(jnp.allclose(split.train.inputs.std(axis=0), 1, atol=1e-5))
        ((0, 1), True)
    """
    check_split(split)
    fitted = fit_preparation(split.train)
    return Split(*(prepare(fitted, part, keep_pixels=keep_pixels) for part in split)), fitted


def missing_counts(data: Dataset) -> dict[str, int]:
    """Return the number of missing cells of each column of a table that has any."""
    columns = data.inputs.items() if isinstance(data.inputs, Mapping) else ()
    counts = {name: int(missing_cells(values).sum()) for name, values in columns}
    return {name: count for name, count in counts.items() if count}
