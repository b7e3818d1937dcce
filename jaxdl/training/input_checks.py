"""Check data and task before anything is compiled: raise for what cannot be trained, warn about what trains badly."""

import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from jaxdl.data import Dataset
from jaxdl.data.stream import Stream
from jaxdl.models import check_batch_norm
from jaxdl.training.supervised import objective_of
from jaxdl.training.task import Task, transform_inputs

SAMPLE, LARGE = 1000, 30.0  # examples looked at, and the root mean square of inputs that triggers a warning


def check_counts(task: Task, data: Dataset | Stream, *, epochs: int) -> None:
    """Raise ValueError for fewer than one epoch, or for batch sizes that do not fit the data."""
    if epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {epochs}.")
    if not 1 <= task.batch_size <= data.size:
        raise ValueError(
            f"batch_size must be between 1 and the number of examples, {data.size}, got {task.batch_size}: use a "
            "smaller batch or more data."
        )
    if task.microbatches < 1 or task.batch_size % task.microbatches:
        raise ValueError(f"microbatches must divide the batch_size {task.batch_size}, got {task.microbatches}.")


def check_inputs(task: Task, data: Dataset, dev: Dataset, *, epochs: int) -> None:
    """Raise ValueError or TypeError for data that the task cannot be trained on; warn about data that trains badly."""
    for name, part in [("data", data), ("dev", dev)]:
        _check_arrays(name, part)
        _check_bytes(name, task, part)
    check_counts(task, data, epochs=epochs)
    _warn_of_images(task, data.inputs)
    key, batch = jax.random.key(0), _shapes_of(task, data, task.batch_size // task.microbatches)
    params, stats = jax.eval_shape(task.model.init, key, batch.inputs)
    outputs = output_shapes(task, data)
    for name, part in [("data", data), ("dev", dev)]:
        _check_values(name, part, data.inputs.shape[1:])
        check_labels(name, np.asarray(part.labels), outputs)
    check_batch_norm(task.model, batch.inputs)
    loss, _ = jax.eval_shape(objective_of(task), params, stats, batch, key)
    if loss.shape != ():
        raise ValueError(
            f"the objective must return one number for a batch, got an array of shape {loss.shape}: take its mean."
        )


def _check_arrays(name, part) -> None:
    """Raise if `part` is not a Dataset of arrays of equal length."""
    if not isinstance(part, Dataset):
        raise TypeError(
            f"{name} must be a Dataset, got {type(part).__name__}: make one with data.from_arrays(inputs, labels)."
        )
    for field, leaves in part._asdict().items():
        for leaf in jax.tree.leaves(leaves):
            if not hasattr(leaf, "shape"):
                raise TypeError(
                    f"{field} of {name} must be an array, but contains a {type(leaf).__name__}: make the Dataset with "
                    "data.from_arrays(inputs, labels)."
                )
            if leaf.shape[:1] != part.weights.shape[:1]:
                raise ValueError(
                    f"{field} of {name} must have one row for each of its {len(part.weights)} weights, got an array of "
                    f"shape {leaf.shape}."
                )


def _check_bytes(name, task, part) -> None:
    """Raise if images are still bytes after the transform."""
    inputs = _shapes_of(task, part, 1).inputs
    if getattr(inputs, "dtype", None) == jnp.uint8 and inputs.ndim > 2:
        raise TypeError(
            f"inputs of {name} must be floating point, got bytes: divide images by 255, or keep them as bytes on the "
            "device with Task(..., transform=lambda pixels: pixels / 255)."
        )


def _check_values(name, part, shape) -> None:
    """Raise if a part is empty, differs in shape, or has weights, inputs or labels that cannot be averaged."""
    if part.size == 0:
        raise ValueError(f"{name} has no examples.")
    inputs, labels, weights = (np.asarray(field) for field in part)  # on the host, where nothing is compiled
    if not (np.isfinite(weights).all() and weights.min() >= 0):
        raise ValueError(f"weights of {name} must be finite and not negative.")
    if not weights.sum() > 0:
        raise ValueError(f"weights of {name} are all 0, so the weighted mean of the loss is undefined.")
    if part.inputs.shape[1:] != shape:
        raise ValueError(f"inputs of {name} must have the shape {shape}, got {part.inputs.shape[1:]}.")
    if not (np.isfinite(inputs).all() and np.isfinite(labels).all()):
        raise ValueError(f"{name} contains NaN or infinity: data.from_arrays checks arrays when it makes a Dataset.")


def _shapes_of(task, data, rows) -> Dataset:
    """Return the shapes and dtypes of some transformed examples, without computing them."""
    return jax.eval_shape(lambda data: transform_inputs(task, jax.tree.map(lambda array: array[:rows], data)), data)


def _warn_of_images(task, inputs) -> None:
    """Warn about inputs that are far from 1 in size, and about images with channels first."""
    inputs = task.transform(jax.tree.map(lambda array: jax.device_put(np.asarray(array)[:SAMPLE]), inputs))
    if not hasattr(inputs, "dtype") or not jnp.issubdtype(inputs.dtype, jnp.floating):
        return
    size = float(np.sqrt(np.square(np.asarray(inputs), dtype=np.float64).mean()))
    if size > LARGE:
        warnings.warn(
            f"the root mean square of the inputs is about {size:.0f}; networks train badly on inputs far from 1. "
            "Divide images by 255, or standardize with data.standardized.",
            stacklevel=5,
        )
    if inputs.ndim == 4 and inputs.shape[1] in (1, 3) and inputs.shape[2] == inputs.shape[3] > 4:
        warnings.warn(
            f"inputs of shape {inputs.shape[1:]} look like images with channels first, but jaxdl expects channels "
            "last: inputs.transpose(0, 2, 3, 1).",
            stacklevel=5,
        )


def output_shapes(task: Task, data: Dataset) -> PyTree:
    """Return the shapes and dtypes of the model's outputs for one example."""
    first = _shapes_of(task, data, 1).inputs
    params, stats = jax.eval_shape(task.model.init, jax.random.key(0), first)
    return jax.eval_shape(task.model.apply, params, stats, first)[0]


def check_labels(name: str, labels: Any, outputs: PyTree) -> None:
    """Raise ValueError for class numbers that a model with outputs of this shape does not have."""
    if not isinstance(outputs, jax.ShapeDtypeStruct):  # several heads: the labels may have any structure
        return
    outputs = outputs.shape
    classes = max(outputs[-1], 2)  # a single logit separates two classes
    if labels.ndim == 1 and outputs[1:] > (1,) and labels.min() < 0:
        raise ValueError(f"labels of {name} must be class numbers from 0, got {labels.min()}.")
    if labels.ndim == 1 and len(outputs) == 2 and classes <= int(labels.max()):
        raise ValueError(
            f"labels of {name} must be less than the model's {outputs[1]} outputs, got {labels.max()}: the model needs "
            "one output for each class."
        )
