"""What shape has the gradient with respect to …? That of the variable, whatever it is; so the variables are listed."""

from typing import Any, NamedTuple

import jax.numpy as jnp

import jaxdl.functional as F
from jaxdl.backpropagation.network import Network, Residual, name_of, place_of_signal
from jaxdl.backpropagation.sweep import Own, Tape, forward
from jaxdl.derivation import arguments_of, is_floating


class Shape(NamedTuple):
    """The shape of a variable of a network and of the gradient with respect to it, in both ways of writing.

    `rows` is as it is computed: the examples of a batch are rows. `columns` is as textbooks write one example: a signal
    is a column, and weights stand to its left; () where they have no such form (images, sequences). `of` is the layer.
    """

    of: str
    rows: tuple[int, ...]
    columns: tuple[int, ...]


def shapes(network: Network, own: Own, inputs: Any) -> dict[str, Shape]:
    """The shape of every variable that has a gradient, by name, in the order of computation.

    x0 is the input and x1, x2, … what each layer returns; weights1, bias1 are the own arguments of the first layer,
    called as its function calls them, weights3.1 those of the first layer inside the Residual that is layer 3. Raises
    what `forward` raises.
    """
    output, tape = forward(network, own, inputs)
    found = {"x0": Shape("input", jnp.shape(inputs), _column(jnp.shape(inputs)))} if is_floating(inputs) else {}
    found.update(_shapes(network, tape, output, ""))
    return found


def _shapes(network: Network, tape: Tape, output, prefix) -> dict[str, Shape]:
    """The variables of these layers, but not the first signal."""
    found: dict[str, Shape] = {}
    signals = [*(_signal_into(part, written) for part, written in zip(network[1:], tape[1:], strict=True)), output]
    for number, (part, written, signal) in enumerate(zip(network, tape, signals, strict=True), 1):
        label = f"{prefix}{number}"
        if isinstance(part, Residual):
            before = _signal_into(part, written)
            found |= _shapes(part.layers, written, before, f"{label}.")  # a sum: its terms have one shape
            name = "Residual"
        else:
            name = name_of(part.f)
            found |= {
                f"{argument}{label}": Shape(name, jnp.shape(value), _column_of_own(part.f, jnp.shape(value)))
                for place, (argument, value) in enumerate(zip(arguments_of(part.f), written, strict=False))
                if place != place_of_signal(part.f) and is_floating(value)
            }
        found[f"x{label}"] = Shape(name, jnp.shape(signal), _column(jnp.shape(signal)))
    return found


def _signal_into(part, written):
    """The signal that a layer was given."""
    while isinstance(part, Residual):
        part, written = part.layers[0], written[0]
    return written[place_of_signal(part.f)]


def _column(shape):
    """A signal of one example as a column."""
    return (*shape[1:], 1) if len(shape) == 2 else (1, 1) if len(shape) < 2 else ()


def _column_of_own(f, shape):
    """An argument of a layer, as it stands before or beside columns."""
    if f is F.dense and len(shape) == 2:
        return shape[::-1]
    return (*shape, 1) if len(shape) == 1 else ()


class Convolution(NamedTuple):
    """What the five numbers of a convolution settle: the shape of one output, parameters, and multiply–adds for it."""

    output: tuple[int, int, int]
    parameters: int
    multiply_adds: int


def convolution_of(image: tuple[int, int, int], kernel: int, filters: int, padding: int, stride: int) -> Convolution:
    r"""A convolution from its five numbers: image (height, width, channels), kernel side, filters, padding, stride.

    With $C$ channels, a kernel of side $k$ and $o$ filters, each filter has $k^2 C$ weights and a bias, and each number
    of the output takes $k^2 C$ multiply–adds. The size is that of `jaxdl.functional.output_size`, which raises
    ValueError where no kernel fits.
    """
    height, width = (F.output_size(size, kernel, stride=stride, padding=padding) for size in image[:2])
    weights = kernel * kernel * image[2]
    return Convolution((height, width, filters), filters * (weights + 1), height * width * filters * weights)
