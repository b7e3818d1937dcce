"""From settings to a trained, judged and recorded population of networks."""

import contextlib
import dataclasses
import pathlib
import tempfile
from collections.abc import Callable, Generator
from typing import Any, NamedTuple

import jax
from rich.console import Console

from jaxdl import data, run, training
from jaxdl.interruption import leavable
from jaxdl.quality import quality_of, tell_quality, told
from jaxdl.recipe import TARGETS, UNREADABLE, duration_of, model_of, observe_of, task_of, validate
from jaxdl.record import COMPLETE, evaluate, history_rows, record, summary_table
from jaxdl.settings import Train
from jaxdl.tensorboard import curves
from jaxdl.training.fit import silent
from jaxdl.training.processes import by_first, is_first

WITHOUT_EFFECT = {"out", "checkpoint_seconds", "tensorboard", "data_dir", "manual_dir"}  # on the result


class Examples(NamedTuple):
    """A divided data set as it was read, as it is trained on, and what was fitted to the one to make the other."""

    raw: data.Split
    ready: data.Split
    preparation: data.Preparation


def load(settings: Train) -> Examples:
    """The data that the settings name, divided by their split seed, as it is and prepared for training."""
    raw = _divided(settings)
    if not isinstance(raw.train.inputs, dict):
        raw = jax.device_get(raw)  # only what is trained on needs room on the device
    if settings.missing == "refuse":
        refuse_missing(raw)
    ready, preparation = data.prepared(raw, keep_pixels=True)
    return Examples(raw, ready, preparation)


def _divided(settings) -> data.Split:
    """Train, dev and test; where the set has a test part of its own, a sixth of the rest is for dev."""
    key = jax.random.key(settings.split_seed)
    test = _read(settings, "test") if data.parts_of(settings.data) else None
    whole = _read(settings, "train")
    by_class = whole.labels.ndim == 1
    if test is not None:
        divide = data.stratified_parts if by_class else data.random_parts
        train, dev = divide(key, whole, shares=(5 / 6, 1 / 6))
        return data.Split(train, dev, test)
    if settings.group is None:
        return (data.stratified_split if by_class else data.random_split)(key, whole)
    if not isinstance(whole.inputs, dict) or settings.group not in whole.inputs:
        raise ValueError(f"group must be a column of a table that is read, but {settings.group!r} is none.")
    groups = whole.inputs.pop(settings.group)
    return data.grouped_split(key, whole, groups)


def _read(settings, part) -> data.Dataset:
    return data.load(
        settings.data,
        part=part,
        label=settings.label,
        ignore=settings.ignore,
        categories=settings.categories,
        targets=TARGETS[settings.problem],
        image_size=settings.image_size,
        unreadable=UNREADABLE[settings.unreadable],
        data_dir=settings.data_dir,
        manual_dir=settings.manual_dir,
    )


def refuse_missing(split: data.Split) -> None:
    """Raise ValueError, naming columns and counts, where a table is not complete."""
    for name, part in split._asdict().items():
        holes = data.incomplete(part)
        if holes:
            told = ", ".join(f"{column!r} {count}" for column, count in holes.items())
            raise ValueError(
                f"no value must be missing (missing refuse), but of the {part.size} rows of {name} there lack: {told}: "
                "fill them in, ignore these columns, or impute."
            )


def fit(
    settings: Train,
    examples: Examples,
    watch: Callable[[training.Progress], None] = silent,
    checkpoints: training.Checkpoints | None = None,
) -> training.Fit:
    """Train the population that the settings describe."""
    ready = examples.ready
    task = task_of(settings, examples.preparation, ready.train.size)
    keys = jax.random.split(jax.random.fold_in(jax.random.key(settings.split_seed), 1), settings.seeds)
    return training.fit(
        task,
        ready.train,
        keys,
        epochs=duration_of(settings, ready.train.size).epochs,
        dev=ready.dev,
        observe=observe_of(settings, examples.preparation, model_of(settings, examples.preparation)),
        patience=settings.patience,
        watch=watch,
        checkpoints=checkpoints,
    )


