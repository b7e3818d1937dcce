"""The types of training: what is trained (Task), what a step carries (State), and what an epoch reports (History)."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import optax
from jax.core import Tracer
from jaxtyping import Array, Float, Int, Key, PyTree
from typing_extensions import TypeAliasType

from jaxdl._display import short_repr
from jaxdl._formatting import format_argument, is_integer
from jaxdl.data import Dataset
from jaxdl.models import Model
from jaxdl.training._display import history_attributes, state_attributes, task_attributes

Objective = TypeAliasType("Objective", Callable[..., tuple[Array, PyTree]])
"""`objective(params, stats, batch, key) -> loss, stats`"""


MAPPED = ("key", "params", "stats", "optimizer_state", "settings")  # fields of a State that differ among members


def identity(inputs: PyTree) -> PyTree:
    """Return the inputs unchanged."""
    return inputs


def no_penalty(params: PyTree) -> float:  # noqa: ARG001
    """Return 0."""
    return 0.0


def no_augmentation(key: Key[Array, ""], batch: Dataset) -> Dataset:  # noqa: ARG001
    """Return the batch unchanged."""
    return batch


@task_attributes
class Task(NamedTuple):
    r"""Everything that defines a training but the data, the key and the number of epochs.

    Each step lowers $\frac{\sum_n w_n \ell(f(x_n), y_n)}{\sum_n w_n} + \Omega(\theta)$, with the model $f$, the loss
    $\ell$, the penalty $\Omega$ and the weights $w_n$ of the examples, or an objective of your own.

    Attributes:
        model: The model, two pure functions.
        loss: `loss(outputs, labels)`, one number per example, such as `F.cross_entropy`; None with an `objective`.
        optimizer: An optax optimizer.
        batch_size: Examples per step.
        metrics: Functions `metric(outputs, labels, weights)` for `evaluate`, such as `{"accuracy": metrics.accuracy}`.
        penalty: `penalty(params)`, added to the loss.
        augment: `augment(key, batch)`, applied to every training batch, such as `data.each_image(data.flip)` or
            `data.mixup`.
        objective: `objective(params, stats, batch, key) -> loss, stats`, with one number per batch, which replaces
            loss, penalty and augment.
        microbatches: Parts of a batch that are computed one after another, for batches that exceed the memory. Each
            gradient is weighted by its share of the weights, so the sum is the gradient of the weighted mean over the
            batch. Noise is drawn for each part, and batch normalization sees one part at a time.
        transform: Applied to the inputs of each batch on the device, and to the data that `evaluate` measures. With
            `lambda pixels: pixels / 255` images stay bytes in memory, a quarter of the size of float32.

    Example:
        >>> from jaxdl import metrics, models, optimizers, training
        >>> model = models.mlp((16,), 10)
        >>> task = training.Task(
        ...     model, F.cross_entropy, optimizers.adam(1e-3), batch_size=32, metrics={"accuracy": metrics.accuracy}
        ... )
        >>> task.batch_size, task.microbatches
        (32, 1)

        A contrastive or adversarial objective, or one of several tasks, replaces the loss:

        >>> def objective(params, stats, batch, key):
        ...     outputs, stats = model.apply(params, stats, batch.inputs, key=key)
        ...     return (outputs**2).mean(), stats
        >>> task = training.Task(model, None, optimizers.adam(1e-3), batch_size=32, objective=objective)
    """

    model: Model
    loss: Callable[[Any, Array], Array] | None
    optimizer: optax.GradientTransformation
    batch_size: int
    metrics: Mapping[str, Callable[..., Array]] = {}
    penalty: Callable[[PyTree], Array | float] = no_penalty
    augment: Callable[[Key[Array, ""], Dataset], Dataset] = no_augmentation
    objective: Objective | None = None
    microbatches: int = 1
    transform: Callable[[PyTree], PyTree] = identity

    def __hash__(self) -> int:
        """Return a hash, so that a task can be a static argument of `jax.jit`; a dictionary of metrics has none."""
        return hash((*self[:4], *self.metrics.items(), *self[5:]))

    __repr__ = short_repr


@state_attributes
class State(NamedTuple):
    """Everything the next step depends on.

    Attributes:
        key: Key that all randomness of this training is derived from; it never changes.
        epoch: Finished epochs.
        step: Finished steps.
        params: Parameters of the model.
        stats: Batch statistics of the model.
        optimizer_state: State of the optimizer.
        settings: Values from which a function `task(settings)` makes the task; empty for a Task.
    """

    key: Key[Array, ""]
    epoch: Int[Array, ""]
    step: Int[Array, ""]
    params: PyTree
    stats: PyTree
    optimizer_state: PyTree
    settings: Mapping[str, Array] = {}

    def member(self, number: int) -> "State":
        """Return the state of one member of a population, as `train` would return it.

        Raises TypeError, ValueError or IndexError if there is no such member; negative numbers count from the end.
        """
        if not self.key.ndim:
            raise ValueError("the state is that of one model, not of a population: use it as it is.")
        members = self.key.shape[0]
        if not isinstance(number, Tracer):
            if not is_integer(number):
                raise TypeError(f"number must be an integer, got {format_argument(number)}.")
            if not -members <= number < members:  # jax would return the last member
                raise IndexError(f"number must be from 0 to {members - 1}, a member of the state, got {number}.")
        one = {name: jax.tree.map(lambda leaf: leaf[number], self._asdict()[name]) for name in MAPPED}
        return self._replace(**one)

    __repr__ = short_repr


@history_attributes
class History(NamedTuple):
    """One row per epoch.

    Attributes:
        loss: Mean training loss over the steps of the epoch.
        observed: Values that `observe` returned after the epoch.
    """

    loss: Float[Array, "epochs"]
    observed: dict[str, Float[Array, "epochs"]]

    __repr__ = short_repr


Observe = TypeAliasType("Observe", Callable[[State, Any], dict[str, Array]])
"""`observe(state, dev) -> values`, called after every epoch"""


def transform_inputs(task: Task, data: Dataset) -> Dataset:
    """Return the data with the task's transform applied to its inputs."""
    return data._replace(inputs=task.transform(data.inputs))
