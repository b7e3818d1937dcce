"""Recurrent networks: the layers `RNN`, `GRU` and `LSTM`, and `recurrent`, which classifies sequences with them."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array
from typing_extensions import TypeAliasType

import jaxdl.functional
from jaxdl import initializers
from jaxdl.functional._types import Scalar
from jaxdl.models._validity import check_dropout_rate, check_function, check_outputs, checked_sizes, is_zero
from jaxdl.models.blocks import Dense, Dropout, Embed, param_dtype, parameter
from jaxdl.models.model import Model, from_linen


class _RecurrentLayer(nn.Module):
    """The settings of a recurrent layer."""

    features: int
    _: dataclasses.KW_ONLY
    input_init: Callable = initializers.lecun_normal
    hidden_init: Callable = initializers.orthogonal
    functional: Any = jaxdl.functional


class RNN(_RecurrentLayer):
    """Plain recurrent layer: `functional.rnn` with an initial state of zeros.

    Attributes:
        features: Size of the hidden state.
        input_init: Initializer of the kernel that acts on the inputs.
        hidden_init: Initializer of the matrix that acts on the hidden state.
        functional: Module in which the layer looks up `rnn`.
    """

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        """Map (batch, time, inputs) to the hidden states (batch, time, features)."""
        weights, zeros = _weights(self, inputs, gates=1)
        return self.functional.rnn(inputs, zeros, *weights)


class GRU(_RecurrentLayer):
    """Layer of gated recurrent units: `functional.gru` with an initial state of zeros.

    Attributes:
        features: Size of the hidden state.
        input_init: Initializer of the kernel that acts on the inputs.
        hidden_init: Initializer of the matrices, one per gate, that act on the hidden state.
        functional: Module in which the layer looks up `gru`.
        reset_after: Whether the reset gate acts after the product with the matrix, as in PyTorch, or before it, as in
            the paper; see `functional.gru_cell`. With False the layer has one bias per gate and no `candidate_bias`.
    """

    _: dataclasses.KW_ONLY
    reset_after: bool = True

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        """Map (batch, time, inputs) to the hidden states (batch, time, features)."""
        weights, zeros = _weights(self, inputs, gates=3)
        shape, dtype = (self.features,), param_dtype(inputs)
        if not self.reset_after:
            return self.functional.gru(inputs, zeros, *weights, jnp.zeros(shape, dtype), reset_after=False)
        candidate_bias = self.param("candidate_bias", initializers.zeros, shape, dtype)
        return self.functional.gru(inputs, zeros, *weights, candidate_bias)


class LSTM(_RecurrentLayer):
    """Layer of long short-term memory cells: `functional.lstm` with initial hidden and cell states of zeros.

    The bias of the forget gate starts at 1, so that the cells keep their content at first: Jozefowicz, Zaremba and
    Sutskever, *An empirical exploration of recurrent network architectures* (2015), section 4.3.

    Attributes:
        features: Size of the hidden state and of the cell state.
        input_init: Initializer of the kernel that acts on the inputs.
        hidden_init: Initializer of the matrices, one per gate, that act on the hidden state.
        functional: Module in which the layer looks up `lstm`.
    """

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        """Map (batch, time, inputs) to the hidden states (batch, time, features)."""
        weights, zeros = _weights(self, inputs, gates=4, bias_init=_forget_bias_one)
        outputs, _ = self.functional.lstm(inputs, zeros, zeros, *weights)
        return outputs


RecurrentLayer = TypeAliasType("RecurrentLayer", type[RNN] | type[GRU] | type[LSTM] | functools.partial)

# Names of the layers in the parameter tree: models saved when the classes had these names still load.
SAVED_NAMES = {RNN: "Rnn", GRU: "Gru", LSTM: "Lstm"}


class Recurrent(nn.Module):
    """Recurrent classifier as a Flax Linen module; `recurrent` returns it as a `Model` and describes the settings.

    Attributes:
        layer, hidden, outputs, embedding, dropout_rate, kernel_init, functional: The arguments of `recurrent`.
    """

    layer: RecurrentLayer = LSTM
    hidden: tuple[int, ...] = (128,)
    outputs: int | None = None
    _: dataclasses.KW_ONLY
    embedding: tuple[int, int] | None = None
    dropout_rate: Scalar = 0.0
    kernel_init: Callable = initializers.lecun_normal
    functional: Any = jaxdl.functional

    def __post_init__(self):
        check_function("layer", self.layer)
        if isinstance(self.layer, nn.Module):
            raise TypeError(
                f"layer must be a class, such as models.LSTM, got an instance of {type(self.layer).__name__}."
            )
        self.hidden = checked_sizes("hidden", self.hidden)
        check_outputs(self.outputs)
        if not self.hidden:
            raise ValueError("hidden must have an entry for each recurrent layer, got ().")
        if self.embedding is not None:
            checked_sizes("embedding", self.embedding, count=2)
        check_function("kernel_init", self.kernel_init)
        check_dropout_rate(self.dropout_rate)
        super().__post_init__()

    @nn.compact
    def __call__(self, inputs: Array, training: bool = False) -> Array:
        """Map (batch, time, inputs), or (batch, time) of ids if there is an embedding, to (batch, outputs)."""
        signal = Embed(*self.embedding, functional=self.functional)(inputs) if self.embedding else inputs
        if signal.ndim != 3 or signal.shape[1] == 0:
            raise ValueError(
                f"inputs must be sequences (batch, time, features) of at least one time step, got the shape "
                f"{inputs.shape}. For sequences of ids (batch, time), set embedding=(vocabulary, features)."
            )
        for number, features in enumerate(self.hidden):
            name = _saved_name(self.layer, number)
            layer = self.layer(features, input_init=self.kernel_init, functional=self.functional, name=name)
            signal = layer(signal)
            if not is_zero(self.dropout_rate):
                signal = Dropout(self.dropout_rate, functional=self.functional)(signal, training)
        return Dense(self.outputs, kernel_init=self.kernel_init, functional=self.functional)(signal[:, -1])


def recurrent(
    layer: RecurrentLayer = LSTM,
    hidden: tuple[int, ...] = (128,),
    outputs: int | None = None,
    *,
    embedding: tuple[int, int] | None = None,
    dropout_rate: Scalar = 0.0,
    kernel_init: Callable = initializers.lecun_normal,
    functional: Any = jaxdl.functional,
) -> Model:
    """Classifier of sequences: stacked recurrent layers, then a dense layer on the last hidden state of the last one.

    Inputs have shape (batch, time, features), or (batch, time) of integer ids if there is an `embedding`. All sequences
    of a batch have the same length. The outputs, of shape (batch, outputs), have no activation.

    Args:
        layer: Class of the recurrent layers: `RNN`, `GRU` or `LSTM`. `functools.partial(GRU, reset_after=False)` is the
            GRU of the original paper.
        hidden: Size of the hidden state of each recurrent layer.
        outputs: Number of outputs, such as `split.outputs` for a split of a data set. None leaves it to training, which
            takes it from the labels.
        embedding: (vocabulary, features): number of ids, and length of the trainable vector of each. None for inputs
            that are not ids.
        dropout_rate: Dropout rate after every recurrent layer, in [0, 1). (PyTorch has no dropout after the last.)
        kernel_init: Initializer of the kernels that act on the inputs of a layer, `(key, shape, dtype) -> array`. The
            matrices that act on hidden states are orthogonal.
        functional: Module in which the layers look up their functions, as in `mlp`.

    Returns:
        The model.

    Raises:
        ValueError: If a size is below 1, there is no recurrent layer, or the dropout rate is outside [0, 1).
        TypeError: If a size or function has another type.

    Example:
        >>> from jaxdl import models
        >>> model = models.recurrent(models.LSTM, (16,), 2, embedding=(100, 8))
        >>> ids = jnp.zeros((3, 5), int)
        >>> params, stats = model.init(jax.random.key(0), ids)
        >>> model.apply(params, stats, ids)[0].shape
        (3, 2)
    """
    return from_linen(Recurrent(**locals()))  # each argument is the field of the same name


def _saved_name(layer, number):
    """Return the name of a recurrent layer in the parameter tree; None lets Flax name a layer that is not jaxdl's."""
    kind = SAVED_NAMES.get(layer.func if isinstance(layer, functools.partial) else layer)
    return kind and f"{kind}_{number}"


def _weights(layer, inputs, gates, bias_init=initializers.zeros):
    """Return the input kernel, hidden kernel and bias of a layer with this number of gates, and a state of zeros."""
    features, dtype = layer.features, param_dtype(inputs)

    def hidden_init(key, shape, dtype):  # one matrix per gate
        matrices = [layer.hidden_init(part, (features, features), dtype) for part in jax.random.split(key, gates)]
        return jnp.concatenate(matrices, axis=1).reshape(shape)

    weights = (
        parameter(layer, "input_kernel", layer.input_init, (inputs.shape[-1], gates * features), dtype),
        parameter(layer, "hidden_kernel", hidden_init, (features, gates * features), dtype),
        layer.param("bias", bias_init, (gates * features,), dtype),
    )
    return weights, jnp.zeros((len(inputs), features), dtype)


def _forget_bias_one(key, shape, dtype):  # noqa: ARG001
    """Return a bias of zeros, but ones for the forget gate, the second of four."""
    return jnp.zeros(shape, dtype).at[shape[0] // 4 : shape[0] // 2].set(1)
