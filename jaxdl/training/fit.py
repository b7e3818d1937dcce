"""Train a population with progress, early stopping, checkpoints and clean interruption."""

import contextlib
import functools
import signal
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, Key
from typing_extensions import TypeAliasType

from jaxdl._display import Columns
from jaxdl._types import ArrayLike
from jaxdl.data import Dataset
from jaxdl.data.stream import Stream
from jaxdl.system.interruption import DeferredSignals, defer_signals, run_interruptibly
from jaxdl.system.multihost import broadcast_from_first, max_over_processes, to_host
from jaxdl.training._display import fit_attributes, fit_html, fit_repr, progress_repr
from jaxdl.training.argument_checks import check_function, check_keys, check_untraced
from jaxdl.training.checkpoints.resume import CheckpointManager, Checkpoints, identity_of, managed_checkpoints
from jaxdl.training.checkpoints.serialization import digest_of
from jaxdl.training.early_stopping import Best, Criterion, lowest_loss
from jaxdl.training.input_checks import check_fit, warn_of_equal_members
from jaxdl.training.layout import Layout, LayoutOption, check_layout, is_possible, mesh_of
from jaxdl.training.population.in_memory import InMemoryRunner
from jaxdl.training.population.member import FitConfig, Member, check_config, state_of, with_epochs
from jaxdl.training.population.runner import PlacedMembers, Runner
from jaxdl.training.population.sharding import gather
from jaxdl.training.population.streamed import StreamedRunner
from jaxdl.training.sweep import AnyTask, Settings, as_settings, first_task, of_member, with_outputs
from jaxdl.training.task import History, Observe, State
from jaxdl.training.unused_settings import warn_of_unused_settings


class Seconds(NamedTuple):
    """Time that a fit took.

    Attributes:
        compile: Seconds before the first step: checks and compilation.
        run: Seconds of training, including those before a resumption.
    """

    compile: float
    run: float


class Progress(NamedTuple):
    """Progress of a fit, passed to `watch`.

    Attributes:
        step: Finished steps.
        steps: Steps in all.
        epoch: Finished epochs.
        since: Finished epochs at the previous report.
        rows: The rows of the epochs from `since` to `epoch`; members are the first axis.
        epochs: Finished epochs of each member; fewer than `epoch` if it has stopped or diverged.
        diverged: Epoch in which each member diverged, or 0.
        active: Whether each member still trains.
    """

    step: int
    steps: int
    epoch: int
    since: int
    rows: History
    epochs: Int[np.ndarray, "members"]
    diverged: Int[np.ndarray, "members"]
    active: Bool[np.ndarray, "members"]

    __repr__ = progress_repr


Watch = TypeAliasType("Watch", Callable[[Progress], None])


@fit_attributes
class Fit(NamedTuple):
    """The result of `fit`. Members are the first axis of all arrays.

    Attributes:
        state: Last state; a member that stopped or diverged keeps the parameters of that moment.
        history: One column per epoch; a member that stopped or diverged repeats the row of its last epoch.
        best: Each member's best epoch, with its parameters; the last epoch if the criterion was always NaN.
        epochs: Number of epochs that each member trained.
        diverged: Epoch in which each member diverged, or 0.
        seconds: Time to compile and to train.
        interrupted: Whether Ctrl-C ended the training; the last epoch may be incomplete.
        layout: How the members were divided among devices; None if nothing was left to train.
    """

    state: State
    history: History
    best: Best
    epochs: Int[np.ndarray, "members"]
    diverged: Int[np.ndarray, "members"]
    seconds: Seconds
    interrupted: bool
    layout: Layout | None

    __repr__, _repr_html_ = fit_repr, fit_html

    @property
    def best_state(self) -> State:
        """The state with the parameters and batch statistics of each member's best epoch."""
        return self.state._replace(params=self.best.params, stats=self.best.stats)

    def table(self) -> Columns:
        """Return a dictionary of columns with one row for each member.

        The columns are the member, its settings, its number of epochs, its best epoch, the epoch in which it diverged
        (or 0), and every column of the history in the best and in the last epoch, as NAME_at_best and NAME_at_last.
        `pandas.DataFrame(result.table())` makes a data frame of it, and
        `pyarrow.parquet.write_table(pyarrow.table(result.table()), "sweep.parquet")` writes a file.
        """
        counts = {"epochs": self.epochs, "best_epoch": np.asarray(self.best.epoch), "diverged": self.diverged}
        values = {"train_loss": self.history.loss, **self.history.observed}
        at = {"best": counts["best_epoch"], "last": self.epochs}
        scores = {
            f"{name}_at_{when}": _at_epoch(np.asarray(column), epoch)
            for name, column in values.items()
            for when, epoch in at.items()
        }
        settings = {name: np.asarray(values) for name, values in self.state.settings.items()}
        return Columns({"member": np.arange(len(self.epochs)), **settings, **counts, **scores})


