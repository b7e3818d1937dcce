"""Residual networks for small images: blocks that add to their input what it lacks."""

import dataclasses
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array

import jaxdl.functional
from jaxdl import initializers
from jaxdl.models._validity import check_function, check_size, checked_sizes
from jaxdl.models.blocks import Conv, Dense, found_in
from jaxdl.models.model import Model, from_linen
from jaxdl.models.norms import BatchNorm, Norm, check_norm


class PostActivation(nn.Module):
    """Convolution, norm, activation, convolution, norm; the input is added, and the sum activated.

    He et al., *Deep residual learning for image recognition* (2016), figure 2.
    """

    filters: int
    stride: int
    norm: Norm
    activation: Callable[[Array], Array]
    kernel_init: Callable
    functional: Any

    @nn.compact
    def __call__(self, inputs: Array, training: bool) -> Array:
        """Map (batch, height, width, channels) to (batch, height / stride, width / stride, filters)."""
        activation, signal = found_in(self.functional, self.activation), _conv(self, self.stride)(inputs)
        signal = activation(self.norm(functional=self.functional)(signal, training))
        signal = self.norm(functional=self.functional)(_conv(self)(signal), training)
        return activation(shortcut(inputs, self.filters, self.stride) + signal)


class PreActivation(nn.Module):
    """Norm, activation, convolution, twice over; the input is added, so that it passes unchanged from block to block.

    He et al., *Identity mappings in deep residual networks* (2016), figure 1(b).
    """

    filters: int
    stride: int
    norm: Norm
    activation: Callable[[Array], Array]
    kernel_init: Callable
    functional: Any

    @nn.compact
    def __call__(self, inputs: Array, training: bool) -> Array:
        """Map (batch, height, width, channels) to (batch, height / stride, width / stride, filters)."""
        activation = found_in(self.functional, self.activation)
        signal = activation(self.norm(functional=self.functional)(inputs, training))
        signal = _conv(self, self.stride)(signal)
        signal = activation(self.norm(functional=self.functional)(signal, training))
        return shortcut(inputs, self.filters, self.stride) + _conv(self)(signal)


Block = type[PostActivation] | type[PreActivation]


class Resnet(nn.Module):
    """A convolution, stages of residual blocks, the mean over all pixels, and a dense layer.

    Every stage but the first begins with a stride of 2. Raises what `resnet` raises.
    """

    blocks: tuple[int, ...]
    filters: tuple[int, ...]
    outputs: int
    _: dataclasses.KW_ONLY
    block: Block = PostActivation
    norm: Norm = BatchNorm
    activation: Callable[[Array], Array] = jaxdl.functional.relu
    kernel_init: Callable = initializers.he_normal
    functional: Any = jaxdl.functional

    def __post_init__(self):
        self.blocks = checked_sizes("blocks", self.blocks)
        self.filters = checked_sizes("filters", self.filters, count=len(self.blocks))
        check_size("outputs", self.outputs)
        if not self.blocks or [*self.filters] != sorted(self.filters):
            raise ValueError(
                "blocks must name at least one stage, and filters not shrink from stage to stage, but were "
                f"{self.blocks} and {self.filters}."
            )
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
        activated = issubclass(self.block, PreActivation)  # then a norm and an activation stand before each convolution
        if not activated:
            signal = self._activated(signal, training)
        for stage, (blocks, filters) in enumerate(zip(self.blocks, self.filters, strict=True)):
            for number in range(blocks):
                stride = 2 if stage > 0 and number == 0 else 1
                block = self.block(filters, stride, self.norm, self.activation, self.kernel_init, self.functional)
                signal = block(signal, training)
        if activated:
            signal = self._activated(signal, training)
        signal = self.functional.global_avg_pool(signal)
        return Dense(self.outputs, kernel_init=self.kernel_init, functional=self.functional)(signal)

    def _activated(self, signal, training):
        return found_in(self.functional, self.activation)(self.norm(functional=self.functional)(signal, training))


HALF = ((1, 1), (1, 1))


def shortcut(inputs: Array, filters: int, stride: int) -> Array:
    """The input where nothing changes; else every second pixel of it, with channels of zeros after its own.

    It has no parameters: option A of He et al., *Deep residual learning for image recognition* (2016), section 4.2.
    """
    more = filters - inputs.shape[-1]
    return jnp.pad(inputs[:, ::stride, ::stride], ((0, 0), (0, 0), (0, 0), (0, more)))


def resnet(
    blocks: tuple[int, ...],
    filters: tuple[int, ...],
    outputs: int,
    *,
    block: Block = PostActivation,
    norm: Norm = BatchNorm,
    activation: Callable[[Array], Array] = jaxdl.functional.relu,
    kernel_init: Callable = initializers.he_normal,
    functional: Any = jaxdl.functional,
) -> Model:
    """A residual network with these numbers of blocks and of filters in its stages; all convolutions are 3×3.

    `block` is `PostActivation` or `PreActivation`; `functional` is as for `mlp`. Raises ValueError for sizes below 1,
    for no stage and for numbers of filters that shrink, and TypeError for sizes, functions and norms of another type.
    He et al., *Deep residual learning for image recognition* (2016).
    """
    module = Resnet(
        blocks,
        filters,
        outputs,
        block=block,
        norm=norm,
        activation=activation,
        kernel_init=kernel_init,
        functional=functional,
    )
    return from_linen(module)


def resnet20(
    outputs: int = 10,
    *,
    block: Block = PostActivation,
    norm: Norm = BatchNorm,
    activation: Callable[[Array], Array] = jaxdl.functional.relu,
    kernel_init: Callable = initializers.he_normal,
    functional: Any = jaxdl.functional,
) -> Model:
    """ResNet-20 for images of 32×32: three stages of three blocks with 16, 32 and 64 filters, 0.27 million parameters.

    Raises what `resnet` raises.
    He et al., *Deep residual learning for image recognition* (2016), section 4.2.
    """
    return resnet(
        (3, 3, 3),
        (16, 32, 64),
        outputs,
        block=block,
        norm=norm,
        activation=activation,
        kernel_init=kernel_init,
        functional=functional,
    )


def _conv(block, stride=1):
    """The convolution of a block; a norm follows, or has followed, so that it has no bias."""
    return Conv(
        block.filters,
        stride=(stride, stride),
        padding=HALF,
        use_bias=False,
        kernel_init=block.kernel_init,
        functional=block.functional,
    )
