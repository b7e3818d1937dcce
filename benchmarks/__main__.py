"""List and run the benchmarks: `python -m benchmarks list | run [NAME…]`. Results go to benchmarks/results/."""

import pathlib
from dataclasses import dataclass
from typing import Annotated

import tyro

import benchmarks
from jaxdl.command_line import answer, catalogue, chosen, leave


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
    from benchmarks.benchmark import Benchmark

    return catalogue(benchmarks, Benchmark)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status."""
    commands = Annotated[List, tyro.conf.subcommand("list")] | Annotated[Run, tyro.conf.subcommand("run")]
    return answer(commands, _run, prog="python -m benchmarks", description=__doc__, arguments=arguments)


def _run(settings) -> int:
    from rich.console import Console

    from benchmarks.benchmark import run
    from jaxdl.run import environment, write_json

    console = Console()
    if isinstance(settings, List):
        for each in every_benchmark().values():
            console.print(f"[bold]{each.name}[/bold]: {each.question}", highlight=False)
        return 0
    # no cache on disk is set up, so that compiling is measured and not reading
    for each in chosen(every_benchmark(), settings.names, "benchmarks"):
        rows = run(each)
        console.print(table(each.question, rows))
        write_json(settings.out / f"{each.name}.json", {"environment": environment(), "rows": rows})
        console.print(f"written: {settings.out / each.name}.json", highlight=False)
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
    leave(main)
