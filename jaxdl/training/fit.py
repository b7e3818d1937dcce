"""The driver around the pure loop: it trains a population for as long as it takes, and goes on where it ended."""

import contextlib
import functools
import signal
import time
from collections.abc import Callable, Generator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from jaxdl.data import Dataset
from jaxdl.data.stream import Stream
from jaxdl.interruption import held, leavable
from jaxdl.training.check import check, check_course
from jaxdl.training.continuation import Checkpoints, digest_of, identity_of, keeping
from jaxdl.training.early_stopping import Best, lowest_loss
from jaxdl.training.loop import History, State, Task
from jaxdl.training.member import Course, Member, advance, begin, state_of
from jaxdl.training.population import lower_population

PACE = 0.5  # seconds, about, between two looks at what is computed: a signal waits for so long, and progress is told
FIRST, FASTER = 1, 8  # steps before the first look; and so many times as many before the next, at most


class Cost(NamedTuple):
    """Seconds spent before the first step, checking and compiling; and running, before this fit went on too."""

    compile: float
    run: float


class Progress(NamedTuple):
    """How far a fit is: steps and epochs that are done, and the rows of the epochs after `since` of them.

    For each member, `epochs` has how many are its own, of which there are fewer where it has stopped or diverged;
    `diverged` the one in which it did, or 0; and `going` whether it goes on.
    """

    step: int
    steps: int
    epoch: int
    since: int
    rows: History
    epochs: np.ndarray
    diverged: np.ndarray
    going: np.ndarray


class Fit(NamedTuple):
    """What came of it; the members are the first axis of the history's columns, of the best, and of the state.

    `best` are each member's parameters after the epoch that was best for it. A member that ran out of patience or
    diverged has ended after so many `epochs`: its parameters are those of then, and what follows in its history is NaN
    or 0. `diverged` has the epoch in which it did, or 0. The counts in the state are those of the whole fit; one that
    was interrupted may have ended within an epoch, which its checkpoint goes on with.
    """

    state: State
    history: History
    best: Best
    epochs: Int[np.ndarray, "members"]
    diverged: Int[np.ndarray, "members"]
    cost: Cost
    interrupted: bool


class Engine(NamedTuple):
    """What carries a population on: its programs and what it knows of the data, as text; and what it begins with.

    `like` has the shapes of the members that `begin()` gives. `compile()` gives `go_on(members, step, wait)`, which
    yields members and step after each piece of the work, and waits for any by `wait(members)`.
    """

    text: Callable[[], str]
    data: Callable[[], str]
    like: Member
    begin: Callable[[], Member]
    compile: Callable[[], Callable[[Member, int, Callable], Generator[tuple[Member, int]]]]


def silent(progress: Progress) -> None:
    """Watch without a word."""


def fit(
    task: Task,
    data: Dataset | Stream,
    keys: Key[Array, "members"],
    *,
    epochs: int,
    dev: Dataset,
    observe: Callable[[State, Dataset], dict[str, Array]],
    order: Key[Array, ""] | None = None,
    criterion: Callable[[History], Float[Array, ""]] = lowest_loss,
    patience: int | None = None,
    watch: Callable[[Progress], None] = silent,
    checkpoints: Checkpoints | None = None,
) -> Fit:
    """Train one model for each key, as `train` would, by one compiled program that is called for some steps at a time.

    `observe(state, dev)` is recorded after every epoch, and each member's parameters are kept from the epoch where
    `criterion(row)` of that row of the history is lowest: by default the loss on dev. With `patience`, a member stops
    after so many epochs without a lower one; it also stops where its loss or its parameters are no longer finite, and
    the others do not notice. `watch(progress)` is called about twice a second; where the fit goes on from a checkpoint,
    it is first told of all until there.

    With `checkpoints`, the same call goes on where another, or this one before it was killed, has ended, and comes to
    the same result to the last bit on the same kind of device with the same versions (on a GPU, with
    XLA_FLAGS=--xla_gpu_deterministic_ops=true). Ctrl-C ends a fit with what was computed, saved and returned as
    `interrupted` (before the first step it is raised); so does SIGTERM, and then raises SystemExit(143). Another Ctrl-C
    changes nothing, the third ends it where it is.

    Raises ValueError or TypeError, before anything is compiled, for data that the task cannot be trained on and for
    checkpoints of another training; OSError where checkpoints cannot be written or another process writes there.

    A Stream is read while it is trained on; every member takes each batch, in the order of the first key where no other
    is given. Of the data what lies beyond the first batch is checked as it is read.
    """
    course = Course(task, observe, epochs, criterion, patience)
    check_course(course)
    began = time.perf_counter()
    engine = _engine_of(course, data, dev, keys, order)
    identity = {} if checkpoints is None else _identity(course, engine, data, dev, keys, order, checkpoints.settings)
    with keeping(checkpoints, engine.like, identity) as keeper:
        members, step, before = _beginning(engine, keeper.take())
        progress = _look(members, step, 0)
        if step:
            watch(progress)
        over = step == progress.steps or not progress.going.any()
        go_on = None if over else engine.compile()
        compiled = time.perf_counter()
        with held() as back:
            if go_on is not None:
                wait = functools.partial(_wait, back)
                first = [members]  # which need not lie on the device beside the last
                del members
                members, step = _carry_on(go_on(first[0], step, wait), first.pop(), step, back, keeper, watch, before)
    cost = Cost(compiled - began, before + time.perf_counter() - compiled)
    if signal.SIGTERM in back.signals:
        raise SystemExit(128 + signal.SIGTERM)
    if back.signals and step == 0:
        raise KeyboardInterrupt
    return _result(members, step, cost, interrupted=bool(back.signals))


