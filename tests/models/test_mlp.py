import types

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import backpropagation, derivation, models
from jaxdl.models import mlp
from tests.models.twins import drawn, images


class Flaxs(nn.Module):
    """The same network of Flax's own layers."""

    @nn.compact
    def __call__(self, inputs):
        signal = inputs.reshape(len(inputs), -1)
        for width in (5, 4):
            signal = nn.relu(nn.Dense(width)(signal))
        return nn.Dense(3)(signal)


def test_with_the_same_parameters_it_is_flaxs_own():
    inputs = images(6, 2, 2, 1)
    model = mlp((5, 4), 3)

    @jax.jit
    def both(key):
        params, stats = model.init(key, inputs)
        return model.apply(params, stats, inputs)[0], Flaxs().apply({"params": params}, inputs)

    np.testing.assert_allclose(*both(jax.random.key(1)), rtol=1e-6)


def test_it_has_the_parameters_that_the_formula_counts():
    params, _ = jax.eval_shape(mlp((16,), 10).init, jax.random.key(0), jnp.zeros((1, 28, 28, 1)))
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == (784 + 1) * 16 + (16 + 1) * 10


def test_no_hidden_layer_is_a_linear_model():
    params, _ = mlp((), 3).init(jax.random.key(0), jnp.zeros((1, 4)))
    assert list(params) == ["Dense_0"]


def test_dropout_draws_in_training_only():
    inputs = jnp.ones((2, 4))
    model = mlp((64,), 3, dropout_rate=0.5)
    params, stats = drawn(model, inputs)
    apply = jax.jit(model.apply)
    still, _ = apply(params, stats, inputs)
    again, _ = apply(params, stats, inputs)
    dropped, _ = apply(params, stats, inputs, key=jax.random.key(1))
    assert np.array_equal(still, again)
    assert not np.array_equal(still, dropped)
    assert not np.array_equal(*dropped)  # each example has a mask of its own


def test_it_calls_the_functions_that_it_is_given():
    hand = derivation.by_hand()
    by_hand = mlp((5,), 3, dropout_rate=0.3, functional=hand)
    inputs = images(6, 4)
    params, stats = drawn(by_hand, inputs)
    loss = lambda params, model: F.l2(model.apply(params, stats, inputs, key=jax.random.key(2))[0])
    automatic = mlp((5,), 3, dropout_rate=0.3)
    gradients = jax.jit(lambda params: [jax.grad(loss)(params, model) for model in (by_hand, automatic)])(params)
    assert jax.tree.all(jax.tree.map(lambda a, b: np.allclose(a, b, rtol=1e-5, atol=1e-6), *gradients))
    program = str(jax.make_jaxpr(lambda p: loss(p, by_hand))(params))
    assert program.count("custom_vjp_call") == len(["reshape", "dense", "relu", "dropout", "dense"])


def test_every_layer_finds_its_function_in_the_functional():
    calls = []
    spy = types.SimpleNamespace(
        reshape=F.reshape,
        tanh=lambda z: (calls.append("tanh"), F.tanh(z))[1],
        dense=lambda *arguments: (calls.append("dense"), F.dense(*arguments))[1],
        dropout=lambda *arguments, rate: (calls.append(rate), F.dropout(*arguments, rate=rate))[1],
    )
    model = mlp((4,), 3, activation=F.tanh, dropout_rate=0.3, functional=spy)
    params, stats = jax.eval_shape(model.init, jax.random.key(0), jnp.ones((1, 2)))
    calls.clear()
    jax.eval_shape(lambda params: model.apply(params, stats, jnp.ones((1, 2)), key=jax.random.key(1)), params)
    assert calls == ["dense", "tanh", 0.3, "dense"]


def test_every_kernel_is_drawn_as_the_initializer_says():
    half = lambda key, shape, dtype=jnp.float32: jnp.full(shape, 0.5, dtype)
    params, _ = mlp((4,), 3, kernel_init=half).init(jax.random.key(0), jnp.ones((1, 2)))
    assert all((layer["kernel"] == 0.5).all() for layer in params.values())
    params, _ = jax.jit(mlp((300,), 300).init)(jax.random.key(0), jnp.ones((1, 400)))
    assert float(params["Dense_0"]["kernel"].var()) == pytest.approx(2 / 400, rel=0.05)
    assert not params["Dense_0"]["bias"].any()


def swept_both_ways(module, params, stats, inputs, g, key=None):
    """Outputs and gradients of params and inputs by jax; and outputs and cotangents by hand, in one program."""
    model = models.from_linen(module)

    @jax.jit
    def both(params, stats, inputs, g):
        outputs, pull = jax.vjp(lambda p, x: model.apply(p, stats, x, key=key)[0], params, inputs)
        network, own = module.network(params, stats if key is None else None)
        swept, tape = backpropagation.forward(network, own, inputs)
        return (outputs, *pull(g)), (swept, *backpropagation.backward(network, tape, g))

    return both(params, stats, inputs, g)


