"""The command `jaxdl shapes`: the shape of every gradient of a network, and the cost of every layer."""

from rich.console import Console
from rich.table import Table

from jaxdl import backpropagation
from jaxdl._formatting import format_shape
from jaxdl.backpropagation import LayerCost, parse_architecture
from jaxdl.cli.settings import Shapes
from jaxdl.cli.tables import plain_table


def shapes_command(settings: Shapes, console: Console) -> int:
    """Print the shape of every gradient and the cost of every layer of a network; return the exit status."""
    network, arguments, inputs, costs = parse_architecture(settings.network, settings.batch)
    console.print(shapes_table(backpropagation.shapes(network, arguments, inputs)))
    console.print(costs_table(costs))
    return 0


def costs_table(costs: tuple[LayerCost, ...]) -> Table:
    """Return a table with a row for each layer, and one for the sum."""
    table = plain_table("Cost of each layer for one example")
    for heading in ("layer", "output", "parameters", "multiply-adds"):
        table.add_column(heading, overflow="fold")
    for cost in costs:
        table.add_row(cost.layer, format_shape(cost.output), f"{cost.parameters:,}", f"{cost.multiply_adds:,}")
    table.add_row("all", "", *(f"{sum(getattr(cost, name) for cost in costs):,}" for name in LayerCost._fields[2:]))
    return table


def shapes_table(shapes: dict[str, backpropagation.Shape]) -> Table:
    """Return a table with a row for each variable: name, layer, and its shape in both conventions."""
    table = plain_table("The gradient with respect to a variable has the shape of the variable")
    for heading in ("variable", "layer", "batch of rows", "one example as a column"):
        table.add_column(heading, overflow="fold")
    for name, shape in shapes.items():
        columns = format_shape(shape.columns, "one number") if shape.columns else "–"
        table.add_row(name, shape.layer, format_shape(shape.rows, "one number"), columns)
    return table
