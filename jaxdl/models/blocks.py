"""Layers with parameters of their own, each calling the function of `jaxdl.functional` that it is named after.

`functional` is that module, or a stand-in with the same names such as `jaxdl.derivation.by_hand()`. Parameters are
drawn in the dtype of the inputs, and where these are integers in float32.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array

import jaxdl.functional
from jaxdl import initializers

Padding = str | tuple[tuple[int, int], tuple[int, int]]


def found_in(functional: Any, function: Callable) -> Callable:
    """A function of `jaxdl.functional` as the functional has it, by its name; any other function as it is."""
    if isinstance(function, functools.partial):
        return functools.partial(found_in(functional, function.func), *function.args, **function.keywords)
    name = getattr(function, "__name__", "")
    return getattr(functional, name) if function is getattr(jaxdl.functional, name, None) else function


class Dense(nn.Module):
    """A dense layer with `features` outputs; without a bias where a norm follows, which would take it away again."""

    features: int
    _: dataclasses.KW_ONLY
    use_bias: bool = True
    kernel_init: Callable = initializers.he_normal
    bias_init: Callable = initializers.zeros
    functional: Any = jaxdl.functional

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        """Map (batch, inputs) to (batch, features)."""
        kernel = parameter(self, "kernel", self.kernel_init, (inputs.shape[-1], self.features), dtype_for(inputs))
        return self.functional.dense(inputs, kernel, _bias(self, kernel))


class Conv(nn.Module):
    """A convolution with `filters` filters; without a bias where a norm follows, which would take it away again."""

    filters: int
    _: dataclasses.KW_ONLY
    kernel: tuple[int, int] = (3, 3)
    stride: tuple[int, int] = (1, 1)
    padding: Padding = "SAME"
    use_bias: bool = True
    kernel_init: Callable = initializers.he_normal
    bias_init: Callable = initializers.zeros
    functional: Any = jaxdl.functional

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        """Map (batch, height, width, channels) to (batch, new_height, new_width, filters)."""
        shape = (*self.kernel, inputs.shape[-1], self.filters)
        kernel = parameter(self, "kernel", self.kernel_init, shape, dtype_for(inputs))
        return self.functional.conv2d(inputs, kernel, _bias(self, kernel), stride=self.stride, padding=self.padding)


class Embed(nn.Module):
    """A table of vectors, one for each id below the size of the vocabulary.

    By default the variance is 1 over the features, so that a vector has about the length 1 whatever the vocabulary, as
    in Flax. (PyTorch draws from the standard normal distribution.)
    """

    vocabulary: int
    features: int
    _: dataclasses.KW_ONLY
    embedding_init: Callable = functools.partial(initializers.lecun_normal, fan=initializers.fan_out)
    functional: Any = jaxdl.functional

    @nn.compact
    def __call__(self, ids: Array) -> Array:
        """Map integers of any shape to (..., features)."""
        table = parameter(self, "embedding", self.embedding_init, (self.vocabulary, self.features), jnp.float32)
        return self.functional.embed(ids, table)


class Flatten(nn.Module):
    """All numbers of an example in one row: of an image row by row, the channels of a pixel side by side."""

    _: dataclasses.KW_ONLY
    functional: Any = jaxdl.functional

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        """Map (batch, ...) to (batch, features)."""
        return self.functional.reshape(inputs)


class Dropout(nn.Module):
    """Dropout at a rate, in training; otherwise nothing."""

    rate: float
    _: dataclasses.KW_ONLY
    functional: Any = jaxdl.functional

    @nn.compact
    def __call__(self, inputs: Array, training: bool) -> Array:
        """Map any shape to itself."""
        if not training:
            return inputs
        return self.functional.dropout(self.make_rng("dropout"), inputs, rate=self.rate)


def dtype_for(inputs: Array) -> Any:
    """The dtype of parameters for such inputs: theirs, or float32 where they are no floating numbers."""
    return inputs.dtype if jnp.issubdtype(inputs.dtype, jnp.floating) else jnp.float32


def parameter(module: nn.Module, name: str, init: Callable, shape: tuple[int, ...], dtype: Any) -> Array:
    """A parameter of a module, drawn by `init(key, shape, dtype)`. Raises TypeError where that draws no array."""

    def draw(key, shape, dtype):
        drawn = init(key, shape, dtype)
        if not hasattr(drawn, "shape"):
            raise TypeError(
                f"{name}_init must draw an array for (key, shape, dtype), but returned {drawn!r}: those of "
                "jax.nn.initializers are called first, he_normal()."
            )
        return drawn

    return module.param(name, draw, shape, dtype)


def _bias(module, kernel):
    """One number for each output of a kernel: a parameter, or zeros for a module without."""
    shape = kernel.shape[-1:]
    return (
        parameter(module, "bias", module.bias_init, shape, kernel.dtype)
        if module.use_bias
        else jnp.zeros(shape, kernel.dtype)
    )
