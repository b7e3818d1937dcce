"""List, run and report the experiments: `python -m experiments list | run [NAME…] | report DIR | welcome`."""

import importlib
import pathlib
import pkgutil
import sys
from dataclasses import dataclass
from typing import Annotated

import tyro

import experiments
from jaxdl.__main__ import answering


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
class Report:
    """Write the page of a run directory anew."""

    run: pathlib.Path
    """a directory that jaxdl or the experiments wrote"""


@dataclass(frozen=True)
class Welcome:
    """Prove every derivation, train a population on digits, test three claims, and write one page."""

    out: pathlib.Path | None = None
    """a new directory; without it the next free runs/welcome"""


def every_experiment() -> dict:
    """The experiments of this folder, by name."""
    modules = [
        importlib.import_module(f"experiments.{info.name}")
        for info in pkgutil.iter_modules(experiments.__path__)
        if info.name not in ("__main__", "welcome")
    ]
    return {module.experiment.name: module.experiment for module in modules}


def chosen(names: tuple[str, ...]) -> list:
    """The named experiments, or all, by item of the course. Raises ValueError for a name that is none."""
    known = every_experiment()
    for name in names:
        if name not in known:
            raise ValueError(f"names must be experiments ({', '.join(known)}), but {name!r} is none.")
    return sorted((known[name] for name in names or known), key=lambda experiment: experiment.item)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status."""
    commands = (
        Annotated[List, tyro.conf.subcommand("list")]
        | Annotated[Run, tyro.conf.subcommand("run")]
        | Annotated[Report, tyro.conf.subcommand("report")]
        | Annotated[Welcome, tyro.conf.subcommand("welcome")]
    )
    config = (tyro.conf.PositionalRequiredArgs, tyro.conf.OmitArgPrefixes)
    settings = tyro.cli(commands, prog="python -m experiments", description=__doc__, args=arguments, config=config)
    return answering(lambda: _run(settings))


def _run(settings) -> int:
    from rich.console import Console

    from jaxdl import experiment, report, run, startup

    startup.prepare()
    console = Console()
    match settings:
        case List():
            for each in chosen(()):
                console.print(f"[bold]{each.name}[/bold] (item {each.item}): {each.claim}", highlight=False)
        case Report():
            console.print(f"page: {report.write(settings.run)}", highlight=False, soft_wrap=True)
        case Run():
            wanted = chosen(settings.names)
            out = settings.out or run.next_free(pathlib.Path("runs/experiments"))
            with run.new_run(out) as directory, report.told(directory, console):
                run.write_json(directory / "environment.json", run.environment())
                failed = experiment.conduct_all(wanted, directory / "experiments", lambda result: tell(result, console))
            return 1 if failed else 0
        case Welcome():
            from experiments.welcome import welcome

            return welcome(settings.out or run.next_free(pathlib.Path("runs/welcome")), console)
    return 0


def tell(result: dict, console) -> None:
    """Print a verdict and what it rests on."""
    colour = {"supported": "green", "refuted": "red", "conditional": "yellow"}.get(result["verdict"], "white")
    console.print(
        f"[bold]{result['name']}[/bold] [{colour}]{result['verdict']}[/{colour}]. {result['finding']}", highlight=False
    )


if __name__ == "__main__":
    sys.exit(main())
