"""List, run and report the benchmarks: `python -m benchmarks list | run [NAME…] | report`."""

import importlib
import importlib.metadata
import os
import pathlib
import tempfile
from dataclasses import dataclass
from typing import Annotated

import tyro

import benchmarks
from jaxdl.cli.entry import catalogue, exit_with, run_command_line, select
from jaxdl.system.startup import use_all_cores

RESULTS = pathlib.Path("benchmarks/results")


@dataclass(frozen=True)
class List:
    """List the benchmarks, each with its question."""


@dataclass(frozen=True)
class Run:
    """Run benchmarks, print their tables, and write their numbers."""

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    """which; without any, all"""
    rounds: int | None = None
    """how often each competitor is timed; without it, as often as the benchmark says"""
    out: pathlib.Path = RESULTS
    """where NAME.json goes; an older one is replaced"""


@dataclass(frozen=True)
class Report:
    """Write one page from the numbers of earlier runs."""

    results: tyro.conf.Positional[pathlib.Path] = RESULTS
    """where the NAME.json of the runs are"""
    out: pathlib.Path = pathlib.Path("runs/benchmarks.html")
    """the page; an older one is replaced"""


def every_benchmark() -> dict:
    """The benchmarks of this folder, by name."""
    from benchmarks.benchmark import Benchmark

    return catalogue(benchmarks, Benchmark)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status."""
    commands = (
        Annotated[List, tyro.conf.subcommand("list")]
        | Annotated[Run, tyro.conf.subcommand("run")]
        | Annotated[Report, tyro.conf.subcommand("report")]
    )
    return run_command_line(commands, _run, prog="python -m benchmarks", description=__doc__, arguments=arguments)


def _run(settings) -> int:
    from rich.console import Console

    console = Console()
    match settings:
        case List():
            for each in every_benchmark().values():
                console.print(f"[bold]{each.name}[/bold]: {each.question}", highlight=False)
        case Run():
            return _run_benchmarks(settings, console)
        case Report():
            from benchmarks import report

            page = report.write(settings.results, settings.out)
            console.print(f"page: {page}", markup=False, highlight=False, soft_wrap=True)
    return 0


def _run_benchmarks(settings, console) -> int:
    """Run them one after another; the status is 1 if one was refused, and the others are run all the same."""
    use_all_cores()
    these, failed = select(every_benchmark(), settings.names, "benchmarks"), 0
    # No cache on disk is set up for jax, and PyTorch gets an empty one, so that compiling is measured and not reading.
    with tempfile.TemporaryDirectory() as empty:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = empty
        for each in these:
            failed += not _answered(each, settings, console)
    return 1 if failed else 0


def _answered(each, settings, console) -> bool:
    """Answer one question and keep what was measured; or say why not."""
    from benchmarks import benchmark, tables
    from jaxdl.runs.directory import environment
    from jaxdl.runs.files import write_json

    console.print(f"[bold]{each.name}[/bold]: {each.question}", highlight=False)
    try:
        answered = benchmark.run(each, settings.rounds, lambda case: tables.tell(case, console))
    except RuntimeError as error:
        console.print(f"{each.name} was not answered: {error}", style="red", markup=False, highlight=False)
        return False
    path = settings.out / f"{each.name}.json"
    write_json(path, {"environment": environment(), "versions": versions(), "work": work_of(each.name), **answered})
    console.print(f"written: {path}, after {answered['seconds']:.0f} s\n", markup=False, highlight=False)
    return True


def versions() -> dict[str, str]:
    """Those of the competitors that are installed."""
    names = ("torch", "scikit-learn", "joblib", "equinox")
    installed = {distribution.name: distribution.version for distribution in importlib.metadata.distributions()}
    return {name: installed[name] for name in names if name in installed}


def work_of(name: str) -> str:
    """What the competitors do, as the docstring of the benchmark's file says it."""
    paragraphs = (importlib.import_module(f"benchmarks.{name}").__doc__ or "").split("\n\n")
    return next((" ".join(each.split()) for each in paragraphs if each.startswith("The work:")), "")


if __name__ == "__main__":
    exit_with(main)
