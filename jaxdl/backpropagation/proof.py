"""Comparison of the VJP of every layer with automatic differentiation, at the values that the network gives it."""

import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl._display import Table
from jaxdl.backpropagation.network import Layer, LayerArguments, Network, Residual, layer_label
from jaxdl.backpropagation.reverse_pass import Tape, apply_layer, check_vjps, forward, pull_back
from jaxdl.derivation import is_floating, jax_vjp, max_magnitude, relative_error

BOUND = 1e-12
ROUNDING = 32 * float(np.finfo(np.float64).eps)


class LayerProof(NamedTuple):
    """Comparison of one layer's VJP with `jax.vjp`.

    Attributes:
        name: Position and function of the layer, such as `network[2] (dense)`.
        error: Largest relative error of a cotangent.
        fault: Description of the disagreement; empty if the VJPs agree.
    """

    name: str
    error: float
    fault: str


class LayerProofs(Table):
    """Comparisons of the layers of a network: a tuple of LayerProof, displayed as a table."""

    _right = (1,)

    def _cells(self) -> list[tuple[str, ...]]:
        rows = ((proof.name, f"{proof.error:.1e}", proof.fault or "holds") for proof in self)
        return [("layer", "error", ""), *rows]


def prove_layers(network: Network, arguments: LayerArguments, inputs: Any) -> LayerProofs:
    """Compare the VJP of each layer with `jax.vjp` in float64, at the values that the network gives it.

    If the gradient of a network is wrong, this finds the layer that causes it, also inside a `Residual`. Each VJP pulls
    back a random cotangent. For every argument the result must agree with that of jax to 1e-12 of the argument's
    largest cotangent, plus a few roundings of the layer's largest cotangent.

    Args:
        network: Layers and residual sums; the output need not be a scalar.
        arguments: For each layer, the tuple of its arguments other than its input.
        inputs: Input of the first layer.

    Returns:
        One comparison for each layer, in order; the layers of a `Residual` are listed separately.

    Raises:
        TypeError: As `forward`.
        ValueError: As `forward`, and if a layer has no VJP.

    Example:
        >>> from jaxdl.backpropagation import Layer, layer, prove_layers
        >>> wrong = Layer(F.tanh, lambda g, x: (g * (1 - jnp.tanh(x)),))  # the square is missing
        >>> network = (layer(F.dense), wrong)
        >>> arguments = ((jnp.array([[1.0, 2.0]]), jnp.zeros(2)), ())
        >>> for proof in prove_layers(network, arguments, jnp.array([[0.5]])):
        ...     print(proof.name, "disagrees" if proof.fault else "agrees")
        network[0] (dense) agrees
        network[1] (tanh) disagrees
    """
    check_vjps(network)
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        _, tape = jax.jit(functools.partial(forward, network))(*jax.tree.map(_to_float64, (arguments, inputs)))
        cases = list(_cases(network, tape, "network", np.random.default_rng(0)))
        return LayerProofs(map(_judge, cases, _cotangents(cases)))


class _Case(NamedTuple):
    """A layer, its position, the arguments it was called with, and a cotangent of its output."""

    layer: Layer
    path: str
    recorded: tuple[Any, ...]
    g: Any


def _cases(network: Network, tape: Tape, path: str, random: np.random.Generator) -> Iterator[_Case]:
    for number, (part, recorded) in enumerate(zip(network, tape, strict=True)):
        here = f"{path}[{number}]"
        if isinstance(part, Residual):
            yield from _cases(part.layers, recorded, f"{here}.layers", random)
        else:
            output = jax.eval_shape(functools.partial(_output, part), *recorded)
            yield _Case(part, here, recorded, jnp.asarray(random.standard_normal(output.shape)))


def _output(layer, *arguments):
    return apply_layer(layer, arguments)


def _cotangents(cases: list[_Case]) -> list[tuple[Any, Any] | str]:
    """Pull back each cotangent by jax and by hand, or return the message of the error; all in one program."""
    errors: dict[int, str] = {}

    def pull_back_all(given):
        found = {}
        for number, (case, (recorded, g)) in enumerate(zip(cases, given, strict=True)):
            automatic = jax_vjp(functools.partial(_output, case.layer), g, recorded, {})
            try:
                found[number] = automatic, pull_back(case.layer, recorded, g, case.path)
            except ValueError as error:
                errors[number] = str(error)
        return found

    found = jax.jit(pull_back_all)([(case.recorded, case.g) for case in cases])
    return [found[number] if number in found else errors[number] for number in range(len(cases))]


def _judge(case: _Case, cotangents: tuple[Any, Any] | str) -> LayerProof:
    label = layer_label(case.layer, case.path)
    if isinstance(cotangents, str):
        return LayerProof(label, float("inf"), cotangents)
    automatic, by_hand = cotangents
    expected, returned = jax.tree.map(jnp.shape, automatic), jax.tree.map(jnp.shape, by_hand)
    if returned != expected:
        return LayerProof(label, float("inf"), f"the cotangents must have the shapes {expected}, got {returned}")
    tolerated = (
        ROUNDING / BOUND * max(map(max_magnitude, jax.tree.leaves(automatic)))
    )  # for cotangents that are 0 up to rounding
    worst = max(
        relative_error(*pair, tolerated) for pair in zip(*map(jax.tree.leaves, (by_hand, automatic)), strict=True)
    )
    return LayerProof(label, worst, "" if worst <= BOUND else f"error {worst:.1e} is over {BOUND:.0e}")


def _to_float64(leaf):
    return jnp.asarray(leaf, jnp.float64) if is_floating(leaf) else leaf