def fit(
    task: AnyTask,
    data: Dataset | Stream,
    keys: Key[Array, "members"],
    *,
    settings: Mapping[str, ArrayLike] | None = None,
    epochs: int,
    dev: Dataset,
    observe: Observe | None = None,
    order: Key[Array, ""] | None = None,
    criterion: Criterion = lowest_loss,
    patience: int | None = None,
    watch: Watch | None = None,
    checkpoints: Checkpoints | None = None,
    devices: Sequence[jax.Device] | None = None,
    layout: LayoutOption = None,
) -> Fit:
    """Train one model for each key, and its settings, as `train` would, in one compiled program.

    Members are divided among the devices as `population` does; spare devices may share each batch. If one member
    diverges, only that member stops, and the others give bit-identical results. Stopped members cost nothing once all
    members of their chunk have stopped.

    A sweep gives each member settings of its own, such as a learning rate, and makes the task from them; `grid`
    combines values and keys. The method `table` of the result has one row for each member.

    Repeat the same call with `checkpoints` to resume after Ctrl-C, SIGTERM, a crash or a full disk. The result is
    bit-identical to an uninterrupted run on the same kind of device and the same package versions (on a GPU, with
    XLA_FLAGS=--xla_gpu_deterministic_ops=true). With more `epochs` the call continues a finished training, as if it had
    had that many from the beginning; members that ran out of patience stay stopped. A learning rate schedule over all
    epochs differs then, and the call raises ValueError.

    The program takes a chunk of steps per call, about half a second long. Ctrl-C ends training after the current chunk;
    the result so far is saved and returned as `interrupted`. If training has not begun, or if the chunk takes more than
    3 seconds longer, `fit` raises KeyboardInterrupt instead. SIGTERM and SIGHUP save and raise SystemExit(143). `fit`
    does not wait for the chunk after a third signal.

    Args:
        task: Model, loss, optimizer, batch size and metrics, or a function `task(settings)` of one member's settings
            that returns them. The function is traced: settings can be any numbers in an optimizer, a loss, a penalty,
            a schedule or a dropout rate (of jaxdl's `Dropout`; that of Flax needs a number), but not a size: see
            `models.mlp_of_sizes`.
        data: Training data. A Stream is read during training; all members then share the order of its batches, by
            default that of the first key.
        keys: Typed keys, one for each member.
        settings: For a task that is a function: arrays by name, with one row for each member.
        epochs: Largest number of passes over the data, at least 1.
        dev: Data to evaluate after every epoch; loss and metrics become columns of the history.
        observe: Called as `observe(state, dev)` after every epoch, in place of `evaluate(task, state, dev)`.
        order: A key for the order of the data, shared by all members; by default each member has its own order.
        criterion: Value of a row of the history; each member's parameters from the epoch with the lowest value are kept
            as its best.
        patience: Epochs without a lower value after which a member stops; by default all epochs are trained.
        watch: Called with a Progress about twice a second, and once at the start of a resumed training.
        checkpoints: Where and how often to save.
        devices: Devices to use; all by default.
        layout: A Layout, or "measured" to time the possible layouts on the first steps and take the fastest. By
            default, shapes and devices alone determine it. Checkpoints store the layout before the first step; a
            resumed fit keeps it.

    Returns:
        States, histories, best epochs and times of all members.

    Raises:
        ValueError: The data do not fit the task, or the checkpoints belong to another training.
        TypeError: The data are not a Dataset or a Stream, or contain images as bytes without a transform.
        OSError: Checkpoints cannot be written, or another process uses their directory.

    Example:
        >>> from jaxdl import data, metrics, models, optimizers, training
        >>> model = models.mlp((4,), 2)
        >>> task = training.Task(model, F.cross_entropy, optimizers.adam(0.1), 8, {"accuracy": metrics.accuracy})
        >>> moons, keys = data.moons(jax.random.key(0), examples=32), jax.random.split(jax.random.key(1), 3)
        >>> result = training.fit(task, moons, keys, epochs=5, dev=moons)
        >>> result.history.observed["accuracy"].shape, result.diverged.tolist()
        ((3, 5), [0, 0, 0])

        A sweep over learning rates and dropout rates, two seeds each, with early stopping:

        >>> def task(settings):
        ...     model = models.mlp((4,), 2, dropout_rate=settings["dropout"])
        ...     return training.Task(model, F.cross_entropy, optimizers.adam(settings["rate"]), batch_size=8)
        >>> keys, settings = training.grid(keys[:2], {"rate": [0.1, 0.01], "dropout": [0.0, 0.5]})
        >>> result = training.fit(task, moons, keys, settings=settings, epochs=5, dev=moons, patience=2)
        >>> list(result.table())  # doctest: +NORMALIZE_WHITESPACE
        ['member', 'rate', 'dropout', 'epochs', 'best_epoch', 'diverged', 'train_loss_at_best', 'train_loss_at_last',
         'loss_at_best', 'loss_at_last']
    """
    check_untraced("fit", (data, keys, settings, dev, order))
    mapped = _mapped(task, keys, settings)
    task = with_outputs(task, of_member(mapped[1], 0), data, dev)
    config = FitConfig(task, epochs, criterion, patience, observe)
    first = config._replace(task=first_task(task, mapped[1]))
    check_fit(first, order=order, watch=watch, checkpoints=checkpoints, devices=devices)
    check_layout(layout, devices)
    check_config(config)
    watch, started = watch or _ignore, time.perf_counter()
    runner_type = StreamedRunner if isinstance(data, Stream) else InMemoryRunner
    runner: Runner = runner_type(config, data, dev, mapped, order, devices)  # ty: ignore[invalid-argument-type]
    if settings and observe is None:  # an observe of the user may read any setting
        warn_of_unused_settings(task, mapped[1], data)
    identity = _identity(checkpoints, first, runner, mapped, data=data, dev=dev, order=order) if checkpoints else {}
    with managed_checkpoints(checkpoints, runner.like_of, identity) as manager:
        placed, step, seconds, used = _first_members(runner, manager, epochs, devices)
        progress = _progress(placed, step, since=0)
        if step:
            watch(progress)
        needs_training = step < progress.steps and progress.active.any()
        if needs_training:
            record = layout is not None and used is None
            used = runner.compile(placed.members, steps_left=progress.steps - step, layout=used or layout)
            save = _saver(manager, used, seconds)
            if record:
                save(placed, step, at_end=True)
            del placed  # the runner has its own copy
        compiled = time.perf_counter()
        with defer_signals() as signals:
            if needs_training:
                placed, step = _run(runner, step, progress, signals, save, watch)
            manager.wait()
    if signal.SIGTERM in signals.signals:
        raise SystemExit(128 + signal.SIGTERM)
    if signals.signals and placed is None:
        raise KeyboardInterrupt
    times = Seconds(compiled - started, seconds + time.perf_counter() - compiled)
    result = _result(placed, step, times, interrupted=bool(signals.signals), layout=used)
    in_order = {name: result.state.settings[name] for name in mapped[1]}  # jax sorts a dictionary by name
    return result._replace(state=result.state._replace(settings=in_order))


