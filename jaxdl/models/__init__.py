"""Models: pairs of pure functions, built of Flax modules whose layers call `jaxdl.functional`."""

from jaxdl.models.blocks import (
    Conv as Conv,
    Dense as Dense,
    Dropout as Dropout,
    Embed as Embed,
    Flatten as Flatten,
)
from jaxdl.models.convnet import Convnet as Convnet, Stage as Stage, convnet as convnet, lenet5 as lenet5
from jaxdl.models.linear import (
    linear_regression as linear_regression,
    logistic_regression as logistic_regression,
    softmax_regression as softmax_regression,
)
from jaxdl.models.mlp import Mlp as Mlp, mlp as mlp
from jaxdl.models.model import Model as Model, from_linen as from_linen
from jaxdl.models.multi_head import MultiHead as MultiHead, multi_head as multi_head
from jaxdl.models.nnx import from_nnx as from_nnx
from jaxdl.models.norms import (
    BatchNorm as BatchNorm,
    GroupNorm as GroupNorm,
    LayerNorm as LayerNorm,
    check_rows as check_rows,
)
from jaxdl.models.precision import mixed_precision as mixed_precision
from jaxdl.models.pytorch import (
    from_pytorch as from_pytorch,
    load_pytorch as load_pytorch,
    save_pytorch as save_pytorch,
    to_pytorch as to_pytorch,
)
from jaxdl.models.receptive_field import (
    Field as Field,
    Window as Window,
    receptive_field as receptive_field,
)
from jaxdl.models.recurrent import (
    Gru as Gru,
    Lstm as Lstm,
    Recurrent as Recurrent,
    Rnn as Rnn,
    recurrent as recurrent,
)
from jaxdl.models.redrawn import redrawn as redrawn
from jaxdl.models.resnet import (
    PostActivation as PostActivation,
    PreActivation as PreActivation,
    Resnet as Resnet,
    resnet as resnet,
    resnet20 as resnet20,
)
from jaxdl.models.summary import LayerSummary as LayerSummary, Summary as Summary, summary as summary
