"""The multi-layer perceptron."""

import itertools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
from jaxtyping import Array, PyTree

import jaxdl.functional
from jaxdl import initializers
from jaxdl.backpropagation import Network, Own, layer
from jaxdl.models.blocks import Dense, Dropout, belongs
from jaxdl.models.model import Model, from_linen


class Mlp(nn.Module):
    """Dense layers with an activation (and dropout) after each but the last; an image is flattened first."""

    hidden: tuple[int, ...]
    outputs: int
    activation: Callable[[Array], Array] = jaxdl.functional.relu
    dropout_rate: float = 0.0
    kernel_init: Callable = initializers.he_normal
    functional: Any = jaxdl.functional

    @nn.compact
    def __call__(self, inputs: Array, training: bool = False) -> Array:
        """Map (batch, ...) to (batch, outputs)."""
        signal = inputs.reshape(len(inputs), -1)
        for features in self.hidden:
            signal = self.activation(Dense(features, self.kernel_init, functional=self.functional)(signal))
            if self.dropout_rate > 0:
                signal = Dropout(self.dropout_rate, self.functional)(signal, training)
        return Dense(self.outputs, self.kernel_init, functional=self.functional)(signal)

    @nn.nowrap
    def network(self, params: PyTree) -> tuple[Network, Own]:
        """The same, without noise, as layers and their own arguments: for `jaxdl.backpropagation` to sweep by hand.

        Raises ValueError for an activation without a derivation beside it.
        """
        dense, activation = layer(jaxdl.functional.dense), layer(self.activation)
        layers = [params[f"Dense_{number}"] for number in range(len(self.hidden) + 1)]
        hidden = itertools.chain(*([dense, activation] for _ in self.hidden))
        own = itertools.chain(*([(of["kernel"], of["bias"]), ()] for of in layers))
        return (layer(jaxdl.functional.reshape), *hidden, dense), ((), *own)[:-1]


def mlp(
    hidden: tuple[int, ...],
    outputs: int,
    *,
    activation: Callable[[Array], Array] = jaxdl.functional.relu,
    dropout_rate: float = 0.0,
    kernel_init: Callable = initializers.he_normal,
    functional: Any = jaxdl.functional,
) -> Model:
    """A multi-layer perceptron with so many units in each hidden layer; no hidden layer makes a linear model.

    `functional` is where its layers find their functions; an activation of a stand-in is given beside it:
    `mlp((128,), 10, activation=hand.relu, functional=hand)` with `hand = jaxdl.derivation.by_hand()`.
    Raises ValueError for an activation that is jaxdl's own beside another functional, for a width that is not positive,
    and for a rate outside [0, 1).
    """
    if not belongs(activation, functional):
        raise ValueError(f"activation must be of the functional beside it, but was jaxdl's own {activation}.")
    for width in (*hidden, outputs):
        if width < 1:
            raise ValueError(f"hidden and outputs must be at least 1, but were {hidden} and {outputs}.")
    if not 0 <= dropout_rate < 1:
        raise ValueError(f"dropout_rate must be at least 0 and below 1, but was {dropout_rate}.")
    return from_linen(Mlp(tuple(hidden), outputs, activation, dropout_rate, kernel_init, functional))
