"""The multi-layer perceptron."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, PyTree

import jaxdl.functional
from jaxdl import initializers
from jaxdl.backpropagation import Network, Own, Residual, layer
from jaxdl.models.blocks import Dense, Dropout, Flatten, belongs
from jaxdl.models.model import Model, from_linen
from jaxdl.models.norms import Norm, layer_of


class Mlp(nn.Module):
    """Dense layers; a norm, an activation and dropout after each but the last. An image is flattened first.

    With `skip` the input of a hidden layer but the first is added to what comes out, wherever both are as wide.
    """

    hidden: tuple[int, ...]
    outputs: int
    activation: Callable[[Array], Array] = jaxdl.functional.relu
    dropout_rate: float = 0.0
    norm: Norm | None = None
    skip: bool = False
    kernel_init: Callable = initializers.he_normal
    functional: Any = jaxdl.functional

    @nn.compact
    def __call__(self, inputs: Array, training: bool = False) -> Array:
        """Map (batch, ...) to (batch, outputs)."""
        signal = Flatten(self.functional)(inputs)
        for number, features in enumerate(self.hidden):
            before = signal
            signal = self._dense(features, use_bias=not self.norm)(signal)
            if self.norm:
                signal = self.norm(functional=self.functional)(signal, training)
            signal = self.activation(signal)
            if self.dropout_rate > 0:
                signal = Dropout(self.dropout_rate, self.functional)(signal, training)
            if self.skip and number > 0 and before.shape == signal.shape:
                signal = before + signal
        return self._dense(self.outputs)(signal)

    @nn.nowrap
    def _dense(self, features, use_bias=True):
        return Dense(features, use_bias, self.kernel_init, functional=self.functional)

    @nn.nowrap
    def network(self, params: PyTree, stats: PyTree | None = None) -> tuple[Network, Own]:
        """The same, without noise, as layers and their own arguments: for `jaxdl.backpropagation` to sweep by hand.

        As in training without `stats`, where a batch norm takes the statistics of the batch; with them as otherwise.
        Not all that is floating among the own arguments is a parameter: running statistics stand there, and zeros for
        the bias of a dense layer before a norm. Raises ValueError for an activation without a derivation beside it.
        """
        parts: list[tuple[Any, tuple[Any, ...]]] = [(layer(jaxdl.functional.reshape), ())]
        for number in range(len(self.hidden)):
            inner = [_dense(params[f"Dense_{number}"])]
            if self.norm:
                name = f"{self.norm.__name__}_{number}"
                running = stats["batch_stats"][name] if stats and "batch_stats" in stats else None
                inner.append(layer_of(self.norm, params[name], running))
            inner.append((layer(self.activation), ()))
            inputs, features = params[f"Dense_{number}"]["kernel"].shape
            if self.skip and number > 0 and inputs == features:
                layers, own = zip(*inner, strict=True)
                inner = [(Residual(layers), own)]
            parts += inner
        network, own = zip(*parts, _dense(params[f"Dense_{len(self.hidden)}"]), strict=True)
        return network, own


def _dense(of):
    """The dense layer with these parameters, and its own arguments."""
    kernel = of["kernel"]
    bias = of["bias"] if "bias" in of else jnp.zeros(kernel.shape[-1], kernel.dtype)
    return layer(jaxdl.functional.dense), (kernel, bias)


def mlp(
    hidden: tuple[int, ...],
    outputs: int,
    *,
    activation: Callable[[Array], Array] = jaxdl.functional.relu,
    dropout_rate: float = 0.0,
    norm: Norm | None = None,
    skip: bool = False,
    kernel_init: Callable = initializers.he_normal,
    functional: Any = jaxdl.functional,
) -> Model:
    """A multi-layer perceptron with so many units in each hidden layer; no hidden layer makes a linear model.

    A hidden layer is a dense layer, `norm` (`BatchNorm` or `LayerNorm`), `activation` and dropout; with `skip`, what
    goes into each but the first is added to what comes out, wherever both are as wide.
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
    check_rate(dropout_rate)
    return from_linen(Mlp(tuple(hidden), outputs, activation, dropout_rate, norm, skip, kernel_init, functional))


def check_rate(dropout_rate: float) -> None:
    """Refuse, with ValueError, what is no rate of dropout."""
    if not 0 <= dropout_rate < 1:
        raise ValueError(f"dropout_rate must be at least 0 and below 1, but was {dropout_rate}.")
