import types

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import backpropagation, derivation, models
from jaxdl.models import mlp
from tests.models.reference_models import random_array, random_variables


class FlaxMLP(nn.Module):
    """The same network of Flax's own layers."""

    @nn.compact
    def __call__(self, inputs):
        signal = inputs.reshape(len(inputs), -1)
        for width in (5, 4):
            signal = nn.relu(nn.Dense(width)(signal))
        return nn.Dense(3)(signal)


def test_with_the_same_parameters_it_equals_flax_layers():
    inputs = random_array(6, 2, 2, 1)
    model = mlp((5, 4), 3)

    @jax.jit
    def both(key):
        params, stats = model.init(key, inputs)
        return model.apply(params, stats, inputs)[0], FlaxMLP().apply({"params": params}, inputs)

    np.testing.assert_allclose(*both(jax.random.key(1)), rtol=1e-6)


def test_the_number_of_parameters_follows_the_formula():
    params, _ = jax.eval_shape(mlp((16,), 10).init, jax.random.key(0), jnp.zeros((1, 28, 28, 1)))
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == (784 + 1) * 16 + (16 + 1) * 10


def test_without_hidden_layers_it_is_one_dense_layer():
    params, _ = mlp((), 3).init(jax.random.key(0), jnp.zeros((1, 4)))
    assert list(params) == ["Dense_0"]


def test_dropout_is_active_only_in_training():
    inputs = jnp.ones((2, 4))
    model = mlp((64,), 3, dropout_rate=0.5)
    params, stats = random_variables(model, inputs)
    apply = jax.jit(model.apply)
    evaluated, _ = apply(params, stats, inputs)
    again, _ = apply(params, stats, inputs)
    dropped, _ = apply(params, stats, inputs, key=jax.random.key(1))
    assert np.array_equal(evaluated, again)
    assert not np.array_equal(evaluated, dropped)
    assert not np.array_equal(*dropped)  # each example has its own mask


def test_it_trains_through_the_hand_derived_gradients():
    hand = derivation.by_hand()
    by_hand = mlp((5,), 3, dropout_rate=0.3, functional=hand)
    inputs = random_array(6, 4)
    params, stats = random_variables(by_hand, inputs)
    loss = lambda params, model: F.l2(model.apply(params, stats, inputs, key=jax.random.key(2))[0])
    automatic = mlp((5,), 3, dropout_rate=0.3)
    gradients = jax.jit(lambda params: [jax.grad(loss)(params, model) for model in (by_hand, automatic)])(params)
    assert jax.tree.all(jax.tree.map(lambda a, b: np.allclose(a, b, rtol=1e-5, atol=1e-6), *gradients))
    program = str(jax.make_jaxpr(lambda p: loss(p, by_hand))(params))
    assert program.count("custom_vjp_call") == len(["reshape", "dense", "relu", "dropout", "dense"])


def test_every_layer_looks_up_its_function_in_functional():
    calls = []
    functional = types.SimpleNamespace(
        reshape=F.reshape,
        tanh=lambda z: (calls.append("tanh"), F.tanh(z))[1],
        dense=lambda *arguments: (calls.append("dense"), F.dense(*arguments))[1],
        dropout=lambda *arguments, rate: (calls.append(rate), F.dropout(*arguments, rate=rate))[1],
    )
    model = mlp((4,), 3, activation=F.tanh, dropout_rate=0.3, functional=functional)
    params, stats = jax.eval_shape(model.init, jax.random.key(0), jnp.ones((1, 2)))
    calls.clear()
    jax.eval_shape(lambda params: model.apply(params, stats, jnp.ones((1, 2)), key=jax.random.key(1)), params)
    assert calls == ["dense", "tanh", 0.3, "dense"]


def test_kernel_init_initializes_every_kernel():
    half = lambda key, shape, dtype=jnp.float32: jnp.full(shape, 0.5, dtype)
    params, _ = mlp((4,), 3, kernel_init=half).init(jax.random.key(0), jnp.ones((1, 2)))
    assert all((layer["kernel"] == 0.5).all() for layer in params.values())
    params, _ = jax.jit(mlp((300,), 300).init)(jax.random.key(0), jnp.ones((1, 400)))
    assert float(params["Dense_0"]["kernel"].var()) == pytest.approx(2 / 400, rel=0.05)
    assert not params["Dense_0"]["bias"].any()


def backpropagated(module, params, stats, inputs, g, key=None):
    """Return outputs and gradients for params and inputs by jax, and outputs and cotangents by the layers."""
    model = models.from_linen(module)

    @jax.jit
    def both(params, stats, inputs, g):
        outputs, pull = jax.vjp(lambda p, x: model.apply(p, stats, x, key=key)[0], params, inputs)
        network, own = module.network(params, stats if key is None else None)
        by_layers, tape = backpropagation.forward(network, own, inputs)
        return (outputs, *pull(g)), (by_layers, *backpropagation.backward(network, tape, g))

    return both(params, stats, inputs, g)


