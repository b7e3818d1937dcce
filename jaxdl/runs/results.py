"""Evaluate a trained population on every part, and write the results as tables."""

import io
import pathlib
from collections.abc import Callable, Generator
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from PIL import Image

from jaxdl import data, metrics, training
from jaxdl.data.preprocessing.weighted import uneven_weights
from jaxdl.runs import files
from jaxdl.runs.build import build_model
from jaxdl.runs.examples import Examples
from jaxdl.runs.manifest import complete_run
from jaxdl.runs.residuals import absolute_residuals, finite_members, write_residuals
from jaxdl.runs.settings import Train
from jaxdl.statistics import mean_intervals

MAX_PREDICTED = 2000  # test examples of a regression kept with their predictions
SCORES = {
    "accuracy": "Accuracy",
    "r_squared": "R²",
    "root_mean_squared_error": "RMSE",
    "mean_absolute_error": "MAE",
}
REGRESSION = {name: getattr(metrics, name) for name in SCORES if name != "accuracy"}
ERRORS = ("root_mean_squared_error", "mean_absolute_error")  # in the unit of the labels
BOUNDS = {"accuracy": (0.0, 1.0), "r_squared": (-np.inf, 1.0)}
MAX_CONFUSION = 30  # with more classes the confusion table keeps only pairs that occur


class Evaluation(NamedTuple):
    """Scores and test predictions of every member.

    Attributes:
        scores: Score name -> part -> (members,): accuracy for classes; R², RMSE and MAE for a regression.
        predicted: Class numbers (members, examples) of the test part, or targets (members, examples, outputs) in their
            own unit.
        residuals: For a regression: absolute residuals (examples, outputs) of the mean prediction on dev, in their own
            unit.
    """

    scores: dict[str, dict[str, np.ndarray]]
    predicted: np.ndarray
    residuals: np.ndarray | None = None

    @property
    def score(self) -> str:
        """The name of the main score."""
        return next(iter(self.scores))


def evaluate(settings: Train, examples: Examples, state: training.State) -> Evaluation:
    """Evaluate every member on train, dev and test."""
    model, labels = build_model(settings, examples.preparation), examples.preparation.labels
    score = _score_classes if isinstance(labels, data.Classes) else _regression_scores(labels)
    transform = data.transform_of(examples.preparation)

    def one(part, params, stats):
        apply = lambda inputs: model.apply(params, stats, inputs)[0]  # noqa: E731
        return score(training.in_batches(apply, transform(part.inputs)), part)

    evaluated = {
        name: training.population(one, state.params, state.stats, shared=(part,))
        for name, part in examples.ready._asdict().items()
    }
    names = [name for name in SCORES if name in evaluated["test"][0]]
    scores = {name: {part: np.asarray(found[name]) for part, (found, _) in evaluated.items()} for name in names}
    predicted = np.asarray(evaluated["test"][1])
    if isinstance(labels, data.Classes):
        return Evaluation(scores, predicted)
    for name in ERRORS:
        scores[name] = {part: values.astype(np.float64) * labels.std.max() for part, values in scores[name].items()}
    finite = finite_members((state.params, state.stats))
    residuals = absolute_residuals(evaluated["dev"][1], examples.ready.dev.labels, finite, labels)
    return Evaluation(scores, data.rescaled(predicted, labels), residuals)


def _score_classes(logits, part) -> tuple[dict[str, Any], Any]:
    """Return the accuracy, and the predicted classes."""
    return {"accuracy": metrics.accuracy(logits, part.labels, part.weights)}, metrics.predictions(logits)


def _regression_scores(unit) -> Callable:
    """Return a function of outputs and part that scores a regression in standardized units, where float32 is accurate.

    Several outputs are scaled by their share of the largest standard deviation, so that errors keep their proportions.
    """
    share = jnp.asarray(unit.std / unit.std.max(), jnp.float32)

    def score(outputs, part):
        found = {
            name: metric(outputs * share, part.labels * share, part.weights) for name, metric in REGRESSION.items()
        }
        return found, outputs

    return score


