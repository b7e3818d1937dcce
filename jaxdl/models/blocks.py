"""Layers with parameters of their own, each calling the function of `jaxdl.functional` that it is named after.

`functional` is that module, or a stand-in with the same names such as `jaxdl.derivation.by_hand()`.
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
from jaxtyping import Array

import jaxdl.functional
from jaxdl import initializers


class Dense(nn.Module):
    """A dense layer of so many features, its kernel and bias drawn as the two initializers say."""

    features: int
    kernel_init: Callable = initializers.he_normal
    bias_init: Callable = initializers.zeros
    functional: Any = jaxdl.functional

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        """Map (batch, inputs) to (batch, features)."""
        kernel = self.param("kernel", self.kernel_init, (inputs.shape[-1], self.features))
        bias = self.param("bias", self.bias_init, (self.features,))
        return self.functional.dense(inputs, kernel, bias)


class Dropout(nn.Module):
    """Dropout at a rate, in training; otherwise nothing."""

    rate: float
    functional: Any = jaxdl.functional

    @nn.compact
    def __call__(self, inputs: Array, training: bool) -> Array:
        """Map any shape to itself."""
        if not training:
            return inputs
        return self.functional.dropout(self.make_rng("dropout"), inputs, rate=self.rate)
