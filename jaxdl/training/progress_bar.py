"""A progress bar for `fit`."""

import contextlib
from collections.abc import Callable, Generator

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress as Bar, TextColumn, TimeRemainingColumn

from jaxdl.training.fit import Progress


@contextlib.contextmanager
def progress_bar(title: str, epochs: int, console: Console | None = None) -> Generator[Callable[[Progress], None]]:
    """A bar over the epochs, below its title: give it to `fit(watch=...)`.

    It shows the time left, the medians of the last loss and of what is observed over the members that are alive, which
    have neither stopped nor diverged, and how many these are. A member that diverges is told above the bar.
    """
    columns = [
        TextColumn("{task.fields[epochs]}", markup=False),
        BarColumn(8),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}", markup=False),
    ]
    told: set[int] = set()
    with Bar(*columns, console=console) as progress:
        progress.console.print(f"{title}, {epochs} epoch{'s' * (epochs > 1)}", markup=False, highlight=False)
        bar = progress.add_task(title, total=epochs, epochs=f"0/{epochs}", figures="compiling")

        def watch(now: Progress) -> None:
            for member in set(np.flatnonzero(now.diverged).tolist()) - told:
                told.add(member)
                sentence = f"network {member} diverged in epoch {now.diverged[member]}: it is no longer finite"
                progress.console.print(sentence, style="red", highlight=False)
            progress.update(
                bar,
                completed=epochs * now.step / now.steps if now.going.any() else epochs,
                epochs=f"{now.epoch}/{epochs}",
                figures=_figures(now) or progress.tasks[bar].fields["figures"],
            )

        yield watch


def _figures(now: Progress) -> str:
    """Medians over the members that are alive, after the last of the new epochs; nothing where there is none."""
    if not now.rows.loss.shape[1]:
        return "" if now.epoch else "first epoch"
    alive = now.going if now.going.any() else np.ones_like(now.going)
    observed = dict(now.rows.observed)
    columns = {"loss": now.rows.loss} | ({"dev loss": observed.pop("loss")} if "loss" in observed else {}) | observed
    medians = [f"{name} {np.median(column[alive, -1]):.4f}" for name, column in columns.items()]
    return ", ".join([*medians, f"{now.going.sum()}/{len(now.going)} alive"])
