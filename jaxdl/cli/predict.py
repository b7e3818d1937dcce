"""The command `jaxdl predict`."""

from collections.abc import Generator

import numpy as np
from rich.console import Console

from jaxdl import runs
from jaxdl.cli.console import print_line, print_warning, printed_warnings
from jaxdl.cli.settings import Predict
from jaxdl.data import Classes
from jaxdl.data.preprocessing.columns import FAMILIAR_STDS
from jaxdl.runs.build import ON_UNREADABLE
from jaxdl.runs.predict_file import FilePredictions, PredictionInput, check_output, predict_file, scores


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
    with printed_warnings(console):
        run = runs.load_run(settings.run)
        predictions = predict_file(run, source, settings.out)
    print_line(f"wrote {predictions.examples} predictions of {run.members} networks to {settings.out}", console)
    expected = "classes of the run" if isinstance(run.preparation.labels, Classes) else "numbers"
    for concern in _concerns(predictions, expected):
        print_warning(concern, console)
    if np.max(predictions.sums) > 0:
        found = scores(run.preparation.labels, predictions.sums)
        console.print(_score_line(found), highlight=False, soft_wrap=True)
    return 0


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


def _score_line(found: dict[str, float]) -> str:
    if "accuracy" in found:
        right, count = round(found["right"]), round(found["count"])
        return f"accuracy of the mean probabilities: {found['accuracy']:.4f} ({right} of {count})"
    return (
        f"scores of the mean predictions on {found['count']:.0f} known labels: R² {found['r_squared']:.4f}, root mean "
        f"squared error {found['root_mean_squared_error']:.4g}, mean absolute error {found['mean_absolute_error']:.4g}"
    )
