"""What came of a training, measured on every part and written as tables."""

import io
import pathlib
from collections.abc import Callable, Generator
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from PIL import Image
from rich.table import Table

from jaxdl import data, metrics, run, training
from jaxdl.recipe import model_of
from jaxdl.settings import Train
from jaxdl.statistics import mean_interval, mean_intervals

COMPLETE = "cost.json"  # is written last
MOST = 2000  # so many test examples of a regression are kept with their predictions
SCORES = {
    "accuracy": "Accuracy",
    "r_squared": "R²",
    "root_mean_squared_error": "RMSE",
    "mean_absolute_error": "MAE",
}
REGRESSION = {name: getattr(metrics, name) for name in SCORES if name != "accuracy"}
ERRORS = ("root_mean_squared_error", "mean_absolute_error")  # in the unit of the labels
BOUNDS = {"accuracy": (0.0, 1.0), "r_squared": (-np.inf, 1.0)}
CONFUSED = 30  # of more classes than this no table is kept that has a row for each pair


class Evaluation(NamedTuple):
    """Each member's scores on each part, the most telling first, and what it predicts for the test part.

    For classes the score is the accuracy and what is predicted are class numbers; for a regression the scores are R²,
    the root mean squared and the mean absolute error, and predictions, of shape (members, examples, outputs), are in
    the unit of the labels, as the errors are.
    """

    scores: dict[str, dict[str, np.ndarray]]
    predicted: np.ndarray

    @property
    def score(self) -> str:
        """The name of the first of the scores."""
        return next(iter(self.scores))


def evaluate(settings: Train, examples: Any, state: training.State) -> Evaluation:
    """Judge every member on all three parts."""
    model, labels = model_of(settings, examples.preparation), examples.preparation.labels
    judge = _classes_of(model) if isinstance(labels, data.Classes) else _numbers_of(model, labels)

    transform = data.transform_of(examples.preparation)

    def one(part, params, stats):
        part = part._replace(inputs=transform(part.inputs))
        return judge(part, state._replace(params=params, stats=stats))

    judged = {
        name: training.population(one, state.params, state.stats, shared=(part,))
        for name, part in examples.ready._asdict().items()
    }
    names = [name for name in SCORES if name in judged["test"][0]]
    scores = {name: {part: np.asarray(found[name]) for part, (found, _) in judged.items()} for name in names}
    predicted = np.asarray(judged["test"][1])
    if isinstance(labels, data.Classes):
        return Evaluation(scores, predicted)
    for name in ERRORS:
        scores[name] = {part: of.astype(np.float64) * labels.deviation.max() for part, of in scores[name].items()}
    return Evaluation(scores, data.rescaled(predicted, labels))


def _classes_of(model) -> Callable:
    def judge(part, state):
        predicted = metrics.predictions(training.outputs_of(model, state, part))
        return {"accuracy": (predicted == part.labels).mean()}, predicted

    return judge


def _numbers_of(model, unit) -> Callable:
    """Targets are judged as they are prepared, near 0: far from it float32 would not tell them apart.

    Outputs that differ in deviation keep their proportions, so that errors are those of `unit` by its largest.
    """
    share = jnp.asarray(unit.deviation / unit.deviation.max(), jnp.float32)

    def judge(part, state):
        outputs = training.outputs_of(model, state, part)
        found = {name: of(outputs * share, part.labels * share, part.weights) for name, of in REGRESSION.items()}
        return found, outputs

    return judge


def record(
    directory: pathlib.Path, examples: Any, fitted: training.Fit, state: training.State, evaluation: Evaluation
) -> None:
    """Write what a page or a later analysis needs: curves, scores, what was taken for what, parameters, cost.

    `state` has the parameters that were judged. What is written last says that all is there: cost.json.
    """
    rows = list(history_rows(fitted.history, 0, fitted.epochs))
    run.write_table(directory / "metrics.parquet", {name: [row[name] for row in rows] for name in rows[0]})
    lasted = {"epochs": fitted.epochs, "best_epoch": np.asarray(fitted.best.epoch), "diverged": fitted.diverged}
    run.write_table(directory / "members.parquet", {**_members(evaluation), **lasted})
    if isinstance(examples.preparation.labels, data.Classes):
        _record_classes(directory, examples, evaluation.predicted)
    else:
        run.write_table(directory / "predicted.parquet", _predicted(examples.raw.test, evaluation.predicted))
    run.write_arrays(directory / "params.npz", {"params": state.params, "stats": state.stats})
    told = {"epochs": int(fitted.state.epoch), "score": evaluation.score}
    run.write_json(directory / COMPLETE, {**fitted.cost._asdict(), **told})


