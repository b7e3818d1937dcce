"""Learning from examples with labels: the objective that is trained on, and what is observed."""

from collections.abc import Callable

import jax
from jaxtyping import Array, Key, PyTree

from jaxdl import metrics
from jaxdl.data import Dataset
from jaxdl.functional import cross_entropy, weighted_mean
from jaxdl.models import Model
from jaxdl.training.loop import State


def no_penalty(params: PyTree) -> float:  # noqa: ARG001
    """Nothing is added to the loss."""
    return 0.0


def no_augmentation(key: Key[Array, ""], inputs: Array) -> Array:  # noqa: ARG001
    """The inputs as they are."""
    return inputs


def supervised(
    model: Model,
    loss: Callable[[Array, Array], Array],
    *,
    penalty: Callable[[PyTree], Array | float] = no_penalty,
    augment: Callable[[Array, Array], Array] = no_augmentation,
) -> Callable[..., tuple[Array, PyTree]]:
    """The usual objective: the weighted mean of `loss(outputs, labels)`, one number per example, plus a penalty.

    `augment(key, inputs)` changes the inputs of each batch before the model sees them.
    """

    def objective(params, stats, batch, key):
        of_augmentation, of_model = jax.random.split(key)
        outputs, stats = model.apply(params, stats, augment(of_augmentation, batch.inputs), key=of_model)
        return weighted_mean(loss(outputs, batch.labels), batch.weights) + penalty(params), stats

    return objective


def classification(model: Model) -> Callable[[State, Dataset], dict[str, Array]]:
    """Observe a classifier on a whole data set: its cross-entropy, in nats, and its accuracy."""

    def observe(state, data):
        logits, _ = model.apply(state.params, state.stats, data.inputs)
        return {
            "loss": weighted_mean(cross_entropy(logits, data.labels), data.weights),
            "accuracy": metrics.accuracy(logits, data.labels, data.weights),
        }

    return observe
