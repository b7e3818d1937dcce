"""Models: networks as pairs of pure functions, `init` and `apply`.

Every factory (`mlp`, `convnet`, `resnet`, `recurrent`, `multi_head`, ...) returns a `Model`, the type that
`jaxdl.training` and `jaxdl.experiment` expect. The models are Flax Linen modules whose layers call `jaxdl.functional`.
All settings have defaults. Training takes the number of outputs from the labels if it is not given.

- **Ready-made models**: `linear_regression`, `logistic_regression`, `softmax_regression`, `mlp`, `convnet`, `lenet5`,
  `resnet`, `resnet20`, `recurrent`, `multi_head`. `mlp_of_sizes` is an `mlp` whose size a population can map, and
  `cut_to_size` makes its parameters those of the `mlp`. A `Stage` describes a part of a `convnet`; `PostActivation` and
  `PreActivation` are the blocks of a `resnet`.
- **Your own Flax module as a `Model`**: `from_linen`, `from_nnx`.
- **Layers and modules** to build with in Flax Linen: `Dense`, `Conv`, `Embed`, `Dropout`, `Flatten`, the norms
  `BatchNorm`, `LayerNorm` and `GroupNorm`, the recurrent layers `RNN`, `GRU` and `LSTM`, and the whole networks `MLP`,
  `ConvNet`, `ResNet`, `Recurrent` and `MultiHead`.
- **Types in signatures**: an `Activation` and a `Pool` are functions of one array, a `Norm` is one of the norms or a
  `functools.partial` of it.
- **Changing a model**: `mixed_precision`, `reinitialize`.
- **Looking into a model**: `model.summary(inputs)`, or `summary(model, inputs)`, returns a `Summary`, a table with a
  `LayerSummary` for each layer.
  `receptive_field` returns the `ReceptiveField` of a sequence of `Window`s. `check_batch_norm`.
- **PyTorch exchange**: `to_pytorch`, `from_pytorch`, `save_pytorch`, `load_pytorch`.
"""

from jaxdl._names import offer_public_names
from jaxdl.models.blocks import (
    Conv as Conv,
    Dense as Dense,
    Dropout as Dropout,
    Embed as Embed,
    Flatten as Flatten,
)
from jaxdl.models.convnet import ConvNet as ConvNet, Stage as Stage, convnet as convnet, lenet5 as lenet5
from jaxdl.models.linear import (
    linear_regression as linear_regression,
    logistic_regression as logistic_regression,
    softmax_regression as softmax_regression,
)
from jaxdl.models.mlp import MLP as MLP, mlp as mlp
from jaxdl.models.mlp_of_sizes import cut_to_size as cut_to_size, mlp_of_sizes as mlp_of_sizes
from jaxdl.models.model import Model as Model, from_linen as from_linen
from jaxdl.models.multi_head import MultiHead as MultiHead, multi_head as multi_head
from jaxdl.models.nnx import from_nnx as from_nnx
from jaxdl.models.norms import (
    BatchNorm as BatchNorm,
    GroupNorm as GroupNorm,
    LayerNorm as LayerNorm,
    check_batch_norm as check_batch_norm,
)
from jaxdl.models.precision import mixed_precision as mixed_precision
from jaxdl.models.pytorch import (
    from_pytorch as from_pytorch,
    load_pytorch as load_pytorch,
    save_pytorch as save_pytorch,
    to_pytorch as to_pytorch,
)
from jaxdl.models.receptive_field import (
    ReceptiveField as ReceptiveField,
    Window as Window,
    receptive_field as receptive_field,
)
from jaxdl.models.recurrent import (
    GRU as GRU,
    LSTM as LSTM,
    RNN as RNN,
    Recurrent as Recurrent,
    recurrent as recurrent,
)
from jaxdl.models.reinitialize import reinitialize as reinitialize
from jaxdl.models.resnet import (
    PostActivation as PostActivation,
    PreActivation as PreActivation,
    ResNet as ResNet,
    resnet as resnet,
    resnet20 as resnet20,
)
from jaxdl.models.summary import LayerSummary as LayerSummary, Summary as Summary, summary as summary

__all__ = [
    "GRU",
    "LSTM",
    "MLP",
    "RNN",
    "BatchNorm",
    "Conv",
    "ConvNet",
    "Dense",
    "Dropout",
    "Embed",
    "Flatten",
    "GroupNorm",
    "LayerNorm",
    "LayerSummary",
    "Model",
    "MultiHead",
    "PostActivation",
    "PreActivation",
    "ReceptiveField",
    "Recurrent",
    "ResNet",
    "Stage",
    "Summary",
    "Window",
    "check_batch_norm",
    "convnet",
    "cut_to_size",
    "from_linen",
    "from_nnx",
    "from_pytorch",
    "lenet5",
    "linear_regression",
    "load_pytorch",
    "logistic_regression",
    "mixed_precision",
    "mlp",
    "mlp_of_sizes",
    "multi_head",
    "receptive_field",
    "recurrent",
    "reinitialize",
    "resnet",
    "resnet20",
    "save_pytorch",
    "softmax_regression",
    "summary",
    "to_pytorch",
]

offer_public_names(__name__, {"cnn": "did you mean convnet?"})
