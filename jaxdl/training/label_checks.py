"""Check labels against the loss of a task, which is computed for a few labels, also while jax traces."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import PyTree

from jaxdl.training.task import Task


def check_labels(name: str, task: Task, labels: np.ndarray, outputs: PyTree) -> None:
    """Raise ValueError for class numbers that a model with outputs of this shape does not have.

    Labels that the loss ignores, as `F.cross_entropy` ignores -100, may be any number; labels beyond the outputs may
    be those of a loss that is finite there.
    """
    is_classifier = isinstance(outputs, jax.ShapeDtypeStruct) and len(outputs.shape) == 2  # several heads may be a tree
    if task.loss is None or not is_classifier or labels.ndim != 1 or labels.dtype.kind not in "iu" or not labels.size:
        return
    classes = outputs.shape[1]
    beyond = labels[labels >= max(classes, 1)]  # a single logit separates two classes, if the loss accepts them
    below = labels[labels < 0] if classes > 1 else labels[:0]
    if below.size and any(_losses(task.loss, outputs, np.unique(below))):
        raise ValueError(f"labels of {name} must be class numbers from 0, got {below.min()}.")
    if beyond.size and not np.isfinite(_losses(task.loss, outputs, np.unique(beyond))).all():
        if classes == 1:
            raise ValueError(
                f"labels of {name} must be 0 for a model with one output, got {beyond.max()}: give the model one "
                "output for each class, or use F.sigmoid_binary_cross_entropy with float labels (examples, 1)."
            )
        raise ValueError(
            f"labels of {name} must be less than the model's {classes} outputs, got {beyond.max()}: the model needs "
            "one output for each class, and classes count from 0."
        )


def _losses(loss, outputs, labels) -> np.ndarray:
    """Return the losses of these labels where all outputs are 1, or zeros if the loss depends on traced values."""
    ones = np.ones((len(labels), *outputs.shape[1:]), outputs.dtype)
    losses = _evaluated(loss, ones, labels)
    return np.zeros(len(labels)) if losses is None else losses


def _evaluated(loss, outputs, labels) -> np.ndarray | None:
    """Compute a loss now, also while jax traces; return None if it depends on traced values."""
    with jax.ensure_compile_time_eval():
        losses = jax.jit(loss)(jnp.asarray(outputs), jnp.asarray(labels))
    return None if isinstance(losses, Tracer) else np.asarray(losses)


def check_broadcast(loss: Callable, outputs: Any, labels: Any) -> None:
    """Raise ValueError if a loss pairs each output of the shape (n, 1) with each label of the shape (n,), or reversed.

    NumPy broadcasts both to (n, n). The loss of an example then depends on the outputs and labels of all examples.
    """
    shapes: list[tuple[int, ...]] = [getattr(array, "shape", ()) for array in (outputs, labels)]  # a tree has none
    if {len(shape) for shape in shapes} != {1, 2} or max(shapes, key=len)[1] != 1:
        return
    pair = [np.arange(2).astype(array.dtype).reshape(2, *array.shape[1:]) for array in (outputs, labels)]
    together, alone = _evaluated(loss, *pair), _evaluated(loss, *(array[:1] for array in pair))
    if together is not None and alone is not None and not np.array_equal(together[:1], alone, equal_nan=True):
        raise ValueError(
            f"the loss broadcasts outputs of the shape {shapes[0]} and labels of the shape {shapes[1]} to all pairs of "
            "examples: give both the same shape, such as labels.reshape(-1, 1)."
        )
