r"""The gradient of a whole network by hand: a tape is written forward, and swept backward.

A network is a tuple of layers, each a function of the signal and of arguments of its own (parameters, labels, weights,
a key). Going forward, the tape keeps what each layer was given. Going backward, each layer's derivation takes the
cotangent of its output and gives the cotangent of its input, which is the next one's output: the chain rule
$\bar x_{l-1} = \bar x_l\, \partial x_l / \partial x_{l-1}$, every factor used once.

    network = (Layer(F.dense, F.dense_vjp), Layer(F.relu, F.relu_vjp), Layer(F.dense, F.dense_vjp),
               Layer(F.cross_entropy, F.cross_entropy_vjp), Layer(F.weighted_mean, F.weighted_mean_vjp))
    own = ((W1, b1), (), (W2, b2), (labels,), (weights,))
    loss, gradient = value_and_gradient(network, own, inputs)
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Float

from jaxdl.derivation import arguments_of

Own = tuple[tuple[Any, ...], ...]


class Layer(NamedTuple):
    """A function, its hand derivation, and the settings of both."""

    f: Callable
    f_vjp: Callable
    settings: dict[str, Any] = {}  # noqa: RUF012  nobody writes into it


def forward(network: tuple[Layer, ...], own: Own, signal: Any) -> tuple[Any, list[tuple]]:
    """The network's output, and the tape: the arguments of each layer. `own` holds each layer's own arguments."""
    if len(own) != len(network):
        raise ValueError(
            f"own must hold a tuple of arguments for each of the {len(network)} layers, but holds {len(own)}: "
            "give () for a layer that has none."
        )
    tape = []
    for layer, own_arguments in zip(network, own, strict=True):
        place = _place_of_signal(layer.f)
        tape.append((*own_arguments[:place], signal, *own_arguments[place:]))
        signal = layer.f(*tape[-1], **layer.settings)
    return signal, tape


def backward(network: tuple[Layer, ...], tape: list[tuple], g: Any) -> tuple[Any, Own]:
    """Sweep the tape: the cotangent of the network's input, and those of each layer's own floating arguments."""
    gradient: list[tuple] = []
    for layer, arguments in zip(reversed(network), reversed(tape), strict=True):
        g, *own = layer.f_vjp(g, *arguments, **layer.settings)
        gradient.append(tuple(own))
    return g, tuple(reversed(gradient))


def value_and_gradient(network: tuple[Layer, ...], own: Own, signal: Any) -> tuple[Any, Own]:
    """The network's (scalar) output and its gradient with respect to each layer's own floating arguments."""
    value, tape = forward(network, own, signal)
    _, gradient = backward(network, tape, jnp.ones_like(value))
    return value, gradient


def _place_of_signal(f) -> int:
    """The signal is the first floating argument; a key or indices may precede it."""
    kinds = [getattr(annotation, "dtype", None) for annotation in arguments_of(f).values()]
    return kinds.index(Float) if Float in kinds else 0
