"""List, run and report the benchmarks: `python -m benchmarks list | run [NAME…] | report`.

Benchmarks compare jaxdl with other libraries. They skip libraries that are not installed and list what they skipped.
"""

import importlib
import importlib.metadata
import os
import pathlib
import tempfile
from dataclasses import dataclass
from typing import Annotated

import tyro

import benchmarks
from jaxdl.cli.entry import exit_with, find_instances, run_command_line, select
from jaxdl.system.startup import use_all_cores

RESULTS = pathlib.Path("benchmarks/results")


@dataclass(frozen=True)
class ListBenchmarks:
    """List the benchmarks, each with its question."""


@dataclass(frozen=True)
class RunBenchmarks:
    """Run benchmarks, print their tables and write their measurements.

    Attributes:
        names: benchmarks to run; all of them if none is named
        rounds: how many times each competitor is timed; if not given, the number that each benchmark sets
        out: directory for the measurements, NAME.json; existing files are replaced
    """

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    rounds: int | None = None
    out: pathlib.Path = RESULTS


@dataclass(frozen=True)
class WriteReport:
    """Write an HTML page from the measurements of earlier runs.

    Attributes:
        results: directory with the measurements, NAME.json
        out: path of the page; an existing page is replaced
    """

    results: tyro.conf.Positional[pathlib.Path] = RESULTS
    out: pathlib.Path = pathlib.Path("runs/benchmarks.html")


def all_benchmarks() -> dict:
    """Return the benchmarks of this directory by name."""
    from benchmarks.harness.measure import Benchmark

    return find_instances(benchmarks, Benchmark)


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit status."""
    commands = (
        Annotated[ListBenchmarks, tyro.conf.subcommand("list")]
        | Annotated[RunBenchmarks, tyro.conf.subcommand("run")]
        | Annotated[WriteReport, tyro.conf.subcommand("report")]
    )
    return run_command_line(
        commands, _run_command, prog="python -m benchmarks", description=__doc__, arguments=arguments
    )


def _run_command(command) -> int:
    from rich.console import Console

    console = Console()
    match command:
        case ListBenchmarks():
            for benchmark in all_benchmarks().values():
                _print_question(benchmark, console)
        case RunBenchmarks():
            return _run_benchmarks(command, console)
        case WriteReport():
            from benchmarks.harness.report import write_report

            page = write_report(command.results, command.out)
            console.print(f"page: {page}", markup=False, highlight=False, soft_wrap=True)
    return 0


def _print_question(benchmark, console) -> None:
    console.print(f"[bold]{benchmark.name}[/bold]: {benchmark.question}", highlight=False, soft_wrap=True)


def _run_benchmarks(command, console) -> int:
    """Run all chosen benchmarks, even if one fails, and return 1 if any failed."""
    use_all_cores()
    selected, failed = select(all_benchmarks(), command.names, "benchmark"), 0
    # jax gets no persistent cache and PyTorch an empty one, so that compile times are times of compiling.
    with tempfile.TemporaryDirectory() as empty:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = empty
        for benchmark in selected:
            failed += not _run_and_save(benchmark, command, console)
    return 1 if failed else 0


def _run_and_save(benchmark, command, console) -> bool:
    """Run one benchmark and write its measurements; print the reason and return False if it failed."""
    from benchmarks.harness import measure, tables
    from jaxdl.runs.directory import environment
    from jaxdl.runs.files import write_json

    _print_question(benchmark, console)
    try:
        measured = measure.run_benchmark(benchmark, command.rounds, lambda case: tables.print_case(case, console))
    except RuntimeError as error:
        message = f"{benchmark.name} failed: {error}"
        console.print(message, style="red", markup=False, highlight=False, soft_wrap=True)
        return False
    path = command.out / f"{benchmark.name}.json"
    origin = {"environment": environment(), "versions": versions(), "workload": workload_of(benchmark.name)}
    write_json(path, origin | measured)
    message = f"wrote {path} after {measured['total_seconds']:.0f} s\n"
    console.print(message, markup=False, highlight=False, soft_wrap=True)
    return True


def versions() -> dict[str, str]:
    """Return the versions of the installed competitors."""
    names = ("torch", "scikit-learn", "joblib", "equinox")
    installed = {distribution.name: distribution.version for distribution in importlib.metadata.distributions()}
    return {name: installed[name] for name in names if name in installed}


def workload_of(name: str) -> str:
    """Return the paragraph of a benchmark's docstring that begins with "Workload:"; an empty string without one."""
    paragraphs = (importlib.import_module(f"benchmarks.{name}").__doc__ or "").split("\n\n")
    return next((" ".join(text.split()) for text in paragraphs if text.startswith("Workload:")), "")


if __name__ == "__main__":
    exit_with(main)
