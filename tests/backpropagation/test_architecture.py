import jax
import jax.numpy as jnp
import pytest

import jaxdl.functional as F
from jaxdl.backpropagation import ConvolutionCost, convolution_cost, forward, parse_architecture


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("784-16-10", 785 * 16 + 17 * 10),
        ("32x32x1-6@5-max2-16@5-max2-120-84-10", 61_706),  # LeNet-5 with full connections
        ("227x227x3-96@11s4", 34_944),  # the first layer of AlexNet
        ("32x32x3-10@5p2", 760),  # CS231n
    ],
)
def test_number_of_parameters_equals_the_published_one(text, parameters):
    found = parse_architecture(text, 1)
    assert sum(cost.parameters for cost in found.costs) == parameters
    leaves = jax.tree.leaves(found.arguments)
    assert sum(leaf.size for leaf in leaves if leaf.dtype == jnp.float32) - (text[-2:] == "10") == parameters


def test_network_has_the_layers_of_the_text():
    """ReLU follows dense layers and convolutions except the last layer; a reshape precedes the first dense layer."""
    names = lambda text: [layer.f.__name__ for layer in parse_architecture(text, 2).network]
    assert names("4-3-2") == ["dense", "relu", "dense", "cross_entropy", "weighted_mean"]
    assert names("8x8x1-6@3p1s2-max2-avg2-5") == [
        *("conv2d", "relu", "max_pool", "avg_pool", "reshape", "dense", "cross_entropy", "weighted_mean"),
    ]
    assert names("8x8x1-6@3") == ["conv2d"]
    convolution = parse_architecture("8x9x1-6@3p1s2", 2).network[0]
    assert convolution.settings == {"stride": (2, 2), "padding": ((1, 1), (1, 1))}


@pytest.mark.parametrize("text", ["28x27x1-6@5p2s2-max2-16@3-avg3-10", "6-4", "9x9x2-3@4p1-max2"])
def test_layers_return_the_shapes_of_their_costs(text):
    network, arguments, inputs, costs = parse_architecture(text, 3)
    outputs, tape = jax.eval_shape(lambda *given: forward(network, *given), arguments, inputs)
    returned = [*(recorded[0].shape[1:] for recorded in tape[1:]), outputs.shape[1:]]
    for cost in costs:
        assert cost.output in returned


def test_multiply_adds_are_half_of_the_operations_that_the_compiler_counts():
    _, arguments, inputs, (cost,) = parse_architecture("9x9x2-3@4", 1)
    x, kernel, bias = (jnp.zeros(leaf.shape) for leaf in (inputs, *arguments[0]))
    compiled = jax.jit(lambda x, k: jax.lax.conv_general_dilated(
        x, k, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))).lower(x, kernel)  # fmt: skip
    assert cost.multiply_adds * 2 == compiled.cost_analysis()["flops"]
    assert jax.eval_shape(F.conv2d, x, kernel, bias).shape[1:] == cost.output


def test_costs_describe_their_layers():
    layers = [(cost.layer, cost.output) for cost in parse_architecture("9x8x2-6@3-avg2-max3-5", 1).costs]
    assert layers == [
        ("6 filters 3×3×2", (7, 6, 6)),
        ("avg of 2×2", (3, 3, 6)),
        ("max of 3×3", (1, 1, 6)),
        ("dense", (5,)),
    ]


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        # CS231n's worked sizes: 227×227×3, 96 kernels of 11, stride 4 (AlexNet): 55×55×96 and 34,944 parameters
        (((227, 227, 3), 11, 96, 0, 4), ConvolutionCost((55, 55, 96), 34_944, 55 * 55 * 96 * 363)),
        # 32×32×3, ten of 5×5, padding 2: 32×32×10 and 760 parameters
        (((32, 32, 3), 5, 10, 2, 1), ConvolutionCost((32, 32, 10), 760, 768_000)),
        (((9, 5, 1), 3, 2, 0, 1), ConvolutionCost((7, 3, 2), 20, 7 * 3 * 2 * 9)),
        # the notes: 10 becomes 12 with padding 1, and 10 again with a kernel of 3
        (((10, 10, 1), 3, 1, 1, 1), ConvolutionCost((10, 10, 1), 10, 900)),
    ],
)
def test_cost_of_a_convolution_equals_the_published_one(numbers, expected):
    image, kernel, filters, padding, stride = numbers
    assert convolution_cost(*numbers) == expected
    weights = jnp.zeros((kernel, kernel, image[2], filters)), jnp.zeros(filters)
    output = jax.eval_shape(
        lambda x: F.conv2d(x, *weights, stride=(stride, stride), padding=((padding, padding), (padding, padding))),
        jax.ShapeDtypeStruct((1, *image), jnp.float32),
    )
    assert output.shape[1:] == expected.output
    assert sum(leaf.size for leaf in weights) == expected.parameters


def test_kernel_larger_than_the_image_raises():
    with pytest.raises(ValueError, match="window"):
        convolution_cost((3, 3, 1), 5, 1, 0, 1)


@pytest.mark.parametrize(
    ("text", "batch_size", "message"),
    [
        ("784", 1, "a network must be an input and its layers joined by -, .* got '784'"),
        ("4-2", 0, "the batch size must be at least 1, got 0"),
        ("8x8x1-10-6@5", 1, "layer 2 of the network, '6@5', with input 10: a convolution or a pooling needs an image"),
    ],
)
def test_invalid_architecture_raises(text, batch_size, message):
    with pytest.raises(ValueError, match=message):
        parse_architecture(text, batch_size)