def _members(evaluation) -> dict[str, np.ndarray]:
    """A row a member: its score on train, dev and test, and any further score as PART_NAME."""
    first, *others = evaluation.scores
    more = {f"{part}_{name}": of for name in others for part, of in evaluation.scores[name].items()}
    return {"member": np.arange(len(evaluation.predicted)), **evaluation.scores[first], **more}


def history_rows(history: training.History, before: int, epochs: np.ndarray) -> Generator[dict[str, Any]]:
    """The history as rows: one for each epoch of each member, of which there are so many; it begins after some."""
    columns = {"train_loss": history.loss, **{f"dev_{name}": column for name, column in history.observed.items()}}
    for member, losses in enumerate(history.loss):
        for epoch in range(min(len(losses), int(epochs[member]) - before)):
            measured = {name: float(column[member, epoch]) for name, column in columns.items()}
            yield {"member": member, "epoch": before + epoch + 1, **measured}


def _record_classes(directory, examples, predicted) -> None:
    """What was taken for what, by the names of the classes, and the hardest examples."""
    names = examples.preparation.labels.names
    labels = np.asarray(examples.ready.test.labels)
    of_each = [
        metrics.confusion_matrix(jnp.asarray(of_one), jnp.asarray(labels), classes=len(names)) for of_one in predicted
    ]
    counts = np.sum(of_each, axis=0)
    label, taken = np.nonzero(counts) if len(names) > CONFUSED else np.indices(counts.shape)
    columns = {
        "label": [names[number] for number in label.ravel()],
        "predicted": [names[number] for number in taken.ravel()],
        "count": counts[label.ravel(), taken.ravel()],
    }
    run.write_table(directory / "confusion.parquet", columns)
    run.write_table(directory / "mistakes.parquet", _mistakes(examples.raw.test, labels, predicted, names))


def _mistakes(test, labels, predicted, names, most: int = 40) -> dict[str, list]:
    """The test examples that most members take for something else, with what they are most often taken for.

    Where the members do not agree on what, it is the first of these classes; where it is NaN, None.
    """
    wrong = (predicted != labels).sum(axis=0)
    worst = [index for index in np.argsort(-wrong, kind="stable")[:most] if wrong[index]]
    taken = [np.unique(predicted[predicted[:, index] != labels[index], index], return_counts=True) for index in worst]
    winners = [int(found[counts.argmax()]) for found, counts in taken]
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
    """One image between 0 and 1, as PNG."""
    file = io.BytesIO()
    pixels = np.asarray(np.round(np.clip(image, 0, 1) * 255), np.uint8)
    Image.fromarray(pixels if pixels.shape[-1] == 3 else pixels[..., 0]).save(file, "PNG")
    return file.getvalue()


def _predicted(test, predicted) -> dict[str, np.ndarray]:
    """The first target of test examples, at most MOST of them, and what is predicted, with its interval."""
    rows = np.linspace(0, test.size - 1, min(test.size, MOST)).astype(int)
    between = mean_intervals(predicted[:, rows, 0])
    told = {"predicted": between.estimate, "low": between.low, "high": between.high}
    return {"example": rows, "label": np.asarray(test.labels)[rows, 0], **told}


def summary_table(evaluation: Evaluation) -> Table:
    """The mean scores over the members and their 95 % intervals, for each part, for a terminal."""
    members = len(evaluation.predicted)
    name = SCORES[evaluation.score]
    table = Table(title=f"{name} of {members} network{'s' * (members > 1)}", title_justify="left")
    table.add_column("part")
    others = list(evaluation.scores)[1:]
    for heading in ("mean", "95 % interval", "lowest", "highest", *(SCORES[other] for other in others)):
        table.add_column(heading, justify="right")
    for part, values in evaluation.scores[evaluation.score].items():
        interval = mean_interval(values, within=BOUNDS[evaluation.score])
        between = f"{interval.low:.4f} – {interval.high:.4f}" if members > 1 else "needs two networks"
        more = [f"{evaluation.scores[other][part].mean():.4g}" for other in others]
        table.add_row(part, f"{interval.estimate:.4f}", between, f"{values.min():.4f}", f"{values.max():.4f}", *more)
    return table
