"""A member of a population under way: its state, what has been measured of it, and how both move on.

All of it is pure and traceable for one member; a population is a `vmap` of it. The counters of epochs and steps are not
part of a member, since they are the same for all and must not be mapped.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

from jaxdl.data import Dataset
from jaxdl.training.early_stopping import Best, better, lowest_loss, nothing_yet, out_of_patience
from jaxdl.training.population.sharding import among_devices
from jaxdl.training.step import History, State, Task, batches, start, step, transformed


class Course(NamedTuple):
    """What a member is trained on, how it is watched, and when it stops.

    `observe(state, dev)` is recorded after every epoch, and `criterion(row)` of that row of the history is to be low:
    the parameters where it is lowest are kept. Where it has not become lower for `patience` epochs, a member stops.
    """

    task: Task
    observe: Callable[[State, Dataset], dict[str, Array]]
    epochs: int
    criterion: Callable[[History], Array] = lowest_loss
    patience: int | None = None


class Member(NamedTuple):
    """All that one member goes on from.

    `losses` are those of the steps of the epoch under way; `history` has a row for every epoch that there may be, NaN
    or 0 for those that are still to come. `stopped` is the epoch after which its patience ended, and `diverged` the one
    in which its loss or its parameters were no longer finite; 0 while that has not happened. After either it stands
    still.
    """

    key: Key[Array, ""]
    params: PyTree
    stats: PyTree
    optimizer_state: PyTree
    losses: Float[Array, "steps"]
    history: History
    best: Best
    stopped: Int[Array, ""]
    diverged: Int[Array, ""]


def going_on(member: Member) -> Bool[Array, "*members"]:
    """Is it still trained, or which of many are?"""
    return (member.stopped == 0) & (member.diverged == 0)


def state_of(member: Member, epoch: Any, step: Any) -> State:
    """The state of a member at these counts."""
    return State(member.key, epoch, step, member.params, member.stats, member.optimizer_state)


def begin(course: Course, data: Dataset, dev: Dataset, key: Key[Array, ""], *, steps: int) -> Member:
    """A member before its first step, of so many in an epoch; of the data it takes the shapes of a batch."""
    state = start(course.task, data, key)
    loss = jnp.zeros((), jnp.result_type(float))
    row = jax.eval_shape(lambda state, dev: _row(course, dev, state, loss), state, dev)
    history = jax.tree.map(lambda cell: _nothing((course.epochs, *cell.shape), cell.dtype), row)
    best = nothing_yet(state.params, state.stats)
    never = jnp.int32(0)
    losses = jnp.zeros(steps, loss.dtype)
    return Member(state.key, state.params, state.stats, state.optimizer_state, losses, history, best, never, never)


def advance(
    course: Course,
    data: Dataset,
    dev: Dataset,
    order: Key[Array, ""] | None,
    done: Int[Array, ""],
    count: Int[Array, ""],
    member: Member,
) -> Member:
    """The next `count` steps of a member that has done so many, across as many epochs as they are.

    Both numbers may be traced: one program does few steps or many, and divided in any way they give the same bits.
    """
    steps = data.size // course.task.batch_size

    def rest_of_epoch(carry):
        done, left, member = carry
        epoch, first = done // steps, done % steps
        last = jnp.minimum(first + left, steps)
        rows = batches(course.task, data.size, member.key if order is None else order, epoch)

        def one(place, member):
            of_batch = among_devices(rows[place])
            batch = jax.tree.map(lambda array: array[of_batch], data)
            return take_step(course, batch, epoch * steps + place, member)

        member = if_going_on(member, jax.lax.fori_loop(first, last, one, member))
        member = jax.lax.cond(last == steps, lambda m: close_epoch(course, dev, epoch, m), lambda m: m, member)
        return done + (last - first), left - (last - first), member

    return jax.lax.while_loop(lambda carry: carry[1] > 0, rest_of_epoch, (done, count, member))[2]


def take_step(course: Course, batch: Dataset, done: Int[Array, ""], member: Member) -> Member:
    """The step of a member that has done so many."""
    steps = member.losses.shape[0]
    after, loss = step(course.task, batch, state_of(member, done // steps, done))
    losses = member.losses.at[done % steps].set(loss.astype(member.losses.dtype))
    return member._replace(params=after.params, stats=after.stats, optimizer_state=after.optimizer_state, losses=losses)


def if_going_on(before: Member, after: Member) -> Member:
    """What a member has become, or what it was where it had ended: asked once for many steps, since it costs."""
    going = going_on(before)
    kept = jax.tree.map(lambda new, old: jnp.where(going, new, old), after[1:], before[1:])
    return Member(before.key, *kept)  # the key never changes


def close_epoch(course: Course, dev: Dataset, epoch: Int[Array, ""], member: Member) -> Member:
    """What is measured after an epoch, counted from 0, goes into its row, and may end the member."""
    done, steps = epoch + 1, member.losses.shape[0]
    measured = _row(course, dev, state_of(member, done, done * steps), member.losses.mean())
    finite = [jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(member.params)]
    broken = ~(jnp.isfinite(measured.loss) & jnp.array(finite).all())
    value = jnp.where(broken, jnp.inf, course.criterion(measured))
    best = better(member.best, value, done, member.params, member.stats)
    late = jnp.bool_(False) if course.patience is None else out_of_patience(best, done, patience=course.patience)
    closed = member._replace(
        history=jax.tree.map(lambda column, value: column.at[epoch].set(value), member.history, measured),
        best=best,
        stopped=jnp.where(late & ~broken, done, 0),
        diverged=jnp.where(broken, done, 0),
    )
    return if_going_on(member, closed)


def _row(course, dev, state, loss) -> History:
    return History(loss, jax.tree.map(jnp.asarray, course.observe(state, transformed(course.task, dev))))


def _nothing(shape, dtype):
    return jnp.full(shape, jnp.nan if jnp.issubdtype(dtype, jnp.inexact) else 0, dtype)
