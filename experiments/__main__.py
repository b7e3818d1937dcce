"""List, run and report the experiments: `python -m experiments list | run [NAME…] | report | table | welcome`."""

import pathlib
from dataclasses import dataclass
from typing import Annotated

import tyro

import experiments
from jaxdl.command_line import answer, catalogue, chosen, leave

KEPT = pathlib.Path(__file__).with_name("results")


@dataclass(frozen=True)
class List:
    """List the experiments, each with its claim."""


@dataclass(frozen=True)
class Run:
    """Run experiments and write their numbers, verdicts and page; what is still true is not measured again."""

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    """which; without any, all"""
    chapter: str | None = None
    """all of one chapter, 1.4 for instance"""
    quick: bool = False
    """on digits and synthetic data, which is what happens without --full, too"""
    full: bool = False
    """on MNIST, Fashion-MNIST and CIFAR-10, where an experiment knows them"""
    seed: int = 0
    """what all randomness comes from; verdicts should not depend on it"""
    out: pathlib.Path | None = None
    """a directory, new or of earlier runs like this; without it runs/experiments, -full and -seed-N where so"""


@dataclass(frozen=True)
class Report:
    """Write the page of a run anew."""

    run: tyro.conf.Positional[pathlib.Path] = pathlib.Path("runs/experiments")
    """the directory of the run"""


@dataclass(frozen=True)
class Table:
    """Print verdicts as a table of Markdown."""

    results: tyro.conf.Positional[pathlib.Path] = KEPT
    """a directory of NAME.json; without it that of the kept results"""


@dataclass(frozen=True)
class Welcome:
    """Prove every derivation, train a population on digits, test three claims, and write one page."""

    out: pathlib.Path | None = None
    """a new directory; without it the next free runs/welcome"""


def every_experiment() -> dict:
    """The experiments of this folder, by name."""
    from jaxdl.experiment import Experiment

    return catalogue(experiments, Experiment)


def wanted(names: tuple[str, ...], chapter: str | None = None) -> list:
    """The named experiments, or all, or those of a chapter, by item of the course.

    Raises ValueError for a name or a chapter that is none, and for both together.
    """
    from jaxdl.experiment import CHAPTERS, chapter_of

    known = {each.number: each for each in CHAPTERS}
    if chapter is not None and names:
        raise ValueError("names must not be given together with chapter: say one of them.")
    if chapter is not None and chapter not in known:
        raise ValueError(f"chapter must be one of {', '.join(known)}, but was {chapter}.")
    found = chosen(every_experiment(), names, "experiments")
    found = [each for each in found if chapter in (None, chapter_of(each.item).number)]
    return sorted(found, key=lambda experiment: experiment.item)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status."""
    commands = (
        Annotated[List, tyro.conf.subcommand("list")]
        | Annotated[Run, tyro.conf.subcommand("run")]
        | Annotated[Report, tyro.conf.subcommand("report")]
        | Annotated[Table, tyro.conf.subcommand("table")]
        | Annotated[Welcome, tyro.conf.subcommand("welcome")]
    )
    return answer(commands, _run, prog="python -m experiments", description=__doc__, arguments=arguments)


def _run(settings) -> int:
    from rich.console import Console

    from jaxdl import report, run, startup
    from jaxdl.experiment import telling

    startup.prepare()
    console = Console()
    match settings:
        case List():
            for each in wanted(()):
                for claim in each.claims:
                    told = f"[bold]{each.name}[/bold] (item {each.item}): {claim.says}"
                    console.print(told, highlight=False)
        case Report():
            console.print(f"page: {report.write(settings.run)}", markup=False, highlight=False, soft_wrap=True)
        case Table():
            print(telling.table(settings.results), end="")
        case Run():
            return conducted(settings, console)
        case Welcome():
            from experiments.welcome import welcome

            return welcome(settings.out or run.next_free(pathlib.Path("runs/welcome")), console)
    return 0


def conducted(settings: Run, console) -> int:
    """Conduct the wanted experiments in a directory that may hold earlier results; 1 where one failed."""
    from jaxdl import experiment, report, run
    from jaxdl.experiment import telling

    if settings.quick and settings.full:
        raise ValueError("quick and full must not both be given: say one of them.")
    these = wanted(settings.names, settings.chapter)
    name = f"experiments{'-full' if settings.full else ''}{f'-seed-{settings.seed}' if settings.seed else ''}"
    out, asked = settings.out or pathlib.Path("runs") / name, {"seed": settings.seed, "full": settings.full}
    with run.resumable_run(out, asked) as directory, report.told(directory, console):
        run.write_json(directory / "environment.json", run.environment())
        with telling.progress(these, console) as watch:
            failed = experiment.conduct_all(
                these,
                directory / "experiments",
                lambda result: telling.tell(result, console),
                experiment.Conditions(settings.seed, settings.full),
                watch,
            )
    return 1 if failed else 0


if __name__ == "__main__":
    leave(main)
