"""Verdicts in a terminal, and as a table of Markdown."""

import contextlib
import pathlib
from collections.abc import Callable, Generator, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from jaxdl.experiment.claim import Experiment
from jaxdl.runs import files

COLOURS = {"supported": "green", "refuted": "red", "conditional": "yellow", "inconclusive": "white"}


def tell(result: dict[str, Any], console: Console) -> None:
    """Print the verdict of each claim and what it rests on."""
    for claim in result["claims"]:
        reading = f" {claim['reading']}:" if claim["reading"] else ""
        verdict = f"[{COLOURS[claim['verdict']]}]{claim['verdict']}[/{COLOURS[claim['verdict']]}]"
        console.print(f"[bold]{result['name']}[/bold]{reading} {verdict}. {claim['finding']}", highlight=False)


def table(directory: pathlib.Path) -> str:
    """Markdown with a row for each claim of the results NAME.json in a directory, by item of the course.

    Raises FileNotFoundError where there are none.
    """
    found = sorted(map(files.read_json, directory.glob("*.json")), key=lambda result: (result["item"], result["name"]))
    if not found:
        raise FileNotFoundError(f"results must be a directory with NAME.json of experiments, but {directory} has none.")
    rows = ["| | claim | verdict |", "|---|---|---|"]
    for result in found:
        for claim in result["claims"]:
            reading = f" *({claim['reading']})*" if claim["reading"] else ""
            rows.append(f"| {result['item']} | {claim['says']}{reading} | {claim['verdict']} |")
    return "\n".join(rows) + "\n"


@contextlib.contextmanager
def progress(experiments: Sequence[Experiment], console: Console) -> Generator[Callable[[Experiment, int, int], None]]:
    """Two bars, over the experiments and over the arms of the one that runs; gives what is to be told of each arm."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as bars:
        over, within = bars.add_task("experiments", total=len(experiments)), bars.add_task("arms", total=None)
        order = [experiment.name for experiment in experiments]

        def watch(experiment: Experiment, done: int, of: int) -> None:
            bars.update(over, completed=order.index(experiment.name))
            bars.update(within, description=experiment.name, completed=done, total=of)

        yield watch
