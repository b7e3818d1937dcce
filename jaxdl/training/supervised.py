"""Supervised learning: the objective that a task minimizes, its outputs and its metrics on a data set."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxdl.data import Dataset
from jaxdl.functional import weighted_mean
from jaxdl.training.argument_checks import (
    check_batch,
    check_losses,
    check_metrics,
    check_objective,
    check_observed,
    check_penalty,
    check_state,
    traceable,
)
from jaxdl.training.data_checks import checked_evaluation, checked_inputs
from jaxdl.training.label_checks import check_broadcast
from jaxdl.training.scoring import in_batches
from jaxdl.training.sweep import AnyTask, task_of
from jaxdl.training.task import Objective, Observe, State, Task


def objective_of(task: Task) -> Objective:
    """Return the objective of a task, `objective(params, stats, batch, key) -> loss, stats`.

    Args:
        task: A task with an objective of its own, or with a loss.

    Raises:
        ValueError: If the task has neither.

    Example:
        >>> from jaxdl import data, models, optimizers, training
        >>> task = training.Task(models.mlp((), 2), F.cross_entropy, optimizers.sgd(0.1), batch_size=4)
        >>> batch = data.moons(jax.random.key(0), examples=4)
        >>> params, stats = task.model.init(jax.random.key(1), batch.inputs)
        >>> zeros = jax.tree.map(jnp.zeros_like, params)
        >>> loss, _ = training.objective_of(task)(zeros, stats, batch, jax.random.key(2))
        >>> round(float(loss), 4)  # log 2: both classes are equally probable
        0.6931
    """
    if task.objective is None and task.loss is None:
        raise ValueError("a Task needs a loss, such as F.cross_entropy, or an objective; both are None.")
    return functools.partial(_objective, task)


def _objective(task, params, stats, batch, key):
    if task.objective is not None:
        with traceable("objective"):
            result = task.objective(params, stats, batch, key)
        check_objective(result)
        loss, stats = result
        return jnp.asarray(loss), stats
    augment_key, model_key = jax.random.split(key)
    with traceable("augment"):
        batch = task.augment(augment_key, batch)
    check_batch(batch)
    outputs, stats = task.model.apply(params, stats, batch.inputs, key=model_key)
    loss = _mean_loss(task.loss, outputs, batch.labels, batch.weights)
    with traceable("penalty"):
        penalty = task.penalty(params)
    check_penalty(penalty)
    return loss + penalty, stats


def _mean_loss(loss, outputs, labels, weights):
    """Return the weighted mean of the losses of all examples."""
    with traceable("loss"):
        losses = loss(outputs, labels)
    check_losses(losses, weights)
    check_broadcast(loss, outputs, labels)
    return weighted_mean(losses, weights)


def outputs_of(task: AnyTask, state: State, data: Dataset) -> Any:
    """Compute the outputs of the task's model on a whole data set, not in training mode and a batch at a time.

    Args:
        task: The task that was trained, or the function of the settings.
        state: The state of one model, or of a population with the members as first axis.
        data: The data set, as it was given for training.

    Returns:
        The outputs, with the examples as first axis; for a population, members come before examples.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If the inputs contain NaN or infinity, or the state does not fit the model and the inputs.

    Example:
        >>> from jaxdl import data, models, optimizers, training
        >>> task = training.Task(models.mlp((), 2), F.cross_entropy, optimizers.sgd(0.1), batch_size=4)
        >>> moons = data.moons(jax.random.key(0), examples=8)
        >>> training.outputs_of(task, training.start(task, moons, jax.random.key(1)), moons).shape
        (8, 2)
    """
    check_state(state)
    inputs = checked_inputs(_example(task, state), state, data)
    return _of_each(functools.partial(_outputs, task, inputs), state)


def _outputs(task, inputs, params, stats, settings) -> Any:
    task = task_of(task, settings)
    apply = lambda inputs: task.model.apply(params, stats, inputs)[0]  # noqa: E731
    return in_batches(apply, task.transform(inputs))


def evaluate(task: AnyTask, state: State, data: Dataset) -> dict[str, Array]:
    """Measure the loss, without penalty, and the metrics of a task on a data set.

    Args:
        task: The task that was trained, or the function of the settings. A metric named "loss" replaces the loss.
        state: The state of one model, or of a population with the members as first axis.
        data: The data set, as it was given for training.

    Returns:
        One number for each name, or one per member.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If the data contain NaN, infinity or labels outside the classes in rows of a weight above 0, if the
            state does not fit the model and the inputs, or if a metric is not one number.

    Example:
        >>> from jaxdl import data, metrics, models, optimizers, training
        >>> task = training.Task(
        ...     models.mlp((), 2), F.cross_entropy, optimizers.sgd(0.1), 4, metrics={"accuracy": metrics.accuracy}
        ... )
        >>> moons = data.moons(jax.random.key(0), examples=8)
        >>> sorted(training.evaluate(task, training.start(task, moons, jax.random.key(1)), moons))
        ['accuracy', 'loss']
    """
    check_state(state)
    data = checked_evaluation(_example(task, state), state, data)
    return _of_each(functools.partial(_evaluate, task, data), state)


def _evaluate(task, data, params, stats, settings) -> dict[str, Array]:
    task = task_of(task, settings)
    measured = dict(task.metrics)
    if task.loss is not None:
        measured = {"loss": functools.partial(_mean_loss, task.loss)} | measured
    outputs = _outputs(task, data.inputs, params, stats, settings)
    values = {}
    for name, metric in measured.items():
        with traceable("metric", f"metric {name!r}"):
            values[name] = metric(outputs, data.labels, data.weights)
    check_metrics(values)
    return values


def _example(task, state) -> Task:
    """Return the task of a state, or that of the first member of a population."""
    return task_of(task, jax.tree.map(lambda values: values[0], state.settings) if state.key.ndim else state.settings)


def _of_each(f, state) -> Any:
    """Return `f(params, stats, settings)` of the state of one model, or of each member of a population."""
    return (jax.vmap(f) if state.key.ndim else f)(state.params, state.stats, state.settings)


def observed(task: AnyTask, state: State, dev: Dataset | None, observe: Observe | None) -> dict[str, Any]:
    """Return what an epoch records: `observe(state, dev)` if it is given, else the evaluation on dev, else nothing."""
    if observe is not None:
        with traceable("observe"):
            values = observe(state, dev)
        check_observed(values)
        return values
    return {} if dev is None else evaluate(task, state, dev)
