"""Print the results of experiments: verdicts in a terminal, a Markdown table, and progress bars."""

import contextlib
import pathlib
import sys
import traceback
from collections.abc import Callable, Generator, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from jaxdl._printable import printable
from jaxdl.experiment.claim import Experiment, Unavailable
from jaxdl.experiment.conduct import read_result
from jaxdl.runs import files

COLORS = {"supported": "green", "refuted": "red", "conditional": "yellow", "inconclusive": "white", "draft": "white"}


def print_result(result: dict[str, Any], console: Console) -> None:
    """Print verdict and finding of each claim of a result."""
    for claim in result["claims"]:
        reading = f" {claim['reading']}:" if claim["reading"] else ""
        verdict = f"[{COLORS[claim['verdict']]}]{claim['verdict']}[/{COLORS[claim['verdict']]}]"
        finding = f"{claim['says']} {claim['finding']}"
        console.print(f"[bold]{result['name']}[/bold]{reading} {verdict}. {finding}", highlight=False)


def print_failure(experiment: Experiment, error: Exception) -> None:
    """Print on standard error that an experiment was skipped, or the traceback of one that failed."""
    if isinstance(error, Unavailable):
        print(printable(f"{experiment.name} skipped: {error}"), file=sys.stderr)
    else:
        traceback.print_exception(error)


def markdown_table(directory: pathlib.Path) -> str:
    """Return a Markdown table with a row for each claim of the NAME.json files, sorted by item of the course.

    Raises FileNotFoundError if the directory holds no results.
    """
    results = [read_result(path) for path in directory.glob("*.json")]
    results.sort(key=lambda result: (result["item"] or 0, result["name"]))
    if not results:
        raise FileNotFoundError(
            f"{directory} holds no results of experiments (NAME.json). Write some with python -m experiments run."
        )
    rows = ["| | claim | verdict |", "|---|---|---|"]
    for result in results:
        for claim in result["claims"]:
            reading = f" *({claim['reading']})*" if claim["reading"] else ""
            rows.append(f"| {result['item'] or ''} | {claim['says']}{reading} | {claim['verdict']} |")
    return printable("\n".join(rows) + "\n")


def keep_results(results: pathlib.Path, kept: pathlib.Path) -> None:
    """Copy the verdicts NAME.json of a run to the kept results.

    Raises FileNotFoundError if the directory holds no results, and ValueError for drafts, replications and larger data.
    """
    found = {path: read_result(path) for path in results.glob("*.json")}
    if not found:
        raise FileNotFoundError(f"{results} holds no results of experiments (NAME.json).")
    for path, result in found.items():
        if result.get("draft") or result.get("replication", 1) > 1 or result["full"]:
            raise ValueError(f"{path} is a draft, a replication or of other data: it replaces no verdict.")
    kept.mkdir(parents=True, exist_ok=True)
    for path in found:
        files.write_bytes(kept / path.name, path.read_bytes())


@contextlib.contextmanager
def progress_bars(
    experiments: Sequence[Experiment], console: Console
) -> Generator[Callable[[Experiment, int, int], None]]:
    """Show two bars, one for experiments and one for arms of the current experiment; yield their `on_progress`."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as bars:
        outer, inner = bars.add_task("experiments", total=len(experiments)), bars.add_task("arms", total=None)
        order = [experiment.name for experiment in experiments]

        def on_progress(experiment: Experiment, done: int, total: int) -> None:
            bars.update(outer, completed=order.index(experiment.name))
            bars.update(inner, description=experiment.name, completed=done, total=total)

        yield on_progress
