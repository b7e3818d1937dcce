"""Trace of backpropagation: every number of the forward and the reverse pass, with its name and formula."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxdl._display import Table, short_repr
from jaxdl._formatting import format_lines, format_shape
from jaxdl.backpropagation.formulas import argument_names, gradient_formulas, layer_formula
from jaxdl.backpropagation.network import LayerArguments, Network, Residual, function_name
from jaxdl.backpropagation.reverse_pass import Tape, apply_layer, check_scalar, check_vjps, forward, pull_back
from jaxdl.derivation import is_floating


class TraceStep(NamedTuple):
    """One variable of a trace.

    Attributes:
        name: Name of the variable, such as `x1`, `weights1` or `∂L/∂x0`.
        layer: Name of the layer's function, such as `dense`, or of the operation in an expression; `input` for inputs.
        formula: How the value is computed from earlier variables; empty if it is given.
        value: The number or array.
    """

    name: str
    layer: str
    formula: str
    value: Array | np.float64

    __repr__ = short_repr


class Trace(Table):
    """Steps in the order of computation: a tuple of TraceStep, displayed as a table.

    Example:
        >>> from jaxdl.backpropagation import trace_expression
        >>> trace_expression("y = x * x", {"x": 3.0})
        step   formula                shape       value
        x      given                  one number  3
        y      x * x                  one number  9
        ∂y/∂y  1                      one number  1
        ∂y/∂x  ∂y/∂y * x + ∂y/∂y * x  one number  6
    """

    def _cells(self) -> list[tuple[str, ...]]:
        return [("step", "formula", "shape", "value"), *map(_row, self)]


def _row(step: TraceStep) -> tuple[str, ...]:
    shape = format_shape(np.shape(step.value), "one number")
    return step.name, step.formula or "given", shape, format_lines(step.value)


def trace(network: Network, arguments: LayerArguments, inputs: Any) -> Trace:
    """Compute a network and its gradient, and return every step: forward from the input to L, then backward.

    x0 is the input, and x1, x2, … are the outputs of the layers; the last one is the scalar L. The arguments of the
    first layer have the names of its function with the number 1: weights1, bias1. Their cotangents are ∂L/∂weights1,
    ∂L/∂bias1. If layer 3 is a `Residual`, x3.0 is the input of its layers.

    Args:
        network: Layers and residual sums; the output of the last one is a scalar.
        arguments: For each layer, the tuple of its arguments other than its input.
        inputs: Input of the first layer.

    Returns:
        The steps in the order of computation, displayed as a table.

    Raises:
        TypeError: As `value_and_gradient`.
        ValueError: As `value_and_gradient`.

    Example:
        >>> from jaxdl.backpropagation import layer, trace
        >>> network = (layer(F.dense), layer(F.squared_error), layer(F.weighted_mean))
        >>> arguments = ((jnp.array([[2.0]]), jnp.array([1.0])), (jnp.array([[5.0]]),), (jnp.array([1.0]),))
        >>> steps = trace(network, arguments, jnp.array([[3.0]]))
        >>> for step in steps[:6]:
        ...     print(step.name, "=", step.formula or "given", "=", step.value.tolist())
        x0 = given = [[3.0]]
        weights1 = given = [[2.0]]
        bias1 = given = [1.0]
        x1 = x0 @ weights1 + bias1 = [[7.0]]
        targets2 = given = [[5.0]]
        x2 = sum((x1 - targets2) ** 2, axis=-1) = [4.0]
        >>> {step.name: step.formula for step in steps}["∂L/∂weights1"]
        'x0ᵀ @ ∂L/∂x1'
    """
    check_vjps(network)
    forward_pass, tape = forward_steps(network, arguments, inputs)
    check_scalar(network, forward_pass[-1].value)
    last = forward_pass[-1]
    start = TraceStep(_gradient_name(last.name), last.layer, "1", jnp.ones_like(last.value))
    reverse_pass, _ = _reverse_steps(network, tape, start, "", "x0", "network")
    return Trace((*forward_pass, start, *reverse_pass))


def forward_steps(network: Network, arguments: LayerArguments, inputs: Any) -> tuple[tuple[TraceStep, ...], Tape]:
    """Return the steps of the forward pass and the tape; the output need not be a scalar. Raise as `forward`."""
    _, tape = forward(network, arguments, inputs)
    start = TraceStep("x0", "input", "", inputs)
    return (start, *_forward_steps(network, tape, start, "")), tape


def _gradient_name(name):
    return f"∂L/∂{name}"


def _forward_steps(network: Network, tape: Tape, last: TraceStep, prefix) -> Iterator[TraceStep]:
    """Yield the steps after `last`, the input of the network; the final one is its output."""
    for number, (part, recorded) in enumerate(zip(network, tape, strict=True), 1):
        label = f"{prefix}{number}"
        if isinstance(part, Residual):
            name, inner_input = "Residual", TraceStep(f"x{label}.0", "Residual", last.name, last.value)
            inner = [inner_input, *_forward_steps(part.layers, recorded, inner_input, f"{label}.")]
            yield from inner
            formula, value = f"{last.name} + {inner[-1].name}", last.value + inner[-1].value
        else:
            name, names = function_name(part.f), argument_names(part, label, last.name, len(recorded))
            named = zip(names, recorded, strict=True)
            yield from (TraceStep(argument, name, "", value) for argument, value in named if argument != last.name)
            formula, value = layer_formula(part, names), apply_layer(part, recorded)
        last = TraceStep(f"x{label}", name, formula, value)
        yield last


def _reverse_steps(
    network: Network, tape: Tape, g: TraceStep, prefix, first, path
) -> tuple[list[TraceStep], TraceStep]:
    """Return the steps after `g`, the cotangent of the output, and the last of them, the cotangent of the input."""
    steps: list[TraceStep] = []
    for number, (part, recorded) in reversed(list(enumerate(zip(network, tape, strict=True), 1))):
        label, input_name = f"{prefix}{number}", first if number == 1 else f"x{prefix}{number - 1}"
        here = f"{path}[{number - 1}]"
        if isinstance(part, Residual):
            inner_g = TraceStep(_gradient_name(f"x{label}.{len(part.layers)}"), "Residual", g.name, g.value)
            inner, last = _reverse_steps(part.layers, recorded, inner_g, f"{label}.", f"x{label}.0", f"{here}.layers")
            steps += [inner_g, *inner]
            g = TraceStep(_gradient_name(input_name), "Residual", f"{g.name} + {last.name}", g.value + last.value)
            steps.append(g)
        else:
            names = argument_names(part, label, input_name, len(recorded))
            floating = [name for name, argument in zip(names, recorded, strict=True) if is_floating(argument)]
            values = pull_back(part, recorded, g.value, here)
            formulas = gradient_formulas(part, g.name, names, len(values))
            cotangents = zip(floating, formulas, values, strict=True)
            g, *others = [
                TraceStep(_gradient_name(name), function_name(part.f), formula, value)
                for name, formula, value in cotangents
            ]
            steps += [*others, g]
    return steps, g
