"""Models: pairs of pure functions, built of Flax modules whose layers call `jaxdl.functional`."""

from jaxdl.models.blocks import (
    BatchNorm as BatchNorm,
    Conv as Conv,
    Dense as Dense,
    Dropout as Dropout,
    LayerNorm as LayerNorm,
)
from jaxdl.models.convnet import Convnet as Convnet, convnet as convnet
from jaxdl.models.mlp import Mlp as Mlp, mlp as mlp
from jaxdl.models.model import Model as Model, from_linen as from_linen
