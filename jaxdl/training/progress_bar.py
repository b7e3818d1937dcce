"""A progress bar for `fit`."""

import contextlib
from collections.abc import Callable, Generator

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress as Bar, TextColumn, TimeRemainingColumn

from jaxdl.data._arguments import check_integer
from jaxdl.training.fit import Progress, Watch


@contextlib.contextmanager
def progress_bar(title: str, epochs: int, console: Console | None = None) -> Generator[Watch]:
    """Show a progress bar; pass the yielded function to `fit(watch=...)`.

    The bar shows the remaining time, the medians over the active members of the last loss and observed values, and the
    number of active members. A line reports each member that diverges. In a notebook, the bar is part of the output of
    the cell, also when the notebook is saved.

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
    check_integer("epochs", epochs, 1)
    columns = [
        TextColumn("{task.fields[epochs]}", markup=False),
        BarColumn(8),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}", markup=False),
    ]
    reported: set[int] = set()
    progress = Bar(*columns, console=console)
    progress.console.print(f"{title}, {epochs} epoch{'s' * (epochs > 1)}", markup=False, highlight=False)
    bar = progress.add_task(title, total=epochs, epochs=f"0/{epochs}", figures="compiling")
    with _displayed(progress) as refresh:

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
            refresh()

        yield watch


@contextlib.contextmanager
def _displayed(progress: Bar) -> Generator[Callable[[], None]]:
    """Display the bar, and yield the function that refreshes it.

    In a notebook, rich would need ipywidgets, and a saved notebook would lack the bar. So the bar is an output that is
    replaced by each report.
    """
    if progress.console.is_jupyter:
        from IPython.display import display  # present in every notebook

        output = display(progress, display_id=True)
        yield lambda: output.update(progress)
    else:
        with progress:
            yield lambda: None


def _figures(now: Progress) -> str:
    """Format medians over the active members; the empty string if no epoch has ended since the last report."""
    if not now.rows.loss.shape[1]:
        return "" if now.epoch else "first epoch"
    members = now.active if now.active.any() else np.ones_like(now.active)
    observed = dict(now.rows.observed)
    columns = {"loss": now.rows.loss} | ({"dev loss": observed.pop("loss")} if "loss" in observed else {}) | observed
    medians = [f"{name} {np.median(column[members, -1]):.4f}" for name, column in columns.items()]
    return ", ".join([*medians, f"{now.active.sum()}/{len(now.active)} active"])
