"""Initializers: draw the initial parameters of a layer.

- Fixed distributions: `zeros`, `ones`, `constant`, `normal`, `truncated_normal`, `uniform`.
- Variance scaled to the size of the layer: `lecun_normal`, `lecun_uniform`, `glorot_normal`, `glorot_uniform`,
  `he_normal`, `he_uniform`, `pytorch_uniform`. Start with `he_normal` for ReLU networks and `glorot_uniform` otherwise.
- `orthogonal` matrices, and the fans of a kernel: `fan_in`, `fan_out`, `fan_average`.
- The defaults of a framework for all parameters of a layer: `pytorch`, `keras`.

Each initializer is called as `initializer(key, shape, dtype)`, as Flax modules do, with settings as keywords; use
`functools.partial` to set them. Settings may be traced arrays, so that `jax.vmap` can sweep over them. A setting out of
range gives NaN. Kernels have the shape (*window, inputs, outputs).
"""

from jaxdl.initializers.defaults import keras as keras, pytorch as pytorch
from jaxdl.initializers.distributions import (
    constant as constant,
    normal as normal,
    ones as ones,
    truncated_normal as truncated_normal,
    uniform as uniform,
    zeros as zeros,
)
from jaxdl.initializers.fans import fan_average as fan_average, fan_in as fan_in, fan_out as fan_out
from jaxdl.initializers.isometries import orthogonal as orthogonal
from jaxdl.initializers.scaled import (
    glorot_normal as glorot_normal,
    glorot_uniform as glorot_uniform,
    he_normal as he_normal,
    he_uniform as he_uniform,
    lecun_normal as lecun_normal,
    lecun_uniform as lecun_uniform,
    pytorch_uniform as pytorch_uniform,
)

__all__ = [
    "constant",
    "fan_average",
    "fan_in",
    "fan_out",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "keras",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "orthogonal",
    "pytorch",
    "pytorch_uniform",
    "truncated_normal",
    "uniform",
    "zeros",
]


def __dir__() -> list[str]:
    return [*__all__]
