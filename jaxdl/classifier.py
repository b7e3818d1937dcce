"""From settings to a trained, judged and recorded population of classifiers."""

import dataclasses
import io
import os
import pathlib
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

import jaxdl.functional as F
from jaxdl import data, metrics, models, optimizers, run, schedules, training
from jaxdl.settings import (
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamL2,
    Adamw,
    Amsgrad,
    CenteredRmsprop,
    Lion,
    Momentum,
    Nadam,
    Nesterov,
    Radam,
    Rmsprop,
    Sgd,
    Train,
)
from jaxdl.statistics import mean_interval
from jaxdl.training.fit import silent

CLASSES = 10
RULES: dict[type, Callable] = {
    Sgd: optimizers.sgd,
    Momentum: optimizers.momentum,
    Nesterov: optimizers.nesterov,
    Adagrad: optimizers.adagrad,
    Rmsprop: optimizers.rmsprop,
    CenteredRmsprop: optimizers.centered_rmsprop,
    Adadelta: optimizers.adadelta,
    Adam: optimizers.adam,
    AdamL2: optimizers.adam_l2,
    Adamw: optimizers.adamw,
    Adamax: optimizers.adamax,
    Nadam: optimizers.nadam,
    Radam: optimizers.radam,
    Amsgrad: optimizers.amsgrad,
    Lion: optimizers.lion,
}


class Evaluation(NamedTuple):
    """Each member's accuracy on each part, and its predictions for the test part."""

    accuracy: dict[str, np.ndarray]
    predicted: np.ndarray


def load(settings: Train) -> data.Split:
    """The data that the settings name, divided by their split seed, as images between 0 and 1."""
    key = jax.random.key(settings.split_seed)
    if settings.data == "digits":
        return data.stratified_split(key, data.load_digits())
    home = pathlib.Path(os.environ["JAXDL_DATA"]) / "tfds" if "JAXDL_DATA" in os.environ else None
    folder = settings.data_dir or home or pathlib.Path.home() / "tensorflow_datasets"
    test = data.load_prepared(settings.data, folder, part="test")
    whole = data.load_prepared(settings.data, folder, part="train")
    train, dev = data.stratified_parts(key, whole, shares=(5 / 6, 1 / 6))
    return data.Split(train, dev, test)


def validate(settings: Train) -> None:
    """Refuse, with ValueError, a number that is out of its range whatever the data; the name is the option's."""
    for name in ("seeds", "epochs", "batch_size"):
        if getattr(settings, name) < 1:
            raise ValueError(f"{name} must be at least 1, but was {getattr(settings, name)}.")
    for name, value in dataclasses.asdict(settings.optimizer).items():
        below = 1.0 if name in ("b1", "b2", "decay", "momentum", "dampening") else np.inf
        if not (0 <= value < below) or (name in ("learning_rate", "eps") and value == 0):
            least = "above 0" if name in ("learning_rate", "eps") else "at least 0"
            raise ValueError(f"{name} must be {least} and below {below}, but was {value}.")
    if not 0 <= settings.split_seed < 2**31:
        raise ValueError(f"split_seed must be from 0 to {2**31 - 1}, but was {settings.split_seed}.")
    _model(settings)


