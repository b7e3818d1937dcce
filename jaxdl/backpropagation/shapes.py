"""Shapes of all variables of a network; the gradient with respect to a variable has the shape of the variable."""

from typing import Any, NamedTuple

import jax

import jaxdl.functional as F
from jaxdl.backpropagation.network import LayerArguments, Network
from jaxdl.backpropagation.tracing import TraceStep, forward_steps
from jaxdl.derivation import arguments_of, is_floating


class Shape(NamedTuple):
    """Shape of a variable, and of the gradient with respect to it, in two conventions.

    Attributes:
        layer: Name of the layer's function, such as `dense`; `input` for the input of the network.
        rows: Shape in the code, where the examples of a batch are rows.
        columns: Shape in textbooks, where one example is a column and weights stand to its left; () for images and
            sequences, which have no such form.
    """

    layer: str
    rows: tuple[int, ...]
    columns: tuple[int, ...]


def shapes(network: Network, arguments: LayerArguments, inputs: Any) -> dict[str, Shape]:
    """Return the shape of every variable that has a gradient, by name and in the order of computation.

    The names are those of `trace`. Nothing is computed, so any array may be replaced by a `jax.ShapeDtypeStruct`.

    Args:
        network: Layers and residual sums; the output need not be a scalar.
        arguments: For each layer, the tuple of its arguments other than its input.
        inputs: Input of the first layer, with a leading batch axis.

    Returns:
        A dictionary from the name of each floating variable to its shape.

    Raises:
        TypeError: As `forward`.
        ValueError: As `forward`.

    Example:
        >>> from jaxdl.backpropagation import layer, shapes
        >>> network = (layer(F.dense), layer(F.relu))
        >>> found = shapes(network, ((jnp.zeros((784, 16)), jnp.zeros(16)), ()), jnp.zeros((32, 784)))
        >>> for name, shape in found.items():
        ...     print(name, shape.layer, shape.rows, shape.columns)
        x0 input (32, 784) (784, 1)
        weights1 dense (784, 16) (16, 784)
        bias1 dense (16,) (16, 1)
        x1 dense (32, 16) (16, 1)
        x2 relu (32, 16) (16, 1)
    """
    steps: list[TraceStep] = []

    def values(arguments, inputs):
        steps.extend(forward_steps(network, arguments, inputs)[0])
        return [step.value for step in steps]

    abstract = jax.eval_shape(values, arguments, inputs)
    variables = [step._replace(value=value) for step, value in zip(steps, abstract, strict=True)]
    return {
        step.name: Shape(step.layer, step.value.shape, _column_shape(step))
        for step in variables
        if is_floating(step.value)
    }


def _column_shape(step):
    """Return the shape for one example as a column, or () if the variable has no such form."""
    shape, axes = step.value.shape, _axis_names(step)
    if (step.name.startswith("x") and not axes) or axes[:1] == ["batch"]:  # one row for each example
        shape = shape[1:]
        return {0: (1, 1), 1: (*shape, 1)}.get(len(shape), ())
    return {1: (*shape, 1), 2: shape[::-1]}.get(len(shape), ())  # weights stand to the left of a column


def _axis_names(step):
    """Return the axis names in the annotation of a layer's argument; [] for the output of a layer."""
    arguments = arguments_of(getattr(F, step.layer)) if hasattr(F, step.layer) and not step.formula else {}
    return getattr(arguments.get(step.name.rstrip("0123456789.")), "dim_str", "").split()
