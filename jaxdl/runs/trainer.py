"""Train the population that the settings describe, evaluate it, and write everything into a run directory."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from jaxdl import training
from jaxdl.data.loading import SYNTHETIC
from jaxdl.data.preprocessing.serialization import to_json
from jaxdl.runs import files
from jaxdl.runs.build import build_evaluation, build_task, duration_of
from jaxdl.runs.contents import RESUMED
from jaxdl.runs.directory import (
    CHECKPOINTS,
    ENVIRONMENT,
    SETTINGS,
    check_same_settings,
    has_measurements,
    kept_in_place,
    write_environment,
)
from jaxdl.runs.examples import Examples
from jaxdl.runs.manifest import READ_BACK, is_complete, reopen_run, verify_files
from jaxdl.runs.results import Evaluation, evaluate, history_rows, write_results
from jaxdl.runs.settings import Train
from jaxdl.runs.tensorboard import tensorboard_curves
from jaxdl.system.interruption import run_interruptibly
from jaxdl.system.multihost import is_first, run_on_first
from jaxdl.system.schema import Optional, Text

# Settings that change no result.
WITHOUT_EFFECT = {"out", "checkpoint_seconds", "tensorboard", "data_dir", "manual_dir"}
# Settings that runs of earlier versions lack: recorded only if they differ from the default, so that those runs resume.
ADDED = {"separator": None, "header": "yes", "missing_values": (), "layout": "auto"}
QUALITY = "quality.json"
WITH_DIGEST = {"sha256": Optional(Text())}


class TrainedRun(NamedTuple):
    """The result of `train_into`.

    Attributes:
        fit: The training: last state, history, best parameters, epochs, seconds.
        evaluation: Scores of the selected parameters on every part.
    """

    fit: training.Fit
    evaluation: Evaluation


def train_population(
    settings: Train,
    examples: Examples,
    watch: Callable[[training.Progress], None] | None = None,
    checkpoints: training.Checkpoints | None = None,
) -> training.Fit:
    """Train the population that the settings describe."""
    ready = examples.ready
    task = build_task(settings, examples.preparation, ready.train.size)
    keys = jax.random.split(jax.random.fold_in(jax.random.key(settings.split_seed), 1), settings.seeds)
    return training.fit(
        task,
        ready.train,
        keys,
        epochs=duration_of(settings, ready.train.size).epochs,
        dev=ready.dev,
        observe=functools.partial(training.evaluate, build_evaluation(settings, examples.preparation, task)),
        patience=settings.patience,
        watch=watch,
        checkpoints=checkpoints,
        layout=None if settings.layout == "auto" else "measured",
    )


def selected_state(settings: Train, fit: training.Fit) -> training.State:
    """Return each member's best parameters if training stops early, else its last ones."""
    if settings.patience is None:
        return fit.state
    return fit.best_state


def result_settings(settings: Train) -> dict[str, Any]:
    """Return the settings that a result depends on, ready for JSON."""
    given = dataclasses.asdict(settings).items()
    kept = {name: value for name, value in given if name not in WITHOUT_EFFECT and ADDED.get(name, ...) != value}
    return {**kept, "rule": type(settings.optimizer).__name__}


def start_run(directory: pathlib.Path, settings: Train, examples: Examples, report: dict[str, Any]) -> bool:
    """Write the files that a run starts with, unless it is complete; return whether it is complete.

    A complete run is verified; one of fewer epochs becomes unfinished. Raises ValueError if the directory belongs to a
    run with other settings or other data, or if a file of a complete run is damaged.
    """

    def start() -> bool:
        filled, started = _filled_settings(settings, examples), has_measurements(directory)
        if started:
            if is_complete(directory):
                verify_files(directory, READ_BACK)
            check_same_settings(directory, filled, ADDED)
            _check_same_data(directory, settings, report)
            if is_complete(directory) and filled["epochs"] == files.read_json(directory / SETTINGS, RESUMED)["epochs"]:
                return True
            reopen_run(directory)
        files.write_json(directory / SETTINGS, filled)
        if not (started and (directory / ENVIRONMENT).is_file()):
            write_environment(directory)
        files.write_json(directory / "preparation.json", to_json(examples.preparation))
        files.write_json(directory / QUALITY, report)
        return False

    return run_on_first(start)


def _check_same_data(directory, settings, report) -> None:
    """Raise ValueError if the data differ from those of the run; runs of earlier versions did not store their digest.

    Synthetic data follow from the settings, up to rounding on another device.
    """
    path = directory / QUALITY
    there = files.read_json(path, WITH_DIGEST).get("sha256") if path.is_file() else None
    if there not in (None, report["sha256"]) and settings.data not in SYNTHETIC:
        raise ValueError(
            f"{directory} belongs to a run on other data: the examples that {settings.data} holds now have another "
            "SHA-256 than those of the run. Restore the data, or choose another directory with --out."
        )


def train_into(
    directory: pathlib.Path,
    settings: Train,
    examples: Examples,
    watch: Callable[[training.Progress], None] | None = None,
) -> TrainedRun:
    """Train, evaluate, and write history, scores, predictions and parameters into a started run directory.

    Resumes from the newest checkpoint of the directory. Ctrl-C saves a checkpoint, then raises KeyboardInterrupt;
    SIGTERM and SIGHUP save one, then raise SystemExit. Raises FileNotFoundError if the directory is moved or removed.
    """
    compared = _filled_settings(settings, examples)
    del compared["epochs"]  # more of them continue a training
    checkpoints = training.Checkpoints(directory / CHECKPOINTS, settings.checkpoint_seconds, compared)
    with (
        kept_in_place(directory) as check_in_place,
        tensorboard_curves(directory, enabled=settings.tensorboard) as draw,
    ):

        def write_and_watch(progress):
            check_in_place()
            rows = list(history_rows(progress.rows, progress.since, progress.epochs))
            write = files.append_lines if progress.since else files.write_lines  # the first call replaces an older file
            write(directory / "metrics.jsonl", rows)
            draw(rows)
            if watch is not None:
                watch(progress)

        fit = train_population(settings, examples, write_and_watch, checkpoints)
        if fit.interrupted:
            raise KeyboardInterrupt
        state = selected_state(settings, fit)
        evaluation = run_interruptibly(lambda: evaluate(settings, examples, state))
        check_in_place()
        if is_first():
            write_results(directory, examples, fit, state, evaluation)
    return TrainedRun(fit, evaluation)


def _filled_settings(settings, examples) -> dict[str, Any]:
    """Return the settings that a result depends on, with the default epochs and batch size filled in."""
    return {**result_settings(settings), **duration_of(settings, examples.ready.train.size)._asdict()}
