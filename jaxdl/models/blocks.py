"""Flax layers around single functions of `jaxdl.functional`.

Their parameters have the dtype of the inputs, or float32 if the inputs are integers. The field `functional` of each
layer is the module in which the layer looks up its function: `jaxdl.functional`, or another object with the same names,
such as `jaxdl.derivation.by_hand()`.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array
from typing_extensions import TypeAliasType

import jaxdl.functional
from jaxdl import initializers
from jaxdl.functional._types import Scalar

Activation = TypeAliasType("Activation", Callable[[Array], Array])
Padding = TypeAliasType("Padding", str | tuple[tuple[int, int], tuple[int, int]])


def resolve(functional: Any, function: Callable) -> Callable:
    """Return the function of this name in `functional`, or `function` itself if it is not from `jaxdl.functional`."""
    if isinstance(function, functools.partial):
        return functools.partial(resolve(functional, function.func), *function.args, **function.keywords)
    name = getattr(function, "__name__", "")
    return getattr(functional, name) if function is getattr(jaxdl.functional, name, None) else function


class Dense(nn.Module):
    """Dense layer: `functional.dense` with a kernel of shape (inputs, features) and a bias.

    Attributes:
        features: Number of outputs; None for that of the parameters.
        use_bias: False leaves the bias out, for a layer in front of a norm, which subtracts any bias again.
        kernel_init: Initializer of the kernel, `(key, shape, dtype) -> array`.
        bias_init: Initializer of the bias, likewise.
        functional: Module in which the layer looks up `dense`.
    """

    features: int | None = None
    _: dataclasses.KW_ONLY
    use_bias: bool = True
    kernel_init: Callable = initializers.he_normal
    bias_init: Callable = initializers.zeros
    functional: Any = jaxdl.functional

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        """Map (batch, inputs) to (batch, features)."""
        features = self._features_of_kernel() if self.features is None else self.features
        kernel = parameter(self, "kernel", self.kernel_init, (inputs.shape[-1], features), param_dtype(inputs))
        return self.functional.dense(inputs, kernel, _bias(self, kernel))

    @nn.nowrap
    def _features_of_kernel(self) -> int:
        """Return the number of outputs that the parameters have. Raises ValueError before they exist."""
        if not self.has_variable("params", "kernel"):
            raise ValueError(
                "the number of outputs must be known before parameters are drawn: give it to the model or to init, "
                "such as outputs=split.outputs, or train the model, which takes the number from the labels."
            )
        return self.get_variable("params", "kernel").shape[-1]


class Conv(nn.Module):
    """Two-dimensional convolution: `functional.conv2d` with a kernel (rows, columns, channels, filters) and a bias.

    Attributes:
        filters: Number of output channels.
        kernel: Height and width of the kernel, in pixels.
        stride: Step of the kernel along height and width, in pixels.
        padding: "SAME", "VALID", or the pixels to add ((top, bottom), (left, right)).
        use_bias: False leaves the bias out, for a layer in front of a norm, which subtracts any bias again.
        kernel_init: Initializer of the kernel, `(key, shape, dtype) -> array`.
        bias_init: Initializer of the bias, likewise.
        functional: Module in which the layer looks up `conv2d`.
    """

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
        kernel = parameter(self, "kernel", self.kernel_init, shape, param_dtype(inputs))
        return self.functional.conv2d(inputs, kernel, _bias(self, kernel), stride=self.stride, padding=self.padding)


class Embed(nn.Module):
    """Embedding: a table with one trainable vector per id in 0, ..., vocabulary - 1.

    The default variance is 1 / features, as in Flax, so that the vectors have length of about 1 for any vocabulary.
    (PyTorch draws from the standard normal distribution.)

    Attributes:
        vocabulary: Number of ids.
        features: Length of each vector.
        embedding_init: Initializer of the table, `(key, shape, dtype) -> array`.
        functional: Module in which the layer looks up `embed`.
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
    """Reshape each example to a vector: images row by row, with the channels of a pixel next to each other.

    Attributes:
        functional: Module in which the layer looks up `reshape`.
    """

    _: dataclasses.KW_ONLY
    functional: Any = jaxdl.functional

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        """Map (batch, ...) to (batch, features)."""
        return self.functional.reshape(inputs)


class Dropout(nn.Module):
    """Dropout in training, the identity otherwise.

    Attributes:
        rate: Probability of setting a number to zero, in [0, 1).
        functional: Module in which the layer looks up `dropout`.
    """

    rate: Scalar
    _: dataclasses.KW_ONLY
    functional: Any = jaxdl.functional

    @nn.compact
    def __call__(self, inputs: Array, training: bool) -> Array:
        """Map any shape to itself."""
        if not training:
            return inputs
        return self.functional.dropout(self.make_rng("dropout"), inputs, rate=self.rate)


def param_dtype(inputs: Array) -> Any:
    """Return the dtype of parameters for these inputs: the inputs' own if it is floating, else float32."""
    return inputs.dtype if jnp.issubdtype(inputs.dtype, jnp.floating) else jnp.float32


def parameter(module: nn.Module, name: str, init: Callable, shape: tuple[int, ...], dtype: Any) -> Array:
    """Declare a parameter of a module, initialized by `init(key, shape, dtype)`.

    Raises:
        TypeError: If `init` does not return an array.
    """
    return module.param(name, functools.partial(_init_array, name, init), shape, dtype)


def _init_array(name, init, key, shape, dtype):
    value = init(key, shape, dtype)
    if not hasattr(value, "shape"):
        raise TypeError(
            f"{name}_init(key, shape, dtype) must return an array, got {value!r}. Call the functions of "
            "jax.nn.initializers first: pass he_normal(), not he_normal."
        )
    return value


def _bias(module, kernel):
    """Return the bias, one number per output of the kernel: a parameter, or zeros if the module has no bias."""
    shape = kernel.shape[-1:]
    return (
        parameter(module, "bias", module.bias_init, shape, kernel.dtype)
        if module.use_bias
        else jnp.zeros(shape, kernel.dtype)
    )
