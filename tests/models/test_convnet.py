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
from tests.models.twins import drawn, images


class Flaxs(nn.Module):
    """The same network of Flax's own layers; parts are named as jaxdl names them."""

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


def made(norm=None, activation=F.relu, **settings):
    """A module, its model, and parameters and statistics that are drawn all over."""
    module = models.Convnet((4, 6), (5,), 3, norm=norm, activation=activation, **settings)
    model = models.from_linen(module)
    random = np.random.default_rng(0)
    inputs = jnp.asarray(random.normal(size=(3, 9, 8, 2)))
    drawn = lambda leaf: jnp.asarray(random.uniform(0.2, 1, leaf.shape), inputs.dtype)
    return module, model, *jax.tree.map(drawn, jax.eval_shape(model.init, jax.random.key(1), inputs)), inputs


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("norm", [None, BatchNorm, LayerNorm])
def test_with_the_same_parameters_it_is_flaxs_own(norm, training, double):
    _, model, params, stats, inputs = made(norm)
    flaxs = Flaxs(norm.__name__ if norm else "")
    variables = {"params": {**{k: v for k, v in params.items() if k != "Mlp_0"}, **params["Mlp_0"]}, **stats}
    theirs = lambda variables: flaxs.apply(variables, inputs, training=training, mutable=list(stats))
    apply = lambda params, stats: model.apply(params, stats, inputs, key=jax.random.key(2) if training else None)
    both = jax.jit(lambda variables, params, stats: (theirs(variables), apply(params, stats)))
    (expected, moved), (outputs, ours) = both(variables, params, stats)
    np.testing.assert_allclose(outputs, expected, rtol=1e-10)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-10), ours, dict(moved))
    assert bool(stats) == (norm is BatchNorm)


@pytest.mark.parametrize(
    ("norm", "pool"),
    [
        *((None, None), (None, F.max_pool)),
        *((BatchNorm, F.max_pool), (BatchNorm, F.avg_pool)),
        *((LayerNorm, F.avg_pool), (LayerNorm, None)),
    ],
)
def test_its_layers_swept_by_hand_are_the_model(norm, pool, double, random):
    module, model, params, stats, inputs = made(norm, F.gelu, pool=pool)

    def both(params, stats, inputs, g, key):
        apply = lambda params, inputs: model.apply(params, stats, inputs, key=key)[0]
        outputs, pull = jax.vjp(apply, params, inputs)
        network, own = module.network(params, stats if key is None else None)
        swept, tape = backpropagation.forward(network, own, inputs)
        return (outputs, *pull(g)), (swept, *backpropagation.backward(network, tape, g))

    g, names = jnp.asarray(random.normal(size=(3, 3))), ("Conv", *([norm.__name__] if norm else []))
    compiled = jax.jit(lambda *arguments: [both(*arguments, key) for key in (None, jax.random.key(2))])
    for (outputs, of_params, of_inputs), (swept, inputs_bar, own_bar) in compiled(params, stats, inputs, g):
        np.testing.assert_allclose(swept, outputs, rtol=1e-12)
        scale = np.abs(of_inputs).max()
        np.testing.assert_allclose(inputs_bar, of_inputs, rtol=1e-9, atol=1e-12 * scale)
        truth = [of_params[f"{name}_{number}"] for number in (0, 1) for name in names]
        truth += [of_params["Mlp_0"][f"Dense_{number}"] for number in (0, 1)]
        for bars, automatic in zip([bars for bars in own_bar if bars], truth, strict=True):
            order = [name for name in ("kernel", "scale", "bias") if name in automatic]
            for bar, name in zip(bars, order, strict=False):
                largest = np.abs(np.asarray(automatic[name])).max()
                np.testing.assert_allclose(bar, automatic[name], rtol=1e-9, atol=1e-11 * (1 + largest))


def test_one_example_of_a_batch_norm_is_its_bias():
    norm, row = BatchNorm(), jnp.ones((1, 2))
    variables = {
        "params": {"scale": jnp.ones(2), "bias": jnp.array([3.0, 4.0])},
        "batch_stats": {"mean": jnp.zeros(2), "var": jnp.ones(2)},
    }
    outputs, _ = jax.jit(lambda of: norm.apply(of, row, True, mutable=["batch_stats"]))(variables)
    np.testing.assert_array_equal(outputs, [[3, 4]])


