"""The command `jaxdl report`, and the last line of commands that write a page."""

import contextlib
import pathlib
from collections.abc import Generator

from rich.console import Console

from jaxdl.cli.console import print_line
from jaxdl.cli.settings import Report
from jaxdl.reports.page import write_report
from jaxdl.runs.directory import has_measurements


def report_command(settings: Report, console: Console) -> int:
    """Write the page of a run directory and print its path; return the exit status."""
    print_line(f"page: {write_report(settings.run)}", console)
    return 0


@contextlib.contextmanager
def page_at_end(directory: pathlib.Path, console: Console) -> Generator[None]:
    """Write the page of a run directory after the block, also if Ctrl-C ends the block after something was measured."""
    try:
        yield
    except KeyboardInterrupt:
        if has_measurements(directory):
            print_line(f"interrupted; finished results are saved in {directory}", console)
            print_page(directory, console)
        raise
    print_page(directory, console)


def print_page(directory: pathlib.Path, console: Console) -> None:
    """Write the page and print its path, or print which extra to install; the results are on disk either way."""
    try:
        print_line(f"page: {write_report(directory)}", console)
    except ModuleNotFoundError as error:
        print_line(str(error), console)