@pytest.mark.parametrize("hidden", [(), (5,), (5, 4, 3)])
def test_backpropagation_through_its_layers_equals_jax(hidden, double, random):
    module = models.MLP(hidden, 3, activation=F.gelu, dropout_rate=0.5)
    model = models.from_linen(module)
    inputs, g = jnp.asarray(random.normal(size=(4, 2, 3))), jnp.asarray(random.normal(size=(4, 3)))
    params, stats = jax.eval_shape(model.init, jax.random.key(0), inputs)
    params = jax.tree.map(lambda leaf: jnp.asarray(random.normal(size=leaf.shape)), params)
    by_jax, by_hand = backpropagated(module, params, stats, inputs, g)
    (outputs, params_bar, expected_inputs_bar), (by_layers, inputs_bar, own_bar) = by_jax, by_hand
    np.testing.assert_allclose(by_layers, outputs, rtol=1e-12)
    np.testing.assert_allclose(inputs_bar, expected_inputs_bar, rtol=1e-11)
    dense_bars = [bars for bars in own_bar if bars]
    for number, (kernel_bar, bias_bar) in enumerate(dense_bars):
        np.testing.assert_allclose(kernel_bar, params_bar[f"Dense_{number}"]["kernel"], rtol=1e-11)
        np.testing.assert_allclose(bias_bar, params_bar[f"Dense_{number}"]["bias"], rtol=1e-11)
    assert len(dense_bars) == len(hidden) + 1


@pytest.mark.parametrize("training_mode", [False, True])
@pytest.mark.parametrize("norm", [models.BatchNorm, models.LayerNorm])
def test_backpropagation_through_norms_and_skips_equals_jax(norm, training_mode, double, random):
    module = models.MLP((5, 5, 4, 4), 3, activation=F.tanh, norm=norm, skip=True)
    model = models.from_linen(module)
    inputs, g = jnp.asarray(random.normal(size=(6, 5))), jnp.asarray(random.normal(size=(6, 3)))
    draw = lambda leaf: jnp.asarray(random.uniform(0.5, 1.5, leaf.shape))
    params, stats = jax.tree.map(draw, jax.eval_shape(model.init, jax.random.key(0), inputs))
    key = jax.random.key(1) if training_mode else None
    network, _ = module.network(params, None if training_mode else stats)
    assert [isinstance(layer, backpropagation.Residual) for layer in network].count(True) == 2
    by_jax, by_hand = backpropagated(module, params, stats, inputs, g, key)
    (outputs, params_bar, expected_inputs_bar), (by_layers, inputs_bar, own_bar) = by_jax, by_hand
    np.testing.assert_allclose(by_layers, outputs, rtol=1e-12)
    np.testing.assert_allclose(inputs_bar, expected_inputs_bar, rtol=1e-9, atol=1e-12)
    (kernel_bar, _), (scale_bar, *_), _ = own_bar[4]  # the second hidden layer, which has the first skip
    np.testing.assert_allclose(kernel_bar, params_bar["Dense_1"]["kernel"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(scale_bar, params_bar[f"{norm.__name__}_1"]["scale"], rtol=1e-9, atol=1e-12)


def test_a_skip_adds_the_input_of_a_hidden_layer_of_the_same_width():
    ones = lambda key, shape, dtype=jnp.float32: jnp.ones(shape, dtype)
    inputs = jnp.ones((1, 2))

    def output(hidden, skip):
        model = mlp(hidden, 1, skip=skip, kernel_init=ones)
        return float(jax.jit(lambda key: model.apply(*model.init(key, inputs), inputs)[0])(jax.random.key(0))[0, 0])

    assert output((2,), True) == output((2,), False) == 4  # 2 units of 1 + 1: the first layer has no skip
    assert output((2, 2), False) == 8  # 2 units of 2 + 2
    assert output((2, 2), True) == 12  # plus the input of 2
    assert output((2, 3), True) == output((2, 3), False)


def test_a_dense_layer_before_a_norm_has_no_bias():
    params, stats = jax.eval_shape(mlp((4,), 3, norm=models.BatchNorm).init, jax.random.key(0), jnp.ones((1, 2)))
    assert list(params["Dense_0"]) == ["kernel"]
    assert {*params["Dense_1"]} == {"bias", "kernel"}
    assert stats["batch_stats"]["BatchNorm_0"]["mean"].shape == (4,)


def test_an_activation_without_a_hand_derived_gradient_has_no_layer():
    with pytest.raises(ValueError, match=r"sin has no VJP: its module jax.numpy defines no sin_vjp"):
        models.MLP((2,), 1, activation=jnp.sin).network({"Dense_0": {"kernel": 0, "bias": 0}})
