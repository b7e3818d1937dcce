"""Accumulated gradients are those of the whole batch."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxdl.functional as F
from jaxdl import data, models, optimizers
from jaxdl.training import Task, fit, start, supervised, train
from jaxdl.training.step import step

MODEL = models.mlp((8,), 3)
INPUTS = np.random.default_rng(0).normal(size=(24, 5))
LABELS = np.arange(24) % 3
WEIGHTS = np.random.default_rng(1).random(24) * (np.arange(24) % 4 > 0)  # some count nothing
BATCH = data.from_arrays(INPUTS, LABELS, weights=WEIGHTS)
PENALTY = lambda params: 0.1 * sum((leaf**2).sum() for leaf in jax.tree.leaves(params))


EVEN = BATCH._replace(weights=jnp.ones(24))
SGD = optimizers.sgd(0.5)


class Normed(nn.Module):
    @nn.compact
    def __call__(self, inputs, training):
        return nn.Dense(3)(nn.BatchNorm(use_running_average=not training, momentum=0.9)(inputs))


def jitted(task, batch, state):
    return jax.jit(functools.partial(step, task))(batch, state)


def task(microbatches, optimizer=SGD, model=MODEL):
    return Task(model, supervised(model, F.cross_entropy, penalty=PENALTY), optimizer, 24, microbatches)


@pytest.mark.parametrize("microbatches", [3, 24])
def test_a_step_in_parts_is_the_step_at_once(double, microbatches):
    """In float64, with weights that differ, some of them 0, and a penalty."""
    batch = jax.tree.map(lambda leaf: jnp.asarray(leaf, float) if leaf.dtype == jnp.float32 else leaf, BATCH)
    state = start(task(1), batch, jax.random.key(0))
    whole, loss = jitted(task(1), batch, state)
    parts, loss_of_parts = jitted(task(microbatches), batch, state)
    np.testing.assert_allclose(loss_of_parts, loss, rtol=1e-12)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-12), parts.params, whole.params)


def test_a_part_that_weighs_nothing_counts_nothing():
    batch = BATCH._replace(weights=jnp.where(jnp.arange(24) < 12, 0.0, 1.0))
    state = start(task(1), batch, jax.random.key(0))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6),
        jitted(task(2), batch, state)[0].params,
        jitted(task(1), batch, state)[0].params,
    )


def test_it_is_what_optax_accumulates():
    """Its MultiSteps takes the mean over as many calls, of batches that weigh the same."""
    plain = supervised(MODEL, F.cross_entropy)
    adam = Task(MODEL, plain, optimizers.adam(0.1), 24, 4)
    first = start(adam, EVEN, jax.random.key(0))
    ours, _ = jitted(adam, EVEN, first)
    multi = optax.MultiSteps(optimizers.adam(0.1), 4)
    params = first.params
    memory = multi.init(params)
    for rows in np.arange(24).reshape(4, 6):
        part = jax.tree.map(lambda leaf, rows=rows: leaf[rows], EVEN)
        gradient = jax.grad(lambda params, part=part: plain(params, {}, part, jax.random.key(0))[0])(params)
        updates, memory = multi.update(gradient, memory, params)
        params = optax.apply_updates(params, updates)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), ours.params, params)


def test_statistics_see_one_part_after_another():
    """A running mean with momentum 0.9: after two halves it is that of PyTorch after two batches."""
    normed = models.from_linen(Normed())
    state = start(task(2, model=normed), BATCH, jax.random.key(0))
    after, _ = jitted(task(2, model=normed), BATCH, state)
    halves = INPUTS.reshape(2, 12, 5).mean(axis=1)
    expected = 0.9 * (0.1 * halves[0]) + 0.1 * halves[1]
    (mean,) = [leaf for path, leaf in jax.tree.leaves_with_path(after.stats) if "mean" in str(path)]
    np.testing.assert_allclose(mean, expected, atol=1e-6)


def test_each_part_has_noise_of_its_own():
    noise = lambda params, stats, batch, key: (jax.random.normal(key) + 0 * params["x"].sum(), stats)
    model = models.Model(lambda key, inputs: ({"x": jnp.ones(2)}, {}), lambda p, s, i, *, key=None: (i, s))
    losses = []
    for parts in (1, 2, 3):
        noisy = Task(model, noise, optimizers.sgd(0.1), 24, parts)
        losses.append(float(jitted(noisy, EVEN, start(noisy, EVEN, jax.random.key(0)))[1]))
    assert len(set(losses)) == 3


@pytest.mark.parametrize("rule", [optimizers.sam(optimizers.sgd(0.1)), optimizers.lbfgs()], ids=["sam", "lbfgs"])
def test_rules_that_ask_for_the_loss_again_get_that_of_the_whole_batch(rule):
    once, _ = train(task(1, rule), EVEN, jax.random.key(0), epochs=3)
    parts, _ = train(task(4, rule), EVEN, jax.random.key(0), epochs=3)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4), once.params, parts.params)


def test_a_population_accumulates_too():
    keys = lambda: jax.random.split(jax.random.key(0), 2)
    runs = [fit(task(n), BATCH, keys(), epochs=2, dev=BATCH, observe=lambda state, dev: {}) for n in (1, 4)]
    np.testing.assert_allclose(runs[0].history.loss, runs[1].history.loss, rtol=1e-5)


@pytest.mark.parametrize("microbatches", [0, -1, 5, 48])
def test_a_number_that_does_not_divide_the_batch_is_told(microbatches):
    with pytest.raises(
        ValueError, match=rf"microbatches must divide the batch_size 24, but was {microbatches}: take a div"
    ):
        train(task(microbatches), BATCH, jax.random.key(0), epochs=1)
