"""Supervised learning: the objective to minimize, and the metrics to observe on a data set."""

from collections.abc import Callable
from typing import Any

import jax
from jaxtyping import Array, Key, PyTree

from jaxdl import metrics
from jaxdl.data import Dataset
from jaxdl.functional import cross_entropy, weighted_mean
from jaxdl.models import Model
from jaxdl.training.scoring import in_batches
from jaxdl.training.task import State


def no_penalty(params: PyTree) -> float:  # noqa: ARG001
    """Return 0."""
    return 0.0


def no_augmentation(key: Key[Array, ""], batch: Dataset) -> Dataset:  # noqa: ARG001
    """Return the batch unchanged."""
    return batch


def supervised(
    model: Model,
    loss: Callable[[Array, Array], Array],
    *,
    penalty: Callable[[PyTree], Array | float] = no_penalty,
    augment: Callable[[Array, Dataset], Dataset] = no_augmentation,
) -> Callable[..., tuple[Array, PyTree]]:
    r"""Return the objective $\frac{\sum_n w_n \ell(f(x_n), y_n)}{\sum_n w_n} + \Omega(\theta)$ for a `Task`.

    Args:
        model: The model $f$.
        loss: $\ell$, called as `loss(outputs, labels)`; returns one number per example.
        penalty: $\Omega$, called as `penalty(params)`.
        augment: Called as `augment(key, batch)` on every training batch, such as `data.each_image(data.flip)` or
            `data.mixup`.

    Returns:
        `objective(params, stats, batch, key) -> loss, stats`.

    Example:
        >>> from jaxdl import data, models, training
        >>> model = models.mlp((), 2)
        >>> batch = data.moons(jax.random.key(0), examples=4)
        >>> params, stats = model.init(jax.random.key(1), batch.inputs)
        >>> zeros = jax.tree.map(jnp.zeros_like, params)
        >>> loss, _ = training.supervised(model, F.cross_entropy)(zeros, stats, batch, jax.random.key(2))
        >>> round(float(loss), 4)  # log 2: both classes are equally probable
        0.6931
    """

    def objective(params, stats, batch, key):
        augment_key, model_key = jax.random.split(key)
        batch = augment(augment_key, batch)
        outputs, stats = model.apply(params, stats, batch.inputs, key=model_key)
        return weighted_mean(loss(outputs, batch.labels), batch.weights) + penalty(params), stats

    return objective


def classification(model: Model) -> Callable[[State, Dataset], dict[str, Array]]:
    """Return a function that measures a classifier on a data set: cross-entropy (in nats) and accuracy.

    Example:
        >>> from jaxdl import data, models, optimizers, training
        >>> model = models.mlp((), 2)
        >>> task = training.Task(model, training.supervised(model, F.cross_entropy), optimizers.sgd(0.1), batch_size=4)
        >>> moons = data.moons(jax.random.key(0), examples=8)
        >>> state = training.start(task, moons, jax.random.key(1))
        >>> sorted(training.classification(model)(state, moons))
        ['accuracy', 'loss']
    """

    def observe(state, data):
        logits = outputs_of(model, state, data)
        return {
            "loss": weighted_mean(cross_entropy(logits, data.labels), data.weights),
            "accuracy": metrics.accuracy(logits, data.labels, data.weights),
        }

    return observe


def regression(model: Model, loss: Callable[[Array, Array], Array]) -> Callable[[State, Dataset], dict[str, Array]]:
    """Return a function that measures a regression on a data set: the training loss and $R^2$.

    Example:
        >>> from jaxdl import data, models, optimizers, training
        >>> model = models.linear_regression()
        >>> task = training.Task(model, training.supervised(model, F.squared_error), optimizers.sgd(0.1), batch_size=4)
        >>> line = data.from_arrays(np.arange(8.0)[:, None], np.arange(8.0)[:, None])
        >>> state = training.start(task, line, jax.random.key(1))
        >>> sorted(training.regression(model, F.squared_error)(state, line))
        ['loss', 'r_squared']
    """

    def observe(state, data):
        outputs = outputs_of(model, state, data)
        return {
            "loss": weighted_mean(loss(outputs, data.labels), data.weights),
            "r_squared": metrics.r_squared(outputs, data.labels, data.weights),
        }

    return observe


def outputs_of(model: Model, state: State, data: Dataset) -> Any:
    """Compute the model's outputs on a whole data set, not in training mode and a batch at a time.

    Args:
        model: The model.
        state: A state with the model's parameters and batch statistics.
        data: The data set, with inputs as the model takes them.

    Returns:
        The outputs, with the examples as first axis.

    Example:
        >>> from jaxdl import data, models, optimizers, training
        >>> model = models.mlp((), 2)
        >>> task = training.Task(model, training.supervised(model, F.cross_entropy), optimizers.sgd(0.1), batch_size=4)
        >>> moons = data.moons(jax.random.key(0), examples=8)
        >>> training.outputs_of(model, training.start(task, moons, jax.random.key(1)), moons).shape
        (8, 2)
    """
    return in_batches(lambda inputs: model.apply(state.params, state.stats, inputs)[0], data.inputs)
