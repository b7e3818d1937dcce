"""The multi-layer perceptron."""

import dataclasses
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, PyTree

import jaxdl.functional
from jaxdl import initializers
from jaxdl.backpropagation import LayerArguments, Network, Residual, layer
from jaxdl.models._validity import check_function, check_rate, check_size, checked_sizes
from jaxdl.models.blocks import Dense, Dropout, Flatten, found_in
from jaxdl.models.model import Model, from_linen
from jaxdl.models.norms import Norm, check_norm, layer_of


class Mlp(nn.Module):
    """Dense layers; a norm, an activation and dropout after each but the last. An image is flattened first.

    With `skip` the input of a hidden layer but the first is added to what comes out, wherever both are as wide.
    Raises what `mlp` raises.
    """

    hidden: tuple[int, ...]
    outputs: int
    _: dataclasses.KW_ONLY
    activation: Callable[[Array], Array] = jaxdl.functional.relu
    dropout_rate: float = 0.0
    norm: Norm | None = None
    skip: bool = False
    kernel_init: Callable = initializers.he_normal
    functional: Any = jaxdl.functional

    def __post_init__(self):
        self.hidden = checked_sizes("hidden", self.hidden)
        check_size("outputs", self.outputs)
        check_function("activation", self.activation)
        check_function("kernel_init", self.kernel_init)
        check_norm(self.norm)
        check_rate(self.dropout_rate)
        super().__post_init__()

    @nn.compact
    def __call__(self, inputs: Array, training: bool = False) -> Array:
        """Map (batch, ...) to (batch, outputs)."""
        signal, activation = Flatten(functional=self.functional)(inputs), found_in(self.functional, self.activation)
        for number, features in enumerate(self.hidden):
            before = signal
            signal = self._dense(features, use_bias=not self.norm)(signal)
            if self.norm:
                signal = self.norm(functional=self.functional)(signal, training)
            signal = activation(signal)
            if self.dropout_rate > 0:
                signal = Dropout(self.dropout_rate, functional=self.functional)(signal, training)
            if self.skip and number > 0 and before.shape == signal.shape:
                signal = before + signal
        return self._dense(self.outputs)(signal)

    @nn.nowrap
    def _dense(self, features, use_bias=True):
        return Dense(features, use_bias=use_bias, kernel_init=self.kernel_init, functional=self.functional)

    @nn.nowrap
    def network(self, params: PyTree, stats: PyTree | None = None) -> tuple[Network, LayerArguments]:
        """The same, without noise, as layers and their own arguments: for `jaxdl.backpropagation` to sweep by hand.

        As in training without `stats`, where a batch norm takes the statistics of the batch; with them as otherwise.
        Not all that is floating among the own arguments is a parameter: running statistics stand there, and zeros for
        the bias of a dense layer before a norm. Raises ValueError for an activation without a derivation beside it.
        """
        parts: list[tuple[Any, tuple[Any, ...]]] = [(layer(jaxdl.functional.reshape), ())]
        for number in range(len(self.hidden)):
            inner = [_dense(params[f"Dense_{number}"])]
            if self.norm:
                inner.append(layer_of(self.norm, number, params, stats))
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
    """A multi-layer perceptron with these numbers of units in its hidden layers; without any it is a linear model.

    A hidden layer is a dense layer, `norm` (`BatchNorm`, `LayerNorm`, `GroupNorm`), `activation` and dropout; with
    `skip`, what goes into each but the first is added to what comes out, wherever both are as wide.

    `functional` is where it finds its functions, the activation too where that is jaxdl's own:
    `mlp((128,), 10, functional=jaxdl.derivation.by_hand())` trains by the hand derivations.

    Raises ValueError for a width below 1 and a rate outside [0, 1), and TypeError for sizes, functions and norms of
    another type.
    """
    module = Mlp(
        hidden,
        outputs,
        activation=activation,
        dropout_rate=dropout_rate,
        norm=norm,
        skip=skip,
        kernel_init=kernel_init,
        functional=functional,
    )
    return from_linen(module)
