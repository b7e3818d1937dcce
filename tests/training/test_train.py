import functools

import flax.linen as nn
import jax
import numpy as np
import optax
import pytest

import jaxdl.functional as F
from jaxdl import data, models, optimizers
from jaxdl.training import Task, resume, start, train
from jaxdl.training.batching import permutation
from jaxdl.training.train import epoch


@pytest.fixture(scope="module")
def line():
    """Twenty points of y = 3 x + 1."""
    x = np.linspace(-1, 1, 20)[:, None]
    return data.from_arrays(x, 3 * x + 1)


class Normalized(nn.Module):
    @nn.compact
    def __call__(self, inputs, training):
        return nn.Dense(1)(nn.BatchNorm(use_running_average=not training)(inputs))


LINEAR = models.mlp(())  # the number of outputs comes from the labels, also inside jit


def task_with(learning_rate=0.1, batch_size=5, objective=None):
    return Task(LINEAR, F.squared_error, optimizers.sgd(learning_rate), batch_size, objective=objective)


@functools.partial(jax.jit, static_argnums=0, static_argnames=("epochs", "observe"))
def trained(task, line, key, order=None, **settings):
    return train(task, line, key, order=order, **settings)


def observe(state, dev):
    return {"steps": state.step, "bias": state.params["Dense_0"]["bias"][0]}


@pytest.fixture(scope="module")
def sixty_epochs(line):
    return trained(task_with(), line, jax.random.key(0), epochs=60, observe=observe)


def test_a_linear_model_learns_a_line(sixty_epochs):
    state, history = sixty_epochs
    np.testing.assert_allclose(state.params["Dense_0"]["kernel"], [[3.0]], rtol=1e-4)
    np.testing.assert_allclose(state.params["Dense_0"]["bias"], [1.0], rtol=1e-4)
    assert history.loss.shape == (60,)
    assert (int(state.epoch), int(state.step)) == (60, 240)


def test_observe_is_called_after_every_epoch(sixty_epochs):
    state, history = sixty_epochs
    assert history.observed["steps"].tolist() == [4 * epoch for epoch in range(1, 61)]
    assert history.observed["bias"][-1] == state.params["Dense_0"]["bias"][0]


def test_an_epoch_agrees_with_a_plain_loop(line):
    state = start(task_with(), line, jax.random.key(0))
    end, loss = jax.jit(functools.partial(epoch, task_with()))(line, state, state.key)
    order = permutation(jax.random.fold_in(jax.random.fold_in(state.key, 1), 0), 20).reshape(4, 5)
    params, losses = state.params, []

    @jax.jit
    @jax.value_and_grad
    def loss_and_gradient(params, rows):
        outputs = line.inputs[rows] @ params["Dense_0"]["kernel"] + params["Dense_0"]["bias"]
        return ((outputs - line.labels[rows]) ** 2).mean()

    for rows in order:
        value, gradient = loss_and_gradient(params, rows)
        params = optax.apply_updates(params, jax.tree.map(lambda g: -0.1 * g, gradient))
        losses.append(value)
    np.testing.assert_allclose(loss, np.mean(losses), rtol=1e-5)
    for name in ("kernel", "bias"):
        np.testing.assert_allclose(end.params["Dense_0"][name], params["Dense_0"][name], rtol=1e-5)


def test_an_epoch_uses_each_example_at_most_once_and_skips_different_ones_each_time(line):
    inputs = []

    def objective(params, stats, batch, key):
        jax.debug.callback(lambda rows: inputs.append(np.asarray(rows)[:, 0]), batch.inputs)
        return 0.0 * params["Dense_0"]["bias"].sum(), stats

    divisor = task_with(batch_size=5, objective=objective)
    train(divisor, line, jax.random.key(0), epochs=1)
    jax.effects_barrier()
    np.testing.assert_allclose(np.sort(np.concatenate(inputs)), line.inputs[:, 0])
    inputs.clear()
    train(divisor._replace(batch_size=6), line, jax.random.key(0), epochs=2)
    jax.effects_barrier()
    first, second = np.concatenate(inputs[:3]), np.concatenate(inputs[3:])
    assert len(set(first)) == len(set(second)) == 18
    assert set(first) != set(second)


def test_members_with_the_same_order_key_see_the_same_batches(line):
    first_input = task_with(0.0, objective=lambda params, stats, batch, key: (batch.inputs[0].sum(), stats))
    keys = [(0, jax.random.key(9)), (1, jax.random.key(9)), (1, None)]
    losses = [trained(first_input, line, jax.random.key(seed), order, epochs=3)[1].loss for seed, order in keys]
    assert np.array_equal(losses[0], losses[1])
    assert not np.array_equal(losses[1], losses[2])


def test_two_resumed_parts_are_bit_identical_to_one_training(line, sixty_epochs):
    state, _ = trained(task_with(), line, jax.random.key(0), epochs=20, observe=observe)
    state, history = jax.jit(functools.partial(resume, epochs=40, observe=observe), static_argnums=0)(
        task_with(), line, state
    )
    jax.tree.map(np.testing.assert_array_equal, state.params, sixty_epochs[0].params)
    np.testing.assert_array_equal(history.loss, sixty_epochs[1].loss[20:])


def test_batch_statistics_are_carried_from_step_to_step(line):
    normalized = models.from_linen(Normalized())
    task = Task(normalized, F.squared_error, optimizers.sgd(0.1), 5)
    state, _ = trained(task, line, jax.random.key(0), epochs=2)
    assert float(state.stats["batch_stats"]["BatchNorm_0"]["var"][0]) < 0.95


UNIFORM = lambda params, stats, batch, key: (jax.random.uniform(key), stats)
NORMAL = lambda params, stats, batch, key: (jax.random.normal(key), stats)


def test_noise_differs_between_the_steps_of_an_epoch(line):
    four_steps, one_step = (
        trained(task_with(objective=UNIFORM, batch_size=size), line, jax.random.key(0), epochs=1)[1].loss
        for size in (5, 20)
    )
    assert four_steps[0] != one_step[0]


def test_noise_differs_between_epochs_and_is_the_same_in_every_run(line):
    task = task_with(objective=NORMAL, batch_size=20)
    losses = [trained(task, line, jax.random.key(0), epochs=4)[1].loss for _ in range(2)]
    assert len(set(losses[0].tolist())) == 4
    assert np.array_equal(*losses)


@pytest.mark.parametrize("batch_size", [0, 21])
def test_the_data_must_fill_a_batch(line, batch_size):
    state = start(task_with(), line, jax.random.key(0))
    message = f"batch_size must be between 1 and the number of examples, 20, got {batch_size}"
    with pytest.raises(ValueError, match=message):
        resume(task_with(batch_size=batch_size), line, state, epochs=1)
