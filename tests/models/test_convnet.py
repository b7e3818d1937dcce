import functools
import types

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import backpropagation, derivation, models, optimizers, training
from jaxdl.data import Dataset
from jaxdl.models import BatchNorm, GroupNorm, LayerNorm, Stage, convnet
from tests.models.reference_models import random_array, random_variables


class FlaxConvNet(nn.Module):
    """The same network of Flax's own layers, with jaxdl's names."""

    norm: str = ""

    @nn.compact
    def __call__(self, x, training=False):
        for number, filters in enumerate((4, 6)):
            x = nn.Conv(filters, (3, 3), use_bias=not self.norm, name=f"Conv_{number}")(x)
            if self.norm == "BatchNorm":
                norm = nn.BatchNorm(not training, momentum=0.9, use_fast_variance=False, name=f"BatchNorm_{number}")
                x = norm(x)
            elif self.norm == "LayerNorm":
                x = nn.LayerNorm(epsilon=1e-5, use_fast_variance=False, name=f"LayerNorm_{number}")(x)
            x = nn.max_pool(nn.relu(x), (2, 2), (2, 2))
        return nn.Dense(3, name="Dense_1")(nn.relu(nn.Dense(5, name="Dense_0")(x.reshape(len(x), -1))))


def random_convnet(norm=None, activation=F.relu, **settings):
    """Return a module, its model, random parameters and statistics, and inputs."""
    module = models.ConvNet((4, 6), (5,), 3, norm=norm, activation=activation, **settings)
    model = models.from_linen(module)
    random = np.random.default_rng(0)
    inputs = jnp.asarray(random.normal(size=(3, 9, 8, 2)))
    draw = lambda leaf: jnp.asarray(random.uniform(0.2, 1, leaf.shape), inputs.dtype)
    return module, model, *jax.tree.map(draw, jax.eval_shape(model.init, jax.random.key(1), inputs)), inputs


@pytest.mark.parametrize("norm", [None, BatchNorm, LayerNorm])
def test_with_the_same_parameters_it_equals_flax_layers(norm, double):
    _, model, params, stats, inputs = random_convnet(norm)
    flax_net = FlaxConvNet(norm.__name__ if norm else "")
    variables = {"params": {**{k: v for k, v in params.items() if k != "Mlp_0"}, **params["Mlp_0"]}, **stats}

    @jax.jit
    def both_modes(variables, params, stats, key):
        return [
            (
                flax_net.apply(variables, inputs, training=mode is not None, mutable=list(stats)),
                model.apply(params, stats, inputs, key=mode),
            )
            for mode in (None, key)
        ]

    for (expected, flax_stats), (outputs, updated) in both_modes(variables, params, stats, jax.random.key(2)):
        np.testing.assert_allclose(outputs, expected, rtol=1e-10)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-10), updated, dict(flax_stats))
    assert bool(stats) == (norm is BatchNorm)


class UserConvNet(nn.Module):
    """A user's network of Flax layers under Flax's names, with batch norms and a stride."""

    @nn.compact
    def __call__(self, x, training):
        x = nn.Conv(4, (3, 3), use_bias=False)(x)
        x = nn.relu(nn.BatchNorm(use_running_average=not training, momentum=0.9)(x))
        x = nn.Conv(6, (3, 3), strides=2, padding=((1, 1), (1, 1)), use_bias=False)(x)
        x = nn.relu(nn.BatchNorm(use_running_average=not training, momentum=0.9)(x))
        return UserHead(name="Mlp_0")(x)


class UserHead(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.relu(nn.Dense(5)(x.reshape(len(x), -1)))
        return nn.Dense(3)(x)


def test_parameters_can_be_exchanged_with_a_users_flax_module():
    stages = (Stage(4, pool=None), Stage(6, stride=(2, 2), pool=None))
    model, flax_model = convnet(stages, (5,), 3, norm=BatchNorm), models.from_linen(UserConvNet())
    inputs = random_array(3, 8, 6, 2)
    params, stats = random_variables(model, inputs)

    @jax.jit
    def both(params, stats, key):
        """Return evaluation outputs for jaxdl's parameters, and training results for the parameters of Flax."""
        evaluated = [each.apply(params, stats, inputs)[0] for each in (flax_model, model)]
        params, stats = flax_model.init(jax.random.key(0), inputs)
        return evaluated, [each.apply(params, stats, inputs, key=key) for each in (flax_model, model)]

    (expected, outputs), trained = both(params, stats, jax.random.key(1))
    np.testing.assert_allclose(expected, outputs, rtol=1e-5, atol=1e-6)
    (expected, expected_stats), (outputs, updated) = trained
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), updated, expected_stats)


