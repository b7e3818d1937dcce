import jax
import jax.numpy as jnp

import jaxdl.functional as F
from jaxdl.backpropagation import Residual, layer, shapes, value_and_gradient


def exam_network(batch):
    """The network of the exam question: 784 inputs, 16 neurons, 10 neurons."""
    network = tuple(map(layer, (F.dense, F.relu, F.dense, F.cross_entropy, F.weighted_mean)))
    arguments = (
        (jnp.zeros((784, 16)), jnp.zeros(16)),
        (),
        (jnp.zeros((16, 10)), jnp.zeros(10)),
        (jnp.zeros(batch, jnp.int32),),
        (jnp.ones(batch),),
    )
    return network, arguments, jnp.zeros((batch, 784))


def test_exam_question_with_columns():
    """(Pre-)activations of the layer of 16 have shape 16×1, of the layer of 10 10×1, the weights between them 10×16."""
    found = shapes(*exam_network(1))
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
        "weights5": (1, 1),  # the weight of one example
    }


def test_arguments_with_a_batch_axis_have_the_column_of_one_example():
    network = (layer(F.reshape, {"shape": ()}), layer(F.pairwise_logistic))
    found = shapes(network, ((), (jnp.zeros(7),)), jnp.zeros((7, 1)))
    assert (found["worse2"].rows, found["worse2"].columns) == ((7,), (1, 1))
    found = shapes((layer(F.squared_error),), ((jnp.zeros((7, 3)),),), jnp.zeros((7, 3)))
    assert found["targets1"].columns == (3, 1)
    cell = (jnp.zeros((7, 4)), jnp.zeros((3, 4)), jnp.zeros((4, 4)), jnp.zeros(4))
    found = shapes((layer(F.rnn_cell),), (cell,), jnp.zeros((7, 3)))
    assert [found[name].columns for name in ("hidden1", "input_weights1", "bias1")] == [(4, 1), (4, 3), (4, 1)]


def test_exam_question_with_rows():
    found = shapes(*exam_network(32))
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
    assert [found[name].layer for name in ("x0", "x1", "weights3", "x5")] == [
        "input",
        "dense",
        "dense",
        "weighted_mean",
    ]


def test_shapes_are_those_of_the_gradient():
    network, arguments, inputs = exam_network(4)
    _, gradient = jax.eval_shape(lambda *given: value_and_gradient(network, *given), arguments, inputs)
    found = [shape.rows for name, shape in shapes(network, arguments, inputs).items() if not name.startswith("x")]
    assert found == [leaf.shape for leaf in jax.tree.leaves(gradient)]


def test_residuals_and_images():
    network = (layer(F.conv2d, {"padding": "SAME"}), Residual((layer(F.layer_norm), layer(F.tanh))), layer(F.reshape))
    arguments = ((jnp.zeros((3, 3, 1, 2)), jnp.zeros(2)), ((jnp.ones(2), jnp.zeros(2)), ()), ())
    found = shapes(network, arguments, jnp.zeros((5, 4, 6, 1)))
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
