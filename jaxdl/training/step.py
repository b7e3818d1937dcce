"""Training as a fold: a state goes in, data flows past, a state comes out."""

import functools
import inspect
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, Key, PyTree

from jaxdl.data import Dataset
from jaxdl.data.stream import Stream, first_rows
from jaxdl.models import Model
from jaxdl.training.batching import permutation
from jaxdl.training.population.sharding import among_devices

INIT, ORDER, NOISE = range(3)  # the streams of randomness, each counted on its own


def as_it_lies(inputs: PyTree) -> PyTree:
    """The inputs as they are."""
    return inputs


class Task(NamedTuple):
    """What is trained, on what objective, by which rule.

    `objective(params, stats, batch, key) -> loss, stats` is one number for a batch, e.g. that of `supervised`. A batch
    that is too large at once is computed in `microbatches`, one after another, and their gradients are accumulated:
    each counts by its share of the weights, so that the sum is the gradient of a weighted mean over the whole batch.
    Noise is drawn for each, and batch norms see one at a time.

    `transform(inputs)` makes what the model is given of inputs as they lie on the device, as a part of the step: bytes
    of images stay bytes there, a quarter of the memory, with `lambda pixels: pixels / 255`. What is observed in `fit`
    is of inputs so transformed, too.
    """

    model: Model
    objective: Callable[..., tuple[Array, PyTree]]
    optimizer: optax.GradientTransformation
    batch_size: int
    microbatches: int = 1
    transform: Callable[[PyTree], PyTree] = as_it_lies


class State(NamedTuple):
    """All that the next step depends on."""

    key: Key[Array, ""]
    epoch: Int[Array, ""]
    step: Int[Array, ""]
    params: PyTree
    stats: PyTree
    optimizer_state: PyTree


class History(NamedTuple):
    """What is reported, a row an epoch: the mean loss over its steps, and what was observed after it."""

    loss: Float[Array, "epochs"]
    observed: dict[str, Float[Array, "epochs"]]


Observe = Callable[[State], dict[str, Array]]


def nothing(state: State) -> dict[str, Array]:  # noqa: ARG001
    """Observe nothing."""
    return {}


def start(task: Task, data: Dataset | Stream, key: Key[Array, ""]) -> State:
    """The state before the first step, drawn from the key."""
    if isinstance(data, Stream):
        data = first_rows(data, task.batch_size)
    first = jax.tree.map(lambda array: array[: task.batch_size], data.inputs)
    params, stats = task.model.init(_stream(key, INIT, 0), task.transform(first))
    zero = jnp.zeros((), jnp.int32)
    return State(key, zero, zero, params, stats, task.optimizer.init(params))


def transformed(task: Task, data: Dataset) -> Dataset:
    """The data as the model is given it."""
    return data._replace(inputs=task.transform(data.inputs))


def step(task: Task, batch: Dataset, state: State) -> tuple[State, Float[Array, ""]]:
    """One step down the gradient of the objective on a batch; also its loss before the step.

    An optimizer that asks for more than the gradient, as `sam` and `lbfgs` do, gets the objective on the same batch,
    with the same noise: optax's `value`, `grad` and `value_fn`.
    """
    batch = transformed(task, batch)
    noise = _stream(state.key, NOISE, state.step)
    bits, kind = jax.random.key_data(noise), jax.random.key_impl(noise)
    descend = jax.value_and_grad(task.objective, has_aux=True)

    def loss_and_gradient(stats, batch, key):
        (loss, stats), gradient = descend(state.params, stats, batch, key)
        return (loss, gradient), stats

    (loss, gradient), stats = _accumulated(loss_and_gradient, task, state.stats, batch, noise)

    def again(params):  # a key that it closed over would count as reused inside a line search
        objective = functools.partial(task.objective, params)
        return _accumulated(objective, task, state.stats, batch, jax.random.wrap_key_data(bits, impl=kind))[0]

    more = _asked_for(task.optimizer.update, {"value": loss, "grad": gradient, "value_fn": again})
    updates, optimizer_state = task.optimizer.update(gradient, state.optimizer_state, state.params, **more)
    params = optax.apply_updates(state.params, updates)
    return State(state.key, state.epoch, state.step + 1, params, stats, optimizer_state), loss


