"""Short texts for results of `fit`: counts, and the range of the members' values in their best epochs."""

from typing import Any

import numpy as np

from jaxdl._display import labeled, span


def fit_repr(fit: Any) -> str:
    """Return members, epochs, values in the best epochs and times of a Fit on one line."""
    return labeled(
        "Fit",
        _counted(len(fit.epochs), "member"),
        f"epochs {span(fit.epochs)}",
        f"best epoch {span(fit.best.epoch)} with {_values_at_best(fit)}",
        f"{np.count_nonzero(fit.diverged)} diverged",
        "interrupted" if fit.interrupted else "",
        f"{fit.seconds.compile:.1f} s to compile",
        f"{fit.seconds.run:.1f} s to train",
    )


def progress_repr(progress: Any) -> str:
    """Return finished steps and epochs, and the number of active and diverged members, on one line."""
    return labeled(
        "Progress",
        f"step {progress.step} of {progress.steps}",
        f"epoch {progress.epoch}",
        f"{np.count_nonzero(progress.active)} of {_counted(len(progress.active), 'member')} active",
        f"{np.count_nonzero(progress.diverged)} diverged",
    )


def _values_at_best(fit) -> str:
    """Return the range of every observed number in the members' best epochs; without any, of the training loss."""
    suffix = "_at_best"
    columns = {name.removesuffix(suffix): column for name, column in fit.table().items() if name.endswith(suffix)}
    shown = {name: column for name, column in columns.items() if column.ndim == 1}
    train_loss = shown.pop("train_loss")
    texts = []
    for name, column in (shown or {"train_loss": train_loss}).items():
        finite = column[np.isfinite(column)]  # a member that diverges in its first epoch has no best
        texts.append(f"{name.replace('_', ' ')} {span(finite) if finite.size else 'nan'}")
    return ", ".join(texts)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
