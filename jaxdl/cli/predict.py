"""The command `jaxdl predict`."""

import pathlib
from collections.abc import Generator

import numpy as np
from rich.console import Console

from jaxdl import runs
from jaxdl.cli.console import print_line, print_warning, printed_warnings
from jaxdl.cli.settings import Predict
from jaxdl.data import Classes
from jaxdl.data.preprocessing.columns import FAMILIAR_STDS
from jaxdl.runs.build import ON_UNREADABLE
from jaxdl.runs.predict_file import LEVEL, FilePredictions, PredictionInput, check_output, predict_file, scores
from jaxdl.statistics import conformal_radius


def predict_command(settings: Predict, console: Console) -> int:
    """Predict every example of a file, and print the scores if labels are known; return the exit status."""
    check_output(settings.out)
    source = PredictionInput(
        settings.data,
        settings.part,
        settings.keep,
        ON_UNREADABLE[settings.unreadable],
        settings.data_dir,
        settings.manual_dir,
    )
    level = LEVEL if settings.level is None else settings.level
    if not 0 < level < 1:
        raise ValueError(f"--level must be between 0 and 1, got {level:g}: give 0.95 for 95 %.")
    with printed_warnings(console):
        run = runs.load_run(settings.run)
        if settings.level is not None:
            _check_intervals(run, settings.run)
        predictions = predict_file(run, source, settings.out, level=level)
    print_line(f"wrote {predictions.examples} predictions of {run.members} networks to {settings.out}", console)
    expected = "classes of the run" if isinstance(run.preparation.labels, Classes) else "numbers"
    for concern in (*_concerns(predictions, expected), *_too_few(run, level)):
        print_warning(concern, console)
    if np.max(predictions.sums) > 0:
        found = scores(run.preparation.labels, predictions.sums)
        console.print(_score_line(found), highlight=False, soft_wrap=True)
        if run.residuals is not None:
            labels, inside = found["count"] * run.preparation.outputs, _amount(predictions.covered)
            print_line(f"{100 * level:g} % prediction intervals: {inside} of {_amount(labels)} labels inside", console)
    return 0


def _check_intervals(run: runs.Run, directory: pathlib.Path) -> None:
    """Raise ValueError if the run has no prediction intervals."""
    if isinstance(run.preparation.labels, Classes):
        raise ValueError(f"--level needs a regression, but the networks of {directory} predict classes: leave it out.")
    if run.residuals is None:
        raise ValueError(
            f"--level needs the residuals of the dev part, which {directory} does not hold: train it with this version "
            "of jaxdl, or leave --level out."
        )


def _too_few(run: runs.Run, level: float) -> Generator[str]:
    """Yield a sentence if the dev part is too small for prediction intervals of this level."""
    if run.residuals is None:
        return
    if conformal_radius(np.zeros(len(run.residuals)), weights=run.residual_weights, level=level) > 0:
        yield (
            f"the dev part has {len(run.residuals)} examples, too few for prediction intervals of {100 * level:g} %: "
            "their limits are infinite. Choose a smaller --level"
        )


def _concerns(predictions: FilePredictions, expected: str) -> Generator[str]:
    """Yield a sentence for each kind of label or input not seen in training; `expected` names the valid labels."""
    if predictions.unknown_labels:
        count, names = predictions.unknown_labels.total(), ", ".join(predictions.unknown_labels)
        yield f"{count} of {predictions.examples} labels are not {expected} ({names}) and are not scored"
    for name, count in predictions.unfamiliar.items():
        if count:
            where = "inputs" if name == "inputs" else f"column {name!r}"
            yield (
                f"{where}: {count} of {predictions.examples} examples contain categories, missing values or magnitudes "
                f"(over {FAMILIAR_STDS:g} standard deviations) not seen in training; treat these predictions as "
                "unreliable"
            )


def _amount(weight: float) -> str:
    """Return a number of examples, or their total weight."""
    return f"{weight:.0f}" if weight == round(weight) else f"{weight:.6g}"


def _score_line(found: dict[str, float]) -> str:
    if "accuracy" in found:
        right, count = _amount(found["right"]), _amount(found["count"])
        return f"accuracy of the mean probabilities: {found['accuracy']:.4f} ({right} of {count})"
    return (
        f"scores of the mean predictions on {_amount(found['count'])} known labels: R² {found['r_squared']:.4f}, root "
        f"mean squared error {found['root_mean_squared_error']:.4g}, mean absolute error "
        f"{found['mean_absolute_error']:.4g}"
    )
