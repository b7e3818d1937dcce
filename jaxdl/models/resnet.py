"""Residual networks (ResNets) for small images."""

import dataclasses
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array
from typing_extensions import TypeAliasType

import jaxdl.functional
from jaxdl import initializers
from jaxdl.models._validity import check_function, check_outputs, checked_sizes
from jaxdl.models.blocks import Activation, Conv, Dense, resolve
from jaxdl.models.model import Model, from_linen
from jaxdl.models.norms import BatchNorm, Norm, check_norm


class _Block(nn.Module):
    """The settings of a residual block."""

    filters: int
    stride: int
    norm: Norm
    activation: Activation
    kernel_init: Callable
    functional: Any


class PostActivation(_Block):
    """Residual block: convolution, norm, activation, convolution, norm; then add the input and apply the activation.

    He et al., *Deep residual learning for image recognition* (2016), figure 2.

    Attributes:
        filters: Number of output channels.
        stride: Stride of the first convolution.
        norm: Class of the norms.
        activation: Activation function.
        kernel_init: Initializer of every kernel.
        functional: Module in which the layers look up their functions.
    """

    @nn.compact
    def __call__(self, inputs: Array, training: bool) -> Array:
        """Map (batch, height, width, channels) to (batch, height / stride, width / stride, filters)."""
        activation, signal = resolve(self.functional, self.activation), _conv(self, self.stride)(inputs)
        signal = activation(self.norm(functional=self.functional)(signal, training))
        signal = self.norm(functional=self.functional)(_conv(self)(signal), training)
        return activation(shortcut(inputs, self.filters, self.stride) + signal)


class PreActivation(_Block):
    """Residual block: norm, activation, convolution, twice; then add the input.

    No activation follows the sum, so that the input passes unchanged from block to block. He et al., *Identity mappings
    in deep residual networks* (2016), figure 1(b).

    Attributes:
        filters: Number of output channels.
        stride: Stride of the first convolution.
        norm: Class of the norms.
        activation: Activation function.
        kernel_init: Initializer of every kernel.
        functional: Module in which the layers look up their functions.
    """

    @nn.compact
    def __call__(self, inputs: Array, training: bool) -> Array:
        """Map (batch, height, width, channels) to (batch, height / stride, width / stride, filters)."""
        activation = resolve(self.functional, self.activation)
        signal = activation(self.norm(functional=self.functional)(inputs, training))
        signal = _conv(self, self.stride)(signal)
        signal = activation(self.norm(functional=self.functional)(signal, training))
        return shortcut(inputs, self.filters, self.stride) + _conv(self)(signal)


Block = TypeAliasType("Block", type[PostActivation] | type[PreActivation])


class ResNet(nn.Module):
    """Residual network as a Flax Linen module; `resnet` returns it as a `Model` and describes the settings.

    Attributes:
        blocks, filters, outputs, block, norm, activation, kernel_init, functional: The arguments of `resnet`.
    """

    blocks: tuple[int, ...] = (3, 3, 3)
    filters: tuple[int, ...] = (16, 32, 64)
    outputs: int | None = None
    _: dataclasses.KW_ONLY
    block: Block = PostActivation
    norm: Norm = BatchNorm
    activation: Activation = jaxdl.functional.relu
    kernel_init: Callable = initializers.he_normal
    functional: Any = jaxdl.functional

    def __post_init__(self):
        self.blocks = checked_sizes("blocks", self.blocks)
        self.filters = checked_sizes("filters", self.filters, count=len(self.blocks))
        check_outputs(self.outputs)
        if not self.blocks:
            raise ValueError("blocks must have an entry for each stage, got ().")
        if [*self.filters] != sorted(self.filters):
            raise ValueError(f"filters must not decrease from stage to stage, got {self.filters}.")
        for name in ("block", "norm", "activation", "kernel_init"):
            check_function(name, getattr(self, name))
        check_norm(self.norm)
        super().__post_init__()

    @nn.compact
    def __call__(self, inputs: Array, training: bool = False) -> Array:
        """Map (batch, height, width, channels) to (batch, outputs)."""
        first = Conv(
            self.filters[0], padding=HALF, use_bias=False, kernel_init=self.kernel_init, functional=self.functional
        )
        signal = first(inputs)
        pre_activation = issubclass(self.block, PreActivation)
        if not pre_activation:
            signal = self._norm_and_activation(signal, training)
        for stage, (blocks, filters) in enumerate(zip(self.blocks, self.filters, strict=True)):
            for number in range(blocks):
                stride = 2 if stage > 0 and number == 0 else 1
                block = self.block(filters, stride, self.norm, self.activation, self.kernel_init, self.functional)
                signal = block(signal, training)
        if pre_activation:
            signal = self._norm_and_activation(signal, training)
        signal = self.functional.global_avg_pool(signal)
        return Dense(self.outputs, kernel_init=self.kernel_init, functional=self.functional)(signal)

    def _norm_and_activation(self, signal, training):
        return resolve(self.functional, self.activation)(self.norm(functional=self.functional)(signal, training))


