"""The command `jaxdl claims`: list and run the experiments of the course, and print their results.

`python -m experiments` is the same command in a clone of the repository.
"""

import contextlib
import importlib
import importlib.util
import pathlib
import sys
import traceback
import types
from collections.abc import Callable, Generator, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import jaxdl
from jaxdl._printable import printable
from jaxdl.cli import settings as cli_settings
from jaxdl.cli.entry import find_instances, select
from jaxdl.cli.report import page_at_end, report_command
from jaxdl.cli.settings import (
    ClaimCommand,
    KeepResults,
    ListExperiments,
    PrintTable,
    RunExperiments,
    RunWelcome,
    WriteReport,
)
from jaxdl.experiment.claim import Experiment, Unavailable
from jaxdl.experiment.conduct import REGISTRATIONS, Conditions, check_conditions, conduct_all, read_result
from jaxdl.experiment.course import CHAPTERS, chapter_of
from jaxdl.experiment.origins import COURSE
from jaxdl.runs import files
from jaxdl.runs.directory import next_free, resumable_run, write_environment

COLORS = {"supported": "green", "refuted": "red", "conditional": "yellow", "inconclusive": "white", "draft": "white"}


def claims_command(command: ClaimCommand, console: Console, package: types.ModuleType | None = None) -> int:
    """Run one command on the experiments of a package; return 1 if an experiment failed, else 0.

    Args:
        command: The command with its arguments.
        console: Terminal to print to.
        package: Package of the experiments, by default `course_package()`.
    """
    package = package or course_package()
    match command:
        case ListExperiments():
            for experiment in selected(package, ()):
                for claim in experiment.claims:
                    console.print(
                        f"[bold]{experiment.name}[/bold] (item {experiment.item}): {claim.says}", highlight=False
                    )
        case WriteReport():
            return report_command(cli_settings.Report(command.run), console)
        case KeepResults():
            keep_results(command.run / "experiments", command.results or _replaceable_results(package))
        case PrintTable():
            print(markdown_table(command.results or kept_results(package)), end="")
        case RunExperiments():
            return run_experiments(command, console, package)
        case RunWelcome():
            welcome = importlib.import_module(f"{package.__name__}.welcome").welcome
            return welcome(command.out or next_free(pathlib.Path("runs/welcome")), console)
    return 0


def course_package() -> types.ModuleType:
    """Import the package of the experiments: the one that a wheel carries, or that of a clone of the repository.

    Raises ModuleNotFoundError if there is neither.
    """
    if importlib.util.find_spec(COURSE):
        return importlib.import_module(COURSE)
    clone = pathlib.Path(jaxdl.__file__).resolve().parents[1]
    if not (clone / "experiments" / "__init__.py").is_file():
        raise ModuleNotFoundError(
            f"the experiments of the course are neither in jaxdl nor in {clone}. Install the wheel of jaxdl again, or "
            "use a complete clone of the repository."
        )
    sys.path.insert(0, str(clone))  # before the current folder, which may have experiments of its own
    try:
        return importlib.import_module("experiments")
    finally:
        sys.path.remove(str(clone))


def every_experiment(package: types.ModuleType) -> dict[str, Experiment]:
    """Return the experiments that the modules of a package define, by name."""
    return find_instances(package, Experiment)


def selected(package: types.ModuleType, names: tuple[str, ...], chapter: str | None = None) -> list[Experiment]:
    """Return the named experiments, those of a chapter, or all, sorted by item of the course.

    Raises ValueError for an unknown name or chapter, or if both are given.
    """
    known = [known_chapter.number for known_chapter in CHAPTERS]
    if chapter is not None and names:
        raise ValueError("give either names of experiments or --chapter, not both.")
    if chapter is not None and chapter not in known:
        raise ValueError(f"unknown chapter {chapter}. Available: {', '.join(known)}.")
    found = select(every_experiment(package), names, "experiment")
    found = [experiment for experiment in found if chapter in (None, chapter_of(experiment.item).number)]
    return sorted(found, key=lambda experiment: experiment.item)


def run_experiments(command: RunExperiments, console: Console, package: types.ModuleType) -> int:
    """Run the selected experiments into a directory that may hold earlier results; return 1 if one failed."""
    chosen = selected(package, command.names, command.chapter)
    again = f"-replication-{command.replication}" if command.replication != 1 else ""
    name = f"experiments{'-full' if command.full else ''}{'-draft' if command.draft else ''}{again}"
    options = {"full": command.full, "draft": command.draft, "replication": command.replication}
    conditions = Conditions(command.full, command.draft, command.replication)
    check_conditions(conditions)
    out = command.out or pathlib.Path("runs") / name
    with resumable_run(out, options) as directory, page_at_end(directory, console):
        write_environment(directory)
        results = directory / "experiments"
        conditions = conditions._replace(registrations=registrations_for(package, results))
        with progress_bars(chosen, console) as on_progress:
            failed = conduct_all(
                chosen, results, lambda result: print_result(result, console), conditions, on_progress, print_failure
            )
    return 1 if failed else 0


def kept_results(package: types.ModuleType) -> pathlib.Path:
    """Return the directory of the results that belong to the experiments of a package."""
    return pathlib.Path(str(package.__file__)).with_name("results")


def registrations_for(package: types.ModuleType, results: pathlib.Path) -> pathlib.Path:
    """Return the file of registrations: that of the clone, or if jaxdl is installed, one in the results of the run.

    The latter begins as a copy of the installed file, so that rules which were measured earlier count, too.
    """
    path = kept_results(package) / REGISTRATIONS
    if package.__name__ != COURSE:
        return path
    results.mkdir(parents=True, exist_ok=True)
    if not (results / REGISTRATIONS).exists():
        files.write_bytes(results / REGISTRATIONS, path.read_bytes())
    return results / REGISTRATIONS


def _replaceable_results(package) -> pathlib.Path:
    """Return the directory of the kept results. Raises ValueError if they are part of an installed package."""
    if package.__name__ == COURSE:
        raise ValueError(
            "the results in an installed jaxdl belong to its version and are not replaced. Name another directory "
            "with --results, or use a clone of the repository."
        )
    return kept_results(package)


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
            f"{directory} holds no results of experiments (NAME.json). Write some with jaxdl claims run."
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
