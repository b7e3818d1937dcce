"""The convolutional network: stages that look for patterns in larger and larger parts of an image."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, PyTree

import jaxdl.functional
from jaxdl import initializers
from jaxdl.backpropagation import LayerArguments, Network, layer
from jaxdl.models._validity import check_function, check_size, checked_sizes
from jaxdl.models.blocks import Conv, Padding, found_in
from jaxdl.models.mlp import Mlp
from jaxdl.models.model import Model, from_linen
from jaxdl.models.norms import Norm, check_norm, layer_of
from jaxdl.models.receptive_field import Window

Pool = Callable[[Array], Array]


class Stage(NamedTuple):
    """A convolution with `filters` filters, and the pooling after its activation, such as `max_pool` and `avg_pool`.

    Without a padding half the kernel is added at each end, which keeps the size where the stride is 1 (for an odd
    kernel PyTorch's `padding=k // 2`). A stride instead of a pooling: `Stage(32, stride=(2, 2), pool=None)`.
    """

    filters: int
    kernel: tuple[int, int] = (3, 3)
    stride: tuple[int, int] = (1, 1)
    padding: Padding | None = None
    pool: Pool | None = jaxdl.functional.max_pool


class Convnet(nn.Module):
    """Stages of convolution, norm, activation and pooling, and then an `Mlp`, without norms, on all that is left.

    Raises what `convnet` raises.
    """

    stages: tuple[int | Stage, ...]
    hidden: tuple[int, ...]
    outputs: int
    _: dataclasses.KW_ONLY
    kernel: tuple[int, int] = (3, 3)
    norm: Norm | None = None
    activation: Callable[[Array], Array] = jaxdl.functional.relu
    pool: Pool | None = jaxdl.functional.max_pool
    dropout_rate: float = 0.0
    kernel_init: Callable = initializers.he_normal
    functional: Any = jaxdl.functional

    def __post_init__(self):
        if not isinstance(self.stages, list | tuple):
            raise TypeError(f"stages must be a tuple of numbers of filters and of Stages, but was {self.stages!r}.")
        self.stages = tuple(self.stages)
        height, width = checked_sizes("kernel", self.kernel, count=2)
        self.kernel = height, width
        self.hidden = self._mlp().hidden  # which checks all that is the head's
        for stage in self.whole_stages():
            check_size("filters", stage.filters)
            checked_sizes("kernel", stage.kernel, count=2)
            checked_sizes("stride", stage.stride, count=2)
            if stage.pool is not None:
                check_function("pool", stage.pool)
        check_norm(self.norm)
        super().__post_init__()

    @nn.compact
    def __call__(self, inputs: Array, training: bool = False) -> Array:
        """Map (batch, height, width, channels) to (batch, outputs)."""
        signal, activation = inputs, found_in(self.functional, self.activation)
        for stage in self.whole_stages():
            signal = self._conv(stage)(signal)
            if self.norm:
                signal = self.norm(functional=self.functional)(signal, training)
            after = [activation, *([found_in(self.functional, stage.pool)] if stage.pool else [])]
            for function in reversed(after) if self._commute(stage) else after:
                signal = function(signal)
        return self._mlp().copy()(signal, training)

    @nn.nowrap
    def network(self, params: PyTree, stats: PyTree | None = None) -> tuple[Network, LayerArguments]:
        """The same as layers and their own arguments: for `jaxdl.backpropagation` to sweep by hand.

        As in training without `stats`, where a batch norm takes the statistics of the batch; with them as otherwise.
        There is no dropout in it. Not all that is floating among the own arguments is a parameter: running statistics
        stand there, and zeros for the bias of a convolution before a norm.
        Raises ValueError for an activation or a pooling without a derivation beside it.
        """
        layers: list[tuple[Any, tuple[Any, ...]]] = []
        for number, stage in enumerate(self.whole_stages()):
            of, conv = params[f"Conv_{number}"], self._conv(stage)
            bias = of["bias"] if conv.use_bias else jnp.zeros(stage.filters, of["kernel"].dtype)
            settings = {"stride": conv.stride, "padding": conv.padding}
            layers.append((layer(jaxdl.functional.conv2d, settings), (of["kernel"], bias)))
            if self.norm:
                layers.append(layer_of(self.norm, number, params, stats))
            layers.append((layer(self.activation), ()))
            if stage.pool:
                layers.append((layer(stage.pool), ()))
        network, own = zip(*layers, strict=True) if layers else ((), ())
        head, of_head = self._mlp().network(params["Mlp_0"])
        return (*network, *head), (*own, *of_head)

    @nn.nowrap
    def whole_stages(self) -> tuple[Stage, ...]:
        """Its stages, where a number stands for one with the kernel and the pooling of all such."""
        return tuple(
            stage if isinstance(stage, Stage) else Stage(stage, self.kernel, pool=self.pool) for stage in self.stages
        )

    @nn.nowrap
    def windows(self) -> tuple[Window, ...]:
        """The windows of its convolutions and poolings, in their order: for `receptive_field`.

        Raises ValueError for a pooling whose keywords `window` and `stride` say none, such as a global one.
        """
        found = []
        for stage in self.whole_stages():
            found.append(Window(stage.kernel, stage.stride))
            if stage.pool:
                settings = inspect.signature(stage.pool).parameters
                if not {"window", "stride"} <= {*settings}:
                    raise ValueError(
                        f"pool must have the keywords window and stride for a receptive field, but {stage.pool} has "
                        f"the parameters {', '.join(settings)}: give the windows yourself, one of the whole map for a "
                        "global pooling."
                    )
                found.append(Window(settings["window"].default, settings["stride"].default))
        return tuple(found)

    @nn.nowrap
    def _commute(self, stage):
        """Does a pooling before the activation give the same as one after it, in its gradient too?

        The largest of what is rectified is what is rectified of the largest; and less is to be rectified then.
        """
        return self.activation is jaxdl.functional.relu and stage.pool is jaxdl.functional.max_pool

    @nn.nowrap
    def _conv(self, stage):
        height, width = stage.kernel
        half = ((height - 1) // 2, height // 2), ((width - 1) // 2, width // 2)
        # A norm takes a bias away again, so that none is trained before it.
        return Conv(
            stage.filters,
            kernel=stage.kernel,
            stride=stage.stride,
            padding=half if stage.padding is None else stage.padding,
            use_bias=not self.norm,
            kernel_init=self.kernel_init,
            functional=self.functional,
        )

    @nn.nowrap
    def _mlp(self):
        return Mlp(
            self.hidden,
            self.outputs,
            activation=self.activation,
            dropout_rate=self.dropout_rate,
            kernel_init=self.kernel_init,
            functional=self.functional,
            parent=None,
        )


def convnet(
    stages: tuple[int | Stage, ...],
    hidden: tuple[int, ...],
    outputs: int,
    *,
    kernel: tuple[int, int] = (3, 3),
    norm: Norm | None = None,
    activation: Callable[[Array], Array] = jaxdl.functional.relu,
    pool: Pool | None = jaxdl.functional.max_pool,
    dropout_rate: float = 0.0,
    kernel_init: Callable = initializers.he_normal,
    functional: Any = jaxdl.functional,
) -> Model:
    """A convolutional network: stages, then dense layers with `hidden` units, and dropout after each of these.

    A stage is a convolution, `norm` (`BatchNorm`, `LayerNorm`, `GroupNorm`), `activation` and a pooling. A number
    stands for `Stage(number, kernel, pool=pool)`, a convolution with so many filters that keeps height and width, and
    `pool` (a function of the signal such as `max_pool` and `avg_pool`, which halve them, or None). A `Stage` has its
    own kernel and pooling. `functional` is as for `mlp`. `convnet((32, 64), (128,), 10)`;
    `convnet((Stage(32, pool=None), 32, Stage(64, stride=(2, 2), pool=None)), (), 10, norm=BatchNorm)`.

    Raises ValueError for a size below 1 and a rate outside [0, 1), and TypeError for sizes, functions and norms of
    another type.
    LeCun et al., *Gradient-based learning applied to document recognition* (1998).
    """
    module = Convnet(
        stages,
        hidden,
        outputs,
        kernel=kernel,
        norm=norm,
        activation=activation,
        pool=pool,
        dropout_rate=dropout_rate,
        kernel_init=kernel_init,
        functional=functional,
    )
    return from_linen(module)


def lenet5(
    outputs: int = 10,
    *,
    activation: Callable[[Array], Array] = jaxdl.functional.tanh,
    pool: Pool = jaxdl.functional.avg_pool,
    padding: Padding = ((2, 2), (2, 2)),
    kernel_init: Callable = initializers.lecun_normal,
    functional: Any = jaxdl.functional,
) -> Model:
    """LeNet-5 for grey images of 28×28, or of 32×32 with `padding="VALID"`: 61,706 parameters with ten outputs.

    Six filters of 5×5 and pooling, sixteen and pooling, then 120, 84 and the outputs. As it is used today: average
    pooling has no weights, every filter of the second stage sees all six maps, and a linear layer takes the place of
    the distances to prototypes.
    LeCun et al., *Gradient-based learning applied to document recognition* (1998), section II.B.
    """
    stages = Stage(6, (5, 5), padding=padding, pool=pool), Stage(16, (5, 5), padding="VALID", pool=pool)
    return convnet(stages, (120, 84), outputs, activation=activation, kernel_init=kernel_init, functional=functional)