def test_statistics_move_in_training_alone():
    _, model, params, stats, inputs = made(BatchNorm)

    @jax.jit
    def after(params, stats, key):
        """The statistics after an evaluation and after a step, and the mean of the first convolution's outputs."""
        _, same = model.apply(params, stats, inputs)
        _, moved = model.apply(params, stats, inputs, key=key)
        images = F.conv2d(inputs, params["Conv_0"]["kernel"], jnp.zeros(4), padding="SAME")
        return same, moved, images.mean((0, 1, 2))

    same, moved, mean = after(params, stats, jax.random.key(2))
    assert jax.tree.all(jax.tree.map(np.array_equal, stats, same))
    assert not jax.tree.all(jax.tree.map(np.array_equal, stats, moved))
    expected = 0.9 * np.asarray(stats["batch_stats"]["BatchNorm_0"]["mean"]) + 0.1 * np.asarray(mean)
    np.testing.assert_allclose(moved["batch_stats"]["BatchNorm_0"]["mean"], expected, rtol=1e-4)


def test_it_calls_the_functions_that_it_is_given():
    hand = derivation.by_hand()
    settings = {"norm": BatchNorm, "pool": functools.partial(F.avg_pool, window=(4, 4), stride=(4, 4))}
    by_hand, automatic = convnet((4,), (5,), 3, functional=hand, **settings), convnet((4,), (5,), 3, **settings)
    inputs = images(6, 8, 8, 1)
    params, stats = drawn(by_hand, inputs)
    loss = lambda params, model: F.l2(model.apply(params, stats, inputs, key=jax.random.key(2))[0])
    close = lambda a, b: np.allclose(a, b, rtol=1e-4, atol=1e-5)
    gradients = jax.jit(lambda params: [jax.grad(loss)(params, model) for model in (by_hand, automatic)])(params)
    assert jax.tree.all(jax.tree.map(close, *gradients))
    program = str(jax.make_jaxpr(lambda p: loss(p, by_hand))(params))
    functions = ["conv2d", "batch_norm", "relu", "avg_pool", "reshape", "dense", "relu", "dense"]
    assert program.count("custom_vjp_call") == len(functions)


@pytest.mark.parametrize("norm", [None, BatchNorm, LayerNorm])
def test_every_layer_finds_its_function_in_the_functional(norm):
    calls = []
    spied = lambda name: lambda *a, **k: (calls.append(name), getattr(F, name)(*a, **k))[1]
    names = ("conv2d", "reshape", "batch_norm", "batch_norm_inference", "layer_norm", "dense")
    spy = types.SimpleNamespace(**{name: spied(name) for name in names})
    model = convnet((4,), (), 3, norm=norm, functional=spy, activation=lambda z: z, pool=None)
    params, stats = jax.eval_shape(model.init, jax.random.key(0), jnp.ones((1, 4, 4, 1)))
    for key, of_norm in ((None, "batch_norm_inference"), (jax.random.key(1), "batch_norm")):
        calls.clear()
        jax.eval_shape(functools.partial(model.apply, key=key), params, stats, jnp.ones((1, 4, 4, 1)))
        between = {None: [], BatchNorm: [of_norm], LayerNorm: ["layer_norm"]}[norm]
        assert calls == ["conv2d", *between, "reshape", "dense"]


def test_a_population_of_them_learns():
    """Bars that stand or lie: three networks learn to tell them apart, in one program."""
    random = np.random.default_rng(0)
    images = 0.3 * random.normal(size=(96, 8, 8, 1)).astype(np.float32)
    for number, place in enumerate(random.integers(0, 8, 96)):
        images[number, :, place] += number % 2
        images[number, place, :] += 1 - number % 2
    data = Dataset(jnp.asarray(images), jnp.arange(96) % 2, jnp.ones(96))
    model = convnet((4,), (), 2, norm=BatchNorm)
    task = training.Task(model, training.supervised(model, F.cross_entropy), optimizers.adam(0.01), batch_size=16)

    def right(key):
        state, _ = training.train(task, data, key, epochs=20)
        return (model.apply(state.params, state.stats, data.inputs)[0].argmax(-1) == data.labels).mean()

    assert (jax.jit(jax.vmap(right))(jax.random.split(jax.random.key(0), 3)) > 0.95).all()


def test_its_settings_reach_its_layers():
    ones = lambda key, shape, dtype=jnp.float32: jnp.ones(shape, dtype)
    model = convnet((4,), (5,), 3, kernel=(5, 1), kernel_init=ones, norm=LayerNorm)
    params, _ = jax.jit(model.init)(jax.random.key(0), jnp.ones((1, 6, 6, 2)))
    assert params["Conv_0"]["kernel"].shape == (5, 1, 2, 4)
    assert list(params["Conv_0"]) == ["kernel"]  # the norm takes a bias away again
    kernels = [params["Conv_0"]["kernel"], *(of["kernel"] for of in params["Mlp_0"].values())]
    assert len(kernels) == 3
    assert all((kernel == 1).all() for kernel in kernels)


def test_settings_of_the_blocks():
    inputs = jnp.asarray(images(3, 6, 6, 2))
    ones = lambda key, shape, dtype=jnp.float32: jnp.ones(shape, dtype)
    conv = models.Conv(4, stride=(2, 1), padding="VALID", bias_init=ones)
    outputs, variables = jax.jit(conv.init_with_output)(jax.random.key(0), inputs)
    assert outputs.shape == (3, 2, 4, 4)
    assert (variables["params"]["bias"] == 1).all()


