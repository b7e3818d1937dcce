import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxdl.functional as F
from jaxdl import data, models, optimizers
from jaxdl.training import Task, resume, start, supervised, train
from jaxdl.training.batching import INIT, NOISE, ORDER, permutation
from jaxdl.training.train import epoch


@pytest.fixture(scope="module")
def line():
    """y = 3 x + 1 exactly, at twenty places."""
    x = np.linspace(-1, 1, 20)[:, None]
    return data.from_arrays(x, 3 * x + 1)


class Normalized(nn.Module):
    @nn.compact
    def __call__(self, inputs, training):
        return nn.Dense(1)(nn.BatchNorm(use_running_average=not training)(inputs))


LINEAR = models.mlp((), 1)


def task(rate=0.1, batch_size=5, objective=None):
    return Task(LINEAR, objective or supervised(LINEAR, F.squared_error), optimizers.sgd(rate), batch_size)


def test_it_learns_the_line(line):
    state, history = jax.jit(lambda key: train(task(), line, key, epochs=60))(jax.random.key(0))
    np.testing.assert_allclose(state.params["Dense_0"]["kernel"], [[3.0]], rtol=1e-4)
    np.testing.assert_allclose(state.params["Dense_0"]["bias"], [1.0], rtol=1e-4)
    assert history.loss.shape == (60,)
    assert (int(state.epoch), int(state.step)) == (60, 240)


def test_a_step_is_the_one_that_a_plain_loop_takes(line):
    """The same order and optimizer, written out with optax alone."""
    state = start(task(), line, jax.random.key(0))
    end, loss = epoch(task(), line, state, state.key)
    order = permutation(jax.random.fold_in(jax.random.fold_in(state.key, 1), 0), 20).reshape(4, 5)
    params, losses = state.params, []
    for rows in order:
        value, gradient = jax.value_and_grad(
            lambda p: (
                ((line.inputs[rows] @ p["Dense_0"]["kernel"] + p["Dense_0"]["bias"]) - line.labels[rows]) ** 2
            ).mean()
        )(params)
        params = optax.apply_updates(params, jax.tree.map(lambda g: -0.1 * g, gradient))
        losses.append(value)
    np.testing.assert_allclose(loss, np.mean(losses), rtol=1e-5)
    for name in ("kernel", "bias"):
        np.testing.assert_allclose(end.params["Dense_0"][name], params["Dense_0"][name], rtol=1e-5)


def test_an_epoch_sees_every_example_once_and_the_remainder_changes(line):
    seen = []

    def objective(params, stats, batch, key):
        jax.debug.callback(lambda rows: seen.append(np.asarray(rows)[:, 0]), batch.inputs)
        return 0.0 * params["Dense_0"]["bias"].sum(), stats

    whole = task(batch_size=5, objective=objective)
    train(whole, line, jax.random.key(0), epochs=1)
    jax.effects_barrier()
    np.testing.assert_allclose(np.sort(np.concatenate(seen)), line.inputs[:, 0])
    seen.clear()
    train(whole._replace(batch_size=6), line, jax.random.key(0), epochs=2)
    jax.effects_barrier()
    first, second = np.concatenate(seen[:3]), np.concatenate(seen[3:])
    assert len(set(first)) == len(set(second)) == 18
    assert set(first) != set(second)


def test_members_that_share_an_order_key_see_the_order_of_that_key(line):
    losses = [
        train(
            task(rate=0.0, objective=lambda p, s, batch, key: (batch.inputs[0].sum(), s)),
            line,
            key,
            epochs=3,
            order=order,
        )[1].loss
        for key, order in [
            (jax.random.key(0), jax.random.key(9)),
            (jax.random.key(1), jax.random.key(9)),
            (jax.random.key(1), None),
        ]
    ]
    assert jnp.array_equal(losses[0], losses[1])
    assert not jnp.array_equal(losses[1], losses[2])


def test_what_is_observed_is_observed_after_every_epoch(line):
    observe = lambda state: {"steps": state.step, "bias": state.params["Dense_0"]["bias"][0]}
    state, history = train(task(), line, jax.random.key(0), epochs=3, observe=observe)
    assert history.observed["steps"].tolist() == [4, 8, 12]
    assert history.observed["bias"][-1] == state.params["Dense_0"]["bias"][0]


def test_the_streams_of_randomness_are_three():
    assert len({INIT, ORDER, NOISE}) == 3


def test_statistics_are_carried_from_step_to_step(line):
    normalized = models.from_linen(Normalized())
    moving = Task(normalized, supervised(normalized, F.squared_error), optimizers.sgd(0.1), 5)
    state, _ = train(moving, line, jax.random.key(0), epochs=2)
    assert float(state.stats["batch_stats"]["BatchNorm_0"]["var"][0]) < 0.95


def test_noise_differs_from_step_to_step_within_an_epoch(line):
    drawing = lambda params, stats, batch, key: (jax.random.uniform(key), stats)
    of_four, of_one = (
        train(task(objective=drawing, batch_size=size), line, jax.random.key(0), epochs=1)[1].loss for size in (5, 20)
    )
    assert of_four[0] != of_one[0]


def test_noise_differs_from_step_to_step_and_not_from_run_to_run(line):
    drawing = lambda params, stats, batch, key: (jax.random.normal(key), stats)
    losses = [
        train(task(objective=drawing, batch_size=20), line, jax.random.key(0), epochs=4)[1].loss for _ in range(2)
    ]
    assert len(set(losses[0].tolist())) == 4
    assert jnp.array_equal(*losses)


@pytest.mark.parametrize("batch_size", [0, 21])
def test_a_batch_that_the_data_cannot_fill_is_told(line, batch_size):
    state = start(task(), line, jax.random.key(0))
    with pytest.raises(
        ValueError, match=f"batch_size must be from 1 to the 20 examples there are, but was {batch_size}"
    ):
        resume(task(batch_size=batch_size), line, state, epochs=1)
