import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import jaxdl.functional as F
from jaxdl import data, metrics, models, optimizers, training
from jaxdl.models import from_nnx


class Net(nnx.Module):
    """Has statistics, dropout, a list of layers, a parameter outside of layers, and a sown value."""

    def __init__(self, rngs):
        self.dense = nnx.Linear(4, 8, rngs=rngs)
        self.norm = nnx.BatchNorm(8, momentum=0.9, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)
        self.layers = nnx.List([nnx.Linear(8, 8, rngs=rngs), nnx.Linear(8, 3, rngs=rngs)])
        self.scale = nnx.Param(jnp.ones(3))

    def __call__(self, x):
        x = self.dropout(nnx.relu(self.norm(self.dense(x))))
        self.sow(nnx.Intermediate, "hidden", x)
        for layer in self.layers:
            x = layer(x)
        return x * self.scale


class Flagged(nnx.Module):
    """Has its own training flag, noise, and a counter of calls."""

    def __init__(self, rngs):
        self.layer = nnx.Linear(4, 3, rngs=rngs)
        self.rngs = rngs
        self.calls = nnx.Variable(jnp.zeros((), jnp.int32))

    def __call__(self, x, *, is_training):
        if is_training:
            self.calls[...] += 1
            x = x + jax.random.normal(self.rngs.noise(), x.shape)
        return self.layer(x)


INPUTS = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
NET = from_nnx(lambda rngs: Net(rngs))
INIT = jax.jit(NET.init)


def test_a_module_and_its_model_compute_the_same():
    params, stats = INIT(jax.random.key(0), INPUTS)
    outputs, same = jax.jit(NET.apply)(params, stats, INPUTS)

    @jax.jit
    def plain(key):
        module = Net(nnx.Rngs(key))
        module.eval()
        return module(INPUTS)

    with pytest.warns(DeprecationWarning, match="sow"):
        expected = plain(jax.random.key(0))
    np.testing.assert_allclose(outputs, expected, rtol=1e-6)
    jax.tree.map(np.testing.assert_array_equal, same, stats)
    assert {*params} == {"dense", "norm", "layers", "scale"}
    assert {*stats} == {"norm"}


def test_a_key_means_training():
    params, stats = INIT(jax.random.key(0), INPUTS)
    apply = jax.jit(NET.apply)
    first, updated = apply(params, stats, INPUTS, key=jax.random.key(1))
    again, _ = apply(params, stats, INPUTS, key=jax.random.key(1))
    other, _ = apply(params, stats, INPUTS, key=jax.random.key(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    mean = (INPUTS @ params["dense"]["kernel"] + params["dense"]["bias"]).mean(0)
    np.testing.assert_allclose(updated["norm"]["mean"], 0.1 * mean, rtol=1e-4, atol=1e-6)
    assert jax.tree.structure(updated) == jax.tree.structure(stats)


def test_call_passes_the_modules_own_flag_and_counters_are_statistics():
    model = from_nnx(Flagged, lambda module, inputs, training: module(inputs, is_training=training))
    params, stats = model.init(jax.random.key(0), INPUTS)
    assert stats == {"calls": 0}
    apply = jax.jit(model.apply)
    outputs, stats = apply(params, stats, INPUTS)
    np.testing.assert_allclose(outputs, INPUTS @ params["layer"]["kernel"], rtol=1e-5)
    for count in (1, 2):
        noisy, stats = apply(params, stats, INPUTS, key=jax.random.key(count))
        assert stats["calls"] == count
        assert not np.allclose(noisy, outputs)


def test_it_trains_in_a_population():
    labels = (INPUTS[:, 0] > 0).astype(np.int32)
    sets = data.from_arrays(np.tile(INPUTS, (8, 1)), np.tile(labels, 8))
    task = training.Task(NET, F.cross_entropy, optimizers.sgd(0.5), 16, metrics={"accuracy": metrics.accuracy})
    keys = jax.random.split(jax.random.key(0), 2)
    fitted = training.fit(task, sets, keys, epochs=20, dev=sets, devices=jax.devices()[:1])
    assert (fitted.history.observed["accuracy"][:, -1] > 0.9).all()
    alone = jax.jit(lambda key: training.train(task, sets, key, epochs=20)[0].params)(keys[1])
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a[1], b, atol=1e-4), fitted.state.params, alone)


def test_summary_lists_its_layers_and_restores_the_classes():
    found = models.summary(NET, INPUTS)
    rows = {row.path: (row.layer, row.parameters, row.multiply_adds) for row in found.layers}
    assert rows == {
        "": ("Net", 3, 0),
        "dense": ("Linear", 40, 6 * 32),
        "norm": ("BatchNorm", 16, 0),
        "dropout": ("Dropout", 0, 0),
        "layers/0": ("Linear", 72, 6 * 64),
        "layers/1": ("Linear", 27, 6 * 24),
    }
    assert Net.__call__.__qualname__ == "Net.__call__"  # the recorder restored it
    assert nnx.Linear.__call__.__qualname__ == "Linear.__call__"


def test_fit_raises_for_a_batch_of_one_row():
    sets = data.from_arrays(INPUTS, np.arange(6) % 3)
    task = training.Task(NET, F.cross_entropy, optimizers.sgd(0.1), 1)
    with pytest.raises(ValueError, match=r"batch_size is too small for batch normalization: norm would see one row"):
        training.fit(task, sets, jax.random.split(jax.random.key(0), 1), epochs=1, dev=sets)


class OneLayer(nnx.Module):
    def __init__(self, rngs):
        self.layer = nnx.Linear(4, 3, rngs=rngs)

    def __call__(self, x):
        return self.layer(x)


def test_another_key_gives_other_parameters():
    model = from_nnx(OneLayer)
    first, second = (model.init(jax.random.key(seed), jnp.ones((2, 4)))[0] for seed in (1, 2))
    assert not np.intersect1d(first["layer"]["kernel"], second["layer"]["kernel"]).size


class Streams(nnx.Module):
    def __init__(self, rngs):
        self.rngs = rngs

    def __call__(self, x):
        return jax.random.normal(self.rngs.a(), x.shape), jax.random.normal(self.rngs.b(), x.shape)


def test_named_streams_draw_different_numbers():
    model = from_nnx(lambda rngs: Streams(nnx.Rngs(a=0, b=1)))
    params, stats = model.init(jax.random.key(0), jnp.ones(9))
    first, second = model.apply(params, stats, jnp.ones(9), key=jax.random.key(1))[0]
    assert not np.intersect1d(first, second).size


class WithDropout(nnx.Module):
    def __init__(self, rate, rngs):
        self.dropout = nnx.Dropout(rate, rngs=rngs)

    def __call__(self, inputs):
        return self.dropout(inputs)


def test_a_traced_rate_of_flax_dropout_raises_with_the_function_that_accepts_one():
    inputs, key = jnp.ones((2, 3)), jax.random.key(0)
    apply = lambda rate: from_nnx(lambda rngs: WithDropout(rate, rngs)).apply({}, {}, inputs, key=key)
    with pytest.raises(
        TypeError, match=r"nnx.Dropout must have a number as its rate, .* jaxdl.functional.dropout\(rngs"
    ):
        jax.eval_shape(apply, 0.5)
