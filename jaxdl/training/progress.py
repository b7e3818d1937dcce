"""A progress bar for `fit`."""

import contextlib
from collections.abc import Callable, Generator

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from jaxdl.training.loop import History


@contextlib.contextmanager
def progress_bar(title: str, epochs: int, console: Console | None = None) -> Generator[Callable[[int, History], None]]:
    """A bar over the epochs with the median of the last loss and of what is observed: give it to `fit(watch=...)`."""
    columns = [
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("epochs"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}", markup=False),
    ]
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(title, total=epochs, figures="compiling")

        def watch(epochs_done: int, chunk: History) -> None:
            figures = {"loss": chunk.loss, **{f"dev {name}": column for name, column in chunk.observed.items()}}
            medians = ", ".join(f"{name} {np.median(column[:, -1]):.4f}" for name, column in figures.items())
            progress.update(bar, completed=epochs_done, figures=medians)

        yield watch
