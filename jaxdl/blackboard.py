"""Networks small enough for pencil and paper: what the sweep computes, as tables."""

import itertools

import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table

import jaxdl.functional as F
from jaxdl import backpropagation
from jaxdl.backpropagation import Network, Own, Step, layer
from jaxdl.derivation import is_key
from jaxdl.settings import Shapes, Trace
from jaxdl.tables import plain_table, sizes


def xor() -> tuple[Network, Own, jnp.ndarray]:
    """The four points of XOR and a 2-2-1 network that is one weight away from solving it.

    With -2 in the place of its -1 the last row would come out as 0 (Goodfellow, Bengio and Courville, *Deep Learning*
    (2016), section 6.1). At two points a unit stands on the kink of ReLU, where its derivative is taken to be 0.
    """
    network = tuple(map(layer, (F.dense, F.relu, F.dense, F.squared_error, F.weighted_mean)))
    hidden, out = (jnp.ones((2, 2)), jnp.array([0.0, -1.0])), (jnp.array([[1.0], [-1.0]]), jnp.zeros(1))
    targets, inputs = (
        jnp.array([[0.0], [1.0], [1.0], [0.0]]),
        jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]),
    )
    return network, (hidden, (), out, (targets,), (jnp.ones(4),)), inputs


PAGES = {"xor": xor}


def trace_table(steps: tuple[Step, ...]) -> Table:
    """A row a step: its name, its formula, its shape, its value."""
    table = _table("Forward, and backward again: ∂L/∂x has the shape of x", "step", "formula", "shape", "value")
    for step in steps:
        table.add_row(step.name, step.formula or "given", _product(np.shape(step.value)), _written(step.value))
    return table


def shapes_table(shapes: dict[str, backpropagation.Shape]) -> Table:
    """A row a variable: its name and layer, and its shape in both ways of writing."""
    heading = "The gradient with respect to a variable has its shape"
    table = _table(heading, "variable", "of", "batch of rows", "one example as a column")
    for name, shape in shapes.items():
        table.add_row(name, shape.of, _product(shape.rows), _product(shape.columns) if shape.columns else "–")
    return table


def shapes_command(settings: Shapes, console: Console) -> int:
    """Print the shapes of a dense network."""
    console.print(shapes_table(backpropagation.shapes(*_dense(settings.widths, settings.batch))))
    return 0


def trace_command(settings: Trace, console: Console) -> int:
    """Print every step of the sweep of a network that is known by name."""
    if settings.page not in PAGES:
        raise ValueError(f"page must be one of {', '.join(PAGES)}, but was {settings.page!r}.")
    console.print(trace_table(backpropagation.trace(*PAGES[settings.page]())), markup=False)
    return 0


def _dense(spelled, batch):
    """Dense layers of such widths with ReLU between them, and a mean cross-entropy."""
    widths = [int(width) if width.isdecimal() else 0 for width in spelled.split("-")]
    if len(widths) < 2 or min(widths) < 1 or batch < 1:
        raise ValueError(
            f"widths must be two or more positive numbers joined by -, such as 784-16-10, and batch positive, but were "
            f"{spelled!r} and {batch}."
        )
    network, own = [], []
    for inputs, outputs in itertools.pairwise(widths):
        network += [layer(F.dense), layer(F.relu)]
        own += [(jnp.zeros((inputs, outputs)), jnp.zeros(outputs)), ()]
    network[-1:] = [layer(F.cross_entropy), layer(F.weighted_mean)]
    own[-1:] = [(jnp.zeros(batch, jnp.int32),), (jnp.ones(batch),)]
    return tuple(network), tuple(own), jnp.zeros((batch, widths[0]))


def _written(value):
    """The numbers of an array, to four digits; -0 as 0."""
    if is_key(value):
        return "a key"
    return np.array2string(np.asarray(value) + 0, precision=4, suppress_small=True)


def _product(shape):
    return sizes(shape) or "one number"


def _table(title, *headings):
    table = plain_table(title)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
