"""Learning from examples with labels: the objective that is trained on, and what is observed."""

from collections.abc import Callable
from typing import Any

import jax
from jaxtyping import Array, Key, PyTree

from jaxdl import metrics
from jaxdl.data import Dataset
from jaxdl.functional import cross_entropy, weighted_mean
from jaxdl.models import Model
from jaxdl.training.scoring import in_batches
from jaxdl.training.step import State


def no_penalty(params: PyTree) -> float:  # noqa: ARG001
    """Nothing is added to the loss."""
    return 0.0


def no_augmentation(key: Key[Array, ""], batch: Dataset) -> Dataset:  # noqa: ARG001
    """The batch as it is."""
    return batch


def supervised(
    model: Model,
    loss: Callable[[Array, Array], Array],
    *,
    penalty: Callable[[PyTree], Array | float] = no_penalty,
    augment: Callable[[Array, Dataset], Dataset] = no_augmentation,
) -> Callable[..., tuple[Array, PyTree]]:
    """The usual objective: the weighted mean of `loss(outputs, labels)`, one number per example, plus a penalty.

    `augment(key, batch)` changes each batch before the model sees it: `data.each_image(data.flip)`, `data.mixup`.
    """

    def objective(params, stats, batch, key):
        of_augmentation, of_model = jax.random.split(key)
        batch = augment(of_augmentation, batch)
        outputs, stats = model.apply(params, stats, batch.inputs, key=of_model)
        return weighted_mean(loss(outputs, batch.labels), batch.weights) + penalty(params), stats

    return objective


def classification(model: Model) -> Callable[[State, Dataset], dict[str, Array]]:
    """Observe a classifier on a whole data set: its cross-entropy, in nats, and its accuracy."""

    def observe(state, data):
        logits = outputs_of(model, state, data)
        return {
            "loss": weighted_mean(cross_entropy(logits, data.labels), data.weights),
            "accuracy": metrics.accuracy(logits, data.labels, data.weights),
        }

    return observe


def regression(model: Model, loss: Callable[[Array, Array], Array]) -> Callable[[State, Dataset], dict[str, Array]]:
    """Observe a regression on a whole data set: the loss that it is trained on, and $R^2$."""

    def observe(state, data):
        outputs = outputs_of(model, state, data)
        return {
            "loss": weighted_mean(loss(outputs, data.labels), data.weights),
            "r_squared": metrics.r_squared(outputs, data.labels, data.weights),
        }

    return observe


def outputs_of(model: Model, state: State, data: Dataset) -> Any:
    """What a model puts out for a whole data set when it is not training, some examples at a time."""
    return in_batches(lambda inputs: model.apply(state.params, state.stats, inputs)[0], data.inputs)
