"""Models: pairs of pure functions, built of Flax modules whose layers call `jaxdl.functional`."""

from jaxdl.models.blocks import Dense as Dense, Dropout as Dropout
from jaxdl.models.mlp import Mlp as Mlp, mlp as mlp
from jaxdl.models.model import Model as Model, from_linen as from_linen
