"""Every number of the sweep forward and backward, named, with the formula that it comes from."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxdl.backpropagation.formulas import formula, formulas_of_gradient, names_of_arguments
from jaxdl.backpropagation.network import Network, Residual, name_of
from jaxdl.backpropagation.sweep import Own, Tape, check_derivations, check_one_number, forward, pull, push
from jaxdl.derivation import is_floating


class Step(NamedTuple):
    """A variable of the sweep: its name, the layer it belongs to, its formula (empty where it is given), its value."""

    name: str
    of: str
    formula: str
    value: Array | np.float64


def trace(network: Network, own: Own, inputs: Any) -> tuple[Step, ...]:
    """Every step of the sweep, in the order of computation: first forward, from the input to L, then backward.

    x0 is the input and x1, x2, … what each layer returns, the last of them the one number L; weights1, bias1 are the
    own arguments of the first layer, called as its function calls them, and ∂L/∂weights1 the cotangent of one. Inside
    the Residual that is layer 3, x3.0 is what enters its layers. Raises what `value_and_gradient` raises.
    """
    check_derivations(network)
    ahead, tape = variables(network, own, inputs)
    check_one_number(network, ahead[-1].value)
    start = Step(_slope(ahead[-1].name), ahead[-1].of, "1", jnp.ones_like(ahead[-1].value))
    back, _ = _back(network, tape, start, "", "x0", "network")
    return (*ahead, start, *back)


def variables(network: Network, own: Own, inputs: Any) -> tuple[tuple[Step, ...], Tape]:
    """The steps forward, of a network that may end in anything, and its tape. Raises what `forward` raises."""
    _, tape = forward(network, own, inputs)
    start = Step("x0", "input", "", inputs)
    return (start, *_ahead(network, tape, start, "")), tape


def _slope(name):
    return f"∂L/∂{name}"


def _ahead(network: Network, tape: Tape, signal: Step, prefix) -> Iterator[Step]:
    """The steps forward, from the signal on; the last of them is what the network returns."""
    for number, (part, written) in enumerate(zip(network, tape, strict=True), 1):
        label = f"{prefix}{number}"
        if isinstance(part, Residual):
            of, into = "Residual", Step(f"x{label}.0", "Residual", signal.name, signal.value)
            around = [into, *_ahead(part.layers, written, into, f"{label}.")]
            yield from around
            told, value = f"{signal.name} + {around[-1].name}", signal.value + around[-1].value
        else:
            of, names = name_of(part.f), names_of_arguments(part, label, signal.name, len(written))
            given = zip(names, written, strict=True)
            yield from (Step(name, of, "", argument) for name, argument in given if name != signal.name)
            told, value = formula(part, names), push(part, written)
        signal = Step(f"x{label}", of, told, value)
        yield signal


def _back(network: Network, tape: Tape, g: Step, prefix, first, where) -> tuple[list[Step], Step]:
    """The steps backward from the cotangent of the output; and that of the input, the last of them."""
    steps: list[Step] = []
    for number, (part, written) in reversed(list(enumerate(zip(network, tape, strict=True), 1))):
        label, signal = f"{prefix}{number}", first if number == 1 else f"x{prefix}{number - 1}"
        place = f"{where}[{number - 1}]"
        if isinstance(part, Residual):
            into = Step(_slope(f"x{label}.{len(part.layers)}"), "Residual", g.name, g.value)
            inner, around = _back(part.layers, written, into, f"{label}.", f"x{label}.0", f"{place}.layers")
            steps += [into, *inner]
            g = Step(_slope(signal), "Residual", f"{g.name} + {around.name}", g.value + around.value)
            steps.append(g)
        else:
            names = names_of_arguments(part, label, signal, len(written))
            floating = [name for name, argument in zip(names, written, strict=True) if is_floating(argument)]
            values = pull(part, written, g.value, place)
            told = formulas_of_gradient(part, g.name, names, len(values))
            pulled = zip(floating, told, values, strict=True)
            g, *of_own = [Step(_slope(name), name_of(part.f), told, value) for name, told, value in pulled]
            steps += [*of_own, g]
    return steps, g
