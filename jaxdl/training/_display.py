"""Short texts for results of `fit`: counts, and the range of the members' best values."""

from typing import Any

import numpy as np

from jaxdl._display import labeled, span


def fit_repr(fit: Any) -> str:
    """Return members, epochs, best values and times of a Fit on one line."""
    return labeled(
        "Fit",
        _counted(len(fit.epochs), "member"),
        f"epochs {span(fit.epochs)}",
        f"best value {span(fit.best.value)} in epoch {span(fit.best.epoch)}",
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


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
