"""The types of training: what is trained (Task), what a step carries (State), and what an epoch reports (History)."""

from collections.abc import Callable
from typing import Any, NamedTuple

import optax
from jaxtyping import Array, Float, Int, Key, PyTree

from jaxdl._display import short_repr
from jaxdl.data import Dataset
from jaxdl.models import Model


def identity(inputs: PyTree) -> PyTree:
    """Return the inputs unchanged."""
    return inputs


class Task(NamedTuple):
    """A model with the objective it is trained on and the optimizer that trains it.

    Example:
        >>> from jaxdl import models, optimizers, training
        >>> model = models.mlp((16,), 10)
        >>> objective = training.supervised(model, F.cross_entropy)
        >>> task = training.Task(model, objective, optimizers.adam(1e-3), batch_size=32)
        >>> task.batch_size, task.microbatches
        (32, 1)
    """

    model: Model
    """the model, two pure functions"""
    objective: Callable[..., tuple[Array, PyTree]]
    """`objective(params, stats, batch, key) -> loss, stats` with one loss for a batch, such as `supervised` returns"""
    optimizer: optax.GradientTransformation
    """an optax optimizer"""
    batch_size: int
    """examples per step"""
    microbatches: int = 1
    """parts of a batch that are computed one after another, for batches that exceed the memory. Each gradient is
    weighted by its share of the weights, so the sum is the gradient of the weighted mean over the batch. Noise is
    drawn for each part, and batch normalization sees one part at a time."""
    transform: Callable[[PyTree], PyTree] = identity
    """applied to the inputs of each batch on the device, and to the data that `fit` observes. With
    `lambda pixels: pixels / 255` images stay bytes in memory, a quarter of the size of float32."""

    __repr__ = short_repr


class State(NamedTuple):
    """Everything the next step depends on."""

    key: Key[Array, ""]
    """key that all randomness of this training is derived from; it never changes"""
    epoch: Int[Array, ""]
    """finished epochs"""
    step: Int[Array, ""]
    """finished steps"""
    params: PyTree
    """parameters of the model"""
    stats: PyTree
    """batch statistics of the model"""
    optimizer_state: PyTree
    """state of the optimizer"""

    __repr__ = short_repr


class History(NamedTuple):
    """One row per epoch."""

    loss: Float[Array, "epochs"]
    """mean training loss over the steps of the epoch"""
    observed: dict[str, Float[Array, "epochs"]]
    """values that `observe` returned after the epoch"""

    __repr__ = short_repr


Observe = Callable[[State], dict[str, Array]]


def transform_inputs(task: Task, data: Dataset) -> Dataset:
    """Return the data with the task's transform applied to its inputs."""
    return data._replace(inputs=task.transform(data.inputs))


def observe_nothing(*arguments: Any) -> dict[str, Array]:  # noqa: ARG001
    """Return no values."""
    return {}