@pytest.mark.parametrize(("norm", "pool"), [(None, F.max_pool), (BatchNorm, F.avg_pool), (LayerNorm, None)])
def test_backpropagation_through_its_layers_equals_jax(norm, pool, double, random):
    module, model, params, stats, inputs = random_convnet(norm, F.gelu, pool=pool)

    def both(params, stats, inputs, g, key):
        apply = lambda params, inputs: model.apply(params, stats, inputs, key=key)[0]
        outputs, pull = jax.vjp(apply, params, inputs)
        network, own = module.network(params, stats if key is None else None)
        by_layers, tape = backpropagation.forward(network, own, inputs)
        return (outputs, *pull(g)), (by_layers, *backpropagation.backward(network, tape, g))

    g, names = jnp.asarray(random.normal(size=(3, 3))), ("Conv", *([norm.__name__] if norm else []))
    compiled = jax.jit(lambda *arguments: [both(*arguments, key) for key in (None, jax.random.key(2))])
    for (outputs, params_bar, expected_inputs_bar), (by_layers, inputs_bar, own_bar) in compiled(
        params, stats, inputs, g
    ):
        np.testing.assert_allclose(by_layers, outputs, rtol=1e-12)
        scale = np.abs(expected_inputs_bar).max()
        np.testing.assert_allclose(inputs_bar, expected_inputs_bar, rtol=1e-9, atol=1e-12 * scale)
        expected = [params_bar[f"{name}_{number}"] for number in (0, 1) for name in names]
        expected += [params_bar["Mlp_0"][f"Dense_{number}"] for number in (0, 1)]
        for bars, automatic in zip([bars for bars in own_bar if bars], expected, strict=True):
            order = [name for name in ("kernel", "scale", "bias") if name in automatic]
            for bar, name in zip(bars, order, strict=False):
                largest = np.abs(np.asarray(automatic[name])).max()
                np.testing.assert_allclose(bar, automatic[name], rtol=1e-9, atol=1e-11 * (1 + largest))


@pytest.mark.parametrize("padding", [None, "VALID", ((1, 0), (2, 1))])
def test_its_layers_have_its_strides_and_paddings(padding, double):
    stages = (Stage(4, (3, 2), (2, 1), padding, pool=None), Stage(3, (3, 3), (1, 2), padding))
    module = models.ConvNet(stages, (), 3)
    inputs = jnp.asarray(random_array(2, 13, 12, 2), float)
    params, _ = random_variables(models.from_linen(module), inputs)

    @jax.jit
    def both(params):
        return backpropagation.forward(*module.network(params), inputs)[0], module.apply({"params": params}, inputs)

    np.testing.assert_allclose(*both(params), rtol=1e-12)


def test_its_layers_have_the_settings_of_a_partial_norm_or_a_subclass(double):
    class LargeEpsilon(LayerNorm):
        epsilon: float = 0.5

    groups = functools.partial(GroupNorm, groups=2)
    for norm in (groups, LargeEpsilon, *(functools.partial(norm, epsilon=0.5) for norm in (BatchNorm, LayerNorm))):
        module, model, params, stats, inputs = random_convnet(norm)

        def both(params, stats):
            by_layers, _ = backpropagation.forward(*module.network(params, stats), inputs)
            return by_layers, model.apply(params, stats, inputs)[0]

        by_layers, outputs = jax.jit(both)(params, stats)
        np.testing.assert_allclose(by_layers, outputs, rtol=1e-12)
    default, _ = jax.jit(models.from_linen(module.copy(norm=LayerNorm)).apply)(params, stats, inputs)
    assert not np.allclose(by_layers, default)


def test_only_training_updates_the_statistics():
    _, model, params, stats, inputs = random_convnet(BatchNorm)

    @jax.jit
    def after(params, stats, key):
        """Return the statistics after an evaluation and after a step, and the mean of the first convolution."""
        _, evaluated = model.apply(params, stats, inputs)
        _, updated = model.apply(params, stats, inputs, key=key)
        convolved = F.conv2d(inputs, params["Conv_0"]["kernel"], jnp.zeros(4), padding="SAME")
        return evaluated, updated, convolved.mean((0, 1, 2))

    evaluated, updated, mean = after(params, stats, jax.random.key(2))
    assert jax.tree.all(jax.tree.map(np.array_equal, stats, evaluated))
    assert not jax.tree.all(jax.tree.map(np.array_equal, stats, updated))
    expected = 0.9 * np.asarray(stats["batch_stats"]["BatchNorm_0"]["mean"]) + 0.1 * np.asarray(mean)
    np.testing.assert_allclose(updated["batch_stats"]["BatchNorm_0"]["mean"], expected, rtol=1e-4)


