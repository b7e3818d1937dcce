"""Normalization layers. Each is called with (inputs, training) and returns an array of the shape of the inputs."""

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
from typing_extensions import TypeAliasType

import jaxdl.functional
from jaxdl import initializers
from jaxdl._formatting import format_argument
from jaxdl.backpropagation import Layer, layer
from jaxdl.models.blocks import param_dtype
from jaxdl.models.call_recorder import record_calls
from jaxdl.models.model import Model, check_model


class BatchNorm(nn.Module):
    """Batch normalization of the last axis: with the batch's statistics in training, with running averages otherwise.

    After each batch, a running average $r$ becomes $m r + (1 - m) b$, where $b$ is the mean or the biased variance of
    the batch and $m$ the momentum. (Flax has the same convention and the default 0.99. PyTorch calls $1 - m$ its
    momentum, 0.1, and averages the unbiased variance.) With batch size 1, batch normalization outputs its bias:
    `jaxdl.training.fit` raises ValueError for such a batch. To change a setting in a whole network, give the factory
    `norm=functools.partial(BatchNorm, momentum=0.99)`.

    Attributes:
        momentum: Weight $m$ of the previous running average, in [0, 1].
        epsilon: Number added to the variance.
        functional: Module in which the layer looks up `batch_norm` and `batch_norm_inference`.
    """

    _: dataclasses.KW_ONLY
    momentum: float = 0.9
    epsilon: float = 1e-5
    functional: Any = jaxdl.functional

    @nn.compact
    def __call__(self, inputs: Array, training: bool) -> Array:
        """Map any shape to itself."""
        dtype, features = param_dtype(inputs), inputs.shape[-1:]
        scale, bias = _scale_and_bias(self, features, dtype)
        average_dtype = jnp.promote_types(dtype, jnp.float32)  # bfloat16 would lose the small updates
        mean = self.variable("batch_stats", "mean", jnp.zeros, features, average_dtype)
        variance = self.variable("batch_stats", "var", jnp.ones, features, average_dtype)
        if not training:
            running = mean.value.astype(dtype), variance.value.astype(dtype)
            return self.functional.batch_norm_inference(inputs, scale, bias, *running, epsilon=self.epsilon)
        outputs, batch_mean, batch_variance = self.functional.batch_norm(inputs, scale, bias, epsilon=self.epsilon)
        for running, batch_value in ((mean, batch_mean), (variance, batch_variance)):
            running.value = self.momentum * running.value + (1 - self.momentum) * batch_value.astype(average_dtype)
        return outputs


class LayerNorm(nn.Module):
    """Layer normalization of the last axis, for each example (and pixel) separately, in training and evaluation alike.

    Attributes:
        epsilon: Number added to the variance. The default is PyTorch's; Flax has 1e-6.
        functional: Module in which the layer looks up `layer_norm`.
    """

    _: dataclasses.KW_ONLY
    epsilon: float = 1e-5
    functional: Any = jaxdl.functional

    @nn.compact
    def __call__(self, inputs: Array, training: bool = False) -> Array:  # noqa: ARG002
        """Map any shape to itself."""
        scale, bias = _scale_and_bias(self, inputs.shape[-1:], param_dtype(inputs))
        return self.functional.layer_norm(inputs, scale, bias, epsilon=self.epsilon)


class GroupNorm(nn.Module):
    """Group normalization: of groups of adjacent channels over all pixels, for each example separately.

    It computes the same in training and evaluation. Calling it raises ValueError if `groups` does not divide the number
    of channels.

    Attributes:
        groups: Number of groups.
        epsilon: Number added to the variance. The default is PyTorch's; Flax has 1e-6.
        functional: Module in which the layer looks up `group_norm`.
    """

    _: dataclasses.KW_ONLY
    groups: int = 32
    epsilon: float = 1e-5
    functional: Any = jaxdl.functional

    @nn.compact
    def __call__(self, inputs: Array, training: bool = False) -> Array:  # noqa: ARG002
        """Map any shape to itself."""
        scale, bias = _scale_and_bias(self, inputs.shape[-1:], param_dtype(inputs))
        return self.functional.group_norm(inputs, scale, bias, groups=self.groups, epsilon=self.epsilon)