HALF = ((1, 1), (1, 1))  # half of a 3×3 kernel at each end


def shortcut(inputs: Array, filters: int, stride: int) -> Array:
    """Return the inputs at every `stride`-th pixel, padded with channels of zeros to `filters` channels.

    The shortcut has no parameters: option A of He et al., *Deep residual learning for image recognition* (2016),
    section 4.2.
    """
    missing = filters - inputs.shape[-1]
    return jnp.pad(inputs[:, ::stride, ::stride], ((0, 0), (0, 0), (0, 0), (0, missing)))


def resnet(
    blocks: tuple[int, ...] = (3, 3, 3),
    filters: tuple[int, ...] = (16, 32, 64),
    outputs: int | None = None,
    *,
    block: Block = PostActivation,
    norm: Norm = BatchNorm,
    activation: Activation = jaxdl.functional.relu,
    kernel_init: Callable = initializers.he_normal,
    functional: Any = jaxdl.functional,
) -> Model:
    """Residual network: a convolution, stages of residual blocks, the mean over all pixels, and a dense layer.

    Inputs are images (batch, height, width, channels). All convolutions are 3×3. Each stage but the first halves height
    and width with a stride of 2 in its first block. The outputs, of shape (batch, outputs), have no activation.

    Args:
        blocks: Number of residual blocks of each stage.
        filters: Number of filters of each stage; it must not decrease from stage to stage.
        outputs: Number of outputs, such as `split.outputs` for a split of a data set. None leaves it to training, which
            takes it from the labels.
        block: Class of the blocks, `PostActivation` or `PreActivation`.
        norm: `BatchNorm`, `LayerNorm` or `GroupNorm`, or a `functools.partial` of one.
        activation: Activation function.
        kernel_init: Initializer of every kernel, `(key, shape, dtype) -> array`.
        functional: Module in which the layers look up their functions, as in `mlp`.

    Returns:
        The model.

    Raises:
        ValueError: If a size is below 1, there is no stage, or the number of filters decreases.
        TypeError: If a size, function or norm has another type.

    References:
        He et al., *Deep residual learning for image recognition* (2016).

    Example:
        >>> from jaxdl import models
        >>> model = models.resnet((1, 1), (4, 8), 10)
        >>> images = jnp.ones((2, 8, 8, 3))
        >>> params, stats = jax.eval_shape(model.init, jax.random.key(0), images)
        >>> sorted(params)
        ['BatchNorm_0', 'Conv_0', 'Dense_0', 'PostActivation_0', 'PostActivation_1']
        >>> jax.eval_shape(model.apply, params, stats, images)[0].shape
        (2, 10)
    """
    return from_linen(ResNet(**locals()))  # each argument is the field of the same name


def resnet20(
    outputs: int = 10,
    *,
    block: Block = PostActivation,
    norm: Norm = BatchNorm,
    activation: Activation = jaxdl.functional.relu,
    kernel_init: Callable = initializers.he_normal,
    functional: Any = jaxdl.functional,
) -> Model:
    """ResNet-20 for images of 32×32 pixels: three stages of three blocks with 16, 32 and 64 filters.

    It has 0.27 million parameters with ten outputs.

    Args:
        outputs: Number of outputs.
        block: Class of the blocks, `PostActivation` or `PreActivation`.
        norm: `BatchNorm`, `LayerNorm` or `GroupNorm`, or a `functools.partial` of one.
        activation: Activation function.
        kernel_init: Initializer of every kernel, `(key, shape, dtype) -> array`.
        functional: Module in which the layers look up their functions, as in `mlp`.

    Returns:
        The model.

    Raises:
        ValueError: If `outputs` is below 1.
        TypeError: If `outputs`, a function or the norm has another type.

    References:
        He et al., *Deep residual learning for image recognition* (2016), section 4.2.

    Example:
        >>> from jaxdl import models
        >>> model = models.resnet20()
        >>> params, _ = jax.eval_shape(model.init, jax.random.key(0), jnp.ones((1, 32, 32, 3)))
        >>> sum(leaf.size for leaf in jax.tree.leaves(params))
        269722
    """
    return resnet(
        outputs=outputs,
        block=block,
        norm=norm,
        activation=activation,
        kernel_init=kernel_init,
        functional=functional,
    )


def _conv(block, stride=1):
    """Return a convolution of a block. It has no bias, because a norm follows it, or stands in front of it."""
    return Conv(
        block.filters,
        stride=(stride, stride),
        padding=HALF,
        use_bias=False,
        kernel_init=block.kernel_init,
        functional=block.functional,
    )
