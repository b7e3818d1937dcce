"""Layers with parameters of their own, each calling the function of `jaxdl.functional` that it is named after.

`functional` is that module, or a stand-in with the same names such as `jaxdl.derivation.by_hand()`.
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array

import jaxdl.functional
from jaxdl import initializers


def belongs(function: Any, functional: Any) -> bool:
    """May it stand beside this functional? jaxdl's own functions stand beside no other."""
    return functional is jaxdl.functional or all(function is not own for own in vars(jaxdl.functional).values())


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


class Conv(nn.Module):
    """A convolution with so many filters; without a bias where a norm follows, which would take it away again."""

    filters: int
    kernel: tuple[int, int] = (3, 3)
    stride: tuple[int, int] = (1, 1)
    padding: str | tuple[tuple[int, int], tuple[int, int]] = "SAME"
    use_bias: bool = True
    kernel_init: Callable = initializers.he_normal
    bias_init: Callable = initializers.zeros
    functional: Any = jaxdl.functional

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        """Map (batch, height, width, channels) to (batch, new_height, new_width, filters)."""
        kernel = self.param("kernel", self.kernel_init, (*self.kernel, inputs.shape[-1], self.filters))
        shape = (self.filters,)
        bias = self.param("bias", self.bias_init, shape) if self.use_bias else jnp.zeros(shape, kernel.dtype)
        return self.functional.conv2d(inputs, kernel, bias, stride=self.stride, padding=self.padding)


class BatchNorm(nn.Module):
    """Batch normalization of the last axis: by the batch in training, by running averages of batches otherwise.

    After each batch an average $r$ becomes $m r + (1 - m) b$ of the batch's own $b$, with the momentum $m$ (as in Flax;
    PyTorch calls $1 - m$ its momentum).
    """

    momentum: float = 0.9
    epsilon: float = 1e-5
    functional: Any = jaxdl.functional

    @nn.compact
    def __call__(self, inputs: Array, training: bool) -> Array:
        """Map any shape to itself."""
        features = (inputs.shape[-1],)
        scale, bias = _scale_and_bias(self, features)
        mean = self.variable("batch_stats", "mean", jnp.zeros, features)
        variance = self.variable("batch_stats", "var", jnp.ones, features)
        if not training:
            return self.functional.batch_norm_inference(
                inputs, scale, bias, mean.value, variance.value, epsilon=self.epsilon
            )
        outputs, batch_mean, batch_variance = self.functional.batch_norm(inputs, scale, bias, epsilon=self.epsilon)
        mean.value = self.momentum * mean.value + (1 - self.momentum) * batch_mean
        variance.value = self.momentum * variance.value + (1 - self.momentum) * batch_variance
        return outputs


class LayerNorm(nn.Module):
    """Layer normalization of the last axis, of each example (and pixel) by itself."""

    epsilon: float = 1e-5
    functional: Any = jaxdl.functional

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        """Map any shape to itself."""
        features = (inputs.shape[-1],)
        scale, bias = _scale_and_bias(self, features)
        return self.functional.layer_norm(inputs, scale, bias, epsilon=self.epsilon)


def _scale_and_bias(module, features):
    return module.param("scale", nn.initializers.ones, features), module.param("bias", initializers.zeros, features)
