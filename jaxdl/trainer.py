"""From settings to a trained, judged and recorded population of networks."""

import dataclasses
import pathlib
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
from rich.console import Console

from jaxdl import data, run, training
from jaxdl.quality import quality_of, tell_quality, told
from jaxdl.recipe import TARGETS, UNREADABLE, duration_of, observe_of, task_of, validate
from jaxdl.record import Evaluation, evaluate, history_rows, record, summary_table
from jaxdl.settings import Train
from jaxdl.tensorboard import curves
from jaxdl.training.fit import silent


class Examples(NamedTuple):
    """A divided data set as it was read, as it is trained on, and what was fitted to the one to make the other."""

    raw: data.Split
    ready: data.Split
    preparation: data.Preparation


def load(settings: Train) -> Examples:
    """The data that the settings name, divided by their split seed, as it is and prepared for training."""
    raw = _divided(settings)
    if settings.missing == "refuse":
        refuse_missing(raw)
    ready, preparation = data.prepared(raw)
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


def fit(settings: Train, examples: Examples, watch: Callable[[int, training.History], None] = silent) -> training.Fit:
    """Train the population that the settings describe."""
    ready = examples.ready
    task = task_of(settings, examples.preparation, ready.train.size)
    keys = jax.random.split(jax.random.fold_in(jax.random.key(settings.split_seed), 1), settings.seeds)
    observe = observe_of(settings, examples.preparation, task.model)
    epochs = duration_of(settings, ready.train.size).epochs
    return training.fit(task, ready.train, keys, epochs=epochs, dev=ready.dev, observe=observe, watch=watch)


def train_command(settings: Train, console: Console) -> int:
    """Train, judge, record and report; the exit status."""
    from jaxdl import report

    validate(settings)
    out = settings.out or run.next_free(pathlib.Path("runs") / pathlib.Path(settings.data).stem)
    with run.new_run(out) as directory, report.told(directory, console):
        with told(console):
            examples = load(settings)
        train_into(directory, settings, examples, console)
    return 0


def train_into(directory: pathlib.Path, settings: Train, examples: Examples, console: Console) -> Evaluation:
    """Train with a progress bar, and write all about it into a run directory.

    Where Ctrl-C ended the training, what it had computed is written before the interruption is passed on.
    """
    duration = duration_of(settings, examples.ready.train.size)
    asked = {**dataclasses.asdict(settings), **duration._asdict(), "rule": type(settings.optimizer).__name__}
    run.write_json(directory / "settings.json", asked)
    run.write_json(directory / "environment.json", run.environment())
    run.write_json(directory / "preparation.json", data.to_json(examples.preparation))
    quality = quality_of(examples.raw, examples.preparation)
    run.write_json(directory / "quality.json", quality)
    tell_quality(quality, console)
    title = f"{settings.seeds} networks on {pathlib.Path(settings.data).name}"
    with training.progress_bar(title, duration.epochs, console) as show, curves(settings, directory) as draw:

        def watch(epochs_done, chunk):
            rows = list(history_rows(chunk, epochs_done - chunk.loss.shape[1]))
            run.append_lines(directory / "metrics.jsonl", rows)
            draw(rows)
            show(epochs_done, chunk)

        fitted = fit(settings, examples, watch)
    with run.uninterrupted():
        evaluation = evaluate(settings, examples, fitted.state)
        record(directory, examples, fitted, evaluation)
    diverged = int(np.isnan(fitted.history.loss[:, -1]).sum())
    if diverged:
        console.print(
            f"[red]{diverged} of {settings.seeds} networks diverged: their loss is NaN[/red]", highlight=False
        )
    console.print(summary_table(evaluation))
    console.print(f"compiled in {fitted.cost.compile:.1f} s, trained in {fitted.cost.run:.1f} s", highlight=False)
    if fitted.interrupted:
        raise KeyboardInterrupt
    return evaluation