def write_results(
    directory: pathlib.Path, examples: Examples, fit: training.Fit, state: training.State, evaluation: Evaluation
) -> None:
    """Write learning curves, scores, predictions, parameters and cost into a run directory.

    `state` has the evaluated parameters. The manifest and cost.json, which marks the run as complete, are written last.
    """
    rows = list(history_rows(fit.history, 0, fit.epochs))
    files.write_table(directory / "metrics.parquet", {name: [row[name] for row in rows] for name in rows[0]})
    stopped = {"epochs": fit.epochs, "best_epoch": np.asarray(fit.best.epoch), "diverged": fit.diverged}
    files.write_table(directory / "members.parquet", {**_members(evaluation), **stopped})
    if isinstance(examples.preparation.labels, data.Classes):
        _write_classes(directory, examples, evaluation.predicted)
    else:
        files.write_table(directory / "predicted.parquet", _predicted(examples.raw.test, evaluation.predicted))
    if evaluation.residuals is not None:
        write_residuals(directory, evaluation.residuals, uneven_weights(examples.ready.dev))
    files.write_arrays(directory / "params.npz", {"params": state.params, "stats": state.stats})
    summary = {"epochs": int(fit.state.epoch), "score": evaluation.score}
    if fit.layout is not None:
        summary["layout"] = fit.layout._asdict()
    complete_run(directory, {**fit.seconds._asdict(), **summary})


def _members(evaluation) -> dict[str, np.ndarray]:
    """Return a row for each member: its main score on train, dev and test, and other scores as PART_NAME."""
    first, *others = evaluation.scores
    more = {f"{part}_{name}": values for name in others for part, values in evaluation.scores[name].items()}
    return {"member": np.arange(len(evaluation.predicted)), **evaluation.scores[first], **more}


def history_rows(history: training.History, before: int, epochs: np.ndarray) -> Generator[dict[str, Any]]:
    """Yield a row for each epoch and member of a history that begins after `before` epochs.

    The order does not depend on how a history is divided: every epoch has the rows of all its members together.
    `epochs` has the number of epochs that each member has trained in all.
    """
    columns = {"train_loss": history.loss, **{f"dev_{name}": column for name, column in history.observed.items()}}
    for epoch in range(history.loss.shape[1]):
        for member in np.flatnonzero(epochs > before + epoch).tolist():
            values = {name: float(column[member, epoch]) for name, column in columns.items()}
            yield {"member": member, "epoch": before + epoch + 1, **values}


def _write_classes(directory, examples, predicted) -> None:
    """Write the confusion table, by the names of the classes, and the hardest test examples.

    The counts are sums of the weights of the examples.
    """
    names = examples.preparation.labels.names
    labels, weights = np.asarray(examples.ready.test.labels), np.asarray(examples.ready.test.weights)
    counts = np.zeros((len(names), len(names)), int if (weights == np.round(weights)).all() else float)
    for of_one in predicted:
        known = of_one >= 0  # NaN outputs predict no class
        np.add.at(counts, (labels[known], of_one[known]), weights[known].astype(counts.dtype))
    label, prediction = np.nonzero(counts) if len(names) > MAX_CONFUSION else np.indices(counts.shape)
    columns = {
        "label": [names[number] for number in label.ravel()],
        "predicted": [names[number] for number in prediction.ravel()],
        "count": counts[label.ravel(), prediction.ravel()],
    }
    files.write_table(directory / "confusion.parquet", columns)
    files.write_table(directory / "mistakes.parquet", _mistakes(examples.raw.test, labels, predicted, names))


def _mistakes(test, labels, predicted, names, most: int = 40) -> dict[str, list]:
    """Return the test examples that most members get wrong, with the class most often predicted instead.

    Ties go to the first class; the class is None if most outputs are NaN.
    """
    wrong = (predicted != labels).sum(axis=0)
    worst = [index for index in np.argsort(-wrong, kind="stable")[:most] if wrong[index]]
    others = [np.unique(predicted[predicted[:, index] != labels[index], index], return_counts=True) for index in worst]
    winners = [int(found[counts.argmax()]) for found, counts in others]
    columns: dict[str, list] = {
        "example": worst,
        "label": [names[labels[index]] for index in worst],
        "predicted": [None if winner < 0 else names[winner] for winner in winners],
        "members_wrong": [int(wrong[index]) for index in worst],
    }
    if np.ndim(test.inputs) == 4:
        columns["image"] = [_png(test.inputs[index]) for index in worst]
    return columns


def _png(image) -> bytes:
    """Encode one image with values between 0 and 1 as PNG."""
    file = io.BytesIO()
    pixels = np.asarray(np.round(np.clip(image, 0, 1) * 255), np.uint8)
    Image.fromarray(pixels if pixels.shape[-1] == 3 else pixels[..., 0]).save(file, "PNG")
    return file.getvalue()


def _predicted(test, predicted) -> dict[str, np.ndarray]:
    """Return the first target of at most MAX_PREDICTED test examples, with the mean prediction and its interval."""
    rows = np.linspace(0, test.size - 1, min(test.size, MAX_PREDICTED)).astype(int)
    interval = mean_intervals(predicted[:, rows, 0])
    columns = {"predicted": interval.estimate, "mean_low_95": interval.low, "mean_high_95": interval.high}
    return {"example": rows, "label": np.asarray(test.labels)[rows, 0], **columns}