def _mapped(task, keys, settings) -> tuple[Key[Array, "members"], Settings]:
    """Return the keys and the settings of the members, checked."""
    check_keys(keys)
    if callable(task):
        check_function("task", task)
    mapped = (keys, as_settings(task, settings, keys.shape[0]))
    warn_of_equal_members(*mapped)
    return mapped


def _ignore(progress: Progress) -> None:
    """Do nothing."""


def _first_members(runner, manager, epochs, devices) -> tuple[PlacedMembers, int, float, Layout | None]:
    """Return the members, step, seconds and layout of a checkpoint, or initial members."""
    checkpoint = manager.take_restored()
    members = runner.init() if checkpoint is None else _continued(checkpoint, epochs)
    placed = PlacedMembers(members, np.arange(len(members.stopped)), len(members.stopped))
    if checkpoint is None:
        return placed, 0, 0.0, None
    layout = Layout(*checkpoint.note["layout"])
    return placed, checkpoint.number, checkpoint.note["seconds"], layout if is_possible(layout, devices) else None


def _continued(checkpoint, epochs) -> Member:
    """Return the members of a checkpoint for this number of epochs. Raises ValueError if more epochs have begun."""
    steps = checkpoint.tree.losses.shape[1]
    begun = -(-checkpoint.number // steps)
    if begun > epochs:
        raise ValueError(
            f"epochs must be at least {begun}, because the checkpoints hold that many, got {epochs}: choose another "
            "directory to train for fewer."
        )
    saved = checkpoint.tree.history.loss.shape[1]
    return checkpoint.tree if saved == epochs else with_epochs(checkpoint.tree, epochs)


def _run(
    runner: Runner,
    step: int,
    progress: Progress,
    signals: DeferredSignals,
    save: Callable[..., None],
    watch: Callable[[Progress], None],
) -> tuple[PlacedMembers | None, int]:
    """Run chunks until all steps are done, no member is active, or a signal arrives; save the last state.

    Returns None instead of members if the computation was abandoned before the first chunk, or within one.
    """
    wait = functools.partial(_wait, signals)
    placed: PlacedMembers | None = None
    with contextlib.closing(runner):
        try:
            while step < progress.steps:
                placed, step = runner.run_chunk(step, wait)
                progress = _progress(placed, step, since=progress.epoch)
                watch(progress)
                received = max_over_processes(max(signals.signals, default=0))
                if received and not signals.signals:  # by another process: all stop at the same step
                    signals.add(received)
                if received or not progress.active.any():
                    break
                save(placed, step, at_end=False)
        except KeyboardInterrupt:
            signals.add(signal.SIGINT)
        if placed is None or any(leaf.is_deleted() for leaf in jax.tree.leaves(placed.members)):
            return None, step
        save(placed, step, at_end=True)
    return placed, step


def _wait(signals: DeferredSignals, placed: Any) -> Any:
    """Wait until the members are computed. Raises KeyboardInterrupt some seconds after a signal."""
    return run_interruptibly(lambda: jax.block_until_ready(placed), signals.is_overdue)


def _saver(manager: CheckpointManager, layout: Layout | None, seconds: float) -> Callable[..., None]:
    """Return the function that saves placed members when it is time, with the seconds of training so far."""
    started = time.perf_counter()

    def save(placed, step, *, at_end):
        if broadcast_from_first(manager.is_unsaved(step) if at_end else manager.is_due()):
            members = placed.in_order(to_host(placed.members))
            manager.save(step, members, {"seconds": seconds + time.perf_counter() - started, "layout": layout})

    return save


def _progress(placed: PlacedMembers, step: int, *, since: int) -> Progress:
    """Copy what has been computed to the host."""
    members = placed.members
    steps_per_epoch = members.losses.shape[1]
    history, stopped, diverged = placed.in_order(to_host((members.history, members.stopped, members.diverged)))
    ended = np.where(stopped, stopped, diverged)
    epochs = np.where(ended, ended, step // steps_per_epoch)
    epoch = int(epochs.max())
    rows = jax.tree.map(lambda column: column[:, since:epoch], history)
    steps = history.loss.shape[1] * steps_per_epoch
    return Progress(step, steps, epoch, since, rows, epochs, diverged, ended == 0)


def _result(placed, step, seconds, *, interrupted, layout) -> Fit:
    """Return the result up to the epoch in which the last member ended."""
    last = _progress(placed, step, since=0)
    members = placed.members if layout is None else gather(placed.members, len(placed.indices), mesh_of(layout))
    members = placed.in_order(members)
    if not last.active.any():
        step = last.epoch * members.losses.shape[1]
    state = state_of(members, jnp.int32(last.epoch), jnp.int32(step))
    history = jax.tree.map(lambda column: _repeat_last(column, last.epochs), last.rows)
    best = _best_or_last(members.best, state, last)
    return Fit(state, history, best, last.epochs, last.diverged, seconds, interrupted, layout)


def _best_or_last(best: Best, state: State, last: Progress) -> Best:
    """Return the best epochs; the last one, with a warning, of members whose criterion was NaN in every epoch."""
    never = (np.asarray(best.epoch) == 0) & (last.epochs > 0) & (last.diverged == 0)
    if not never.any():
        return best
    warnings.warn(
        f"the criterion was NaN in every epoch of {never.sum()} of {len(never)} members, so their best epoch is the "
        "last: look at the metrics on dev in history.observed.",
        stacklevel=4,
    )
    choose = lambda now, before: jnp.where(never.reshape(-1, *(1,) * (now.ndim - 1)), now, before)  # noqa: E731
    params, stats = jax.tree.map(choose, (state.params, state.stats), (best.params, best.stats))
    return Best(best.value, choose(jnp.asarray(last.epochs, best.epoch.dtype), best.epoch), params, stats)


def _at_epoch(column, epochs) -> np.ndarray:
    """Return each member's value of its epoch, counted from 1; NaN or 0 for epoch 0, which has no row."""
    missing = np.full_like(column, np.nan if column.dtype.kind == "f" else 0, shape=(len(column), 1, *column.shape[2:]))
    return np.concatenate([missing, column], axis=1)[np.arange(len(epochs)), epochs]


def _repeat_last(column, epochs) -> np.ndarray:
    """Repeat the value of each member's last epoch in the epochs that follow: its parameters are still the same."""
    last = np.maximum(epochs, 1)[:, None] - 1
    rows = np.minimum(np.arange(column.shape[1]), last)
    return np.take_along_axis(column, rows.reshape(*rows.shape, *(1,) * (column.ndim - 2)), axis=1)


def _identity(checkpoints, config, runner, mapped, *, data, dev, order) -> dict[str, Any]:
    """Return what identifies the training in its checkpoints."""
    training = {**_numbers(config, mapped[0], data), **_digests(runner, mapped, order, dev)}
    return identity_of(training, runner.program_text(), checkpoints.settings, epochs=config.epochs)


def _digests(runner, mapped, order, dev) -> dict[str, str]:
    """Return the digests of the arrays that a checkpoint must share with this training."""
    keys, settings = mapped
    digests = {"keys": digest_of(keys), "order": digest_of(order), "data": runner.data_digest()}
    if settings:
        digests["settings"] = digest_of(settings)
    return {**digests, "dev": digest_of(dev)}


def _numbers(config, keys, data) -> dict[str, int | None]:
    """Return the numbers that a checkpoint must share with this training."""
    return {
        "members": keys.shape[0],
        "patience": None if config.patience is None else int(config.patience),
        "batch_size": int(config.task.batch_size),
        "microbatches": int(config.task.microbatches),
        "examples": data.size,
    }
