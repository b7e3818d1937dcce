"""The convolutional network: stages that look for patterns in larger and larger parts of an image."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, PyTree

import jaxdl.functional
from jaxdl import initializers
from jaxdl.backpropagation import Network, Own, layer
from jaxdl.models.blocks import BatchNorm, Conv, LayerNorm, belongs
from jaxdl.models.mlp import Mlp
from jaxdl.models.model import Model, from_linen

Norm = type[BatchNorm] | type[LayerNorm]


class Convnet(nn.Module):
    """Stages of convolution, norm, activation and pooling, and then an `Mlp` on all that is left."""

    filters: tuple[int, ...]
    hidden: tuple[int, ...]
    outputs: int
    kernel: tuple[int, int] = (3, 3)
    norm: Norm | None = None
    activation: Callable[[Array], Array] = jaxdl.functional.relu
    pool: Callable[[Array], Array] | None = jaxdl.functional.max_pool
    kernel_init: Callable = initializers.he_normal
    functional: Any = jaxdl.functional

    @nn.compact
    def __call__(self, inputs: Array, training: bool = False) -> Array:
        """Map (batch, height, width, channels) to (batch, outputs)."""
        signal = inputs
        for filters in self.filters:
            signal = self._conv(filters)(signal)
            if self.norm:
                norm = self.norm(functional=self.functional)
                signal = norm(signal, training) if isinstance(norm, BatchNorm) else norm(signal)
            signal = self.activation(signal)
            if self.pool:
                signal = self.pool(signal)
        return self._mlp()(signal, training)

    @nn.nowrap
    def network(self, params: PyTree, stats: PyTree | None = None) -> tuple[Network, Own]:
        """The same as layers and their own arguments: for `jaxdl.backpropagation` to sweep by hand.

        As in training without `stats`, where a batch norm takes the statistics of the batch; with them as otherwise.
        Not all that is floating among the own arguments is a parameter: running statistics stand there, and zeros for
        the bias of a convolution before a norm.
        Raises ValueError for an activation or a pooling without a derivation beside it.
        """
        f = jaxdl.functional
        layers: list[tuple[Any, tuple[Any, ...]]] = []
        for number, filters in enumerate(self.filters):
            of, conv = params[f"Conv_{number}"], self._conv(filters)
            bias = of["bias"] if conv.use_bias else jnp.zeros(filters, of["kernel"].dtype)
            layers.append((layer(f.conv2d, {"stride": conv.stride, "padding": conv.padding}), (of["kernel"], bias)))
            if self.norm:
                layers.append(_norm(self.norm, f"{self.norm.__name__}_{number}", params, stats))
            layers.append((layer(self.activation), ()))
            if self.pool:
                layers.append((layer(self.pool), ()))
        network, own = zip(*layers, strict=True) if layers else ((), ())
        head, of_head = self._mlp().network(params["Mlp_0"])
        return (*network, *head), (*own, *of_head)

    @nn.nowrap
    def _conv(self, filters):
        # A norm takes a bias away again, so that none is trained before it.
        return Conv(
            filters, self.kernel, use_bias=not self.norm, kernel_init=self.kernel_init, functional=self.functional
        )

    @nn.nowrap
    def _mlp(self):
        return Mlp(self.hidden, self.outputs, self.activation, kernel_init=self.kernel_init, functional=self.functional)


def _norm(norm, name, params, stats):
    """The layer of a norm and its own arguments."""
    f, of, epsilon = jaxdl.functional, params[name], {"epsilon": norm().epsilon}
    if issubclass(norm, LayerNorm):
        return layer(f.layer_norm, epsilon), (of["scale"], of["bias"])
    if stats is None:
        return layer(f.batch_norm, epsilon), (of["scale"], of["bias"])
    running = stats["batch_stats"][name]
    return layer(f.batch_norm_inference, epsilon), (of["scale"], of["bias"], running["mean"], running["var"])


def convnet(
    filters: tuple[int, ...],
    hidden: tuple[int, ...],
    outputs: int,
    *,
    kernel: tuple[int, int] = (3, 3),
    norm: Norm | None = None,
    activation: Callable[[Array], Array] = jaxdl.functional.relu,
    pool: Callable[[Array], Array] | None = jaxdl.functional.max_pool,
    kernel_init: Callable = initializers.he_normal,
    functional: Any = jaxdl.functional,
) -> Model:
    """A convolutional network: a stage for each number of filters, then dense layers with so many hidden units.

    A stage is a convolution that keeps height and width, `norm` (`BatchNorm` or `LayerNorm`), `activation` and `pool`
    (a function of the signal such as `max_pool` and `avg_pool`, which halve height and width). An activation and a
    pooling of a stand-in `functional` are given beside it, as for `mlp`. Raises ValueError for those that are jaxdl's
    own beside another functional, and for a number of filters or units that is not positive.
    LeCun et al., *Gradient-based learning applied to document recognition* (1998).
    """
    for given in (activation, pool):
        if not belongs(given, functional):
            raise ValueError(f"activation and pool must be of the functional beside them, but was jaxdl's own {given}.")
    if min(*filters, *hidden, outputs, *kernel) < 1:
        raise ValueError(
            f"filters, hidden, outputs and kernel must be at least 1, but were {filters}, {hidden}, {outputs}, "
            f"{kernel}."
        )
    return from_linen(
        Convnet(tuple(filters), tuple(hidden), outputs, tuple(kernel), norm, activation, pool, kernel_init, functional)
    )