def _engine_of(course, data, dev, keys, order) -> Engine:
    if isinstance(data, Stream):
        from jaxdl.training.streaming import engine_of_stream  # it is built on this file

        return engine_of_stream(course, data, dev, keys, order)
    return engine_of_dataset(course, data, dev, keys, order)


def _beginning(engine, found) -> tuple[Member, int, float]:
    """The members, steps and seconds of a checkpoint, where there is one."""
    return (engine.begin(), 0, 0.0) if found is None else (found.tree, found.number, found.note["seconds"])


def _wait(back, members) -> Member:
    return leavable(lambda: jax.block_until_ready(members), back.overdue)


def _carry_on(pieces, members, step, back, keeper, watch, before) -> tuple[Member, int]:
    """Go on to the end, or to the first signal that is held back; what it comes to is saved."""
    began = time.perf_counter()
    seconds = lambda: before + time.perf_counter() - began  # noqa: E731
    since = step // members.losses.shape[1]
    with contextlib.closing(pieces):
        try:
            for members, step in pieces:
                progress = _look(members, step, since)
                since = progress.epoch
                watch(progress)
                if back.signals or not progress.going.any():
                    break
                if keeper.due():
                    keeper.save(step, members, seconds=seconds())
        except KeyboardInterrupt:
            back.add(signal.SIGINT)
        if step:
            keeper.save(step, members, seconds=seconds())
            keeper.wait()
    return members, step


def _look(members, step, since) -> Progress:
    """What has been computed, in the memory of the host."""
    steps = members.losses.shape[1]
    history, stopped, diverged = jax.device_get((members.history, members.stopped, members.diverged))
    ended = np.where(stopped, stopped, diverged)
    epochs = np.where(ended, ended, step // steps)
    epoch = int(epochs.max())
    rows = jax.tree.map(lambda column: column[:, since:epoch], history)
    return Progress(step, history.loss.shape[1] * steps, epoch, since, rows, epochs, diverged, ended == 0)


def _result(members, step, cost, *, interrupted) -> Fit:
    """What has come of it, up to the epoch in which the last member ended."""
    last = _look(members, step, 0)
    if not last.going.any():
        step = last.epoch * members.losses.shape[1]
    state = state_of(members, jnp.int32(last.epoch), jnp.int32(step))
    return Fit(state, last.rows, members.best, last.epochs, last.diverged, cost, interrupted)


def engine_of_dataset(course: Course, data: Dataset, dev: Dataset, keys: Any, order: Any) -> Engine:
    """Members that are trained on a data set that lies on the device, as many steps at a time as take PACE."""
    check(course.task, data, dev, epochs=course.epochs)
    data, dev = jax.device_put((data, dev))  # once, and not with every piece
    steps, zero = data.size // course.task.batch_size, jnp.int32(0)
    start = lower_population(functools.partial(begin, course, steps=steps), keys, shared=(data, dev))
    shared = (data, dev, order, zero, zero)
    lowered = lower_population(functools.partial(advance, course), start.out_info, shared=shared)
    total = course.epochs * steps

    def compiled():
        program = leavable(lowered.compile)

        def go_on(members, step, wait):
            wanted = FIRST
            while step < total:
                count, began = min(_near_an_end(step, wanted, steps), total - step), time.perf_counter()
                members = wait(program((data, dev, order, jnp.int32(step), jnp.int32(count)), (members,)))
                step += count
                took = time.perf_counter() - began
                yield members, step
                wanted = max(1, int(count * min(PACE / took, FASTER)))

        return go_on

    return Engine(
        text=lambda: start.as_text() + lowered.as_text(),
        data=lambda: digest_of(data),
        like=start.out_info,
        begin=lambda: leavable(start.compile)((data, dev), (keys,)),
        compile=compiled,
    )


def _near_an_end(step: int, count: int, steps: int) -> int:
    """About so many steps, up to the end of an epoch of `steps` where one is near: an order is drawn once, then."""
    end = round((step + count) / steps) * steps
    return end - step if abs(end - step - count) <= count // 2 else min(count, steps - step % steps)


def _identity(course, engine, data, dev, keys, order, settings) -> dict[str, Any]:
    """What a checkpoint must share with this training to be gone on from."""
    training = {
        "members": keys.shape[0],
        "epochs": int(course.epochs),
        "patience": None if course.patience is None else int(course.patience),
        "batch_size": int(course.task.batch_size),
        "microbatches": int(course.task.microbatches),
        "examples": data.size,
        "keys": digest_of(keys),
        "order": digest_of(order),
        "data": engine.data(),
        "dev": digest_of(dev),
    }
    return identity_of(training, engine.text(), settings)
