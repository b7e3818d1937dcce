"""Preparation: examples as they are read become numbers, by what the training part alone says."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxdl.data.dataset import Dataset, Split, from_arrays
from jaxdl.data.preprocessing.columns import (
    FAR,
    FURTHEST,
    Column,
    encode_column,
    features,
    fit_column,
    missing_cells,
    unfamiliar,
)
from jaxdl.data.preprocessing.pixels import pixels_of
from jaxdl.data.preprocessing.standardization import Standardization, fit_standardization, standardize
from jaxdl.data.readers.labels import as_classes


class Classes(NamedTuple):
    """The classes that labels are among, in order: a name or number for each class number."""

    names: tuple[str | int, ...]


class Preparation(NamedTuple):
    """All that is fitted to the training part.

    Inputs are encoded by column where they are those of a table, else standardized; labels become class numbers, or,
    as targets of a regression, are standardized. `shape` is that of one example as the model takes it; `left_out` says
    of columns why they are not among the inputs.
    """

    inputs: tuple[Column, ...] | Standardization
    labels: Classes | Standardization
    shape: tuple[int, ...]
    left_out: dict[str, str]


def fit_preparation(train: Dataset) -> Preparation:
    """What the training part says: nothing else is looked at.

    Raises ValueError for a table of which no column is left, and for labels of one class.
    """
    if not isinstance(train.inputs, Mapping):
        fitted = fit_standardization(train)
        if not (np.isfinite(fitted.mean).all() and np.isfinite(fitted.deviation).all()):
            raise ValueError("inputs must be numbers whose squares float32 can hold, but are larger: scale them.")
        return Preparation(fitted, _fit_labels(train.labels), train.inputs.shape[1:], {})
    found = {name: fit_column(name, values) for name, values in train.inputs.items()}
    columns = tuple(column for column in found.values() if not isinstance(column, str))
    left_out = {name: reason for name, reason in found.items() if isinstance(reason, str)}
    if not columns:
        why = "; ".join(f"{name!r}: {reason}" for name, reason in left_out.items())
        raise ValueError(
            f"inputs must have a column to learn from, but none of them is one ({why or 'there is none'})."
        )
    width = sum(len(features(column)) for column in columns)
    return Preparation(columns, _fit_labels(train.labels), (width,), left_out)


def _fit_labels(labels) -> Classes | Standardization:
    labels = np.asarray(labels)
    if labels.ndim == 1:
        names = tuple(np.unique(labels).tolist())
        if len(names) < 2:
            raise ValueError(f"labels must be of two classes at least, but all are {names[0]!r} in the training part.")
        return Classes(names)
    targets = labels.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        varies = np.ptp(targets, axis=0) > 0
        mean, deviation = targets.mean(axis=0), np.where(varies, targets.std(axis=0), 1.0)
    if not (np.isfinite(deviation).all() and (deviation > 0).all()):
        raise ValueError(
            f"labels must be numbers whose squares float64 can hold, but are from {targets.min():g} to "
            f"{targets.max():g} in the training part: correct them, or scale them."
        )
    return Standardization(mean, deviation)


def rescaled(standardized: Array | np.ndarray, of: Standardization) -> np.ndarray:
    """Targets in the unit of the labels again, in float64, which holds what lies far from 0 as exactly as labels."""
    return np.asarray(standardized, np.float64) * np.asarray(of.deviation) + np.asarray(of.mean)


def prepare(preparation: Preparation, data: Dataset, *, keep_pixels: bool = False) -> Dataset:
    """The same examples as numbers that a model can be trained on.

    Images that were read from bytes may be kept as bytes, for a Task with `transform=transform_of(preparation)`. Raises
    ValueError for a column or a class that was not there in training, and what `encode_inputs` raises.
    """
    labels, of = np.asarray(data.labels), preparation.labels
    if isinstance(of, Classes):
        numbers = class_numbers(of, labels)
        if numbers.min() < 0:
            raise ValueError(
                f"labels must be among the classes of the training part, but {labels[numbers.argmin()]!s} is not: give "
                "more examples of it, or leave it out."
            )
        labels = numbers
    else:
        labels = (labels - of.mean) / of.deviation
        if not (np.abs(labels) < FURTHEST).all():
            raise ValueError(
                "labels must be finite and not a million deviations from the mean of the training part, but one is: "
                "correct it, or leave it out."
            )
        labels = labels.astype(np.float32)
    fits = isinstance(preparation.inputs, Standardization) and np.shape(data.inputs)[1:] == preparation.shape
    pixels = pixels_of(data.inputs) if keep_pixels and fits else None
    if pixels is None:
        return from_arrays(encode_inputs(preparation, data.inputs), labels, weights=data.weights)
    return jax.device_put(Dataset(pixels, labels, np.asarray(data.weights, np.float32)))


def transform_of(preparation: Preparation) -> Callable[[Array], Array]:
    """What makes numbers of pixels, as `encode_inputs` does of images; what are no bytes is left as it is."""

    def transform(inputs: Array) -> Array:
        if inputs.dtype != jnp.uint8:
            return inputs
        return _standardized(preparation.inputs, inputs.astype(jnp.float32) / 255)

    return transform


def _standardized(of, inputs) -> Any:
    """Numbers that float32 holds, however far they are from those of training."""
    return standardize(of, Dataset(inputs, None, None)).inputs.clip(-FURTHEST, FURTHEST)


def encode_inputs(preparation: Preparation, inputs: Any) -> Array:
    """Inputs as they are read, as the model takes them: (examples, features), or images as they are shaped.

    Raises ValueError for columns that are not there, and for features other than those that were fitted; TypeError for
    a column of another kind.
    """
    of = preparation.inputs
    if isinstance(of, Standardization):
        if isinstance(inputs, Mapping):
            raise ValueError("inputs must be arrays, as in training, but are the columns of a table.")
        if inputs.shape[1:] != preparation.shape:
            raise ValueError(
                f"inputs must have the shape {preparation.shape}, as in training, but have {inputs.shape[1:]}."
            )
        like = np.asarray(inputs, np.float32)  # all on the host, where nothing is compiled for every shape
        if not np.isfinite(like).all():
            raise ValueError("inputs must be finite, but hold NaN or infinity: drop or impute these examples.")
        return jax.device_put(_standardized(Standardization(*map(np.asarray, of)), like))
    if not isinstance(inputs, Mapping):
        raise ValueError("inputs must be the columns of a table, as in training, but are an array.")
    absent = [column.name for column in of if column.name not in inputs]
    if absent:
        raise ValueError(f"inputs must have the columns of training, but {', '.join(map(repr, absent))} is not there.")
    return jax.device_put(np.concatenate([encode_column(column, inputs[column.name]) for column in of], axis=1))


def unlike_training(preparation: Preparation, inputs: Any) -> dict[str, np.ndarray]:
    """Which examples have something in a column, or in their array, that training had not (`unfamiliar`).

    Nothing is known of networks there, so that a prediction is a guess, however sure it looks.
    """
    of = preparation.inputs
    if isinstance(of, Standardization):
        scaled = (np.asarray(inputs) - np.asarray(of.mean)) / np.asarray(of.deviation)
        return {"inputs": (np.abs(scaled) > FAR).reshape(len(scaled), -1).any(axis=1)}
    return {column.name: unfamiliar(column, inputs[column.name]) for column in of}


def class_numbers(classes: Classes, labels: np.ndarray) -> np.ndarray:
    """The class number of each label, -1 where it is none of the classes."""
    names, labels = np.asarray(classes.names), as_classes(labels)
    if names.dtype.kind in "UO" or labels.dtype.kind in "UO":
        names, labels = names.astype(str), labels.astype(str)
    order = np.argsort(names)  # as text, 10 comes before 9
    found = order[np.searchsorted(names, labels, sorter=order).clip(max=len(names) - 1)]
    return np.where(names[found] == labels, found, -1).astype(np.int32)


def prepared(split: Split, *, keep_pixels: bool = False) -> tuple[Split, Preparation]:
    """All parts of a split as `prepare` makes them, by what the training part says; and what that is."""
    fitted = fit_preparation(split.train)
    return Split(*(prepare(fitted, part, keep_pixels=keep_pixels) for part in split)), fitted


def incomplete(data: Dataset) -> dict[str, int]:
    """How many cells are missing in each column of a table that is not complete."""
    columns = data.inputs.items() if isinstance(data.inputs, Mapping) else ()
    counts = {name: int(missing_cells(values).sum()) for name, values in columns}
    return {name: count for name, count in counts.items() if count}
