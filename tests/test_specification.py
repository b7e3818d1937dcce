import jax
import jax.numpy as jnp
import pytest

import jaxdl.functional as F
from jaxdl.backpropagation import forward
from jaxdl.specification import specified


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("784-16-10", 785 * 16 + 17 * 10),
        ("32x32x1-6@5-max2-16@5-max2-120-84-10", 61_706),  # LeNet-5 with full connections
        ("227x227x3-96@11s4", 34_944),  # the first layer of AlexNet
        ("32x32x3-10@5p2", 760),  # CS231n
    ],
)
def test_published_numbers_of_parameters(text, parameters):
    assert sum(cost.parameters for cost in specified(text, 1).costs) == parameters
    own = jax.tree.leaves(specified(text, 1).own)
    assert sum(leaf.size for leaf in own if leaf.dtype == jnp.float32) - (text[-2:] == "10") == parameters


def test_the_network_does_what_the_text_says():
    """ReLU after dense layers and convolutions that are not the last, a reshape before the first dense layer."""
    names = lambda text: [layer.f.__name__ for layer in specified(text, 2).network]
    assert names("4-3-2") == ["dense", "relu", "dense", "cross_entropy", "weighted_mean"]
    assert names("8x8x1-6@3p1s2-max2-avg2-5") == [
        *("conv2d", "relu", "max_pool", "avg_pool", "reshape", "dense", "cross_entropy", "weighted_mean"),
    ]
    assert names("8x8x1-6@3") == ["conv2d"]
    assert specified("8x9x1-6@3p1s2", 2).network[0].settings == {"stride": (2, 2), "padding": ((1, 1), (1, 1))}


@pytest.mark.parametrize("text", ["28x27x1-6@5p2s2-max2-16@3-avg3-10", "6-4", "9x9x2-3@4p1-max2"])
def test_it_runs_and_every_layer_returns_what_its_cost_says(text):
    network, own, inputs, costs = specified(text, 3)
    filled = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), (own, inputs))
    _, tape = forward(network, *filled)
    returned = [jnp.shape(arguments[0])[1:] for arguments in tape[1:]]
    for cost in costs[:-1]:
        assert cost.output in returned


def test_multiply_adds_are_half_of_the_products_that_the_compiler_counts():
    _, own, inputs, (cost,) = specified("9x9x2-3@4", 1)
    x, kernel, bias = (jnp.zeros(leaf.shape) for leaf in (inputs, *own[0]))
    compiled = jax.jit(lambda x, k: jax.lax.conv_general_dilated(
        x, k, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))).lower(x, kernel)  # fmt: skip
    assert cost.multiply_adds * 2 == compiled.cost_analysis()["flops"]
    assert F.conv2d(x, kernel, bias)[0].shape == cost.output


def test_layers_are_called_what_they_are():
    layers = [(cost.layer, cost.output) for cost in specified("9x8x2-6@3-avg2-max3-5", 1).costs]
    assert layers == [
        ("6 filters 3×3×2", (7, 6, 6)),
        ("avg of 2×2", (3, 3, 6)),
        ("max of 3×3", (1, 1, 6)),
        ("dense", (5,)),
    ]