def test_it_trains_through_the_hand_derived_gradients():
    hand = derivation.by_hand()
    settings = {"norm": BatchNorm, "pool": functools.partial(F.avg_pool, window=(4, 4), stride=(4, 4))}
    by_hand, automatic = convnet((4,), (5,), 3, functional=hand, **settings), convnet((4,), (5,), 3, **settings)
    inputs = random_array(6, 8, 8, 1)
    params, stats = random_variables(by_hand, inputs)
    loss = lambda params, model: F.l2(model.apply(params, stats, inputs, key=jax.random.key(2))[0])
    close = lambda a, b: np.allclose(a, b, rtol=1e-4, atol=1e-5)
    gradients = jax.jit(lambda params: [jax.grad(loss)(params, model) for model in (by_hand, automatic)])(params)
    assert jax.tree.all(jax.tree.map(close, *gradients))
    program = str(jax.make_jaxpr(lambda p: loss(p, by_hand))(params))
    functions = ["conv2d", "batch_norm", "relu", "avg_pool", "reshape", "dense", "relu", "dense"]
    assert program.count("custom_vjp_call") == len(functions)


@pytest.mark.parametrize("norm", [None, BatchNorm, LayerNorm])
def test_every_layer_looks_up_its_function_in_functional(norm):
    calls = []
    recorded = lambda name: lambda *a, **k: (calls.append(name), getattr(F, name)(*a, **k))[1]
    names = ("conv2d", "reshape", "batch_norm", "batch_norm_inference", "layer_norm", "dense")
    functional = types.SimpleNamespace(**{name: recorded(name) for name in names})
    model = convnet((4,), (), 3, norm=norm, functional=functional, activation=lambda z: z, pool=None)
    params, stats = jax.eval_shape(model.init, jax.random.key(0), jnp.ones((1, 4, 4, 1)))
    for key, batch_norm in ((None, "batch_norm_inference"), (jax.random.key(1), "batch_norm")):
        calls.clear()
        jax.eval_shape(functools.partial(model.apply, key=key), params, stats, jnp.ones((1, 4, 4, 1)))
        norm_calls = {None: [], BatchNorm: [batch_norm], LayerNorm: ["layer_norm"]}[norm]
        assert calls == ["conv2d", *norm_calls, "reshape", "dense"]


def test_a_population_learns_to_classify_bars():
    """Three networks in one program learn whether a bar is vertical or horizontal."""
    random = np.random.default_rng(0)
    images = 0.3 * random.normal(size=(96, 8, 8, 1)).astype(np.float32)
    for number, place in enumerate(random.integers(0, 8, 96)):
        images[number, :, place] += number % 2
        images[number, place, :] += 1 - number % 2
    data = Dataset(jnp.asarray(images), jnp.arange(96) % 2, jnp.ones(96))
    model = convnet((4,), (), 2, norm=BatchNorm)
    task = training.Task(model, F.cross_entropy, optimizers.adam(0.01), batch_size=16)

    def accuracy(key):
        state, _ = training.train(task, data, key, epochs=20)
        return (model.apply(state.params, state.stats, data.inputs)[0].argmax(-1) == data.labels).mean()

    assert (jax.jit(jax.vmap(accuracy))(jax.random.split(jax.random.key(0), 3)) > 0.95).all()


def test_its_settings_reach_its_layers():
    ones = lambda key, shape, dtype=jnp.float32: jnp.ones(shape, dtype)
    model = convnet((4,), (5,), 3, kernel=(5, 1), kernel_init=ones, norm=LayerNorm)
    params, _ = jax.jit(model.init)(jax.random.key(0), jnp.ones((1, 6, 6, 2)))
    assert params["Conv_0"]["kernel"].shape == (5, 1, 2, 4)
    assert list(params["Conv_0"]) == ["kernel"]  # the norm subtracts any bias
    kernels = [params["Conv_0"]["kernel"], *(layer["kernel"] for layer in params["Mlp_0"].values())]
    assert len(kernels) == 3
    assert all((kernel == 1).all() for kernel in kernels)


def test_an_even_kernel_is_padded_like_in_flax():
    class FlaxNet(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = nn.relu(nn.Conv(4, (4, 2), name="Conv_0")(x))
            return nn.Dense(3, name="Dense_0")(x.reshape(len(x), -1))

    inputs = random_array(2, 6, 5, 3)
    model = convnet((Stage(4, (4, 2), pool=None),), (), 3)
    params, stats = random_variables(model, inputs)
    in_flax = lambda params: FlaxNet().apply({"params": {"Conv_0": params["Conv_0"], **params["Mlp_0"]}}, inputs)
    outputs, expected = jax.jit(lambda params: (model.apply(params, stats, inputs)[0], in_flax(params)))(params)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)


def test_lenet5_accepts_images_of_32_pixels():
    model = models.lenet5(padding="VALID")
    params, _ = jax.eval_shape(model.init, jax.random.key(0), jnp.ones((1, 32, 32, 1)))
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == 61706


def test_lenet5_starts_with_variance_one_over_inputs():
    params, _ = jax.jit(models.lenet5().init)(jax.random.key(0), jnp.ones((1, 28, 28, 1)))
    assert float(params["Mlp_0"]["Dense_0"]["kernel"].var()) == pytest.approx(1 / 400, rel=0.05)
