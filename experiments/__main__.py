"""List, run and report the experiments: `python -m experiments list | run [NAME…] | report DIR | welcome`."""

import pathlib
from dataclasses import dataclass
from typing import Annotated

import tyro

import experiments
from jaxdl.command_line import answer, catalogue, chosen, leave
from jaxdl.settings import Report


@dataclass(frozen=True)
class List:
    """List the experiments, each with its claim."""


@dataclass(frozen=True)
class Run:
    """Run experiments and write their numbers, verdicts and page."""

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    """which; without any, all"""
    out: pathlib.Path | None = None
    """a new directory; without it the next free runs/experiments"""


@dataclass(frozen=True)
class Welcome:
    """Prove every derivation, train a population on digits, test three claims, and write one page."""

    out: pathlib.Path | None = None
    """a new directory; without it the next free runs/welcome"""


def every_experiment() -> dict:
    """The experiments of this folder, by name."""
    from jaxdl.experiment import Experiment

    return catalogue(experiments, Experiment)


def wanted(names: tuple[str, ...]) -> list:
    """The named experiments, or all, by item of the course. Raises ValueError for a name that is none."""
    return sorted(chosen(every_experiment(), names, "experiments"), key=lambda experiment: experiment.item)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status."""
    commands = (
        Annotated[List, tyro.conf.subcommand("list")]
        | Annotated[Run, tyro.conf.subcommand("run")]
        | Annotated[Report, tyro.conf.subcommand("report")]
        | Annotated[Welcome, tyro.conf.subcommand("welcome")]
    )
    return answer(commands, _run, prog="python -m experiments", description=__doc__, arguments=arguments)


def _run(settings) -> int:
    from rich.console import Console

    from jaxdl import experiment, report, run, startup

    startup.prepare()
    console = Console()
    match settings:
        case List():
            for each in wanted(()):
                console.print(f"[bold]{each.name}[/bold] (item {each.item}): {each.claim}", highlight=False)
        case Report():
            console.print(f"page: {report.write(settings.run)}", markup=False, highlight=False, soft_wrap=True)
        case Run():
            these = wanted(settings.names)
            out = settings.out or run.next_free(pathlib.Path("runs/experiments"))
            with run.new_run(out) as directory, report.told(directory, console):
                run.write_json(directory / "environment.json", run.environment())
                failed = experiment.conduct_all(
                    these, directory / "experiments", lambda result: experiment.tell(result, console)
                )
            return 1 if failed else 0
        case Welcome():
            from experiments.welcome import welcome

            return welcome(settings.out or run.next_free(pathlib.Path("runs/welcome")), console)
    return 0


if __name__ == "__main__":
    leave(main)
