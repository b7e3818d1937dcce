"""What a task can be trained on, told before anything is compiled."""

import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from jaxdl.data import Dataset
from jaxdl.models import check_rows
from jaxdl.training.population.member import Course
from jaxdl.training.step import Task, check_counts, transformed

SAMPLE, LARGE = 1000, 30.0  # examples that are looked at, and the root of their mean square that is told


def check_course(course: Course) -> None:
    """Refuse a patience that is none."""
    if course.patience is not None and course.patience < 1:
        raise ValueError(f"patience must be at least 1 epoch, but was {course.patience}: None is without end.")


def check(task: Task, data: Dataset, dev: Dataset, *, epochs: int) -> None:
    """Refuse, before anything is compiled, what cannot be trained on; warn of what is learned badly from."""
    for name, part in [("data", data), ("dev", dev)]:
        _check_arrays(name, part)
        _check_bytes(name, task, part)
    check_counts(task, data, epochs=epochs)
    _warn_of_images(task, data.inputs)
    key, batch = jax.random.key(0), _shapes_of(task, data, task.batch_size // task.microbatches)
    params, stats = jax.eval_shape(task.model.init, key, batch.inputs)
    outputs = output_shapes(task, data)
    for name, part in [("data", data), ("dev", dev)]:
        if part.size == 0:
            raise ValueError(f"{name} must hold at least one example, but is empty.")
        inputs, labels, weights = (np.asarray(field) for field in part)  # on the host, where nothing is compiled
        if not (np.isfinite(weights).all() and weights.min() >= 0):
            raise ValueError(f"weights of {name} must be finite and at least 0, but others are among them.")
        if not weights.sum() > 0:
            raise ValueError(f"weights of {name} must not all be 0: the mean of nothing is NaN.")
        if part.inputs.shape[1:] != data.inputs.shape[1:]:
            raise ValueError(
                f"{name} must have inputs of the shape {data.inputs.shape[1:]}, but has {part.inputs.shape[1:]}."
            )
        if not (np.isfinite(inputs).all() and np.isfinite(labels).all()):
            raise ValueError(f"{name} must be finite, but holds NaN or infinity: make it with data.from_arrays.")
        check_labels(name, labels, outputs)
    check_rows(task.model, batch.inputs)
    loss, _ = jax.eval_shape(task.objective, params, stats, batch, key)
    if loss.shape != ():
        raise ValueError(f"objective must give one number for a batch, but gives the shape {loss.shape}: take a mean.")


def _check_arrays(name, part) -> None:
    """Refuse what is no data set."""
    if not isinstance(part, Dataset):
        raise TypeError(
            f"{name} must be a Dataset, but was {type(part).__name__}: make it with data.from_arrays(inputs, labels)."
        )
    for field, leaves in part._asdict().items():
        for leaf in jax.tree.leaves(leaves):
            if not hasattr(leaf, "shape"):
                raise TypeError(
                    f"{field} of {name} must be an array, but has {type(leaf).__name__} in it: make it with "
                    "data.from_arrays(inputs, labels)."
                )
            if leaf.shape[:1] != part.weights.shape[:1]:
                raise ValueError(
                    f"{field} of {name} must hold a row for each of its {len(part.weights)} weights, but have the "
                    f"shape {leaf.shape}."
                )


def _check_bytes(name, task, part) -> None:
    """Refuse bytes of images, which are no numbers yet."""
    given = _shapes_of(task, part, 1).inputs
    if getattr(given, "dtype", None) == jnp.uint8 and given.ndim > 2:
        raise TypeError(
            f"inputs of {name} must be floating, but are bytes: divide images by 255, or give the Task "
            "transform=lambda pixels: pixels / 255, and they stay bytes on the device."
        )


def _shapes_of(task, data, rows) -> Dataset:
    """What so many examples look like as the model is given them; of numbers nothing is computed."""
    return jax.eval_shape(lambda data: transformed(task, jax.tree.map(lambda array: array[:rows], data)), data)


def _warn_of_images(task, inputs) -> None:
    """Warn of what trains, but badly: numbers as images have them in files, and channels that come first."""
    inputs = task.transform(jax.tree.map(lambda array: jax.device_put(np.asarray(array)[:SAMPLE]), inputs))
    if not hasattr(inputs, "dtype") or not jnp.issubdtype(inputs.dtype, jnp.floating):
        return
    size = float(np.sqrt(np.square(np.asarray(inputs), dtype=np.float64).mean()))
    if size > LARGE:
        warnings.warn(
            f"inputs are about {size:.0f} in size, and networks learn badly from numbers far from 1: divide images by "
            "255, or standardize with data.standardized",
            stacklevel=4,
        )
    if inputs.ndim == 4 and inputs.shape[1] in (1, 3) and inputs.shape[2] == inputs.shape[3] > 4:
        warnings.warn(
            f"inputs of the shape {inputs.shape[1:]} look like images with their channels first, which come last here: "
            "inputs.transpose(0, 2, 3, 1)",
            stacklevel=4,
        )


def output_shapes(task: Task, data: Dataset) -> PyTree:
    """What the model gives for one example."""
    first = _shapes_of(task, data, 1).inputs
    params, stats = jax.eval_shape(task.model.init, jax.random.key(0), first)
    return jax.eval_shape(task.model.apply, params, stats, first)[0]


def check_labels(name: str, labels: Any, outputs: PyTree) -> None:
    """Refuse class numbers that a model with outputs of this shape does not have."""
    if not isinstance(outputs, jax.ShapeDtypeStruct):  # of several tasks nothing is known about the labels
        return
    outputs = outputs.shape
    classes = max(outputs[-1], 2)  # a single logit decides between two
    if labels.ndim == 1 and outputs[1:] > (1,) and labels.min() < 0:
        raise ValueError(f"labels of {name} must be class numbers from 0, but {labels.min()} is among them.")
    if labels.ndim == 1 and len(outputs) == 2 and classes <= int(labels.max()):
        raise ValueError(
            f"labels of {name} must be below the model's {outputs[1]} outputs, but {labels.max()} is among them: give "
            "the model one output for each class."
        )
