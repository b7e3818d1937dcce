"""Console output shared by the commands: plain lines, warnings, and the report on the data."""

import contextlib
import warnings
from collections.abc import Generator
from typing import Any

from rich.console import Console
from rich.markup import escape

from jaxdl._printable import printable
from jaxdl.runs.data_report import concerns


def print_line(text: str, console: Console) -> None:
    """Print one line without markup, highlighting or wrapping."""
    console.print(printable(text), markup=False, highlight=False, soft_wrap=True)


def print_warning(text: str, console: Console) -> None:
    """Print one line in yellow."""
    console.print(f"[yellow]{escape(printable(text))}[/yellow]", highlight=False, soft_wrap=True)


@contextlib.contextmanager
def printed_warnings(console: Console) -> Generator[None]:
    """Print every UserWarning raised inside the block, each text once."""
    printed: set[str] = set()

    def show(message: Warning | str, *place: Any, **more: Any) -> None:  # noqa: ARG001
        if str(message) not in printed:
            printed.add(str(message))
            print_warning(str(message), console)

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show  # ty: ignore[invalid-assignment]  the documented way to redirect warnings
        yield


def print_data_report(report: dict[str, Any], console: Console) -> None:
    """Print the sizes of the data, then one line for each concern a reader should know before trusting a result."""
    parts = ", ".join(f"{count} {name}" for name, count in report["examples"].items())
    problem = f"{len(report['classes'])} classes" if "classes" in report else "regression"
    shape = "×".join(map(str, report["shape"]))
    console.print(f"{parts} examples; {shape} inputs, {problem}", highlight=False)
    for concern in concerns(report):
        print_warning(concern, console)
