"""Laws of every model: it computes the same alone and in a population, in every precision, and without hidden state."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl import models
from jaxdl.models import BatchNorm, LayerNorm
from tests.models.reference_models import REFERENCES, random_variables

# Other references are large, or consist of the same layers as the models here.
SMALL = (
    *("linear_regression", "logistic_regression", "softmax_regression", "mlp", "mlp, batch norm, skip", "convnet"),
    *("convnet, group norm", "convnet, batch norm, strides", "rnn", "lstm of ids", "multi_head"),
)
MODELS = {
    **{name: (REFERENCES[name].model, REFERENCES[name].inputs) for name in SMALL},
    "resnet": (models.resnet((1, 1), (4, 6), 3), np.ones((3, 6, 8, 2), np.float32)),
    "resnet, pre-activation": (
        models.resnet((1,), (4,), 3, block=models.PreActivation, norm=LayerNorm),
        np.ones((3, 6, 8, 2), np.float32),
    ),
    "convnet, dropout": (
        models.convnet((4,), (6,), 3, norm=BatchNorm, dropout_rate=0.5),
        REFERENCES["convnet"].inputs,
    ),
    "gru, dropout": (models.recurrent(models.GRU, (6,), 3, dropout_rate=0.5), REFERENCES["gru"].inputs),
}
WITH_DROPOUT = ("mlp", "convnet, dropout", "gru, dropout")


@functools.lru_cache
def compiled(name):
    """Return a model with both functions compiled, once for all tests."""
    return models.Model(*map(jax.jit, MODELS[name][0]))


@pytest.fixture(params=MODELS)
def named(request):
    """Return a name, its model with both functions compiled, and inputs whose rows all differ."""
    inputs = MODELS[request.param][1]
    rows = np.linspace(0.5, 1.5, len(inputs)).reshape(-1, *[1] * (inputs.ndim - 1))
    different = inputs if inputs.dtype.kind == "i" else (inputs * rows).astype(inputs.dtype)
    return request.param, compiled(request.param), different


def l1_norm(tree):
    return sum(jnp.abs(leaf).sum() for leaf in jax.tree.leaves(tree))


def dtypes(tree):
    return jax.tree.map(lambda leaf: leaf.dtype, tree)


def test_a_member_of_a_population_trains_as_it_does_alone(named):
    """Compare a population in one program, with the steps in a scan, with one of its members trained step by step."""
    name, model, inputs = named

    @jax.jit
    def step(params, stats, key):
        loss = lambda params: (lambda out: (l1_norm(out[0]), out[1]))(model.apply(params, stats, inputs, key=key))
        gradient, stats = jax.grad(loss, has_aux=True)(params)
        return optax.apply_updates(params, jax.tree.map(lambda g: -1e-3 * g, gradient)), stats, l1_norm(gradient)

    def train(key):
        """Train for three steps inside a scan, then evaluate."""

        def scanned(carry, key):
            *carry, gradient_norm = step(*carry, key)
            return tuple(carry), gradient_norm

        keys = jax.random.split(jax.random.fold_in(key, 1), 3)
        (params, stats), gradient_norms = jax.lax.scan(scanned, model.init(key, inputs), keys)
        return model.apply(params, stats, inputs)[0], gradient_norms, stats

    keys = jax.random.split(jax.random.key(0), 2)
    outputs, gradient_norms, stats = jax.device_get(jax.jit(jax.vmap(train))(keys))
    member = jax.random.clone(keys)[1]
    alone, norms = model.init(member, inputs), []
    for key in jax.random.split(jax.random.fold_in(jax.random.clone(member), 1), 3):
        *alone, norm = step(*alone, key)
        norms.append(norm)
    assert (gradient_norms > 0).all()
    assert np.isfinite(gradient_norms).all()
    alone = (model.apply(*alone, inputs)[0], np.stack(norms), alone[1])
    for in_population, by_itself in zip(
        jax.tree.leaves((outputs, gradient_norms, stats)), jax.tree.leaves(alone), strict=True
    ):
        np.testing.assert_allclose(in_population[1], by_itself, rtol=1e-4, atol=1e-5)
    members_differ = not np.allclose(jax.tree.leaves(outputs)[0][0], jax.tree.leaves(outputs)[0][1])
    assert members_differ == ("regression" not in name)  # linear models start at zero


@pytest.mark.parametrize("dtype", ["bfloat16", "float64"])
@pytest.mark.parametrize("named", [name for name in MODELS if "ids" not in name], indirect=True)
def test_it_computes_in_the_dtype_of_its_inputs(named, dtype):
    """Functions whose results only need a dtype are traced, not compiled."""
    _, model, inputs = named
    params, stats = random_variables(model, inputs)
    exact = model.apply(params, stats, inputs)[0]
    with jax.enable_x64(dtype == "float64"):
        inputs = inputs.astype(jnp.dtype(dtype))
        initial, initial_stats = jax.eval_shape(model.init, jax.random.key(0), inputs)
        assert {leaf.dtype for leaf in jax.tree.leaves(initial)} == {jnp.dtype(dtype)}
        params = jax.tree.map(lambda leaf: np.asarray(leaf).astype(jnp.dtype(dtype)), params)
        outputs, _ = model.apply(params, stats, inputs)
        trained, updated = jax.eval_shape(model.apply, params, initial_stats, inputs, key=jax.random.key(1))
        for tree in (outputs, trained):
            assert {leaf.dtype for leaf in jax.tree.leaves(tree)} == {jnp.dtype(dtype)}
        assert dtypes(updated) == dtypes(initial_stats)  # so that a scan can carry them
        tolerance = 0.1 if dtype == "bfloat16" else 1e-4
        for result, truth in zip(jax.tree.leaves(outputs), jax.tree.leaves(exact), strict=True):
            maximum = np.abs(np.asarray(truth)).max()
            np.testing.assert_allclose(np.asarray(result, float), truth, rtol=tolerance, atol=tolerance * maximum)


def test_evaluation_has_no_noise_changes_no_statistics_and_treats_rows_separately(named):
    _, model, inputs = named
    params, stats = model.init(jax.random.key(0), inputs)
    first, same = model.apply(params, stats, inputs)
    again, _ = model.apply(params, stats, inputs)
    jax.tree.map(np.testing.assert_array_equal, first, again)
    jax.tree.map(np.testing.assert_array_equal, stats, same)
    rows = [model.apply(params, stats, inputs[row : row + 1])[0] for row in range(len(inputs))]
    together = jax.tree.map(lambda *parts: np.concatenate(parts), *rows)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), together, first)


def test_noise_depends_on_the_key_and_stats_keep_their_structure(named):
    name, model, inputs = named
    params, stats = model.init(jax.random.key(0), inputs)
    first, updated = model.apply(params, stats, inputs, key=jax.random.key(1))
    again, _ = model.apply(params, stats, inputs, key=jax.random.key(1))
    other, _ = model.apply(params, stats, inputs, key=jax.random.key(2))
    jax.tree.map(np.testing.assert_array_equal, first, again)
    differ = not jax.tree.all(jax.tree.map(np.array_equal, first, other))
    assert differ == (name in WITH_DROPOUT)
    assert jax.tree.structure(updated) == jax.tree.structure(stats)
    assert bool(stats) == any(isinstance(name, str) and "BatchNorm" in name for name in _names(params))


def _names(params):
    return [jax.tree_util.keystr(path, simple=True) for path, _ in jax.tree.leaves_with_path(params)]


def test_dropout_masks_differ_between_layers_and_members():
    module = models.MLP((64, 64), 64, dropout_rate=0.5, activation=lambda z: jnp.ones_like(z))
    model, inputs = models.from_linen(module), jnp.ones((1, 4))
    params, stats = random_variables(model, inputs)
    eye = {**params, "Dense_2": {"kernel": jnp.eye(64), "bias": jnp.zeros(64)}}

    @jax.jit
    def masks(keys, key):
        """Return the masks of the second layer for each member, and of both layers for one."""
        second = jax.vmap(lambda key: model.apply(eye, stats, inputs, key=key)[0][0])(keys)
        _, kept = module.apply(
            {"params": eye}, inputs, True, rngs={"dropout": key}, capture_intermediates=True, mutable=True
        )
        return second, [kept["intermediates"][f"Dropout_{layer}"]["__call__"][0][0] for layer in (0, 1)]

    second, both = masks(jax.random.split(jax.random.key(1), 4), jax.random.key(1))
    assert len({tuple(mask.tolist()) for mask in second}) == 4
    assert 0.3 < float((second == 0).mean()) < 0.7
    assert not np.array_equal(*both)
