"""Laws of the functions that build models: their settings are those of the modules, and reach every layer."""

import functools
import inspect
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import derivation, models
from tests.models.reference_models import random_array, random_variables

MODULES = {
    models.mlp: models.MLP,
    models.convnet: models.ConvNet,
    models.resnet: models.ResNet,
    models.recurrent: models.Recurrent,
    models.multi_head: models.MultiHead,
}


@pytest.mark.parametrize("factory", MODULES, ids=lambda factory: factory.__name__)
def test_a_factory_has_the_settings_and_defaults_of_its_module(factory):
    settings = lambda f: [(each.name, each.kind, each.default) for each in inspect.signature(f).parameters.values()]
    of_flax = ("parent", "name")
    assert settings(factory) == [each for each in settings(MODULES[factory]) if each[0] not in of_flax]


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
def test_every_layer_looks_up_its_function_in_functional(build, expected):
    calls = []
    recorded = lambda name: lambda *a, **k: (calls.append(name), getattr(F, name)(*a, **k))[1]
    names = ("conv2d", "reshape", "dense")
    functional = types.SimpleNamespace(relu=jnp.abs, **{name: recorded(name) for name in names})
    jax.eval_shape(build(functional=functional).init, jax.random.key(0), jnp.ones((1, 28, 28, 1)))
    assert calls == expected


@pytest.mark.parametrize(
    ("build", "shape", "others"),
    [
        (functools.partial(models.resnet, (1, 1), (2, 3), 2), (1, 8, 8, 3), ()),
        (functools.partial(models.resnet, (1,), (2,), 2, block=models.PreActivation), (1, 8, 8, 3), ()),
        (models.lenet5, (1, 28, 28, 1), ()),
        (functools.partial(models.recurrent, models.RNN, (3,), 2), (1, 3, 4), ("hidden_kernel",)),
        (functools.partial(models.recurrent, models.GRU, (3,), 2), (1, 3, 4), ("hidden_kernel",)),
        (functools.partial(models.recurrent, models.LSTM, (3,), 2), (1, 3, 4), ("hidden_kernel",)),
        (models.linear_regression, (1, 4), ()),
        (models.logistic_regression, (1, 4), ()),
        (functools.partial(models.softmax_regression, 3), (1, 4), ()),
        (
            lambda kernel_init: models.multi_head(
                models.MLP((3,), 3, kernel_init=kernel_init), {"a": 2}, kernel_init=kernel_init
            ),
            (1, 4),
            (),
        ),
    ],
)
def test_kernel_init_initializes_every_kernel_but_those_of_hidden_states(build, shape, others):
    half = lambda key, shape, dtype=jnp.float32: jnp.full(shape, 0.5, dtype)
    params, _ = jax.jit(build(kernel_init=half).init)(jax.random.key(0), jnp.ones(shape))
    kernels = [
        (jax.tree_util.keystr(path, simple=True, separator="/"), leaf)
        for path, leaf in jax.tree.leaves_with_path(params)
        if "kernel" in path[-1].key
    ]
    assert kernels
    for name, leaf in kernels:
        assert bool((np.asarray(leaf) == 0.5).all()) == (name.rpartition("/")[2] not in others), name


HAND = derivation.by_hand()


@pytest.mark.parametrize(
    ("automatic", "by_hand", "shape"),
    [
        (models.resnet((1,), (3,), 2), models.resnet((1,), (3,), 2, functional=HAND), (2, 4, 4, 3)),
        (models.recurrent(models.RNN, (3,), 2), models.recurrent(models.RNN, (3,), 2, functional=HAND), (2, 3, 4)),
        (models.recurrent(models.GRU, (3,), 2), models.recurrent(models.GRU, (3,), 2, functional=HAND), (2, 3, 4)),
        (models.recurrent(models.LSTM, (3,), 2), models.recurrent(models.LSTM, (3,), 2, functional=HAND), (2, 3, 4)),
        (
            models.multi_head(models.MLP((3,), 3), {"a": 2}),
            models.multi_head(models.MLP((3,), 3, functional=HAND), {"a": 2}, functional=HAND),
            (2, 4),
        ),
        (models.softmax_regression(3), models.softmax_regression(3, functional=HAND), (2, 4)),
    ],
)
def test_models_train_through_the_hand_derived_gradients(automatic, by_hand, shape):
    inputs = random_array(*shape)
    params, stats = random_variables(automatic, inputs)

    def loss(params, model):
        outputs, _ = model.apply(params, stats, inputs, key=jax.random.key(2))
        return sum((leaf**2).sum() for leaf in jax.tree.leaves(outputs))

    both = jax.jit(lambda params: [jax.grad(loss)(params, model) for model in (automatic, by_hand)])
    expected, gradient = both(params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5), gradient, expected)
    assert "custom_vjp_call" in str(jax.make_jaxpr(lambda p: loss(p, by_hand))(params))
