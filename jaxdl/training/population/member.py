"""One member of a population: its state, its steps, and the end of its epochs. Pure and traceable for one member.

A population is a `vmap` of these functions. The counters of epochs and steps are arguments, not parts of a member: they
are the same for all members and must not be mapped.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

from jaxdl.data import Dataset
from jaxdl.training.argument_checks import check_criterion
from jaxdl.training.batching import batches, shard_batch
from jaxdl.training.early_stopping import Best, init_best, lowest_loss, out_of_patience, update_best
from jaxdl.training.step import mean_loss, start, step
from jaxdl.training.supervised import observed
from jaxdl.training.sweep import AnyTask, Settings, task_of
from jaxdl.training.task import History, Observe, State


class FitConfig(NamedTuple):
    """The settings of `fit` that its programs depend on.

    Attributes:
        task: Model, loss, optimizer and batch size, or a function of a member's settings that returns them.
        epochs: Largest number of epochs.
        criterion: Value of a row of the history; the parameters with the lowest value are kept as the best.
        patience: Epochs without a lower value after which a member stops; None trains to the end.
        observe: Called as `observe(state, dev)` after every epoch, in place of the evaluation of the task on dev.
        skip_unweighted: Whether batches can have the total weight 0, and then change nothing.
    """

    task: AnyTask
    epochs: int
    criterion: Callable[[History], Array] = lowest_loss
    patience: int | None = None
    observe: Observe | None = None
    skip_unweighted: bool = False


class Member(NamedTuple):
    """Everything one member needs to continue.

    Attributes:
        key: Key that all its randomness derives from; it never changes.
        settings: Values that its task is made from; they never change.
        params: Parameters.
        stats: Batch statistics.
        optimizer_state: State of the optimizer.
        losses: Training losses of the current epoch, one per step.
        history: One row for every epoch; NaN or 0 in epochs to come.
        best: Best epoch so far.
        stopped: Epoch after which its patience ran out, or 0.
        diverged: Epoch in which its loss or parameters became NaN or infinite, or 0.
    """

    key: Key[Array, ""]
    settings: Settings
    params: PyTree
    stats: PyTree
    optimizer_state: PyTree
    losses: Float[Array, "steps"]
    history: History
    best: Best
    stopped: Int[Array, ""]
    diverged: Int[Array, ""]


def check_config(config: FitConfig) -> None:
    """Raise ValueError for a patience below 1."""
    if config.patience is not None and config.patience < 1:
        raise ValueError(
            f"patience must be at least 1, got {config.patience}: use None to train without early stopping."
        )


def with_epochs(members: Member, epochs: int) -> Member:
    """Return all members of a population with a history of this number of epochs, at least as many as are finished."""

    def resize(column):
        missing = _missing((column.shape[0], max(0, epochs - column.shape[1]), *column.shape[2:]), column.dtype)
        return jnp.concatenate([column[:, :epochs], missing], axis=1)

    return members._replace(history=jax.tree.map(resize, members.history))


def is_active(member: Member) -> Bool[Array, "*members"]:
    """Return whether a member still trains: it has neither stopped nor diverged."""
    return (member.stopped == 0) & (member.diverged == 0)


def state_of(member: Member, epoch: Any, step: Any) -> State:
    """Return the state of a member at these counts of epochs and steps."""
    return State(member.key, epoch, step, member.params, member.stats, member.optimizer_state, member.settings)


def init_member(
    config: FitConfig, data: Dataset, dev: Dataset, key: Key[Array, ""], settings: Settings, *, steps: int
) -> Member:
    """Return a member before its first step; `steps` is the number of steps per epoch."""
    state = start(config.task, data, key, settings=settings)
    loss = jnp.zeros((), jnp.result_type(float))
    row = jax.eval_shape(lambda state, dev: _row(config, dev, state, loss), state, dev)
    check_criterion(config.criterion, row)
    history = jax.tree.map(lambda cell: _missing((config.epochs, *cell.shape), cell.dtype), row)
    best = init_best(state.params, state.stats)
    losses, zero = jnp.zeros(steps, loss.dtype), jnp.int32(0)
    trained = (state.params, state.stats, state.optimizer_state)
    return Member(state.key, state.settings, *trained, losses, history, best, zero, zero)


def train_steps(
    config: FitConfig,
    data: Dataset,
    dev: Dataset,
    order: Key[Array, ""] | None,
    done: Int[Array, ""],
    count: Int[Array, ""],
    member: Member,
) -> Member:
    """Take the next `count` steps of a member that has done `done` steps, over as many epochs as they span.

    Both counts may be traced, so one program serves any number of steps. Any division into calls gives the same bits.
    """
    task = task_of(config.task, member.settings)
    config, steps = config._replace(task=task), data.size // task.batch_size

    def rest_of_epoch(carry):
        done, left, member = carry
        epoch, first = done // steps, done % steps
        last = jnp.minimum(first + left, steps)
        rows = batches(task, data.size, member.key if order is None else order, epoch)

        def one_step(number, member):
            batch_rows = shard_batch(rows[number])
            batch = jax.tree.map(lambda array: array[batch_rows], data)
            return train_step(config, batch, epoch * steps + number, member)

        member = keep_inactive(member, jax.lax.fori_loop(first, last, one_step, member))
        member = jax.lax.cond(last == steps, lambda m: end_epoch(config, dev, epoch, m), lambda m: m, member)
        return done + (last - first), left - (last - first), member

    return jax.lax.while_loop(lambda carry: carry[1] > 0, rest_of_epoch, (done, count, member))[2]


def train_step(config: FitConfig, batch: Dataset, done: Int[Array, ""], member: Member) -> Member:
    """Take one step of a member that has done `done` steps."""
    steps = member.losses.shape[0]
    before = state_of(member, done // steps, done)
    after, loss = step(config.task, batch, before, skip_unweighted=config.skip_unweighted)
    losses = member.losses.at[done % steps].set(loss.astype(member.losses.dtype))
    return member._replace(params=after.params, stats=after.stats, optimizer_state=after.optimizer_state, losses=losses)


def keep_inactive(before: Member, after: Member) -> Member:
    """Return `after` if the member is still training, else `before`.

    Called once per chunk of steps, because the selection copies every parameter.
    """
    active = is_active(before)
    kept = jax.tree.map(lambda new, old: jnp.where(active, new, old), after[2:], before[2:])
    return Member(before.key, before.settings, *kept)  # key and settings never change


def end_epoch(config: FitConfig, dev: Dataset, epoch: Int[Array, ""], member: Member) -> Member:
    """Record the row of an epoch, counted from 0, update the best, and stop the member if it diverged or ran out."""
    done, steps = epoch + 1, member.losses.shape[0]
    mean = mean_loss(member.losses, skip_unweighted=config.skip_unweighted)
    row = _row(config, dev, state_of(member, done, done * steps), mean)
    finite = [jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(member.params)]
    diverged = ~(jnp.isfinite(row.loss) & jnp.array(finite).all())
    value = jnp.where(diverged, jnp.inf, config.criterion(row))
    best = update_best(member.best, value, done, member.params, member.stats)
    stop = jnp.bool_(False) if config.patience is None else out_of_patience(best, done, patience=config.patience)
    ended = member._replace(
        history=jax.tree.map(lambda column, value: column.at[epoch].set(value), member.history, row),
        best=best,
        stopped=jnp.where(stop & ~diverged, done, 0),
        diverged=jnp.where(diverged, done, 0),
    )
    return keep_inactive(member, ended)


def _row(config, dev, state, loss) -> History:
    return History(loss, jax.tree.map(jnp.asarray, observed(config.task, state, dev, config.observe)))


def _missing(shape, dtype):
    return jnp.full(shape, jnp.nan if jnp.issubdtype(dtype, jnp.inexact) else 0, dtype)