@pytest.mark.parametrize("hidden", [(), (5,), (5, 4, 3)])
def test_its_layers_swept_by_hand_are_the_model(hidden, double, random):
    module = models.Mlp(hidden, 3, activation=F.gelu, dropout_rate=0.5)
    model = models.from_linen(module)
    inputs, g = jnp.asarray(random.normal(size=(4, 2, 3))), jnp.asarray(random.normal(size=(4, 3)))
    params, stats = jax.eval_shape(model.init, jax.random.key(0), inputs)
    params = jax.tree.map(lambda leaf: jnp.asarray(random.normal(size=leaf.shape)), params)
    (outputs, of_params, of_inputs), (swept, inputs_bar, own_bar) = swept_both_ways(module, params, stats, inputs, g)
    np.testing.assert_allclose(swept, outputs, rtol=1e-12)
    np.testing.assert_allclose(inputs_bar, of_inputs, rtol=1e-11)
    by_hand = [own for own in own_bar if own]
    for place, (kernel_bar, bias_bar) in enumerate(by_hand):
        np.testing.assert_allclose(kernel_bar, of_params[f"Dense_{place}"]["kernel"], rtol=1e-11)
        np.testing.assert_allclose(bias_bar, of_params[f"Dense_{place}"]["bias"], rtol=1e-11)
    assert len(by_hand) == len(hidden) + 1


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("norm", [models.BatchNorm, models.LayerNorm])
def test_norms_and_skips_swept_by_hand_are_the_model(norm, training, double, random):
    module = models.Mlp((5, 5, 4, 4), 3, activation=F.tanh, norm=norm, skip=True)
    model = models.from_linen(module)
    inputs, g = jnp.asarray(random.normal(size=(6, 5))), jnp.asarray(random.normal(size=(6, 3)))
    draw = lambda leaf: jnp.asarray(random.uniform(0.5, 1.5, leaf.shape))
    params, stats = jax.tree.map(draw, jax.eval_shape(model.init, jax.random.key(0), inputs))
    key = jax.random.key(1) if training else None
    network, _ = module.network(params, None if training else stats)
    assert [isinstance(part, backpropagation.Residual) for part in network].count(True) == 2
    by_jax, by_hand = swept_both_ways(module, params, stats, inputs, g, key)
    (outputs, of_params, of_inputs), (swept, inputs_bar, own_bar) = by_jax, by_hand
    np.testing.assert_allclose(swept, outputs, rtol=1e-12)
    np.testing.assert_allclose(inputs_bar, of_inputs, rtol=1e-9, atol=1e-12)
    (kernel_bar, _), (scale_bar, *_), _ = own_bar[4]  # the second hidden layer, around which the first skip goes
    np.testing.assert_allclose(kernel_bar, of_params["Dense_1"]["kernel"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(scale_bar, of_params[f"{norm.__name__}_1"]["scale"], rtol=1e-9, atol=1e-12)


def test_a_skip_adds_what_went_in_where_widths_agree_but_not_the_inputs():
    ones = lambda key, shape, dtype=jnp.float32: jnp.ones(shape, dtype)
    inputs = jnp.ones((1, 2))
    output = lambda hidden, skip: float(through(models.mlp(hidden, 1, skip=skip, kernel_init=ones), inputs)[0, 0])
    assert output((2,), True) == output((2,), False) == 4  # 2 units of 1 + 1
    assert output((2, 2), False) == 8  # 2 units of 2 + 2
    assert output((2, 2), True) == 12  # and the 2 that went in
    assert output((2, 3), True) == output((2, 3), False)


def through(model, inputs):
    return jax.jit(lambda key: model.apply(*model.init(key, inputs), inputs)[0])(jax.random.key(0))


def test_a_dense_layer_before_a_norm_has_no_bias():
    params, stats = jax.eval_shape(mlp((4,), 3, norm=models.BatchNorm).init, jax.random.key(0), jnp.ones((1, 2)))
    assert list(params["Dense_0"]) == ["kernel"]
    assert {*params["Dense_1"]} == {"bias", "kernel"}
    assert stats["batch_stats"]["BatchNorm_0"]["mean"].shape == (4,)


def test_an_activation_without_a_derivation_cannot_be_swept():
    with pytest.raises(ValueError, match=r"f must have its derivation sin_vjp beside it"):
        models.Mlp((2,), 1, activation=jnp.sin).network({"Dense_0": {"kernel": 0, "bias": 0}})
