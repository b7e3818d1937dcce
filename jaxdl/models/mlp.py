"""The multi-layer perceptron (MLP)."""

import dataclasses
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, PyTree

import jaxdl.functional
from jaxdl import initializers
from jaxdl.backpropagation import LayerArguments, Network, Residual, layer
from jaxdl.functional._types import Scalar
from jaxdl.models._validity import (
    check_dropout_rate,
    check_flag,
    check_function,
    check_outputs,
    checked_sizes,
    is_zero,
)
from jaxdl.models.blocks import Activation, Dense, Dropout, Flatten, resolve
from jaxdl.models.model import Model, from_linen
from jaxdl.models.norms import Norm, check_norm, norm_layer


class MLP(nn.Module):
    """Multi-layer perceptron as a Flax Linen module; `mlp` returns it as a `Model` and describes the settings.

    Use the module to build it into a module of your own, or to get its `network` for `jaxdl.backpropagation`.

    Attributes:
        hidden, outputs, activation, dropout_rate, norm, skip, kernel_init, functional: The arguments of `mlp`.
    """

    hidden: tuple[int, ...] = (128,)
    outputs: int | None = None
    _: dataclasses.KW_ONLY
    activation: Activation = jaxdl.functional.relu
    dropout_rate: Scalar = 0.0
    norm: Norm | None = None
    skip: bool = False
    kernel_init: Callable = initializers.he_normal
    functional: Any = jaxdl.functional

    def __post_init__(self):
        self.hidden = checked_sizes("hidden", self.hidden)
        check_outputs(self.outputs)
        check_function("activation", self.activation)
        check_function("kernel_init", self.kernel_init)
        check_norm(self.norm)
        check_flag("skip", self.skip)
        check_dropout_rate(self.dropout_rate)
        super().__post_init__()

    @nn.compact
    def __call__(self, inputs: Array, training: bool = False) -> Array:
        """Map (batch, ...) to (batch, outputs)."""
        if getattr(inputs, "ndim", 2) < 2:
            raise ValueError(
                f"inputs must have the shape (batch, ...), got {inputs.shape}: write inputs[None] for one "
                "example, and inputs[:, None] for examples of one feature."
            )
        signal, activation = Flatten(functional=self.functional)(inputs), resolve(self.functional, self.activation)
        for number, features in enumerate(self.hidden):
            before = signal
            signal = self._dense(features, use_bias=not self.norm)(signal)
            if self.norm:
                signal = self.norm(functional=self.functional)(signal, training)
            signal = activation(signal)
            if not is_zero(self.dropout_rate):
                signal = Dropout(self.dropout_rate, functional=self.functional)(signal, training)
            signal = self._output(number, before, signal)
        return self._dense(self.outputs)(signal)

    @nn.nowrap
    def _output(self, number, before, signal):
        """Return the output of a hidden layer: its signal, plus its input if a connection skips the layer."""
        return before + signal if self.skip and number > 0 and before.shape == signal.shape else signal

    @nn.nowrap
    def _dense(self, features, use_bias=True):
        return Dense(features, use_bias=use_bias, kernel_init=self.kernel_init, functional=self.functional)

    @nn.nowrap
    def network(self, params: PyTree, stats: PyTree | None = None) -> tuple[Network, LayerArguments]:
        """Return the MLP, without dropout, as layers and their own arguments for `jaxdl.backpropagation`.

        The own arguments contain arrays that are not parameters: running averages of batch normalization, and zeros as
        the bias of a dense layer in front of a norm.

        Args:
            params: The parameters of the model.
            stats: Its statistics: batch normalization then uses the running averages, as in evaluation. None means
                training mode, in which batch normalization uses the statistics of the batch.

        Returns:
            The layers, and for each layer the tuple of its own arguments.

        Raises:
            ValueError: If the activation has no hand-derived gradient, a function `<name>_vjp` in the same module.

        Example:
            >>> from jaxdl import backpropagation, models
            >>> module = models.MLP((3,), 2)
            >>> params, _ = models.from_linen(module).init(jax.random.key(0), jnp.ones((1, 4)))
            >>> layers, own = module.network(params)
            >>> outputs, _ = backpropagation.forward(layers, own, jnp.ones((1, 4)))
            >>> bool(jnp.allclose(outputs, module.apply({"params": params}, jnp.ones((1, 4)))))
            True
        """
        parts: list[tuple[Any, tuple[Any, ...]]] = [(layer(jaxdl.functional.reshape), ())]
        for number in range(len(self.hidden)):
            block = [_dense_layer(params[f"Dense_{number}"])]
            if self.norm:
                block.append(norm_layer(self.norm, number, params, stats))
            block.append((layer(self.activation), ()))
            inputs, features = params[f"Dense_{number}"]["kernel"].shape
            if self.skip and number > 0 and inputs == features:
                layers, own = zip(*block, strict=True)
                block = [(Residual(layers), own)]
            parts += block
        network, own = zip(*parts, _dense_layer(params[f"Dense_{len(self.hidden)}"]), strict=True)
        return network, own


def _dense_layer(dense_params):
    """Return a dense layer and its own arguments, kernel and bias."""
    kernel = dense_params["kernel"]
    bias = dense_params["bias"] if "bias" in dense_params else jnp.zeros(kernel.shape[-1], kernel.dtype)
    return layer(jaxdl.functional.dense), (kernel, bias)


def mlp(
    hidden: tuple[int, ...] = (128,),
    outputs: int | None = None,
    *,
    activation: Activation = jaxdl.functional.relu,
    dropout_rate: Scalar = 0.0,
    norm: Norm | None = None,
    skip: bool = False,
    kernel_init: Callable = initializers.he_normal,
    functional: Any = jaxdl.functional,
) -> Model:
    """Multi-layer perceptron: hidden layers of dense, norm, activation and dropout, then a dense output layer.

    Inputs of shape (batch, ...) are flattened first. The outputs, of shape (batch, outputs), have no activation.

    Args:
        hidden: Number of units of each hidden layer; `()` gives a linear model.
        outputs: Number of outputs, such as `split.outputs` for a split of a data set. None leaves it to training, which
            takes it from the labels.
        activation: Activation function of the hidden layers.
        dropout_rate: Probability of setting a hidden unit to zero in training, in [0, 1).
        norm: `BatchNorm`, `LayerNorm` or `GroupNorm`, or a `functools.partial` of one; None for no norm. The dense
            layer in front of a norm has no bias.
        skip: Whether to add the input of each hidden layer but the first to its output, if both have the same width.
        kernel_init: Initializer of every kernel, `(key, shape, dtype) -> array`.
        functional: Module in which the layers look up their functions, including the activation if it is one of
            jaxdl's. With `functional=jaxdl.derivation.by_hand()` the model trains on the hand-derived gradients.

    Returns:
        The model.

    Raises:
        ValueError: If a size is below 1 or the dropout rate outside [0, 1).
        TypeError: If a size, function or norm has another type.

    Example:
        >>> from jaxdl import models
        >>> model = models.mlp((16,), 3)
        >>> params, stats = model.init(jax.random.key(0), jnp.ones((1, 4)))
        >>> jax.tree.map(jnp.shape, params)
        {'Dense_0': {'bias': (16,), 'kernel': (4, 16)}, 'Dense_1': {'bias': (3,), 'kernel': (16, 3)}}
        >>> outputs, stats = model.apply(params, stats, jnp.ones((5, 4)))
        >>> outputs.shape
        (5, 3)
    """
    return from_linen(MLP(**locals()))  # each argument is the field of the same name
