"""Where training starts: the distributions that first parameters are drawn from.

Each takes `(key, shape, dtype)`, as Flax's modules call it, and its settings by keyword; `functools.partial` sets them.
Settings may be traced arrays, so that a sweep over them is a `vmap`; one that is out of range gives NaN. Of a kernel
the last axis counts outputs, the one before it inputs, and any others are its window.
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
