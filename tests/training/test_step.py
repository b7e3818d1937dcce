"""A step on a batch divided into microbatches is the step on the whole batch."""

import functools
import sys

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxdl.functional as F
from jaxdl import data, models, optimizers
from jaxdl.training import Task, fit, objective_of, start, train
from jaxdl.training.step import NO_LOSS, mean_loss, step

MODEL = models.mlp((8,), 3)
INPUTS = np.random.default_rng(0).normal(size=(24, 5))
LABELS = np.arange(24) % 3
WEIGHTS = np.random.default_rng(1).random(24) * (np.arange(24) % 4 > 0)  # a quarter of them is 0
BATCH = data.from_arrays(INPUTS, LABELS, weights=WEIGHTS)
EVEN = BATCH._replace(weights=jnp.ones(24))
PENALTY = lambda params: 0.1 * sum((leaf**2).sum() for leaf in jax.tree.leaves(params))
SGD = optimizers.sgd(0.5)


class Normalized(nn.Module):
    @nn.compact
    def __call__(self, inputs, training):
        return nn.Dense(3)(nn.BatchNorm(use_running_average=not training, momentum=0.9)(inputs))


def task_with(microbatches, optimizer=SGD, model=MODEL, loss=F.cross_entropy):
    return Task(model, loss, optimizer, 24, microbatches=microbatches, penalty=PENALTY)


@functools.cache
def program(task):
    return jax.jit(functools.partial(step, task))


WHOLE, HALVES = task_with(1), task_with(2)


@pytest.fixture(scope="module")
def state():
    return start(WHOLE, BATCH, jax.random.key(0))


@pytest.mark.parametrize("microbatches", [3, 24])
def test_microbatches_give_the_step_of_the_whole_batch(double, microbatches):
    """In float64, with different weights, some of them 0, and a penalty."""
    batch = jax.tree.map(lambda leaf: jnp.asarray(leaf, float) if leaf.dtype == jnp.float32 else leaf, BATCH)
    state = start(WHOLE, batch, jax.random.key(0))
    whole, loss = program(WHOLE)(batch, state)
    parts, loss_of_parts = program(task_with(microbatches))(batch, state)
    np.testing.assert_allclose(loss_of_parts, loss, rtol=1e-12)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-12), parts.params, whole.params)


def test_a_microbatch_of_weight_0_contributes_nothing(state):
    batch = BATCH._replace(weights=jnp.where(jnp.arange(24) < 12, 0.0, 1.0))
    halves, whole = (program(task)(batch, state)[0].params for task in (HALVES, WHOLE))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), halves, whole)


def test_microbatches_of_equal_weight_agree_with_optax_multi_steps(state):
    adam = Task(MODEL, F.cross_entropy, optimizers.adam(0.1), 24, microbatches=4)
    objective = objective_of(adam)
    ours, _ = program(adam)(EVEN, start(adam, EVEN, jax.random.key(0)))
    multi_steps = optax.MultiSteps(optimizers.adam(0.1), 4)

    @jax.jit
    def accumulated(params):
        def update(carry, part):
            params, memory = carry
            gradient = jax.grad(lambda params: objective(params, {}, part, jax.random.key(0))[0])(params)
            updates, memory = multi_steps.update(gradient, memory, params)
            return (optax.apply_updates(params, updates), memory), None

        parts = jax.tree.map(lambda leaf: leaf.reshape(4, 6, *leaf.shape[1:]), EVEN)
        return jax.lax.scan(update, (params, multi_steps.init(params)), parts)[0][0]

    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), ours.params, accumulated(state.params))


def test_batch_statistics_are_updated_by_one_microbatch_after_another():
    """With momentum 0.9, the running mean after two halves is that after two batches."""
    normalized = models.from_linen(Normalized())
    task = task_with(2, model=normalized)
    after, _ = program(task)(BATCH, start(task, BATCH, jax.random.key(0)))
    halves = INPUTS.reshape(2, 12, 5).mean(axis=1)
    expected = 0.9 * (0.1 * halves[0]) + 0.1 * halves[1]
    (mean,) = [leaf for path, leaf in jax.tree.leaves_with_path(after.stats) if "mean" in str(path)]
    np.testing.assert_allclose(mean, expected, atol=1e-6)


def test_each_microbatch_has_its_own_noise():
    objective = lambda params, stats, batch, key: (jax.random.normal(key) + 0 * params["x"].sum(), stats)
    model = models.Model(lambda key, inputs: ({"x": jnp.ones(2)}, {}), lambda p, s, i, *, key=None: (i, s))
    noisy = lambda parts: Task(model, None, SGD, 24, objective=objective, microbatches=parts)
    losses = [program(noisy(n))(EVEN, start(noisy(n), EVEN, jax.random.key(0)))[1] for n in (1, 2, 3)]
    assert len(set(map(float, losses))) == 3


