"""What a task can be trained on, told before anything is compiled."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from jaxdl.data import Dataset
from jaxdl.models import check_rows
from jaxdl.training.loop import Task, check_counts
from jaxdl.training.member import Course


def check_course(course: Course) -> None:
    """Refuse a patience that is none."""
    if course.patience is not None and course.patience < 1:
        raise ValueError(f"patience must be at least 1 epoch, but was {course.patience}: None is without end.")


def check(task: Task, data: Dataset, dev: Dataset, *, epochs: int) -> None:
    """Refuse data that the task cannot be trained on, before anything is compiled."""
    check_counts(task, data, epochs=epochs)
    key = jax.random.key(0)
    params, stats = jax.eval_shape(task.model.init, key, data.inputs[:1])
    outputs = output_shapes(task, data)
    for name, part in [("data", data), ("dev", dev)]:
        if part.size == 0:
            raise ValueError(f"{name} must hold at least one example, but is empty.")
        if not part.weights.sum() > 0:
            raise ValueError(f"weights of {name} must not all be 0: the mean of nothing is NaN.")
        if part.inputs.shape[1:] != data.inputs.shape[1:]:
            raise ValueError(
                f"{name} must have inputs of the shape {data.inputs.shape[1:]}, but has {part.inputs.shape[1:]}."
            )
        if not (jnp.isfinite(part.inputs).all() and jnp.isfinite(part.labels).all()):
            raise ValueError(f"{name} must be finite, but holds NaN or infinity: make it with data.from_arrays.")
        check_labels(name, part.labels, outputs)
    batch = jax.tree.map(lambda array: array[: task.batch_size], data)
    check_rows(task.model, batch.inputs)
    loss, _ = jax.eval_shape(task.objective, params, stats, batch, key)
    if loss.shape != ():
        raise ValueError(f"objective must give one number for a batch, but gives the shape {loss.shape}: take a mean.")


def output_shapes(task: Task, data: Dataset) -> PyTree:
    """What the model gives for one example."""
    params, stats = jax.eval_shape(task.model.init, jax.random.key(0), data.inputs[:1])
    return jax.eval_shape(task.model.apply, params, stats, data.inputs[:1])[0]


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
