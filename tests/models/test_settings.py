"""What is set reaches what it sets."""

import functools
import types

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import models
from jaxdl.models import BatchNorm, LayerNorm
from tests.models.twins import drawn, images

HALF = lambda key, shape, dtype=jnp.float32: jnp.full(shape, 0.5, dtype)


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (models.linear_regression, ["reshape", "dense"]),
        (models.logistic_regression, ["reshape", "dense"]),
        (lambda functional: models.softmax_regression(3, functional=functional), ["reshape", "dense"]),
        (
            lambda functional: models.lenet5(functional=functional, activation=jnp.tanh, pool=lambda x: x[:, ::2, ::2]),
            ["conv2d", "conv2d", "reshape", "dense", "dense", "dense"],
        ),
    ],
)
def test_every_layer_finds_its_function_in_the_functional(build, expected):
    calls = []
    spied = lambda name: lambda *a, **k: (calls.append(name), getattr(F, name)(*a, **k))[1]
    spy = types.SimpleNamespace(relu=jnp.abs, **{name: spied(name) for name in ("conv2d", "reshape", "dense")})
    jax.eval_shape(build(functional=spy).init, jax.random.key(0), jnp.ones((1, 28, 28, 1)))
    assert calls == expected


@pytest.mark.parametrize(
    ("build", "shape", "others"),
    [
        (functools.partial(models.resnet, (1, 1), (2, 3), 2), (1, 8, 8, 3), ()),
        (functools.partial(models.resnet, (1,), (2,), 2, block=models.PreActivation), (1, 8, 8, 3), ()),
        (models.lenet5, (1, 28, 28, 1), ()),
        (functools.partial(models.recurrent, models.Rnn, (3,), 2), (1, 3, 4), ("hidden_kernel",)),
        (functools.partial(models.recurrent, models.Gru, (3,), 2), (1, 3, 4), ("hidden_kernel",)),
        (functools.partial(models.recurrent, models.Lstm, (3,), 2), (1, 3, 4), ("hidden_kernel",)),
        (models.linear_regression, (1, 4), ()),
        (models.logistic_regression, (1, 4), ()),
        (functools.partial(models.softmax_regression, 3), (1, 4), ()),
        (
            lambda kernel_init: models.multi_head(
                models.Mlp((3,), 3, kernel_init=kernel_init), {"a": 2}, kernel_init=kernel_init
            ),
            (1, 4),
            (),
        ),
    ],
)
def test_every_kernel_is_drawn_as_the_initializer_says(build, shape, others):
    params, _ = jax.jit(build(kernel_init=HALF).init)(jax.random.key(0), jnp.ones(shape))
    kernels = [
        (jax.tree_util.keystr(place, simple=True, separator="/"), leaf)
        for place, leaf in jax.tree.leaves_with_path(params)
        if "kernel" in place[-1].key
    ]
    assert kernels
    for name, leaf in kernels:
        assert bool((np.asarray(leaf) == 0.5).all()) == (name.rpartition("/")[2] not in others), name


def test_defaults_of_a_recurrent_network_have_a_variance_of_one_over_their_inputs():
    params, _ = jax.jit(models.recurrent(models.Gru, (100,), 300).init)(jax.random.key(0), jnp.ones((1, 2, 200)))
    assert float(params["Gru_0"]["input_kernel"].var()) == pytest.approx(1 / 200, rel=0.05)
    assert float(params["Dense_0"]["kernel"].var()) == pytest.approx(1 / 100, rel=0.05)


def test_lenet5_begins_as_lecun_says():
    params, _ = jax.jit(models.lenet5().init)(jax.random.key(0), jnp.ones((1, 28, 28, 1)))
    assert float(params["Mlp_0"]["Dense_0"]["kernel"].var()) == pytest.approx(1 / 400, rel=0.05)


def test_the_norm_of_a_resnet20_is_the_one_that_is_given():
    params, stats = jax.eval_shape(models.resnet20(norm=LayerNorm).init, jax.random.key(0), jnp.ones((1, 32, 32, 3)))
    assert stats == {}
    assert "LayerNorm_0" in params


def test_the_activation_of_a_resnet20_is_the_one_that_is_given():
    model, inputs = models.resnet20(activation=jnp.zeros_like), jnp.ones((1, 8, 8, 3))
    params, stats = drawn(model, inputs)
    params = {**params, "Dense_0": {**params["Dense_0"], "bias": jnp.zeros(10)}}
    np.testing.assert_array_equal(jax.jit(model.apply)(params, stats, inputs)[0], 0)


def test_the_trunk_is_told_that_this_is_training():
    model = models.multi_head(models.Mlp((64,), 8, dropout_rate=0.5, norm=BatchNorm), {"a": 2})
    inputs = images(5, 4)
    params, stats = drawn(model, inputs)
    apply = jax.jit(model.apply)
    first, moved = apply(params, stats, inputs, key=jax.random.key(2))
    other, _ = apply(params, stats, inputs, key=jax.random.key(3))
    assert not np.array_equal(first["a"], other["a"])
    mean = (inputs @ np.asarray(params["trunk"]["Dense_0"]["kernel"])).mean(0)
    was, now = (of["batch_stats"]["trunk"]["BatchNorm_0"]["mean"] for of in (stats, moved))
    np.testing.assert_allclose(now, 0.9 * was + 0.1 * mean, rtol=1e-4, atol=1e-6)


def test_a_convolution_pads_as_flaxs_does():
    inputs, theirs = jnp.asarray(images(2, 6, 5, 3)), nn.Conv(4, (3, 3))

    @jax.jit
    def both(inputs):
        variables = theirs.init(jax.random.key(0), inputs)
        return models.Conv(4).apply(variables, inputs), theirs.apply(variables, inputs)

    np.testing.assert_allclose(*both(inputs), rtol=1e-5, atol=1e-6)
