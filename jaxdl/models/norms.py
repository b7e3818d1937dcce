"""Norms: each is called with the inputs and whether this is training, and maps any shape to itself."""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, PyTree

import jaxdl.functional
from jaxdl import initializers
from jaxdl.backpropagation import Layer, layer
from jaxdl.models.blocks import dtype_for


class BatchNorm(nn.Module):
    """Batch normalization of the last axis: by the batch in training, by running averages of batches otherwise.

    After each batch an average $r$ becomes $m r + (1 - m) b$ of the batch's own $b$, with the momentum $m$ (as in Flax;
    PyTorch calls $1 - m$ its momentum, and averages the unbiased variance). The averages are kept in float32 at least.
    Raises ValueError in training for a single row, whose normal form is 0 whatever it holds.
    """

    momentum: float = 0.9
    epsilon: float = 1e-5
    functional: Any = jaxdl.functional

    @nn.compact
    def __call__(self, inputs: Array, training: bool) -> Array:
        """Map any shape to itself."""
        dtype, features = dtype_for(inputs), inputs.shape[-1:]
        scale, bias = _scale_and_bias(self, features, dtype)
        wide = jnp.promote_types(dtype, jnp.float32)
        mean = self.variable("batch_stats", "mean", jnp.zeros, features, wide)
        variance = self.variable("batch_stats", "var", jnp.ones, features, wide)
        if not training:
            running = mean.value.astype(dtype), variance.value.astype(dtype)
            return self.functional.batch_norm_inference(inputs, scale, bias, *running, epsilon=self.epsilon)
        if inputs.size == inputs.shape[-1]:
            raise ValueError(
                f"a batch norm in training must be given more than one row of {inputs.shape[-1]} features, but was "
                f"given {inputs.shape}: its mean is the row itself, and nothing of it is left. Take a larger batch."
            )
        outputs, batch_mean, batch_variance = self.functional.batch_norm(inputs, scale, bias, epsilon=self.epsilon)
        for running, of_batch in ((mean, batch_mean), (variance, batch_variance)):
            running.value = self.momentum * running.value + (1 - self.momentum) * of_batch.astype(wide)
        return outputs


class LayerNorm(nn.Module):
    """Layer normalization of the last axis, of each example (and pixel) by itself, in training or not."""

    epsilon: float = 1e-5
    functional: Any = jaxdl.functional

    @nn.compact
    def __call__(self, inputs: Array, training: bool = False) -> Array:  # noqa: ARG002
        """Map any shape to itself."""
        scale, bias = _scale_and_bias(self, inputs.shape[-1:], dtype_for(inputs))
        return self.functional.layer_norm(inputs, scale, bias, epsilon=self.epsilon)


Norm = type[BatchNorm] | type[LayerNorm]


def layer_of(norm: Norm, params: PyTree, running: PyTree | None) -> tuple[Layer, tuple[Array, ...]]:
    """The layer of a norm for `jaxdl.backpropagation`, and its own arguments: of a batch norm with running averages."""
    f, epsilon, own = jaxdl.functional, {"epsilon": norm().epsilon}, (params["scale"], params["bias"])
    if issubclass(norm, LayerNorm):
        return layer(f.layer_norm, epsilon), own
    if running is None:
        return layer(f.batch_norm, epsilon), own
    return layer(f.batch_norm_inference, epsilon), (*own, running["mean"], running["var"])


def _scale_and_bias(module, features, dtype):
    return module.param("scale", nn.initializers.ones, features, dtype), module.param(
        "bias", initializers.zeros, features, dtype
    )
