"""What holds for every model: alone, in a population, compiled, differentiated, scanned, and in every precision."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl import models
from jaxdl.models import BatchNorm, LayerNorm
from tests.models.twins import TWINS, drawn

SMALL = {
    **{name: (twin.model, twin.inputs) for name, twin in TWINS.items() if "20" not in name and name != "lenet5"},
    "resnet": (models.resnet((1, 1), (4, 6), 3), np.ones((3, 6, 8, 2), np.float32)),
    "resnet, pre-activation": (
        models.resnet((1, 1), (4, 4), 3, block=models.PreActivation, norm=LayerNorm),
        np.ones((3, 6, 8, 2), np.float32),
    ),
    "convnet, dropout": (
        models.convnet((4,), (6,), 3, norm=BatchNorm, dropout_rate=0.5),
        TWINS["convnet"].inputs,
    ),
    "gru, dropout": (models.recurrent(models.Gru, (6,), 3, dropout_rate=0.5), TWINS["gru"].inputs),
}
NOISY = ("mlp", "convnet, dropout", "gru, dropout")


@functools.lru_cache
def compiled(name):
    """A model with both functions compiled, once for all tests."""
    return models.Model(*map(jax.jit, SMALL[name][0]))


@pytest.fixture(params=SMALL)
def named(request):
    """A name, its model with both functions compiled, and inputs of which no two rows are alike."""
    inputs = SMALL[request.param][1]
    rows = np.linspace(0.5, 1.5, len(inputs)).reshape(-1, *[1] * (inputs.ndim - 1))
    apart = inputs if inputs.dtype.kind == "i" else (inputs * rows).astype(inputs.dtype)
    return request.param, compiled(request.param), apart


def size(tree):
    return sum(jnp.abs(leaf).sum() for leaf in jax.tree.leaves(tree))


def kinds(tree):
    return jax.tree.map(lambda leaf: leaf.dtype, tree)


def test_a_member_of_a_population_is_the_model_alone(named):
    """A population in one program, of which the steps are a scan; and one of its members, step by step."""
    name, model, inputs = named

    @jax.jit
    def step(params, stats, key):
        loss = lambda params: (lambda out: (size(out[0]), out[1]))(model.apply(params, stats, inputs, key=key))
        gradient, stats = jax.grad(loss, has_aux=True)(params)
        return optax.apply_updates(params, jax.tree.map(lambda g: -1e-3 * g, gradient)), stats, size(gradient)

    def train(key):
        """Three steps inside a scan, then the outputs."""
        scanned = lambda carry, key: (lambda moved: (moved[:2], moved[2]))(step(*carry, key))
        keys = jax.random.split(jax.random.fold_in(key, 1), 3)
        (params, stats), slopes = jax.lax.scan(scanned, model.init(key, inputs), keys)
        return model.apply(params, stats, inputs)[0], slopes, stats

    keys = jax.random.split(jax.random.key(0), 2)
    outputs, slopes, stats = jax.device_get(jax.jit(jax.vmap(train))(keys))
    member = jax.random.clone(keys)[1]
    alone, own = model.init(member, inputs), []
    for key in jax.random.split(jax.random.fold_in(jax.random.clone(member), 1), 3):
        *alone, slope = step(*alone, key)
        own.append(slope)
    assert (slopes > 0).all()
    assert np.isfinite(slopes).all()
    alone = (model.apply(*alone, inputs)[0], np.stack(own), alone[1])
    for whole, one in zip(jax.tree.leaves((outputs, slopes, stats)), jax.tree.leaves(alone), strict=True):
        np.testing.assert_allclose(whole[1], one, rtol=1e-4, atol=1e-5)
    drawn_apart = not np.allclose(jax.tree.leaves(outputs)[0][0], jax.tree.leaves(outputs)[0][1])
    assert drawn_apart == ("regression" not in name)  # those start from zero


@pytest.mark.parametrize("dtype", ["bfloat16", "float64"])
@pytest.mark.parametrize("named", [name for name in SMALL if "ids" not in name], indirect=True)
def test_it_computes_in_the_precision_of_its_inputs(named, dtype):
    """What only its dtypes are asked of is lowered for the device, and not compiled."""
    _, model, inputs = named
    params, stats = drawn(model, inputs)
    exact = model.apply(params, stats, inputs)[0]
    with jax.enable_x64(dtype == "float64"):
        inputs = inputs.astype(jnp.dtype(dtype))
        fresh, fresh_stats = model.init.lower(jax.random.key(0), inputs).out_info
        assert {leaf.dtype for leaf in jax.tree.leaves(fresh)} == {jnp.dtype(dtype)}
        params = jax.tree.map(lambda leaf: np.asarray(leaf).astype(jnp.dtype(dtype)), params)
        outputs, _ = model.apply(params, stats, inputs)
        trained, moved = model.apply.lower(params, fresh_stats, inputs, key=jax.random.key(1)).out_info
        for tree in (outputs, trained):
            assert {leaf.dtype for leaf in jax.tree.leaves(tree)} == {jnp.dtype(dtype)}
        assert kinds(moved) == kinds(fresh_stats)  # a scan carries them
        tolerance = 0.1 if dtype == "bfloat16" else 1e-4
        for ours, truth in zip(jax.tree.leaves(outputs), jax.tree.leaves(exact), strict=True):
            largest = np.abs(np.asarray(truth)).max()
            np.testing.assert_allclose(np.asarray(ours, float), truth, rtol=tolerance, atol=tolerance * largest)


def test_evaluation_draws_no_noise_and_moves_nothing(named):
    _, model, inputs = named
    params, stats = model.init(jax.random.key(0), inputs)
    first, same = model.apply(params, stats, inputs)
    again, _ = model.apply(params, stats, inputs)
    jax.tree.map(np.testing.assert_array_equal, first, again)
    jax.tree.map(np.testing.assert_array_equal, stats, same)
    rows = [model.apply(params, stats, inputs[row : row + 1])[0] for row in range(len(inputs))]
    together = jax.tree.map(lambda *parts: np.concatenate(parts), *rows)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), together, first)


def test_the_same_key_draws_the_same_noise_and_another_key_another(named):
    name, model, inputs = named
    params, stats = model.init(jax.random.key(0), inputs)
    first, moved = model.apply(params, stats, inputs, key=jax.random.key(1))
    again, _ = model.apply(params, stats, inputs, key=jax.random.key(1))
    other, _ = model.apply(params, stats, inputs, key=jax.random.key(2))
    jax.tree.map(np.testing.assert_array_equal, first, again)
    differ = not jax.tree.all(jax.tree.map(np.array_equal, first, other))
    assert differ == (name in NOISY)
    assert jax.tree.structure(moved) == jax.tree.structure(stats)
    assert bool(stats) == any(isinstance(name, str) and "BatchNorm" in name for name in _names(params))


def _names(params):
    return [jax.tree_util.keystr(place, simple=True) for place, _ in jax.tree.leaves_with_path(params)]


def test_masks_differ_from_layer_to_layer_and_from_member_to_member():
    module = models.Mlp((64, 64), 64, dropout_rate=0.5, activation=lambda z: jnp.ones_like(z))
    model, inputs = models.from_linen(module), jnp.ones((1, 4))
    params, stats = drawn(model, inputs)
    eye = {**params, "Dense_2": {"kernel": jnp.eye(64), "bias": jnp.zeros(64)}}

    @jax.jit
    def masks(keys, key):
        """Of the second layer, for each member; and of both layers."""
        second = jax.vmap(lambda key: model.apply(eye, stats, inputs, key=key)[0][0])(keys)
        _, kept = module.apply(
            {"params": eye}, inputs, True, rngs={"dropout": key}, capture_intermediates=True, mutable=True
        )
        return second, [kept["intermediates"][f"Dropout_{layer}"]["__call__"][0][0] for layer in (0, 1)]

    second, both = masks(jax.random.split(jax.random.key(1), 4), jax.random.key(1))
    assert len({tuple(mask.tolist()) for mask in second}) == 4
    assert 0.3 < float((second == 0).mean()) < 0.7
    assert not np.array_equal(*both)
