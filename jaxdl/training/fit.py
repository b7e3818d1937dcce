"""The driver around the pure loop: it trains a population for as long as it takes, and goes on where it ended."""

import contextlib
import functools
import signal
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from jaxdl.data import Dataset
from jaxdl.data.stream import Stream
from jaxdl.system.interruption import defer_signals, run_interruptibly
from jaxdl.system.multihost import broadcast_from_first, max_over_processes, to_host
from jaxdl.training.checkpoints.resume import Checkpoints, digest_of, identity_of, keeping
from jaxdl.training.early_stopping import Best, lowest_loss
from jaxdl.training.input_checks import check_course
from jaxdl.training.population.autotune import is_possible
from jaxdl.training.population.in_memory import Crew, Engine, engine_of_dataset
from jaxdl.training.population.member import Course, state_of
from jaxdl.training.population.sharding import Layout, gathered, mesh_of
from jaxdl.training.step import History, State, Task


class Seconds(NamedTuple):
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
    was interrupted may have ended within an epoch, which its checkpoint goes on with. `layout` says how the members
    were divided at last; None where nothing was left to do, and its devices are not there.
    """

    state: State
    history: History
    best: Best
    epochs: Int[np.ndarray, "members"]
    diverged: Int[np.ndarray, "members"]
    seconds: Seconds
    interrupted: bool
    layout: Layout | None


def _ignore(progress: Progress) -> None:
    """Do nothing."""


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
    watch: Callable[[Progress], None] | None = None,
    checkpoints: Checkpoints | None = None,
    devices: Sequence[jax.Device] | None = None,
) -> Fit:
    """Train one model for each key, as `train` would, by one compiled program that is called for some steps at a time.

    The members are divided among the devices, by default all that jax has, as `population` divides them; where there
    are more devices than members, they may share each batch. Members that have ended cost nothing more, as soon as
    those that are computed at once have all ended.

    `observe(state, dev)` is recorded after every epoch, and each member's parameters are kept from the epoch where
    `criterion(row)` of that row of the history is lowest: by default the loss on dev. With `patience`, a member stops
    after so many epochs without a lower one; it also stops where its loss or its parameters are no longer finite, and
    the others do not notice. `watch(progress)` is called about twice a second; where the fit goes on from a checkpoint,
    it is first told of all until there.

    With `checkpoints`, the same call goes on where another, or this one before it was killed, has ended, and comes to
    the same result to the last bit on the same kind of device with the same versions (on a GPU, with
    XLA_FLAGS=--xla_gpu_deterministic_ops=true). Ctrl-C ends a fit with what was computed, saved and returned as
    `interrupted` (before the first step it is raised, and where a step goes on for seconds, since the members have gone
    into it; what was saved before is there); so does SIGTERM, and then raises SystemExit(143). Another Ctrl-C changes
    nothing, the third ends it where it is.

    Raises ValueError or TypeError, before anything is compiled, for data that the task cannot be trained on and for
    checkpoints of another training; OSError where checkpoints cannot be written or another process writes there.

    A Stream is read while it is trained on; every member takes each batch, in the order of the first key where no other
    is given. Of the data what lies beyond the first batch is checked as it is read.
    """
    course = Course(task, observe, epochs, criterion, patience)
    check_course(course)
    began = time.perf_counter()
    engine = _engine_of(course, data, dev, keys, order, devices)
    identity = {} if checkpoints is None else _identity(course, engine, data, dev, keys, order, checkpoints.settings)
    with keeping(checkpoints, engine.like, identity) as keeper:
        crew, step, before, layout = _beginning(engine, keeper.take(), devices)
        progress = _look(crew, step, 0)
        if step:
            (watch or _ignore)(progress)
        go_on = None
        if step < progress.steps and progress.going.any():
            layout, go_on = engine.compile(crew.members, progress.steps - step, layout)
            del crew  # what goes on is a copy
        compiled = time.perf_counter()
        with defer_signals() as back:
            if go_on is not None:
                pieces, save = go_on(step, functools.partial(_wait, back)), _saving(keeper, layout, before)
                crew, step = _carry_on(pieces, step, progress.epoch, back, save, watch or _ignore)
            keeper.wait()
    cost = Seconds(compiled - began, before + time.perf_counter() - compiled)
    if signal.SIGTERM in back.signals:
        raise SystemExit(128 + signal.SIGTERM)
    if back.signals and crew is None:
        raise KeyboardInterrupt
    return _result(crew, step, cost, interrupted=bool(back.signals), layout=layout)


def _engine_of(course, data, dev, keys, order, devices) -> Engine:
    if isinstance(data, Stream):
        from jaxdl.training.streaming import engine_of_stream  # it is built on this file

        return engine_of_stream(course, data, dev, keys, order, devices)
    return engine_of_dataset(course, data, dev, keys, order, devices)


def _beginning(engine, found, devices) -> tuple[Crew, int, float, Layout | None]:
    """The members, steps, seconds and layout of a checkpoint, where there is one, and devices for its layout."""
    members = engine.begin() if found is None else found.tree
    crew = Crew(members, np.arange(len(members.stopped)), len(members.stopped))
    if found is None:
        return crew, 0, 0.0, None
    layout = Layout(*found.note["layout"])
    return crew, found.number, found.note["seconds"], layout if is_possible(layout, devices) else None


def _wait(back, crew) -> Crew:
    return run_interruptibly(lambda: jax.block_until_ready(crew), back.is_overdue)


def _saving(keeper, layout, before) -> Callable[..., None]:
    """What saves a crew, where it is time to, with the seconds that all until then has taken."""
    began = time.perf_counter()

    def save(crew, step, *, now):
        if broadcast_from_first(keeper.wants(step) if now else keeper.due()):
            members = crew.in_order(to_host(crew.members))
            keeper.save(step, members, seconds=before + time.perf_counter() - began, layout=layout)

    return save


def _carry_on(pieces, step, since, back, save, watch) -> tuple[Crew | None, int]:
    """Go on to the end, or to the first signal that is defer_signals back; what it comes to is saved.

    No crew is left of a piece that was not waited for, nor before the first.
    """
    crew = None
    with contextlib.closing(pieces):
        try:
            for crew, step in pieces:
                progress = _look(crew, step, since)
                since = progress.epoch
                watch(progress)
                received = max_over_processes(max(back.signals, default=0))
                if received and not back.signals:  # by another process, which ends at the same step
                    back.add(received)
                if received or not progress.going.any():
                    break
                save(crew, step, now=False)
        except KeyboardInterrupt:
            back.add(signal.SIGINT)
        if crew is None or any(leaf.is_deleted() for leaf in jax.tree.leaves(crew.members)):
            return None, step
        save(crew, step, now=True)
    return crew, step


def _look(crew, step, since) -> Progress:
    """What has been computed, in the memory of the host."""
    members = crew.members
    steps = members.losses.shape[1]
    found = to_host((members.history, members.stopped, members.diverged))
    history, stopped, diverged = crew.in_order(found)
    ended = np.where(stopped, stopped, diverged)
    epochs = np.where(ended, ended, step // steps)
    epoch = int(epochs.max())
    rows = jax.tree.map(lambda column: column[:, since:epoch], history)
    return Progress(step, history.loss.shape[1] * steps, epoch, since, rows, epochs, diverged, ended == 0)


def _result(crew, step, cost, *, interrupted, layout) -> Fit:
    """What has come of it, up to the epoch in which the last member ended."""
    last = _look(crew, step, 0)
    members = crew.members if layout is None else gathered(crew.members, len(crew.places), mesh_of(layout))
    members = crew.in_order(members)
    if not last.going.any():
        step = last.epoch * members.losses.shape[1]
    state = state_of(members, jnp.int32(last.epoch), jnp.int32(step))
    return Fit(state, last.rows, members.best, last.epochs, last.diverged, cost, interrupted, layout)


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
