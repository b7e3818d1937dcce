"""A progress bar for `fit`."""

import contextlib
from collections.abc import Callable, Generator

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress as Bar, TextColumn, TimeRemainingColumn

from jaxdl.training.fit import Progress


@contextlib.contextmanager
def progress_bar(title: str, epochs: int, console: Console | None = None) -> Generator[Callable[[Progress], None]]:
    """Show a progress bar; pass the yielded function to `fit(watch=...)`.

    The bar shows the remaining time, the medians over the active members of the last loss and observed values, and the
    number of active members. A line above the bar reports each member that diverges.

    Args:
        title: Text above the bar.
        epochs: Number of epochs of the fit.
        console: Where to print; a new rich Console by default.

    Yields:
        The function to pass as `watch`.

    Example:
        >>> import io
        >>> from rich.console import Console
        >>> from jaxdl import training
        >>> console = Console(file=io.StringIO())
        >>> with training.progress_bar("three networks", 5, console) as watch:
        ...     pass  # training.fit(..., watch=watch)
        >>> console.file.getvalue().splitlines()[0]
        'three networks, 5 epochs'
    """
    columns = [
        TextColumn("{task.fields[epochs]}", markup=False),
        BarColumn(8),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}", markup=False),
    ]
    reported: set[int] = set()
    with Bar(*columns, console=console) as progress:
        progress.console.print(f"{title}, {epochs} epoch{'s' * (epochs > 1)}", markup=False, highlight=False)
        bar = progress.add_task(title, total=epochs, epochs=f"0/{epochs}", figures="compiling")

        def watch(now: Progress) -> None:
            for member in set(np.flatnonzero(now.diverged).tolist()) - reported:
                reported.add(member)
                sentence = f"network {member} diverged in epoch {now.diverged[member]} (loss or parameters not finite)"
                progress.console.print(sentence, style="red", highlight=False)
            progress.update(
                bar,
                completed=epochs * now.step / now.steps if now.active.any() else epochs,
                epochs=f"{now.epoch}/{epochs}",
                figures=_figures(now) or progress.tasks[bar].fields["figures"],
            )

        yield watch


def _figures(now: Progress) -> str:
    """Format medians over the active members; the empty string if no epoch has ended since the last report."""
    if not now.rows.loss.shape[1]:
        return "" if now.epoch else "first epoch"
    members = now.active if now.active.any() else np.ones_like(now.active)
    observed = dict(now.rows.observed)
    columns = {"loss": now.rows.loss} | ({"dev loss": observed.pop("loss")} if "loss" in observed else {}) | observed
    medians = [f"{name} {np.median(column[members, -1]):.4f}" for name, column in columns.items()]
    return ", ".join([*medians, f"{now.active.sum()}/{len(now.active)} active"])
