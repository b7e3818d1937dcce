import jax
import jax.numpy as jnp
import pytest

import jaxdl.functional as F
from jaxdl.backpropagation import Residual, convolution_of, layer, shapes, value_and_gradient
from jaxdl.backpropagation.shapes import Convolution


def exam(batch):
    """Sixteen neurons, then ten: the question of the exam."""
    network = tuple(map(layer, (F.dense, F.relu, F.dense, F.cross_entropy, F.weighted_mean)))
    own = (
        (jnp.zeros((784, 16)), jnp.zeros(16)),
        (),
        (jnp.zeros((16, 10)), jnp.zeros(10)),
        (jnp.zeros(batch, jnp.int32),),
        (jnp.ones(batch),),
    )
    return network, own, jnp.zeros((batch, 784))


def test_the_answers_of_the_exam_as_columns():
    """Activations and pre-activations of the layer of 16: 16×1, of the layer of 10: 10×1, weights between: 10×16."""
    found = shapes(*exam(1))
    asked = {name: found[name].columns for name in ("x1", "x2", "x3", "weights3", "bias3", "weights1")}
    assert asked == {
        "x1": (16, 1),
        "x2": (16, 1),
        "x3": (10, 1),
        "weights3": (10, 16),
        "bias3": (10, 1),
        "weights1": (16, 784),
    }
    assert {name: found[name].columns for name in ("x0", "x4", "x5", "weights5")} == {
        "x0": (784, 1),
        "x4": (1, 1),
        "x5": (1, 1),
        "weights5": (1, 1),  # that of one example
    }


def test_what_is_given_for_each_example_is_told_for_one():
    network = (layer(F.reshape, {"shape": ()}), layer(F.pairwise_logistic))
    found = shapes(network, ((), (jnp.zeros(7),)), jnp.zeros((7, 1)))
    assert (found["worse2"].rows, found["worse2"].columns) == ((7,), (1, 1))
    found = shapes((layer(F.squared_error),), ((jnp.zeros((7, 3)),),), jnp.zeros((7, 3)))
    assert found["targets1"].columns == (3, 1)
    cell = (jnp.zeros((7, 4)), jnp.zeros((3, 4)), jnp.zeros((4, 4)), jnp.zeros(4))
    found = shapes((layer(F.rnn_cell),), (cell,), jnp.zeros((7, 3)))
    assert [found[name].columns for name in ("hidden1", "input_weights1", "bias1")] == [(4, 1), (4, 3), (4, 1)]


def test_the_answers_of_the_exam_as_a_batch_of_rows():
    found = shapes(*exam(32))
    assert {name: shape.rows for name, shape in found.items()} == {
        "x0": (32, 784),
        "weights1": (784, 16),
        "bias1": (16,),
        "x1": (32, 16),
        "x2": (32, 16),
        "weights3": (16, 10),
        "bias3": (10,),
        "x3": (32, 10),
        "x4": (32,),
        "weights5": (32,),
        "x5": (),
    }
    assert [found[name].of for name in ("x0", "x1", "weights3", "x5")] == ["input", "dense", "dense", "weighted_mean"]


def test_they_are_the_shapes_that_the_sweep_returns():
    network, own, inputs = exam(4)
    _, gradient = value_and_gradient(network, own, inputs)
    own_names = [name for name in shapes(network, own, inputs) if not name.startswith("x")]
    found = [shapes(network, own, inputs)[name].rows for name in own_names]
    assert found == [leaf.shape for leaf in jax.tree.leaves(gradient)]


def test_inside_a_residual_and_for_images():
    network = (layer(F.conv2d, {"padding": "SAME"}), Residual((layer(F.layer_norm), layer(F.tanh))), layer(F.reshape))
    own = ((jnp.zeros((3, 3, 1, 2)), jnp.zeros(2)), ((jnp.ones(2), jnp.zeros(2)), ()), ())
    found = shapes(network, own, jnp.zeros((5, 4, 6, 1)))
    assert {name: shape.rows for name, shape in found.items()} == {
        "x0": (5, 4, 6, 1),
        "kernel1": (3, 3, 1, 2),
        "bias1": (2,),
        "x1": (5, 4, 6, 2),
        "x2.0": (5, 4, 6, 2),
        "scale2.1": (2,),
        "bias2.1": (2,),
        "x2.1": (5, 4, 6, 2),
        "x2.2": (5, 4, 6, 2),
        "x2": (5, 4, 6, 2),
        "x3": (5, 48),
    }
    assert (found["x0"].columns, found["kernel1"].columns, found["x3"].columns) == ((), (), (48, 1))


@pytest.mark.parametrize(
    ("numbers", "settled"),
    [
        # CS231n's worked sizes: 227×227×3, 96 kernels of 11, stride 4 (AlexNet): 55×55×96 and 34,944 parameters
        (((227, 227, 3), 11, 96, 0, 4), Convolution((55, 55, 96), 34_944, 55 * 55 * 96 * 363)),
        # 32×32×3, ten of 5×5, padding 2: 32×32×10 and 760 parameters
        (((32, 32, 3), 5, 10, 2, 1), Convolution((32, 32, 10), 760, 768_000)),
        (((9, 5, 1), 3, 2, 0, 1), Convolution((7, 3, 2), 20, 7 * 3 * 2 * 9)),
        # the notes: 10 becomes 12 by padding 1, and 10 again by a kernel of 3
        (((10, 10, 1), 3, 1, 1, 1), Convolution((10, 10, 1), 10, 900)),
    ],
)
def test_five_numbers_settle_a_convolution(numbers, settled):
    image, kernel, filters, padding, stride = numbers
    assert convolution_of(*numbers) == settled
    weights = jnp.zeros((kernel, kernel, image[2], filters)), jnp.zeros(filters)
    output = jax.eval_shape(
        lambda x: F.conv2d(x, *weights, stride=(stride, stride), padding=((padding, padding), (padding, padding))),
        jax.ShapeDtypeStruct((1, *image), jnp.float32),
    )
    assert output.shape[1:] == settled.output
    assert sum(leaf.size for leaf in weights) == settled.parameters


def test_a_kernel_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="window"):
        convolution_of((3, 3, 1), 5, 1, 0, 1)
