"""The sweep by hand on the command line and on the page: worked examples, shapes, and what layers cost."""

import pathlib
from typing import Any

import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from jaxdl import backpropagation, report, run
from jaxdl.backpropagation import LayerCost, Step, WorkedExample, parse_architecture
from jaxdl.derivation import is_key
from jaxdl.settings import Shapes, Trace
from jaxdl.tables import plain_table, sizes

MOST, WIDEST = 64, 16  # numbers of an array that are shown, and those of a row


def trace_command(settings: Trace, console: Console) -> int:
    """Print every step of a worked example."""
    page = backpropagation.worked_example(settings.page)
    console.print(f"{page.title}\n\n{page.formula}\n", markup=False, highlight=False)
    console.print(trace_table(page.steps))
    console.print("\n\n".join(filter(None, (page.by_hand, page.notation))), markup=False, highlight=False)
    if settings.out:
        with run.new_run(settings.out) as directory, report.told(directory, console):
            run.write_json(directory / "environment.json", run.environment())
            write_pages(directory, [page])
    return 0


def shapes_command(settings: Shapes, console: Console) -> int:
    """Print the shapes of a network that is written as 784-16-10, and what its layers cost."""
    network, own, inputs, costs = parse_architecture(settings.network, settings.batch)
    console.print(shapes_table(backpropagation.shapes(network, own, inputs)))
    console.print(costs_table(costs))
    return 0


def costs_table(costs: tuple[LayerCost, ...]) -> Table:
    """A row a layer, and one for all."""
    table = _table("What each layer costs for one example", "layer", "output", "parameters", "multiply–adds")
    for cost in costs:
        table.add_row(cost.layer, sizes(cost.output), f"{cost.parameters:,}", f"{cost.multiply_adds:,}")
    table.add_row("all", "", *(f"{sum(getattr(cost, name) for cost in costs):,}" for name in LayerCost._fields[2:]))
    return table


def trace_table(steps: tuple[Step, ...]) -> Table:
    """A row a step: its name, its formula, its shape, its numbers to four digits."""
    table = _table("Forward, and backward again", "step", "formula", "shape", "value")
    table.columns[-1].no_wrap = True  # a row of numbers stays one
    for step in steps:
        cells = (step.name, step.formula or "given", _product(jnp.shape(step.value)), _aligned(numbers(step.value)))
        table.add_row(*map(Text, cells))  # a Text is shown as it is, brackets and all
    return table


def shapes_table(shapes: dict[str, backpropagation.Shape]) -> Table:
    """A row a variable: its name and layer, and its shape in both ways of writing."""
    heading = "The gradient with respect to a variable has its shape"
    table = _table(heading, "variable", "of", "batch of rows", "one example as a column")
    for name, shape in shapes.items():
        table.add_row(name, shape.layer, _product(shape.rows), _product(shape.columns) if shape.columns else "–")
    return table


def write_pages(directory: pathlib.Path, pages: list[WorkedExample]) -> None:
    """Write worked examples into a run directory, for its page."""
    run.write_json(
        directory / "pages.json", [{**page._asdict(), "steps": list(map(_plain, page.steps))} for page in pages]
    )


def numbers(value: Any) -> list[list[str]]:
    """The numbers of an array to four digits, in rows; axes of one left out; of many, how many there are."""
    if is_key(value):
        return [["a key"]]
    array = np.asarray(value) + 0  # -0 as 0
    if not array.size:
        return []
    if array.size > MOST or (array.ndim and array.shape[-1] > WIDEST):
        return [[f"{array.size} numbers from {_digits(array.min())} to {_digits(array.max())}"]]
    array = array.squeeze() if array.ndim > 2 else array
    rows = array.reshape(-1, array.shape[-1] if array.ndim else 1)
    return [[_digits(number) for number in row] for row in rows]


def _digits(number):
    """Four digits after the point, without zeros at the end; small ones by their power of ten."""
    if 0 < abs(number) < 5e-4:
        return f"{number:.3e}"
    return f"{number:.4f}".rstrip("0").rstrip(".") if np.issubdtype(type(number), np.floating) else str(number)


def _aligned(rows):
    """Rows of numbers as lines, in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.rjust, row, widths)) for row in rows)


def _plain(step):
    return {**step._asdict(), "shape": _product(jnp.shape(step.value)), "value": numbers(step.value)}


def _product(shape):
    return sizes(shape) or "one number"


def _table(title, *headings):
    table = plain_table(title)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
