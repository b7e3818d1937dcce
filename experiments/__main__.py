"""List, run and report the experiments: `python -m experiments list | run | report | keep | table | welcome`."""

import pathlib
from dataclasses import dataclass
from typing import Annotated

import tyro

import experiments
from jaxdl.cli.entry import exit_with, find_instances, run_command_line, select

KEPT = pathlib.Path(__file__).with_name("results")
REGISTRATIONS = KEPT / "registrations.jsonl"


@dataclass(frozen=True)
class ListExperiments:
    """List the experiments with their claims."""


@dataclass(frozen=True)
class RunExperiments:
    """Run experiments, and write numbers, verdicts and a page; unchanged experiments are not measured again.

    Attributes:
        names: names of experiments (default: all)
        chapter: run all experiments of one chapter, such as 1.4
        full: use MNIST, Fashion-MNIST and CIFAR-10 in the experiments that support it, instead of digits
        draft: use the fixed draft seeds, to choose margins and the number of seeds; gives no verdict
        replication: number of the set of deciding seeds: 1 gives the verdict, others repeat it independently
        out: run directory, new or of earlier runs with the same options (default:
            runs/experiments[-full][-draft][-replication-N])
    """

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    chapter: str | None = None
    full: bool = False
    draft: bool = False
    replication: int = 1
    out: pathlib.Path | None = None


@dataclass(frozen=True)
class KeepResults:
    """Copy the verdicts of a run to the results kept in the repository; drafts and replications are refused.

    Attributes:
        run: run directory
        results: directory of the kept results
    """

    run: tyro.conf.Positional[pathlib.Path] = pathlib.Path("runs/experiments")
    results: pathlib.Path = KEPT


@dataclass(frozen=True)
class WriteReport:
    """Write the page of a run again, from the results on disk.

    Attributes:
        run: run directory
    """

    run: tyro.conf.Positional[pathlib.Path] = pathlib.Path("runs/experiments")


@dataclass(frozen=True)
class PrintTable:
    """Print the verdicts as a Markdown table.

    Attributes:
        results: directory of NAME.json files (default: the results kept in the repository)
    """

    results: tyro.conf.Positional[pathlib.Path] = KEPT


@dataclass(frozen=True)
class RunWelcome:
    """Check every gradient, train a population on digits, test five claims, and write one page.

    Attributes:
        out: new run directory (default: the next free runs/welcome)
    """

    out: pathlib.Path | None = None


def every_experiment() -> dict:
    """Return the experiments of this directory, by name."""
    from jaxdl.experiment import Experiment

    return find_instances(experiments, Experiment)


def selected(names: tuple[str, ...], chapter: str | None = None) -> list:
    """Return the named experiments, those of a chapter, or all, sorted by item of the course.

    Raises ValueError for an unknown name or chapter, or if both are given.
    """
    from jaxdl.experiment import CHAPTERS, chapter_of

    known = [known_chapter.number for known_chapter in CHAPTERS]
    if chapter is not None and names:
        raise ValueError("give either names of experiments or --chapter, not both.")
    if chapter is not None and chapter not in known:
        raise ValueError(f"unknown chapter {chapter}. Available: {', '.join(known)}.")
    found = select(every_experiment(), names, "experiment")
    found = [experiment for experiment in found if chapter in (None, chapter_of(experiment.item).number)]
    return sorted(found, key=lambda experiment: experiment.item)


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit status."""
    commands = (
        Annotated[ListExperiments, tyro.conf.subcommand("list")]
        | Annotated[RunExperiments, tyro.conf.subcommand("run")]
        | Annotated[WriteReport, tyro.conf.subcommand("report")]
        | Annotated[KeepResults, tyro.conf.subcommand("keep")]
        | Annotated[PrintTable, tyro.conf.subcommand("table")]
        | Annotated[RunWelcome, tyro.conf.subcommand("welcome")]
    )
    return run_command_line(commands, _run, prog="python -m experiments", description=__doc__, arguments=arguments)


def _run(settings) -> int:
    from rich.console import Console

    from jaxdl.cli import claims, settings as cli_settings
    from jaxdl.cli.report import report_command
    from jaxdl.runs.directory import next_free
    from jaxdl.system import startup

    startup.prepare()
    console = Console()
    match settings:
        case ListExperiments():
            for experiment in selected(()):
                for claim in experiment.claims:
                    console.print(
                        f"[bold]{experiment.name}[/bold] (item {experiment.item}): {claim.says}", highlight=False
                    )
        case WriteReport():
            return report_command(cli_settings.Report(settings.run), console)
        case KeepResults():
            claims.keep_results(settings.run / "experiments", settings.results)
        case PrintTable():
            print(claims.markdown_table(settings.results), end="")
        case RunExperiments():
            return run_experiments(settings, console)
        case RunWelcome():
            from experiments.welcome import welcome

            return welcome(settings.out or next_free(pathlib.Path("runs/welcome")), console)
    return 0


def run_experiments(settings: RunExperiments, console) -> int:
    """Run the selected experiments into a directory that may hold earlier results; return 1 if one failed."""
    from jaxdl import experiment
    from jaxdl.cli import claims
    from jaxdl.cli.report import page_at_end
    from jaxdl.experiment.conduct import check_conditions
    from jaxdl.runs.directory import resumable_run, write_environment

    chosen = selected(settings.names, settings.chapter)
    again = f"-replication-{settings.replication}" if settings.replication != 1 else ""
    name = f"experiments{'-full' if settings.full else ''}{'-draft' if settings.draft else ''}{again}"
    options = {"full": settings.full, "draft": settings.draft, "replication": settings.replication}
    out = settings.out or pathlib.Path("runs") / name
    conditions = experiment.Conditions(**options, registrations=REGISTRATIONS)
    check_conditions(conditions)
    with resumable_run(out, options) as directory, page_at_end(directory, console):
        write_environment(directory)
        with claims.progress_bars(chosen, console) as on_progress:
            failed = experiment.conduct_all(
                chosen,
                directory / "experiments",
                lambda result: claims.print_result(result, console),
                conditions,
                on_progress,
                claims.print_failure,
            )
    return 1 if failed else 0


if __name__ == "__main__":
    exit_with(main)
