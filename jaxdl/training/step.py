"""One training step as a pure function of the state and a batch."""

import functools
import inspect
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Key

from jaxdl.data import Dataset
from jaxdl.data.stream import Stream, first_rows
from jaxdl.training.batching import INIT, NOISE, stream_key
from jaxdl.training.data_checks import checked_start
from jaxdl.training.supervised import objective_of
from jaxdl.training.sweep import AnyTask, Settings, task_of, with_outputs
from jaxdl.training.task import State, transform_inputs

NO_LOSS = -jnp.inf  # of a batch whose weights are all 0


def start(task: AnyTask, data: Dataset | Stream, key: Key[Array, ""], *, settings: Settings | None = None) -> State:
    """Return the state before the first step, with parameters drawn from the key.

    Args:
        task: Model and optimizer, or a function of the settings that returns the task.
        data: Training data; only the shapes of the first batch matter.
        key: A typed key; all randomness of the training derives from it.
        settings: Values for a task that is a function of them.

    Returns:
        A state with step and epoch 0.

    Raises:
        ValueError: The data contain NaN, infinity or labels outside the classes.
        TypeError: An argument has the wrong type.

    Example:
        >>> from jaxdl import data, models, optimizers, training
        >>> model = models.mlp((), 2)
        >>> task = training.Task(model, F.cross_entropy, optimizers.sgd(0.1), batch_size=4)
        >>> state = training.start(task, data.moons(jax.random.key(0), examples=8), jax.random.key(1))
        >>> int(state.step), state.params["Dense_0"]["kernel"].shape
        (0, (2, 2))
    """
    settings = dict(settings or {})
    task = task_of(with_outputs(task, settings, data), settings)
    data = checked_start(task, data, key)
    if isinstance(data, Stream):
        data = first_rows(data, task.batch_size)
    first = jax.tree.map(lambda array: array[: task.batch_size], data.inputs)
    params, stats = task.model.init(stream_key(key, INIT, 0), task.transform(first))
    zero = jnp.zeros((), jnp.int32)
    return State(key, zero, zero, params, stats, task.optimizer.init(params), settings)


def step(
    task: AnyTask, batch: Dataset, state: State, *, skip_unweighted: bool = False
) -> tuple[State, Float[Array, ""]]:
    """Take one optimizer step on a batch; return the new state and the loss before the step.

    A batch whose weights are all 0 has no mean loss, and gives NaN. With `skip_unweighted` it changes nothing but the
    count of steps, and its loss is `NO_LOSS`, which `mean_loss` leaves out. The branch costs up to a tenth of the time
    of a step; under a `vmap` over different batches it becomes a selection, which copies the state. An objective of the
    Task may ignore the weights: then no batch is skipped.

    Optimizers that need more than the gradient, such as `sam` and `lbfgs`, receive the objective on the same batch with
    the same noise through optax's keywords `value`, `grad` and `value_fn`.
    """
    task = task_of(task, state.settings)
    noise = stream_key(state.key, NOISE, state.step)
    take = functools.partial(_take, task, jax.random.key_impl(noise))
    keyless: Any = state._replace(key=None)  # ty: ignore[invalid-argument-type] (a `cond` would reuse the key)
    arguments = batch, jax.random.key_data(noise), keyless
    if skip_unweighted and task.objective is None:
        take = jax.jit(take)  # traced once for the dtype of the loss and the branch
        no_loss = jnp.full((), NO_LOSS, jax.eval_shape(take, *arguments)[1].dtype)
        skip = lambda _, __, state: ((state.params, state.stats, state.optimizer_state), no_loss)  # noqa: E731
        trained, loss = jax.lax.cond((batch.weights > 0).any(), take, skip, *arguments)
    else:
        trained, loss = take(*arguments)
    params, stats, optimizer_state = trained
    return state._replace(step=state.step + 1, params=params, stats=stats, optimizer_state=optimizer_state), loss


def mean_loss(losses: Float[Array, "steps"], *, skip_unweighted: bool) -> Float[Array, ""]:
    """Return the mean of the losses of an epoch's steps, without those that are skipped; NaN if all of them are."""
    if not skip_unweighted:
        return losses.mean()
    counts = losses != NO_LOSS
    mean = jnp.where(counts, losses, 0).sum() / counts.sum()
    return jnp.where(counts.all(), losses.mean(), mean)  # which XLA rounds differently


def _take(task, kind, batch, bits, state):
    """Return parameters, statistics and state of the optimizer after a step on a batch that has weight, and the loss.

    `bits` are those of the key of the noise, which is of the given kind.
    """
    batch = transform_inputs(task, batch)
    noise = lambda: jax.random.wrap_key_data(bits, impl=kind)  # noqa: E731 (anew, because a key must not be used twice)
    objective_and_gradient = jax.value_and_grad(objective_of(task), has_aux=True)

    def loss_and_gradient(stats, batch, key):
        (loss, stats), gradient = objective_and_gradient(state.params, stats, batch, key)
        return (loss, gradient), stats

    (loss, gradient), stats = _accumulate(loss_and_gradient, task, state.stats, batch, noise())

    def loss_at(params):
        objective = functools.partial(objective_of(task), params)
        return _accumulate(objective, task, state.stats, batch, noise())[0]

    extra = _accepted(task.optimizer.update, {"value": loss, "grad": gradient, "value_fn": loss_at})
    updates, optimizer_state = task.optimizer.update(gradient, state.optimizer_state, state.params, **extra)
    params = optax.apply_updates(state.params, updates)
    return (params, stats, optimizer_state), loss


def _accumulate(f, task, stats, batch, key):
    """Sum the values of `f(stats, batch, key) -> values, stats` over microbatches, weighted by their share."""
    if task.microbatches == 1:
        return f(stats, batch, key)
    parts = jax.tree.map(lambda array: array.reshape(task.microbatches, -1, *array.shape[1:]), batch)
    shares = parts.weights.sum(axis=1) / batch.weights.sum()

    def add(carry, part):
        sums, stats = carry
        number, share, batch = part
        values, stats = f(stats, batch, jax.random.fold_in(key, number))
        add_share = lambda total, value: total + jnp.where(share == 0, 0, share * value).astype(total.dtype)  # noqa: E731
        return (jax.tree.map(add_share, sums, values), stats), None

    first = jax.tree.map(lambda array: array[0], parts)
    zeros = jax.tree.map(lambda value: jnp.zeros(value.shape, value.dtype), jax.eval_shape(f, stats, first, key)[0])
    (sums, stats), _ = jax.lax.scan(add, (zeros, stats), (jnp.arange(task.microbatches), shares, parts))
    return sums, stats


def _accepted(update, offered):
    """Return the offered keywords that an optimizer accepts; all of them if it takes any keyword, as in optax."""
    parameters = inspect.signature(update).parameters.values()
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    return offered if takes_any else {p.name: offered[p.name] for p in parameters if p.name in offered}
