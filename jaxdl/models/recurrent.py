"""Recurrent networks: layers that read a sequence from its first step to its last, and a classifier of sequences."""

import dataclasses
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array

import jaxdl.functional
from jaxdl import initializers
from jaxdl.models._validity import check_function, check_rate, check_size, checked_sizes
from jaxdl.models.blocks import Dense, Dropout, Embed, dtype_for, parameter
from jaxdl.models.model import Model, from_linen


class Rnn(nn.Module):
    """A plain recurrent layer, `functional.rnn` from a state of zeros."""

    features: int
    _: dataclasses.KW_ONLY
    input_init: Callable = initializers.lecun_normal
    hidden_init: Callable = initializers.orthogonal
    functional: Any = jaxdl.functional

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        """Map (batch, time, inputs) to (batch, time, features)."""
        weights, zeros = _weights(self, inputs, gates=1)
        return self.functional.rnn(inputs, zeros, *weights)


class Gru(nn.Module):
    """A layer of gated recurrent units, `functional.gru` from a state of zeros."""

    features: int
    _: dataclasses.KW_ONLY
    input_init: Callable = initializers.lecun_normal
    hidden_init: Callable = initializers.orthogonal
    functional: Any = jaxdl.functional

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        """Map (batch, time, inputs) to (batch, time, features)."""
        weights, zeros = _weights(self, inputs, gates=3)
        candidate_bias = self.param("candidate_bias", initializers.zeros, (self.features,), dtype_for(inputs))
        return self.functional.gru(inputs, zeros, *weights, candidate_bias)


class Lstm(nn.Module):
    """A layer of long short-term memory, `functional.lstm` from states of zeros.

    The bias of the forget gate begins at 1, so that cells begin by keeping what they hold: Jozefowicz, Zaremba and
    Sutskever, *An empirical exploration of recurrent network architectures* (2015), section 4.3.
    """

    features: int
    _: dataclasses.KW_ONLY
    input_init: Callable = initializers.lecun_normal
    hidden_init: Callable = initializers.orthogonal
    functional: Any = jaxdl.functional

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        """Map (batch, time, inputs) to (batch, time, features)."""
        weights, zeros = _weights(self, inputs, gates=4, bias_init=_forget_gates_open)
        outputs, _ = self.functional.lstm(inputs, zeros, zeros, *weights)
        return outputs


RecurrentLayer = type[Rnn] | type[Gru] | type[Lstm]


class Recurrent(nn.Module):
    """Stacked recurrent layers, with dropout after each, and a dense layer on the last state of the last.

    With an `embedding` (vocabulary, features) the inputs are ids, (batch, time), that are looked up first. Raises what
    `recurrent` raises.
    """

    layer: RecurrentLayer
    hidden: tuple[int, ...]
    outputs: int
    _: dataclasses.KW_ONLY
    embedding: tuple[int, int] | None = None
    dropout_rate: float = 0.0
    kernel_init: Callable = initializers.lecun_normal
    functional: Any = jaxdl.functional

    def __post_init__(self):
        check_function("layer", self.layer)
        self.hidden = checked_sizes("hidden", self.hidden)
        check_size("outputs", self.outputs)
        if not self.hidden:
            raise ValueError("hidden must name at least one recurrent layer, but was ().")
        if self.embedding is not None:
            checked_sizes("embedding", self.embedding, count=2)
        check_function("kernel_init", self.kernel_init)
        check_rate(self.dropout_rate)
        super().__post_init__()

    @nn.compact
    def __call__(self, inputs: Array, training: bool = False) -> Array:
        """Map (batch, time, inputs) to (batch, outputs)."""
        signal = Embed(*self.embedding, functional=self.functional)(inputs) if self.embedding else inputs
        if signal.ndim != 3 or signal.shape[1] == 0:
            raise ValueError(
                f"inputs must be sequences of at least one step, (batch, time, features), but were {inputs.shape}: "
                "give an embedding for (batch, time) of ids."
            )
        for features in self.hidden:
            signal = self.layer(features, input_init=self.kernel_init, functional=self.functional)(signal)
            if self.dropout_rate > 0:
                signal = Dropout(self.dropout_rate, functional=self.functional)(signal, training)
        return Dense(self.outputs, kernel_init=self.kernel_init, functional=self.functional)(signal[:, -1])


def recurrent(
    layer: RecurrentLayer,
    hidden: tuple[int, ...],
    outputs: int,
    *,
    embedding: tuple[int, int] | None = None,
    dropout_rate: float = 0.0,
    kernel_init: Callable = initializers.lecun_normal,
    functional: Any = jaxdl.functional,
) -> Model:
    """A classifier of sequences: `recurrent(Lstm, (64,), 10)` for (batch, time, features), one layer a number.

    `layer` is `Rnn`, `Gru` or `Lstm`. With `embedding=(vocabulary, features)` it reads ids, (batch, time). Dropout
    follows every recurrent layer (PyTorch's own spares the last). `kernel_init` draws what acts on the inputs of a
    layer; what acts on its state is orthogonal. All sequences of a batch have the same length.

    Raises ValueError for a size below 1, for no recurrent layer and for a rate outside [0, 1), and TypeError for sizes
    and functions of another type.
    """
    module = Recurrent(
        layer,
        hidden,
        outputs,
        embedding=embedding,
        dropout_rate=dropout_rate,
        kernel_init=kernel_init,
        functional=functional,
    )
    return from_linen(module)


def _weights(layer, inputs, gates, bias_init=initializers.zeros):
    """W, U and b of a layer with this number of gates, and a state of zeros."""
    features, dtype = layer.features, dtype_for(inputs)

    def hidden_init(key, shape, dtype):  # a matrix for each gate
        draws = [layer.hidden_init(part, (features, features), dtype) for part in jax.random.split(key, gates)]
        return jnp.concatenate(draws, axis=1).reshape(shape)

    weights = (
        parameter(layer, "input_kernel", layer.input_init, (inputs.shape[-1], gates * features), dtype),
        parameter(layer, "hidden_kernel", hidden_init, (features, gates * features), dtype),
        layer.param("bias", bias_init, (gates * features,), dtype),
    )
    return weights, jnp.zeros((len(inputs), features), dtype)


def _forget_gates_open(key, shape, dtype):  # noqa: ARG001
    return jnp.zeros(shape, dtype).at[shape[0] // 4 : shape[0] // 2].set(1)
