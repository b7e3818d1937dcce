"""The command `jaxdl trace`: every step of backpropagation through a worked example."""

import jax.numpy as jnp
from rich.console import Console
from rich.table import Table
from rich.text import Text

from jaxdl import backpropagation
from jaxdl._formatting import format_lines, format_shape
from jaxdl.backpropagation import TraceStep
from jaxdl.cli.report import page_at_end
from jaxdl.cli.settings import Trace
from jaxdl.cli.tables import plain_table
from jaxdl.reports.worked_examples import write_worked_examples
from jaxdl.runs.directory import new_run, write_environment


def trace_command(settings: Trace, console: Console) -> int:
    """Print every step of a worked example, and write it as a page if a directory is given; return the exit status."""
    page = backpropagation.worked_example(settings.page)
    console.print(f"{page.title}\n\n{page.formula}\n", markup=False, highlight=False)
    console.print(trace_table(page.steps))
    console.print("\n\n".join(filter(None, (page.by_hand, page.notation))), markup=False, highlight=False)
    if settings.out:
        with new_run(settings.out) as directory, page_at_end(directory, console):
            write_environment(directory)
            write_worked_examples(directory, [page])
    return 0


def trace_table(steps: tuple[TraceStep, ...]) -> Table:
    """Return a table with a row for each step: name, formula, shape, and values with four digits."""
    table = plain_table("Forward pass, then reverse pass")
    for heading in ("step", "formula", "shape", "value"):
        table.add_column(heading, overflow="fold")
    table.columns[-1].no_wrap = True  # keeps each row of numbers on one line
    for step in steps:
        shape = format_shape(jnp.shape(step.value), "one number")
        cells = (step.name, step.formula or "given", shape, format_lines(step.value))
        table.add_row(*map(Text, cells))  # as Text, so that brackets are not read as markup
    return table
