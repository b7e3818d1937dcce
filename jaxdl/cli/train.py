"""The command `jaxdl train`."""

import contextlib
import pathlib
import tempfile
from collections.abc import Generator

from rich.console import Console
from rich.table import Table

from jaxdl._printable import printable
from jaxdl.cli.console import print_data_report, print_line, printed_warnings
from jaxdl.cli.report import print_page
from jaxdl.runs.build import duration_of, validate
from jaxdl.runs.data_report import data_report
from jaxdl.runs.directory import has_measurements, next_free, resumable_run, run_name
from jaxdl.runs.examples import Examples, load_examples
from jaxdl.runs.results import BOUNDS, SCORES, Evaluation
from jaxdl.runs.settings import Train
from jaxdl.runs.trainer import result_settings, start_run, train_into
from jaxdl.statistics import mean_interval
from jaxdl.system.multihost import is_first, run_on_first
from jaxdl.training import progress_bar


def train_command(settings: Train, console: Console) -> int:
    """Train, evaluate, record and report, or resume the same command; return the exit status."""
    validate(settings)
    with (
        _run_directory(settings) as directory,
        _explained_interruption(directory, console),
        printed_warnings(console),
    ):
        train_and_print(directory, settings, load_examples(settings), console)
        if is_first():
            print_page(directory, console)
    return 0


@contextlib.contextmanager
def _run_directory(settings) -> Generator[pathlib.Path]:
    """Open the run directory; of several processes only the first owns it, the others write into a temporary one."""
    with contextlib.ExitStack() as stack:

        def enter() -> str:
            out = settings.out or next_free(pathlib.Path("runs") / run_name(settings.data))
            run = resumable_run(out, result_settings(settings), left_open=("epochs", "batch_size"))
            return str(stack.enter_context(run))

        path = run_on_first(enter)
        yield pathlib.Path(path if is_first() else stack.enter_context(tempfile.TemporaryDirectory()))


@contextlib.contextmanager
def _explained_interruption(directory, console) -> Generator[None]:
    """Print how to resume if the training is interrupted."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        if has_measurements(directory):
            print_line(f"interrupted; progress is saved. Repeat the command with --out {directory} to resume", console)
        raise


def train_and_print(directory: pathlib.Path, settings: Train, examples: Examples, console: Console) -> None:
    """Train into a run directory with a progress bar, and print the data report and the scores."""
    report = data_report(examples.raw, examples.preparation)
    if start_run(directory, settings, examples, report):
        print_line(f"{directory} is already complete", console)
        return
    print_data_report(report, console)
    title = printable(f"{settings.seeds} networks on {pathlib.Path(settings.data).name}")
    epochs = duration_of(settings, examples.ready.train.size).epochs
    with progress_bar(title, epochs, console) as show:
        fit, evaluation = train_into(directory, settings, examples, show)
    diverged = int((fit.diverged > 0).sum())
    if diverged:
        console.print(
            f"[red]{diverged} of {settings.seeds} networks diverged (loss or parameters not finite)[/red]",
            highlight=False,
        )
    console.print(score_table(evaluation))
    console.print(f"compiled in {fit.seconds.compile:.1f} s, trained in {fit.seconds.run:.1f} s", highlight=False)


def score_table(evaluation: Evaluation) -> Table:
    """Return a table of each part's mean score over the members with the 95 % interval of the mean."""
    members = len(evaluation.predicted)
    name = SCORES[evaluation.score]
    table = Table(title=f"{name} of {members} network{'s' * (members > 1)}", title_justify="left")
    table.add_column("part")
    others = list(evaluation.scores)[1:]
    for heading in ("mean", "95 % interval", "lowest", "highest", *(SCORES[other] for other in others)):
        table.add_column(heading, justify="right")
    for part, values in evaluation.scores[evaluation.score].items():
        interval = mean_interval(values, within=BOUNDS[evaluation.score])
        limits = f"{interval.low:.4f} – {interval.high:.4f}" if members > 1 else "needs two networks"
        more = [f"{evaluation.scores[other][part].mean():.4g}" for other in others]
        table.add_row(part, f"{interval.estimate:.4f}", limits, f"{values.min():.4f}", f"{values.max():.4f}", *more)
    return table
