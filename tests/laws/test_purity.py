"""A member equals the model trained alone; chunks give bit-identical results; a run is traced once."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import data, models, optimizers, training
from jaxdl.training import Task, objective_of, population, resume, start, train
from jaxdl.training.population.population import compile_population


class WithStatsAndNoise(nn.Module):
    """A user's own module with batch statistics, dropout, and another name for the training flag."""

    @nn.compact
    def __call__(self, inputs, deterministic):
        signal = nn.Dense(16)(inputs.reshape(len(inputs), -1))
        signal = nn.BatchNorm(use_running_average=deterministic)(signal)
        signal = nn.Dropout(0.2, deterministic=deterministic)(nn.relu(signal))
        return nn.Dense(10)(signal)


PLAIN = models.mlp((16,), 10, dropout_rate=0.1)
STATEFUL = models.from_linen(
    WithStatsAndNoise(), lambda module, inputs, training: module(inputs, deterministic=not training)
)


@pytest.fixture(scope="module")
def digits():
    return data.take(data.load_digits(), np.arange(320))


def task(model):
    return Task(model, F.cross_entropy, optimizers.adamw(1e-2), 32)


def largest_gap(one, other):
    gaps = jax.tree.map(
        lambda a, b: np.abs(a - b).max() / np.abs(b).max().clip(1e-6), jax.device_get(one), jax.device_get(other)
    )
    return max(map(float, jax.tree.leaves(gaps)))


def bit_equal(one, other):
    same = jax.tree.map(lambda a, b: np.array_equal(data_of(a), data_of(b), equal_nan=True), one, other)
    return jax.tree.all(same)


def data_of(leaf):
    is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf)


def test_a_member_is_the_model_trained_alone(digits):
    """After 100 steps, to 1e-5 of the largest parameter."""
    keys = jax.random.split(jax.random.key(0), 3)
    together, _ = population(lambda data, key: train(task(PLAIN), data, key, epochs=10), keys, shared=(digits,))
    alone, _ = jax.jit(lambda key: train(task(PLAIN), digits, key, epochs=10))(keys[1])
    together, alone = jax.device_get((together.params, alone.params))
    member = jax.tree.map(lambda leaf: leaf[1], together)
    scale = max(float(np.abs(leaf).max()) for leaf in jax.tree.leaves(alone))
    gaps = jax.tree.map(lambda a, b: float(np.abs(a - b).max()), member, alone)
    assert max(jax.tree.leaves(gaps)) / scale <= 1e-5


@pytest.mark.parametrize("model", [PLAIN, STATEFUL], ids=["plain", "stateful"])
def test_chunks_in_time_never_change_a_bit(digits, model):
    begin = jax.jit(lambda key: start(task(model), digits, key))
    go_on = jax.jit(lambda state: resume(task(model), digits, state, epochs=2))
    state = begin(jax.random.key(0))
    first, history_1 = go_on(state)
    second, history_2 = go_on(first)
    whole, history = jax.jit(lambda state: resume(task(model), digits, state, epochs=4))(state)
    assert bit_equal(second, whole)
    assert np.array_equal(np.concatenate([history_1.loss, history_2.loss]), history.loss)


def test_a_sweep_over_rates_is_the_loop_over_them_and_a_diverging_member_leaves_the_others_bit_equal(digits):
    keys = jax.random.split(jax.random.key(0), 3)

    def one(data, key, rate):
        by_rate = task(PLAIN)._replace(optimizer=optimizers.sgd(rate))
        return train(by_rate, data, key, epochs=2)[0].params

    rates = [jnp.array([0.1, middle, 0.01]) for middle in (0.03, jnp.inf)]
    program = compile_population(one, keys, rates[0], shared=(digits,))
    healthy, poisoned = (program.run((digits,), (keys, each)) for each in rates)
    assert jnp.isnan(poisoned["Dense_0"]["kernel"][1]).any()
    compiled = jax.jit(one)
    for member in (0, 2):
        in_healthy, in_poisoned = (jax.tree.map(lambda leaf: leaf[member], tree) for tree in (healthy, poisoned))
        assert bit_equal(in_healthy, in_poisoned)
        assert largest_gap(in_healthy, compiled(digits, keys[member], rates[0][member])) < 1e-3


def test_a_run_is_traced_once(digits):
    traces, seen = [], objective_of(task(PLAIN))

    def objective(params, stats, batch, key):
        traces.append(1)
        return seen(params, stats, batch, key)

    once = task(PLAIN)._replace(objective=objective)
    keys = jax.random.split(jax.random.key(0), 3)
    training.fit(once, digits, keys, epochs=6, dev=digits)
    assert len(traces) == 2  # one to check its shape before anything is compiled, one to compile


def test_an_order_that_is_shared_shows_all_members_the_same_batches(digits):
    keys, order = jax.random.split(jax.random.key(0), 3), jax.random.key(7)
    model = models.mlp((), 10)
    seen = objective_of(task(model))

    def objective(params, stats, batch, key):
        loss, stats = seen(params, stats, batch, key)
        return 0.0 * loss + batch.inputs[0].sum(), stats  # the first image of each batch reveals the order

    watched = Task(model, None, optimizers.sgd(0.0), 32, objective=objective)
    losses = lambda data, key, order: train(watched, data, key, epochs=2, order=order)[1].loss
    own, shared = population(
        lambda data, key: (losses(data, key, None), losses(data, key, order)), keys, shared=(digits,)
    )
    assert np.array_equal(shared[0], shared[1])
    assert np.array_equal(shared[0], shared[2])
    assert len(np.unique(own, axis=0)) == 3
