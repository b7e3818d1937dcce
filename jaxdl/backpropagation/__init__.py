r"""Backpropagation through whole networks by hand-written VJPs, without automatic differentiation.

A network is a tuple of layers. Each layer is a function of `jaxdl.functional` (or your own) with its VJP. The forward
pass records the arguments of each layer on a tape. The reverse pass takes the layers in reverse order: the VJP of a
layer turns the cotangent of its output into the cotangents of its arguments,
$\bar x_{l-1} = \bar x_l\, \partial x_l / \partial x_{l-1}$.

    network = (*map(layer, (F.dense, F.relu, F.dense, F.cross_entropy, F.weighted_mean)),)
    arguments = ((W1, b1), (), (W2, b2), (labels,), (weights,))
    loss, gradient = value_and_gradient(network, arguments, inputs)

Use it to see, check and count what automatic differentiation does:

- Networks: a `Network` consists of `Layer` and `Residual` parts, `layer` makes one of a function, and `LayerArguments`
  are the arguments of each.
- Passes: `forward` returns the output and the `Tape`, `backward` the gradient, and `value_and_gradient` does both for a
  scalar loss.
- Training: `sgd_by_hand` follows these gradients.
- Traces: `trace` and `trace_expression` return a `Trace`, every `TraceStep` of both passes with its number and formula;
  `network_formula` writes the network as one formula.
- Proofs: `prove_layers` compares the VJP of each layer with `jax.vjp`, and returns `LayerProofs`, one `LayerProof` for
  each layer.
- Sizes: `shapes` returns the `Shape` of each variable. `parse_architecture` returns the `Architecture` of a text such
  as 784-16-10 with the `LayerCost` of each layer, `convolution_cost` a `ConvolutionCost`.
- Cost of a gradient: `cost` returns the `Cost` by the reverse pass, by forward mode, and by a sum over paths.
  `count_paths`, `count_operations`, `count_multiply_adds` and `inner_jaxprs` are its parts.
- Examples for pencil and paper: `worked_example` returns a `WorkedExample`; `WORKED_EXAMPLES` lists them.

To train models in practice, use `jaxdl.training`.
"""

from jaxdl._names import offer_public_names
from jaxdl.backpropagation.architecture import (
    Architecture as Architecture,
    ConvolutionCost as ConvolutionCost,
    LayerCost as LayerCost,
    convolution_cost as convolution_cost,
    parse_architecture as parse_architecture,
)
from jaxdl.backpropagation.cost import Cost as Cost, cost as cost
from jaxdl.backpropagation.descent import sgd_by_hand as sgd_by_hand
from jaxdl.backpropagation.expressions import trace_expression as trace_expression
from jaxdl.backpropagation.formulas import network_formula as network_formula
from jaxdl.backpropagation.network import (
    Layer as Layer,
    LayerArguments as LayerArguments,
    Network as Network,
    Residual as Residual,
    layer as layer,
)
from jaxdl.backpropagation.operations import (
    count_multiply_adds as count_multiply_adds,
    count_operations as count_operations,
    inner_jaxprs as inner_jaxprs,
)
from jaxdl.backpropagation.paths import count_paths as count_paths
from jaxdl.backpropagation.proof import (
    LayerProof as LayerProof,
    LayerProofs as LayerProofs,
    prove_layers as prove_layers,
)
from jaxdl.backpropagation.reverse_pass import (
    Tape as Tape,
    backward as backward,
    forward as forward,
    value_and_gradient as value_and_gradient,
)
from jaxdl.backpropagation.shapes import Shape as Shape, shapes as shapes
from jaxdl.backpropagation.tracing import Trace as Trace, TraceStep as TraceStep, trace as trace
from jaxdl.backpropagation.worked_examples import (
    WORKED_EXAMPLES as WORKED_EXAMPLES,
    WorkedExample as WorkedExample,
    worked_example as worked_example,
)

__all__ = [
    "WORKED_EXAMPLES",
    "Architecture",
    "ConvolutionCost",
    "Cost",
    "Layer",
    "LayerArguments",
    "LayerCost",
    "LayerProof",
    "LayerProofs",
    "Network",
    "Residual",
    "Shape",
    "Tape",
    "Trace",
    "TraceStep",
    "WorkedExample",
    "backward",
    "convolution_cost",
    "cost",
    "count_multiply_adds",
    "count_operations",
    "count_paths",
    "forward",
    "inner_jaxprs",
    "layer",
    "network_formula",
    "parse_architecture",
    "prove_layers",
    "sgd_by_hand",
    "shapes",
    "trace",
    "trace_expression",
    "value_and_gradient",
    "worked_example",
]


offer_public_names(__name__)
