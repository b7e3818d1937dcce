import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl.backpropagation import Layer, Residual, layer, trace, value_and_gradient


@functools.cache
def example():
    """Return dense layers, a Residual and a loss, with arguments and inputs, and the steps of their trace."""
    with jax.enable_x64(True):
        given = network_and_arguments(np.random.default_rng(0))
        return given, {step.name: step for step in trace(*given)}


def network_and_arguments(random):
    parts = (
        *map(layer, (F.dense, F.relu, F.dense)),
        Residual((layer(F.tanh), layer(F.layer_norm))),
        *map(layer, (F.cross_entropy, F.weighted_mean)),
    )
    draw = lambda *shape: jnp.asarray(random.normal(size=shape))
    arguments = (
        *((draw(2, 3), draw(3)), (), (draw(3, 2), draw(2)), ((), (draw(2), draw(2)))),
        *((jnp.array([0, 1]),), (jnp.ones(2),)),
    )
    return parts, arguments, draw(2, 2)


def test_every_step_has_a_name_a_layer_and_a_formula():
    _, steps = example()
    assert list(steps) == [
        *(
            "x0",
            "weights1",
            "bias1",
            "x1",
            "x2",
            "weights3",
            "bias3",
            "x3",
            "x4.0",
            "x4.1",
            "scale4.2",
            "bias4.2",
            "x4.2",
        ),
        *("x4", "labels5", "x5", "weights6", "x6", "∂L/∂x6", "∂L/∂weights6", "∂L/∂x5", "∂L/∂x4", "∂L/∂x4.2"),
        *("∂L/∂scale4.2", "∂L/∂bias4.2", "∂L/∂x4.1", "∂L/∂x4.0", "∂L/∂x3", "∂L/∂weights3", "∂L/∂bias3", "∂L/∂x2"),
        *("∂L/∂x1", "∂L/∂weights1", "∂L/∂bias1", "∂L/∂x0"),
    ]
    formulas = {
        "x0": "",
        "x1": "x0 @ weights1 + bias1",
        "x2": "where(x1 <= 0, 0, x1)",
        "x4.0": "x3",
        "x4": "x3 + x4.2",
        "x5": "cross_entropy(x4, labels5)",
        "∂L/∂x6": "1",
        "∂L/∂x4.2": "∂L/∂x4",
        "∂L/∂x3": "∂L/∂x4 + ∂L/∂x4.0",
        "∂L/∂weights3": "x2ᵀ @ ∂L/∂x3",
        "∂L/∂bias3": "sum(∂L/∂x3, axis=0)",
        "∂L/∂x2": "∂L/∂x3 @ weights3ᵀ",
        "∂L/∂x1": "where(x1 <= 0, 0, ∂L/∂x2)",
    }
    assert {name: steps[name].formula for name in formulas} == formulas
    assert {steps[name].layer for name in ("x3", "bias3", "∂L/∂weights3")} == {"dense"}
    assert {steps[name].layer for name in ("x6", "∂L/∂x6", "∂L/∂weights6")} == {"weighted_mean"}


def test_values_equal_those_of_the_reverse_pass_and_of_jax(double):
    (parts, arguments, inputs), traced = example()
    steps = {name: step.value for name, step in traced.items()}
    value, gradient = value_and_gradient(parts, arguments, inputs)
    assert steps["x6"] == value
    names = ("weights1", "bias1", "weights3", "bias3", "scale4.2", "bias4.2", "weights6")
    for name, leaf in zip(names, jax.tree.leaves(gradient), strict=True):
        np.testing.assert_array_equal(steps[f"∂L/∂{name}"], leaf)

    def loss_of_x3(x3):
        x42 = F.layer_norm(F.tanh(x3), *arguments[3][1])
        return F.cross_entropy(x3 + x42, arguments[4][0]).mean()

    np.testing.assert_allclose(steps["∂L/∂x3"], jax.grad(loss_of_x3)(steps["x3"]), rtol=1e-12)
    assert steps["∂L/∂x6"].shape == ()


def test_lambda_is_written_as_a_call(random, double):
    cube = Layer(lambda x: x**3, lambda g, x: (3 * x**2 * g,))
    steps = {
        step.name: step for step in trace((cube, layer(F.weighted_mean)), ((), (jnp.ones(2),)), jnp.array([1.0, 2]))
    }
    assert steps["x1"].formula == "λ(x0)"
    np.testing.assert_allclose(steps["∂L/∂x0"].value, [1.5, 6])


def test_first_of_several_outputs_is_indexed_and_the_others_have_the_cotangent_zero(double):
    network = (layer(F.batch_norm), layer(F.squared_error), layer(F.weighted_mean))
    arguments = ((jnp.ones(1), jnp.zeros(1)), (jnp.ones((3, 1)),), (jnp.ones(3),))
    steps = {step.name: step.formula for step in trace(network, arguments, jnp.array([[1.0], [2.0], [4.0]]))}
    assert steps["x1"] == "batch_norm(x0, scale1, bias1)[0]"
    assert steps["∂L/∂x0"] == "batch_norm_vjp((∂L/∂x1, 0, 0), x0, scale1, bias1)[0]"


def test_ambiguous_argument_names_get_an_underscore(double):
    network = (Layer(added, added_vjp), layer(F.squared_error), layer(F.weighted_mean))
    arguments = ((jnp.ones((2, 1)), jnp.ones((2, 1))), (jnp.zeros((2, 1)),), (jnp.ones(2),))
    steps = {step.name: step.formula for step in trace(network, arguments, jnp.ones((2, 1)))}
    assert steps["x1"] == "x0 + x_1 + w1_1"
    assert steps["∂L/∂w1_1"] == "∂L/∂x1"
    assert len(steps) == len(trace(network, arguments, jnp.ones((2, 1))))


def added(a, x, w1):
    return a + x + w1


def added_vjp(g, a, x, w1):
    return g, g, g


def test_forward_and_reverse_steps_use_the_same_noise():
    network = (layer(F.dropout, {"rate": 0.5}), layer(F.reshape, {"shape": ()}), layer(F.weighted_mean))
    arguments = ((jax.random.key(0),), (), (jnp.ones(50),))
    steps = {step.name: step.value for step in trace(network, arguments, jnp.ones((50, 1)))}
    np.testing.assert_allclose(steps["∂L/∂x0"] * 50, steps["x1"], rtol=1e-6)


def test_network_without_a_scalar_output_or_a_vjp_raises():
    with pytest.raises(ValueError, match=r"the network must end in a scalar, but network\[0\] \(relu\) returned"):
        trace((layer(F.relu),), ((),), jnp.ones(2))
    with pytest.raises(ValueError, match=r"network\[0\] \(sin\) has no VJP"):
        trace((Layer(jnp.sin, None),), ((),), jnp.ones(()))