@pytest.mark.parametrize("optimizer", [optimizers.sam(SGD), optimizers.lbfgs()], ids=["sam", "lbfgs"])
def test_optimizers_that_evaluate_the_loss_again_get_that_of_the_whole_batch(optimizer):
    params, linear = [], models.mlp((), 3)
    for task in (task_with(1, optimizer, linear), task_with(4, optimizer, linear)):
        state = start(task, EVEN, jax.random.key(0))
        for _ in range(3):
            state, _ = program(task)(EVEN, state)
        params.append(state.params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4), *params)


def test_fit_divides_batches_into_microbatches():
    keys = lambda: jax.random.split(jax.random.key(0), 2)
    whole, in_parts = (task_with(n, model=models.mlp((), 3)) for n in (1, 4))
    parts = fit(in_parts, BATCH, keys(), epochs=2, dev=BATCH, observe=lambda state, dev: {}).history.loss
    losses = jax.jit(jax.vmap(lambda key: train(whole, BATCH, key, epochs=2)[1].loss))(keys())
    np.testing.assert_allclose(losses, parts, rtol=1e-5)


@pytest.mark.parametrize("microbatches", [0, -1, 5, 48])
def test_microbatches_must_divide_the_batch(microbatches):
    message = rf"microbatches must divide the batch_size 24, got {microbatches}\."
    with pytest.raises(ValueError, match=message):
        train(task_with(microbatches), BATCH, jax.random.key(0), epochs=1)


@pytest.mark.parametrize("size", [24, 100])
def test_initial_parameters_depend_on_the_key_and_not_on_the_size_of_the_data(state, size):
    other = data.from_arrays(np.ones((size, 5)), np.arange(size) % 3)
    again = start(WHOLE, other, jax.random.key(0))
    jax.tree.map(np.testing.assert_array_equal, again.params, state.params)
    assert (int(again.epoch), int(again.step)) == (0, 0)


@pytest.mark.parametrize("microbatches", [1, 2])
def test_a_batch_of_weight_0_changes_nothing(microbatches):
    """Neither parameters nor momentum move."""
    momentum = optimizers.momentum(0.1, decay=0.9)
    task = Task(models.mlp((), 3), F.cross_entropy, momentum, 4, microbatches=microbatches, penalty=PENALTY)
    state = start(task, BATCH, jax.random.key(0))
    skipping = jax.jit(functools.partial(step, task, skip_unweighted=True))
    moved, _ = skipping(data.take(EVEN, range(4)), state)
    assert not np.array_equal(moved.params["Dense_0"]["kernel"], state.params["Dense_0"]["kernel"])
    after, loss = skipping(data.take(BATCH._replace(weights=jnp.zeros(24)), range(4)), moved)
    assert loss == NO_LOSS
    jax.tree.map(np.testing.assert_array_equal, after.params, moved.params)
    jax.tree.map(np.testing.assert_array_equal, after.optimizer_state, moved.optimizer_state)
    assert int(after.step) == 2


def rare(weights):
    """Return data where 20 of 24 examples have weight 0; with batches of 4, some batches have no others."""
    return BATCH._replace(weights=jnp.where(jnp.arange(24) < 4, weights, 0))


ALONE = Task(models.mlp((), 3), F.cross_entropy, SGD, 4)


def test_trainings_skip_batches_of_weight_0(monkeypatch):
    """Also if the weights are traced, alone and under `vmap`; batches with weight keep their bits."""
    keys = lambda: jax.random.split(jax.random.key(1), 2)
    history = lambda data, key: train(ALONE, data, key, epochs=2)[1].loss
    alone, members = jax.jit(history), jax.jit(jax.vmap(history, in_axes=(None, 0)))
    fitted = fit(ALONE, rare(1.0), keys(), epochs=2, dev=EVEN).history.loss
    np.testing.assert_allclose(alone(rare(1.0), keys()[0]), fitted[0], rtol=1e-5)
    np.testing.assert_allclose(members(rare(1.0), keys()), fitted, rtol=1e-5)
    bits = alone(EVEN, keys()[0]), members(EVEN, keys())
    monkeypatch.setattr(sys.modules["jaxdl.training.train"], "may_lack_weight", lambda *_: False)
    again = lambda data, key: history(data, key)
    np.testing.assert_array_equal(jax.jit(again)(EVEN, keys()[0]), bits[0])
    np.testing.assert_array_equal(jax.jit(jax.vmap(again, in_axes=(None, 0)))(EVEN, keys()), bits[1])


def test_the_mean_loss_of_an_epoch_leaves_out_batches_of_weight_0():
    assert mean_loss(jnp.array([1.0, NO_LOSS, 3.0]), skip_unweighted=True) == 2
    assert np.isnan(mean_loss(jnp.array([1.0, NO_LOSS, jnp.nan]), skip_unweighted=True))
    assert mean_loss(jnp.array([1.0, NO_LOSS]), skip_unweighted=False) == -np.inf
