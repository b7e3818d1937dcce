"""What shape has the gradient with respect to …? That of the variable, whatever it is; so the variables are listed."""

from typing import Any, NamedTuple

import jax

import jaxdl.functional as F
from jaxdl.backpropagation.network import Network
from jaxdl.backpropagation.sweep import Own
from jaxdl.backpropagation.tracing import Step, variables
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

    The names are those of `trace`. Nothing is computed: in the place of any array may stand a `jax.ShapeDtypeStruct`.
    Raises what `forward` raises.
    """
    steps: list[Step] = []

    def values(own, inputs):
        steps.extend(variables(network, own, inputs)[0])
        return [step.value for step in steps]

    found = jax.eval_shape(values, own, inputs)
    known = [step._replace(value=value) for step, value in zip(steps, found, strict=True)]
    return {step.name: Shape(step.of, step.value.shape, _as_column(step)) for step in known if is_floating(step.value)}


def _as_column(step):
    """The shape for one example, where signals are columns; () where there is no such form."""
    shape, axes = step.value.shape, _axes(step)
    if (step.name.startswith("x") and not axes) or axes[:1] == ["batch"]:  # of each example
        shape = shape[1:]
        return {0: (1, 1), 1: (*shape, 1)}.get(len(shape), ())
    return {1: (*shape, 1), 2: shape[::-1]}.get(len(shape), ())  # weights stand to the left of a column


def _axes(step):
    """The axes that the function of a layer names for its own argument; of a signal none."""
    arguments = arguments_of(getattr(F, step.of)) if hasattr(F, step.of) and not step.formula else {}
    return getattr(arguments.get(step.name.rstrip("0123456789.")), "dim_str", "").split()


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
