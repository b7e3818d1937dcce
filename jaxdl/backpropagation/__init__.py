r"""The gradient of a whole network by hand: a tape is written forward, and swept backward.

A network is a tuple of layers, each a function of the signal and of arguments of its own (parameters, labels, weights,
a key). Going forward, the tape keeps what each layer was given. Going backward, each layer's derivation takes the
cotangent of its output and gives the cotangent of its input, which is the next one's output: the chain rule
$\bar x_{l-1} = \bar x_l\, \partial x_l / \partial x_{l-1}$, every factor used once.

    network = (*map(layer, (F.dense, F.relu, F.dense, F.cross_entropy, F.weighted_mean)),)
    own = ((W1, b1), (), (W2, b2), (labels,), (weights,))
    loss, gradient = value_and_gradient(network, own, inputs)
"""

from jaxdl.backpropagation.cost import (
    Cost as Cost,
    cost as cost,
    count_paths as count_paths,
    inner_jaxprs as inner_jaxprs,
    multiply_adds_of as multiply_adds_of,
    operations as operations,
)
from jaxdl.backpropagation.descent import sgd_by_hand as sgd_by_hand
from jaxdl.backpropagation.expressions import trace_expression as trace_expression
from jaxdl.backpropagation.formulas import formula_of as formula_of
from jaxdl.backpropagation.network import Layer as Layer, Network as Network, Residual as Residual, layer as layer
from jaxdl.backpropagation.pages import PAGES as PAGES, Page as Page, page as page
from jaxdl.backpropagation.proof import LayerProof as LayerProof, prove_layers as prove_layers
from jaxdl.backpropagation.shapes import (
    Convolution as Convolution,
    Shape as Shape,
    convolution_of as convolution_of,
    shapes as shapes,
)
from jaxdl.backpropagation.sweep import (
    Own as Own,
    backward as backward,
    forward as forward,
    value_and_gradient as value_and_gradient,
)
from jaxdl.backpropagation.tracing import Step as Step, trace as trace
