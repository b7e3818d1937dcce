"""Norms: each is called with the inputs and whether this is training, and maps any shape to itself."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, PyTree

import jaxdl.functional
from jaxdl import initializers
from jaxdl.backpropagation import Layer, layer
from jaxdl.models.blocks import dtype_for
from jaxdl.models.listening import listen
from jaxdl.models.model import Model


class BatchNorm(nn.Module):
    """Batch normalization of the last axis: by the batch in training, by running averages of batches otherwise.

    After each batch an average $r$ becomes $m r + (1 - m) b$ of the batch's own $b$, with the momentum $m$ (as in Flax,
    whose default is 0.99; PyTorch calls $1 - m$ its momentum, 0.1, and averages the unbiased variance). The averages
    are kept in float32 at least. Of a single row nothing is left in training but the bias: `jaxdl.training.fit` refuses
    such a batch. Other settings for a whole network: `mlp(…, norm=functools.partial(BatchNorm, momentum=0.99))`.
    """

    _: dataclasses.KW_ONLY
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
        outputs, batch_mean, batch_variance = self.functional.batch_norm(inputs, scale, bias, epsilon=self.epsilon)
        for running, of_batch in ((mean, batch_mean), (variance, batch_variance)):
            running.value = self.momentum * running.value + (1 - self.momentum) * of_batch.astype(wide)
        return outputs


class LayerNorm(nn.Module):
    """Layer normalization of the last axis, of each example (and pixel) by itself, in training or not.

    The epsilon is PyTorch's; Flax has 1e-6.
    """

    _: dataclasses.KW_ONLY
    epsilon: float = 1e-5
    functional: Any = jaxdl.functional

    @nn.compact
    def __call__(self, inputs: Array, training: bool = False) -> Array:  # noqa: ARG002
        """Map any shape to itself."""
        scale, bias = _scale_and_bias(self, inputs.shape[-1:], dtype_for(inputs))
        return self.functional.layer_norm(inputs, scale, bias, epsilon=self.epsilon)


class GroupNorm(nn.Module):
    """Group normalization: of groups of neighbouring channels over all of space, of each example by itself.

    As layer normalization it is the same in training or not. Raises ValueError where the groups do not divide the
    channels. The epsilon is PyTorch's; Flax has 1e-6.
    """

    _: dataclasses.KW_ONLY
    groups: int = 32
    epsilon: float = 1e-5
    functional: Any = jaxdl.functional

    @nn.compact
    def __call__(self, inputs: Array, training: bool = False) -> Array:  # noqa: ARG002
        """Map any shape to itself."""
        scale, bias = _scale_and_bias(self, inputs.shape[-1:], dtype_for(inputs))
        return self.functional.group_norm(inputs, scale, bias, groups=self.groups, epsilon=self.epsilon)


Norm = Callable[..., nn.Module]


def check_norm(norm: Any) -> None:
    """Refuse, with TypeError, what makes no `BatchNorm`, `LayerNorm` or `GroupNorm`; None is no norm at all."""
    kind = norm.func if isinstance(norm, functools.partial) else norm
    if kind is not None and not (isinstance(kind, type) and issubclass(kind, BatchNorm | LayerNorm | GroupNorm)):
        raise TypeError(
            "norm must be jaxdl.models.BatchNorm, LayerNorm or GroupNorm, or functools.partial of one of them, but was "
            f"{norm!r}."
        )


def layer_of(norm: Norm, number: int, params: PyTree, stats: PyTree | None) -> tuple[Layer, tuple[Array, ...]]:
    """A network's norm of this number for `jaxdl.backpropagation`, and its own arguments.

    Of a batch norm with running averages where there are `stats`, and with those of the batch otherwise.
    """
    made: Any = norm(parent=None)
    name = f"{type(made).__name__}_{number}"
    f, epsilon, own = jaxdl.functional, {"epsilon": made.epsilon}, (params[name]["scale"], params[name]["bias"])
    running = stats["batch_stats"][name] if stats and "batch_stats" in stats else None
    if isinstance(made, LayerNorm):
        return layer(f.layer_norm, epsilon), own
    if isinstance(made, GroupNorm):
        return layer(f.group_norm, {**epsilon, "groups": made.groups}), own
    if running is None:
        return layer(f.batch_norm, epsilon), own
    return layer(f.batch_norm_inference, epsilon), (*own, running["mean"], running["var"])


def check_rows(model: Model, inputs: Any) -> None:
    """Refuse, with ValueError, a batch of which a batch norm sees one row in training: its mean is the row itself."""
    params, stats = jax.eval_shape(model.init, jax.random.key(0), inputs)
    apply = lambda params, stats, inputs: model.apply(params, stats, inputs, key=jax.random.key(0))  # noqa: E731
    for call in listen(apply, params, stats, inputs).calls:
        if _averages(call) and call.inputs.size == math.prod(call.inputs.shape[axis] for axis in _axes(call.module)):
            raise ValueError(
                f"batch_size must give the batch norm {call.path} more than one row, but it would see one, "
                f"{call.inputs.shape}, and make the same of every row: take a larger batch, or a layer norm."
            )


def _averages(call):
    """Does it take the mean of the batch, in training?"""
    if not isinstance(call.module, nn.BatchNorm | nnx.BatchNorm):
        return isinstance(call.module, BatchNorm)
    frozen, across = call.arguments.get("use_running_average"), call.module.axis_name
    return across is None and not (call.module.use_running_average if frozen is None else frozen)


def _axes(module):
    """The axes of the features."""
    axis = getattr(module, "axis", -1)
    return (axis,) if isinstance(axis, int) else axis


def _scale_and_bias(module, features, dtype):
    return module.param("scale", initializers.ones, features, dtype), module.param(
        "bias", initializers.zeros, features, dtype
    )