def _accumulated(f, task, stats, batch, key):
    """`f(stats, batch, key) -> values, stats`, its values summed over the microbatches, each times its share."""
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


def _asked_for(update, offered):
    """What an optimizer takes of what it is offered: all where it takes any keyword, as optax's convention is."""
    taken = inspect.signature(update).parameters.values()
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken)
    return offered if takes_any else {p.name: offered[p.name] for p in taken if p.name in offered}


def batches(task: Task, size: int, order: Key[Array, ""], epoch: Int[Array, ""]) -> Int[Array, "steps batch"]:
    """The rows of every batch of an epoch, in a new order; what fills no batch is left out, others in each epoch."""
    steps = size // task.batch_size
    rows = permutation(_stream(order, ORDER, epoch), size)
    return rows[: steps * task.batch_size].reshape(steps, task.batch_size)


def epoch(task: Task, data: Dataset, state: State, order: Key[Array, ""]) -> tuple[State, Float[Array, ""]]:
    """One pass over the data, and the mean of its losses."""

    def pick_and_step(state, rows):
        of_batch = among_devices(rows)
        return step(task, jax.tree.map(lambda array: array[of_batch], data), state)

    state, losses = jax.lax.scan(pick_and_step, state, batches(task, data.size, order, state.epoch))
    return state._replace(epoch=state.epoch + 1), losses.mean()


def check_counts(task: Task, data: Dataset | Stream, *, epochs: int) -> None:
    """Refuse, with ValueError, what leaves nothing to do: no epoch, or a batch that the data cannot fill."""
    if epochs < 1:
        raise ValueError(f"epochs must be at least 1, but was {epochs}.")
    if not 1 <= task.batch_size <= data.size:
        raise ValueError(
            f"batch_size must be from 1 to the {data.size} examples there are, but was {task.batch_size}: "
            "take a smaller batch or more data."
        )
    if task.microbatches < 1 or task.batch_size % task.microbatches:
        raise ValueError(
            f"microbatches must divide the batch_size {task.batch_size}, but was {task.microbatches}: take a divisor."
        )


def resume(
    task: Task,
    data: Dataset | Stream,
    state: State,
    *,
    epochs: int,
    observe: Observe = nothing,
    order: Key[Array, ""] | None = None,
) -> tuple[State, History]:
    """Go on from a state for so many epochs, as `train` would have gone on."""
    check_counts(task, data, epochs=epochs)
    if isinstance(data, Stream):
        from jaxdl.training.streaming import resume_stream  # it is built on this file

        return resume_stream(task, data, state, epochs=epochs, observe=observe, order=order)

    def pass_over(state, _):
        state, loss = epoch(task, data, state, state.key if order is None else order)
        return state, History(loss, observe(state))

    return jax.lax.scan(pass_over, state, length=epochs)


def train(
    task: Task,
    data: Dataset | Stream,
    key: Key[Array, ""],
    *,
    epochs: int,
    observe: Observe = nothing,
    order: Key[Array, ""] | None = None,
) -> tuple[State, History]:
    """Train one model from one key: pure and traceable, so that a population is a `vmap` of it.

    `observe(state)` is called after every epoch. `order` is a key for the order of the data alone; members of a
    population that are given the same one see the same batches. A Stream is read while it is trained on, to the same
    end; the loop is then one of Python, not traceable: `fit` trains populations on it. Raises ValueError for a batch
    larger than the data.
    """
    return resume(task, data, start(task, data, key), epochs=epochs, observe=observe, order=order)


def _stream(key, stream, counter):
    """The key of one stream at one count, whatever was drawn before: a resumed run draws what it would have drawn."""
    return jax.random.fold_in(jax.random.fold_in(key, stream), counter)