@pytest.mark.parametrize("learning", [True, False])
def test_settings_of_a_batch_norm(learning):
    inputs, norm = jnp.asarray(images(3, 6, 6, 2)), BatchNorm(epsilon=1.0, momentum=0.5)

    @jax.jit
    def both(inputs):
        variables = norm.init(jax.random.key(0), inputs, False)
        found = norm.apply(variables, inputs, learning, mutable=["batch_stats"])
        scale, bias, zeros, one = jnp.ones(2), jnp.zeros(2), jnp.zeros(2), jnp.ones(2)
        if learning:
            expected, _, variance = F.batch_norm(inputs, scale, bias, epsilon=1.0)
        else:
            expected, variance = F.batch_norm_inference(inputs, scale, bias, zeros, one, epsilon=1.0), one
        return variables, found, expected, variance

    variables, (outputs, moved), expected, variance = both(inputs)
    assert (variables["batch_stats"]["var"] == 1).all()
    np.testing.assert_allclose(moved["batch_stats"]["var"], 0.5 + 0.5 * variance, rtol=1e-6)
    np.testing.assert_allclose(outputs, expected, rtol=1e-6)


def test_settings_of_a_layer_norm():
    inputs, norm = jnp.asarray(images(3, 6, 6, 2)), LayerNorm(epsilon=1.0)
    expected = lambda inputs: F.layer_norm(inputs, jnp.ones(2), jnp.zeros(2), epsilon=1.0)
    both = jax.jit(lambda inputs: (norm.init_with_output(jax.random.key(0), inputs)[0], expected(inputs)))
    np.testing.assert_allclose(*both(inputs), rtol=1e-6)


def test_a_norm_of_ones_own_is_swept_as_what_it_is(double):
    class Loose(LayerNorm):
        epsilon: float = 0.5

    of_groups = functools.partial(GroupNorm, groups=2)
    for norm in (of_groups, Loose, *(functools.partial(norm, epsilon=0.5) for norm in (BatchNorm, LayerNorm))):
        module, model, params, stats, inputs = made(norm)

        def both(params, stats):
            swept, _ = backpropagation.forward(*module.network(params, stats), inputs)
            return swept, model.apply(params, stats, inputs)[0]

        swept, outputs = jax.jit(both)(params, stats)
        np.testing.assert_allclose(swept, outputs, rtol=1e-12)
    usual, _ = jax.jit(models.from_linen(module.copy(norm=LayerNorm)).apply)(params, stats, inputs)
    assert not np.allclose(swept, usual)


def test_running_averages_are_in_single_precision_at_least():
    norm, inputs = BatchNorm(momentum=0.999), jnp.ones((4, 2), jnp.bfloat16)
    variables = norm.init(jax.random.key(0), inputs, False)
    assert {leaf.dtype for leaf in jax.tree.leaves(variables["batch_stats"])} == {jnp.dtype("float32")}
    apply = jax.jit(lambda variables: norm.apply(variables, inputs, True, mutable=["batch_stats"]))
    for _ in range(100):
        _, moved = apply(variables)
        variables = {**variables, **moved}
    np.testing.assert_allclose(variables["batch_stats"]["mean"], 1 - 0.999**100, rtol=1e-2)
    np.testing.assert_allclose(variables["batch_stats"]["var"], 0.999**100, rtol=1e-2)


def test_an_even_kernel_is_padded_as_flax_pads_it():
    class Flaxs(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = nn.relu(nn.Conv(4, (4, 2), name="Conv_0")(x))
            return nn.Dense(3, name="Dense_0")(x.reshape(len(x), -1))

    inputs = images(2, 6, 5, 3)
    model = models.convnet((Stage(4, (4, 2), pool=None),), (), 3)
    params, stats = drawn(model, inputs)
    theirs = lambda params: Flaxs().apply({"params": {"Conv_0": params["Conv_0"], **params["Mlp_0"]}}, inputs)
    ours, theirs = jax.jit(lambda params: (model.apply(params, stats, inputs)[0], theirs(params)))(params)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("padding", [None, "VALID", ((1, 0), (2, 1))])
def test_strides_and_paddings_swept_by_hand_are_the_model(padding, double):
    stages = (Stage(4, (3, 2), (2, 1), padding, pool=None), Stage(3, (3, 3), (1, 2), padding))
    module = models.Convnet(stages, (), 3)
    inputs = jnp.asarray(images(2, 13, 12, 2), float)
    params, _ = drawn(models.from_linen(module), inputs)

    @jax.jit
    def both(params):
        return backpropagation.forward(*module.network(params), inputs)[0], module.apply({"params": params}, inputs)

    np.testing.assert_allclose(*both(params), rtol=1e-12)