def judged(settings: Train, fitted: training.Fit) -> training.State:
    """The state that counts: each member's best where it has patience for a better one, else its last."""
    if settings.patience is None:
        return fitted.state
    return fitted.state._replace(params=fitted.best.params, stats=fitted.best.stats)


def train_command(settings: Train, console: Console) -> int:
    """Train, judge, record and report, from where the same command was ended before; the exit status."""
    from jaxdl import report

    validate(settings)
    with _directory_of(settings) as directory, _interruption_told(directory, console), told(console):
        train_into(directory, settings, load(settings), console)
        if is_first():
            report.tell_page(directory, console)
    return 0


@contextlib.contextmanager
def _directory_of(settings) -> Generator[pathlib.Path]:
    """The run directory; of several processes the first alone has it, and what the others write is thrown away."""
    with contextlib.ExitStack() as stack:

        def enter() -> str:
            out = settings.out or run.next_free(pathlib.Path("runs") / pathlib.Path(settings.data).stem)
            begun = run.resumable_run(out, asked(settings), left_open=("epochs", "batch_size"))
            return str(stack.enter_context(begun))

        path = by_first(enter)
        yield pathlib.Path(path if is_first() else stack.enter_context(tempfile.TemporaryDirectory()))


def asked(settings: Train) -> dict[str, Any]:
    """The settings that a result depends on, as far as they are set."""
    kept = {name: value for name, value in dataclasses.asdict(settings).items() if name not in WITHOUT_EFFECT}
    return {**kept, "rule": type(settings.optimizer).__name__}


def train_into(directory: pathlib.Path, settings: Train, examples: Examples, console: Console) -> None:
    """Train with a progress bar, and write all about it into a run directory, which may have been begun.

    Where Ctrl-C or SIGTERM ends it, what it had computed is kept to go on from, before that is passed on. Raises
    ValueError where the directory is of another training.
    """
    duration = duration_of(settings, examples.ready.train.size)
    known = {**asked(settings), **duration._asdict()}
    quality = quality_of(examples.raw, examples.preparation)
    if by_first(lambda: _complete(directory, known, examples, quality)):
        console.print(f"{directory} is complete", markup=False, highlight=False, soft_wrap=True)
        return
    tell_quality(quality, console)
    title = f"{settings.seeds} networks on {pathlib.Path(settings.data).name}"
    checkpoints = training.Checkpoints(directory / run.CHECKPOINTS, settings.checkpoint_seconds, known)
    with training.progress_bar(title, duration.epochs, console) as show, curves(settings, directory) as draw:

        def watch(progress):
            rows = list(history_rows(progress.rows, progress.since, progress.epochs))
            write = run.append_lines if progress.since else run.write_lines  # from the first on, whatever was there
            write(directory / "metrics.jsonl", rows)
            draw(rows)
            show(progress)

        fitted = fit(settings, examples, watch, checkpoints)
        if fitted.interrupted:
            raise KeyboardInterrupt
    state = judged(settings, fitted)
    evaluation = leavable(lambda: evaluate(settings, examples, state))
    if is_first():
        record(directory, examples, fitted, state, evaluation)
    diverged = int((fitted.diverged > 0).sum())
    if diverged:
        console.print(
            f"[red]{diverged} of {settings.seeds} networks diverged: they are no longer finite[/red]", highlight=False
        )
    console.print(summary_table(evaluation))
    console.print(f"compiled in {fitted.cost.compile:.1f} s, trained in {fitted.cost.run:.1f} s", highlight=False)


def _complete(directory, known, examples, quality) -> bool:
    """Is there nothing left to do? What a run begins with is written, or compared where it has begun."""
    if run.measured(directory):
        run.check_same(directory, known)
        return (directory / COMPLETE).is_file()
    run.write_json(directory / run.SETTINGS, known)
    run.write_json(directory / "environment.json", run.environment())
    run.write_json(directory / "preparation.json", data.to_json(examples.preparation))
    run.write_json(directory / "quality.json", quality)
    return False


@contextlib.contextmanager
def _interruption_told(directory, console) -> Generator[None]:
    """Say how a training that is ended goes on."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        if run.measured(directory):
            console.print(
                f"interrupted; what was computed is saved: the same command goes on, with --out {directory}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
        raise
