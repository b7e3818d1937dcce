"""List and run the benchmarks: `python -m benchmarks list | run [NAME…]`. Results go to benchmarks/results/."""

import importlib
import pathlib
import pkgutil
import sys
from dataclasses import dataclass
from typing import Annotated

import tyro

import benchmarks
from jaxdl.__main__ import answering


@dataclass(frozen=True)
class List:
    """List the benchmarks, each with its question."""


@dataclass(frozen=True)
class Run:
    """Run benchmarks, print their tables, and write their numbers."""

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    """which; without any, all"""
    out: pathlib.Path = pathlib.Path("benchmarks/results")
    """where NAME.json goes; an older one is replaced"""


def every_benchmark() -> dict:
    """The benchmarks of this folder, by name."""
    modules = [
        importlib.import_module(f"benchmarks.{info.name}")
        for info in pkgutil.iter_modules(benchmarks.__path__)
        if info.name not in ("__main__", "benchmark")
    ]
    return {module.benchmark.name: module.benchmark for module in modules}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status."""
    commands = Annotated[List, tyro.conf.subcommand("list")] | Annotated[Run, tyro.conf.subcommand("run")]
    config = (tyro.conf.PositionalRequiredArgs, tyro.conf.OmitArgPrefixes)
    settings = tyro.cli(commands, prog="python -m benchmarks", description=__doc__, args=arguments, config=config)
    return answering(lambda: _run(settings))


def _run(settings) -> int:
    from rich.console import Console

    from benchmarks.benchmark import run
    from jaxdl.run import environment, write_json

    console = Console()
    known = every_benchmark()
    if isinstance(settings, List):
        for each in known.values():
            console.print(f"[bold]{each.name}[/bold]: {each.question}", highlight=False)
        return 0
    for name in settings.names:
        if name not in known:
            raise ValueError(f"names must be benchmarks ({', '.join(known)}), but {name!r} is none.")
    for name in settings.names or known:  # without a cache on disk, so that compiling is measured and not reading
        rows = run(known[name])
        console.print(table(known[name].question, rows))
        write_json(settings.out / f"{name}.json", {"environment": environment(), "rows": rows})
        console.print(f"written: {settings.out / name}.json", highlight=False)
    return 0


def table(question: str, rows: list[dict]):
    """A row a competitor, for a terminal."""
    from rich.table import Table

    shown = Table(title=question, title_justify="left")
    shown.add_column("")
    for heading in ("prepare (s)", "run (s)", "ratio", "its range", "check"):
        shown.add_column(heading, justify="right")
    for row in rows:
        between = f"{row['ratio_low']:.2f} – {row['ratio_high']:.2f}"
        shown.add_row(
            row["name"],
            f"{row['prepare']:.2f}",
            f"{row['seconds']:.3f}",
            f"{row['ratio']:.2f}",
            between,
            f"{row['result']:.4f}",
        )
    return shown


if __name__ == "__main__":
    sys.exit(main())