Norm = TypeAliasType("Norm", Callable[..., nn.Module])


def check_norm(norm: Any) -> None:
    """Raise TypeError unless `norm` is None, one of the three norms, a subclass or a `functools.partial` of one."""
    kind = norm.func if isinstance(norm, functools.partial) else norm
    if kind is not None and not (isinstance(kind, type) and issubclass(kind, BatchNorm | LayerNorm | GroupNorm)):
        raise TypeError(
            "norm must be jaxdl.models.BatchNorm, LayerNorm or GroupNorm, or a functools.partial of one of them, got "
            f"{format_argument(norm)}: pass the class itself."
        )


def norm_layer(norm: Norm, number: int, params: PyTree, stats: PyTree | None) -> tuple[Layer, tuple[Array, ...]]:
    """Return a network's norm with this number as a layer of `jaxdl.backpropagation`, and the layer's own arguments.

    Batch normalization uses its running averages if `stats` are given, and the statistics of the batch otherwise.
    """
    module: Any = norm(parent=None)
    name = f"{type(module).__name__}_{number}"
    f, epsilon, own = jaxdl.functional, {"epsilon": module.epsilon}, (params[name]["scale"], params[name]["bias"])
    running = stats["batch_stats"][name] if stats and "batch_stats" in stats else None
    if isinstance(module, LayerNorm):
        return layer(f.layer_norm, epsilon), own
    if isinstance(module, GroupNorm):
        return layer(f.group_norm, {**epsilon, "groups": module.groups}), own
    if running is None:
        return layer(f.batch_norm, epsilon), own
    return layer(f.batch_norm_inference, epsilon), (*own, running["mean"], running["var"])


def check_batch_norm(model: Model, inputs: Any) -> None:
    """Check that every batch normalization of a model averages over more than one row of this batch.

    The mean of a single row is the row itself, so that the layer would output its bias for every input. Rows are all
    axes but the features: an image of several pixels has several rows. Flax's own batch norms are checked, too. Only
    shapes are computed.

    Args:
        model: The model, which is traced in training mode.
        inputs: A batch, or `jax.ShapeDtypeStruct`s of one.

    Raises:
        ValueError: If a batch normalization would see a single row; the message names the first.

    Example:
        >>> from jaxdl import models
        >>> model = models.mlp((4,), 2, norm=models.BatchNorm)
        >>> models.check_batch_norm(model, jnp.ones((2, 3)))
        >>> models.check_batch_norm(model, jnp.ones((1, 3)))
        Traceback (most recent call last):
            ...
        ValueError: batch_size is too small for batch normalization: BatchNorm_0 would see one row, of shape (1, 4)...
    """
    check_model(model)
    params, stats = jax.eval_shape(model.init, jax.random.key(0), inputs)
    apply = lambda params, stats, inputs: model.apply(params, stats, inputs, key=jax.random.key(0))  # noqa: E731
    for call in record_calls(apply, params, stats, inputs).calls:
        if _uses_batch_mean(call) and _has_one_row(call):
            raise ValueError(
                f"batch_size is too small for batch normalization: {call.path} would see one row, of shape "
                f"{call.inputs.shape}, and output its bias for every input. Use a larger batch or models.LayerNorm."
            )


def _uses_batch_mean(call):
    """Return whether the module that is called is a batch normalization, and uses the mean of the batch."""
    if not isinstance(call.module, nn.BatchNorm | nnx.BatchNorm):
        return isinstance(call.module, BatchNorm)
    frozen, axis_name = call.arguments.get("use_running_average"), call.module.axis_name
    return axis_name is None and not (call.module.use_running_average if frozen is None else frozen)


def _has_one_row(call):
    """Return whether the axes other than the features have size 1."""
    axis = getattr(call.module, "axis", -1)
    features = (axis,) if isinstance(axis, int) else axis
    return call.inputs.size == math.prod(call.inputs.shape[axis] for axis in features)


def _scale_and_bias(module, features, dtype):
    return module.param("scale", initializers.ones, features, dtype), module.param(
        "bias", initializers.zeros, features, dtype
    )