def task_of(settings: Train, examples: int) -> training.Task:
    """The task that the settings describe, for so many examples to train on."""
    rule = dataclasses.asdict(settings.optimizer)
    if settings.schedule == "cosine":
        steps = settings.epochs * (examples // settings.batch_size)
        rule["learning_rate"] = schedules.cosine(settings.optimizer.learning_rate, steps=max(steps, 1))
    optimizer = RULES[type(settings.optimizer)](**rule)
    model = _model(settings)
    return training.Task(model, training.supervised(model, F.cross_entropy), optimizer, settings.batch_size)


def _model(settings) -> models.Model:
    return models.mlp(settings.hidden, CLASSES, dropout_rate=settings.dropout_rate)


def fit(settings: Train, ready: data.Split, watch: Callable[[int, training.History], None] = silent) -> training.Fit:
    """Train the population that the settings describe on a standardized split."""
    task = task_of(settings, ready.train.size)
    keys = jax.random.split(jax.random.fold_in(jax.random.key(settings.split_seed), 1), settings.seeds)
    observe = training.classification(task.model)
    return training.fit(task, ready.train, keys, epochs=settings.epochs, dev=ready.dev, observe=observe, watch=watch)


def evaluate(settings: Train, ready: data.Split, state: training.State) -> Evaluation:
    """Predict all three parts of a standardized split with every member."""
    model = _model(settings)

    def predict(data, params, stats):
        logits, _ = model.apply(params, stats, data.inputs)
        return metrics.predictions(logits)

    parts = ready._asdict()
    predicted = {
        part: np.asarray(training.population(predict, state.params, state.stats, shared=(examples,)))
        for part, examples in parts.items()
    }
    accuracy = {part: (predicted[part] == np.asarray(parts[part].labels)).mean(axis=1) for part in parts}
    return Evaluation(accuracy, predicted["test"])


def record(directory: pathlib.Path, split: data.Split, fitted: training.Fit, evaluation: Evaluation) -> None:
    """Write what a page or a later analysis needs: curves, accuracies, confusion, mistakes, parameters, cost."""
    rows = list(history_rows(fitted.history, 0))
    run.write_table(directory / "metrics.parquet", {name: [row[name] for row in rows] for name in rows[0]})
    members = {"member": np.arange(len(evaluation.predicted)), **evaluation.accuracy}
    run.write_table(directory / "members.parquet", members)
    of_one = [
        metrics.confusion_matrix(jnp.asarray(p), split.test.labels, classes=CLASSES) for p in evaluation.predicted
    ]
    confusion = np.sum(of_one, axis=0)
    label, predicted = np.indices(confusion.shape)
    columns = {"label": label.ravel(), "predicted": predicted.ravel(), "count": confusion.ravel()}
    run.write_table(directory / "confusion.parquet", columns)
    run.write_table(directory / "mistakes.parquet", _mistakes(split.test, evaluation.predicted))
    run.write_arrays(directory / "params.npz", {"params": fitted.state.params, "stats": fitted.state.stats})
    told = {"epochs": int(fitted.state.epoch), "interrupted": fitted.interrupted}
    run.write_json(directory / "cost.json", {**fitted.cost._asdict(), **told})


def history_rows(history: training.History, epochs_before: int):
    """The history as rows: one for each member and epoch."""
    columns = {"train_loss": history.loss, **{f"dev_{name}": column for name, column in history.observed.items()}}
    for member, losses in enumerate(history.loss):
        for epoch in range(len(losses)):
            measured = {name: float(column[member, epoch]) for name, column in columns.items()}
            yield {"member": member, "epoch": epochs_before + epoch + 1, **measured}


def _mistakes(test, predicted, most: int = 40) -> dict[str, list]:
    """The test images that most members take for something else, with what they are most often taken for."""
    labels = np.asarray(test.labels)
    wrong = (predicted != labels).sum(axis=0)
    worst = [index for index in np.argsort(-wrong, kind="stable")[:most] if wrong[index]]
    votes = [
        np.bincount(of[of != label] + 1, minlength=CLASSES + 1) for of, label in zip(predicted.T, labels, strict=True)
    ]
    return {
        "example": worst,
        "label": [int(labels[index]) for index in worst],
        "predicted": [int(votes[index].argmax()) - 1 for index in worst],
        "members_wrong": [int(wrong[index]) for index in worst],
        "image": [_png(test.inputs[index]) for index in worst],
    }


def _png(image) -> bytes:
    """One image between 0 and 1, as PNG."""
    file = io.BytesIO()
    Image.fromarray(np.asarray(np.round(image[..., 0] * 255), np.uint8)).save(file, "PNG")
    return file.getvalue()


def summary_table(accuracy: dict[str, np.ndarray]) -> Table:
    """The mean accuracy over the members and its 95 % interval, for each part, for a terminal."""
    members = len(next(iter(accuracy.values())))
    table = Table(title=f"Accuracy of {members} network{'s' * (members > 1)}", title_justify="left")
    table.add_column("part")
    for heading in ("mean", "95 % interval", "lowest", "highest"):
        table.add_column(heading, justify="right")
    for part, values in accuracy.items():
        interval = mean_interval(values, within=(0.0, 1.0))
        between = f"{interval.low:.4f} – {interval.high:.4f}" if members > 1 else "needs two networks"
        table.add_row(part, f"{interval.estimate:.4f}", between, f"{values.min():.4f}", f"{values.max():.4f}")
    return table


def train_command(settings: Train, console: Console) -> int:
    """Train, judge, record and report; the exit status."""
    from jaxdl import report

    validate(settings)
    out = settings.out or run.next_free(pathlib.Path("runs") / settings.data)
    with run.new_run(out) as directory, report.told(directory, console):
        train_into(directory, settings, load(settings), console)
    return 0


def train_into(directory: pathlib.Path, settings: Train, split: data.Split, console: Console) -> Evaluation:
    """Train with a progress bar, and write all about it into a run directory.

    Where Ctrl-C ended the training, what it had computed is written before the interruption is passed on.
    """
    run.write_json(
        directory / "settings.json", {**dataclasses.asdict(settings), "rule": type(settings.optimizer).__name__}
    )
    run.write_json(directory / "environment.json", run.environment())
    title = f"{settings.seeds} networks on {settings.data}"
    with training.progress_bar(title, settings.epochs, console) as show:

        def watch(epochs_done, chunk):
            run.append_lines(directory / "metrics.jsonl", history_rows(chunk, epochs_done - chunk.loss.shape[1]))
            show(epochs_done, chunk)

        ready = data.standardized(split)
        fitted = fit(settings, ready, watch)
    with run.uninterrupted():
        evaluation = evaluate(settings, ready, fitted.state)
        record(directory, split, fitted, evaluation)
    diverged = int(np.isnan(fitted.history.loss[:, -1]).sum())
    if diverged:
        console.print(
            f"[red]{diverged} of {settings.seeds} networks diverged: their loss is NaN[/red]", highlight=False
        )
    console.print(summary_table(evaluation.accuracy))
    console.print(f"compiled in {fitted.cost.compile:.1f} s, trained in {fitted.cost.run:.1f} s", highlight=False)
    if fitted.interrupted:
        raise KeyboardInterrupt
    return evaluation
