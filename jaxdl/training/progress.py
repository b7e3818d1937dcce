"""A progress bar for `fit`."""

import contextlib
from collections.abc import Callable, Generator

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress as Bar, TextColumn, TimeRemainingColumn

from jaxdl.training.fit import Progress


@contextlib.contextmanager
def progress_bar(title: str, epochs: int, console: Console | None = None) -> Generator[Callable[[Progress], None]]:
    """A bar over the epochs: give it to `fit(watch=...)`.

    It shows the time left, the median over the members that go on of the last loss and of what is observed, and how
    many they are. The first member that diverges, and each after it, is told above the bar.
    """
    columns = [
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[epochs]} epochs", markup=False),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}", markup=False),
    ]
    told: set[int] = set()
    with Bar(*columns, console=console) as progress:
        bar = progress.add_task(title, total=epochs, epochs=f"0/{epochs}", figures="compiling")

        def watch(now: Progress) -> None:
            for member in set(np.flatnonzero(now.diverged).tolist()) - told:
                told.add(member)
                progress.console.print(
                    f"network {member} diverged in epoch {now.diverged[member]}: its loss or its parameters are no "
                    "longer finite",
                    style="red",
                    highlight=False,
                )
            progress.update(
                bar,
                completed=epochs * now.step / now.steps if now.going.any() else epochs,
                epochs=f"{now.epoch}/{epochs}",
                figures=_figures(now) or progress.tasks[bar].fields["figures"],
            )

        yield watch


def _figures(now: Progress) -> str:
    """Medians over the members that go on, after the last of the new epochs; nothing where there is none."""
    if not now.rows.loss.shape[1]:
        return "" if now.epoch else "first epoch"
    going = now.going if now.going.any() else np.ones_like(now.going)
    columns = {"loss": now.rows.loss, **{f"dev {name}": column for name, column in now.rows.observed.items()}}
    medians = [f"{name} {np.median(column[going, -1]):.4f}" for name, column in columns.items()]
    return ", ".join([*medians, f"{now.going.sum()} of {len(now.going)} going on"])
