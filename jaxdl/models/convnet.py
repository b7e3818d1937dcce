"""Convolutional networks for images: `convnet`, and LeNet-5 as its classic example."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, PyTree
from typing_extensions import TypeAliasType

import jaxdl.functional
from jaxdl import initializers
from jaxdl._formatting import format_argument
from jaxdl.backpropagation import LayerArguments, Network, layer
from jaxdl.functional._types import Scalar
from jaxdl.models._validity import check_function, check_size, checked_sizes
from jaxdl.models.blocks import Activation, Conv, Padding, resolve
from jaxdl.models.mlp import MLP
from jaxdl.models.model import Model, from_linen
from jaxdl.models.norms import Norm, check_norm, norm_layer
from jaxdl.models.receptive_field import Window

Pool = TypeAliasType("Pool", Callable[[Array], Array])

HEAD = "Mlp_0"  # name of the dense layers in the parameter tree: models saved when the class was `Mlp` still load


class Stage(NamedTuple):
    """One stage of a `convnet`: convolution, norm, activation, pooling. Norm and activation are the network's.

    Attributes:
        filters: Number of output channels of the convolution.
        kernel: Height and width of the kernel, in pixels.
        stride: Step of the kernel along height and width, in pixels. For a stride instead of pooling write
            `Stage(32, stride=(2, 2), pool=None)`.
        padding: "SAME", "VALID", or the pixels to add ((top, bottom), (left, right)). None adds half the kernel at each
            end, which keeps the size at stride 1 (for an odd kernel k, PyTorch's `padding=k // 2`).
        pool: Pooling function of the activations, such as `functional.max_pool` or `functional.avg_pool`; or None.
    """

    filters: int
    kernel: tuple[int, int] = (3, 3)
    stride: tuple[int, int] = (1, 1)
    padding: Padding | None = None
    pool: Pool | None = jaxdl.functional.max_pool


class ConvNet(nn.Module):
    """Convolutional network as a Flax Linen module; `convnet` returns it as a `Model` and describes the settings.

    Use the module to build it into a module of your own, for its `windows` (see `receptive_field`), or to get its
    `network` for `jaxdl.backpropagation`.

    Attributes:
        stages, hidden, outputs, kernel, norm, activation, pool, dropout_rate, kernel_init, functional: The arguments
            of `convnet`.
    """

    stages: tuple[int | Stage, ...] = (16, 32)
    hidden: tuple[int, ...] = (128,)
    outputs: int | None = None
    _: dataclasses.KW_ONLY
    kernel: tuple[int, int] = (3, 3)
    norm: Norm | None = None
    activation: Activation = jaxdl.functional.relu
    pool: Pool | None = jaxdl.functional.max_pool
    dropout_rate: Scalar = 0.0
    kernel_init: Callable = initializers.he_normal
    functional: Any = jaxdl.functional

    def __post_init__(self):
        if not isinstance(self.stages, list | tuple):
            raise TypeError(
                "stages must be a tuple of integers (numbers of filters) and Stages, got "
                f"{format_argument(self.stages)}."
            )
        self.stages = tuple(self.stages)
        height, width = checked_sizes("kernel", self.kernel, count=2)
        self.kernel = height, width
        self.hidden = self._head().hidden  # the MLP checks its own settings
        for stage in self.full_stages():
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
        signal, activation = inputs, resolve(self.functional, self.activation)
        for stage in self.full_stages():
            signal = self._conv(stage)(signal)
            if self.norm:
                signal = self.norm(functional=self.functional)(signal, training)
            functions = [activation, *([resolve(self.functional, stage.pool)] if stage.pool else [])]
            for function in reversed(functions) if self._pools_first(stage) else functions:
                signal = function(signal)
        return self._head().copy(name=HEAD)(signal, training)

    @nn.nowrap
    def network(self, params: PyTree, stats: PyTree | None = None) -> tuple[Network, LayerArguments]:
        """Return the network, without dropout, as layers and their own arguments for `jaxdl.backpropagation`.

        The own arguments contain arrays that are not parameters: running averages of batch normalization, and zeros as
        the bias of a convolution in front of a norm.

        Args:
            params: The parameters of the model.
            stats: Its statistics: batch normalization then uses the running averages, as in evaluation. None means
                training mode, in which batch normalization uses the statistics of the batch.

        Returns:
            The layers, and for each layer the tuple of its own arguments.

        Raises:
            ValueError: If an activation or pooling has no hand-derived gradient, a function `<name>_vjp` in the same
                module.
        """
        layers: list[tuple[Any, tuple[Any, ...]]] = []
        for number, stage in enumerate(self.full_stages()):
            conv_params, conv = params[f"Conv_{number}"], self._conv(stage)
            kernel = conv_params["kernel"]
            bias = conv_params["bias"] if conv.use_bias else jnp.zeros(stage.filters, kernel.dtype)
            settings = {"stride": conv.stride, "padding": conv.padding}
            layers.append((layer(jaxdl.functional.conv2d, settings), (kernel, bias)))
            if self.norm:
                layers.append(norm_layer(self.norm, number, params, stats))
            layers.append((layer(self.activation), ()))
            if stage.pool:
                layers.append((layer(stage.pool), ()))
        network, own = zip(*layers, strict=True) if layers else ((), ())
        head_network, head_own = self._head().network(params[HEAD])
        return (*network, *head_network), (*own, *head_own)

    @nn.nowrap
    def full_stages(self) -> tuple[Stage, ...]:
        """Return the stages, each number of filters replaced by a `Stage` with the network's kernel and pooling."""
        return tuple(
            stage if isinstance(stage, Stage) else Stage(stage, self.kernel, pool=self.pool) for stage in self.stages
        )

    @nn.nowrap
    def windows(self) -> tuple[Window, ...]:
        """Return the windows of the convolutions and poolings, from first to last, for `receptive_field`.

        Raises:
            ValueError: If a pooling function has no parameters `window` and `stride`, as a global pooling.
        """
        windows = []
        for stage in self.full_stages():
            windows.append(Window(stage.kernel, stage.stride))
            if stage.pool:
                settings = inspect.signature(stage.pool).parameters
                if not {"window", "stride"} <= {*settings}:
                    raise ValueError(
                        "pool must have the parameters window and stride to compute a receptive field, got "
                        f"{stage.pool} with the parameters {', '.join(settings)}. Give receptive_field the windows "
                        "yourself; a global pooling has a window of the size of its input."
                    )
                names = [name for name in ("window", "stride", "dilation") if name in settings]
                windows.append(Window(*(settings[name].default for name in names)))
        return tuple(windows)

    @nn.nowrap
    def _pools_first(self, stage):
        """Return whether to pool before the activation, which saves time without changing outputs or gradients.

        This holds for ReLU and max pooling: max(relu(x)) = relu(max(x)), and the right side rectifies fewer numbers.
        """
        return self.activation is jaxdl.functional.relu and stage.pool is jaxdl.functional.max_pool

    @nn.nowrap
    def _conv(self, stage):
        height, width = stage.kernel
        half = ((height - 1) // 2, height // 2), ((width - 1) // 2, width // 2)
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
    def _head(self):
        return MLP(
            self.hidden,
            self.outputs,
            activation=self.activation,
            dropout_rate=self.dropout_rate,
            kernel_init=self.kernel_init,
            functional=self.functional,
            parent=None,
        )


def convnet(
    stages: tuple[int | Stage, ...] = (16, 32),
    hidden: tuple[int, ...] = (128,),
    outputs: int | None = None,
    *,
    kernel: tuple[int, int] = (3, 3),
    norm: Norm | None = None,
    activation: Activation = jaxdl.functional.relu,
    pool: Pool | None = jaxdl.functional.max_pool,
    dropout_rate: Scalar = 0.0,
    kernel_init: Callable = initializers.he_normal,
    functional: Any = jaxdl.functional,
) -> Model:
    """Convolutional network: stages of convolution, norm, activation and pooling, then dense layers.

    Inputs are images (batch, height, width, channels). The outputs, of shape (batch, outputs), have no activation.

    Args:
        stages: The stages, each a `Stage` or a number of filters. A number n means `Stage(n, kernel, pool=pool)`.
        hidden: Number of units of each hidden dense layer after the stages; they have no norm.
        outputs: Number of outputs, such as `split.outputs` for a split of a data set. None leaves it to training, which
            takes it from the labels.
        kernel: Height and width of the kernels of the stages given as numbers, in pixels.
        norm: `BatchNorm`, `LayerNorm` or `GroupNorm`, or a `functools.partial` of one; None for no norm. A convolution
            in front of a norm has no bias.
        activation: Activation function of the stages and the hidden dense layers.
        pool: Pooling function of the stages given as numbers. `functional.max_pool` and `functional.avg_pool` halve
            height and width; None keeps them.
        dropout_rate: Probability of setting a unit of a hidden dense layer to zero in training, in [0, 1).
        kernel_init: Initializer of every kernel, `(key, shape, dtype) -> array`.
        functional: Module in which the layers look up their functions, as in `mlp`.

    Returns:
        The model.

    Raises:
        ValueError: If a size is below 1 or the dropout rate outside [0, 1).
        TypeError: If a size, function or norm has another type.

    References:
        LeCun et al., *Gradient-based learning applied to document recognition* (1998).

    Example:
        >>> from jaxdl import models
        >>> stages = (4, models.Stage(8, stride=(2, 2), pool=None))  # the first halves the image by pooling
        >>> model = models.convnet(stages, (16,), 10, norm=models.BatchNorm)
        >>> images = jnp.ones((2, 8, 8, 1))
        >>> params, stats = jax.jit(model.init)(jax.random.key(0), images)
        >>> params["Conv_1"]["kernel"].shape
        (3, 3, 4, 8)
        >>> jax.jit(model.apply)(params, stats, images)[0].shape
        (2, 10)
    """
    return from_linen(ConvNet(**locals()))  # each argument is the field of the same name


def lenet5(
    outputs: int = 10,
    *,
    activation: Activation = jaxdl.functional.tanh,
    pool: Pool = jaxdl.functional.avg_pool,
    padding: Padding = ((2, 2), (2, 2)),
    kernel_init: Callable = initializers.lecun_normal,
    functional: Any = jaxdl.functional,
) -> Model:
    """LeNet-5 for gray images of 28×28 pixels: 61,706 parameters with ten outputs.

    Layers: 6 filters of 5×5, pooling, 16 filters of 5×5, pooling, then dense layers of 120, 84 and `outputs` units. It
    differs from the publication as common implementations do: the pooling has no weights, every filter of the second
    stage sees all six maps, and a linear output layer replaces the distances to prototypes.

    Args:
        outputs: Number of outputs.
        activation: Activation function.
        pool: Pooling function.
        padding: Padding of the first convolution; `"VALID"` is for images of 32×32 pixels.
        kernel_init: Initializer of every kernel, `(key, shape, dtype) -> array`.
        functional: Module in which the layers look up their functions, as in `mlp`.

    Returns:
        The model.

    Raises:
        ValueError: If `outputs` is below 1.
        TypeError: If `outputs` or a function has another type.

    References:
        LeCun et al., *Gradient-based learning applied to document recognition* (1998), section II.B.

    Example:
        >>> from jaxdl import models
        >>> params, _ = jax.eval_shape(models.lenet5().init, jax.random.key(0), jnp.ones((1, 28, 28, 1)))
        >>> sum(leaf.size for leaf in jax.tree.leaves(params))
        61706
    """
    stages = Stage(6, (5, 5), padding=padding, pool=pool), Stage(16, (5, 5), padding="VALID", pool=pool)
    return convnet(stages, (120, 84), outputs, activation=activation, kernel_init=kernel_init, functional=functional)
