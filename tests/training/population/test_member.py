"""One member: any division of its steps gives the same bits, and it stays as it is once it has stopped or diverged."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import data, metrics, models, optimizers
from jaxdl.training import Task, train
from jaxdl.training.population.member import FitConfig, check_config, init_member, is_active, train_steps

MODEL = models.mlp((8,), 10, norm=models.BatchNorm, dropout_rate=0.1)
TASK = Task(MODEL, F.cross_entropy, optimizers.adam(1e-2), 16, metrics={"accuracy": metrics.accuracy})
CONFIG = FitConfig(TASK, epochs=4)
STEPS = 5


@pytest.fixture(scope="module")
def examples(digits):
    return data.take(digits, np.arange(STEPS * 16 + 7))


@pytest.fixture(scope="module")
def take_steps(examples):
    program = jax.jit(functools.partial(train_steps, CONFIG, examples, examples, None))
    return lambda member, done, count: program(jnp.int32(done), jnp.int32(count), member)


@pytest.fixture(scope="module")
def first(examples):
    init = jax.jit(functools.partial(init_member, CONFIG, steps=STEPS))
    return init(examples, examples, jax.random.key(2), {})


@pytest.fixture(scope="module")
def trained(take_steps, first):
    return take_steps(first, 0, 20)


def assert_bit_identical(member, other):
    """Compare two members without their keys."""
    jax.tree.map(np.testing.assert_array_equal, member[1:], other[1:])


@pytest.mark.parametrize("cuts", [(1, 2, 3, 4, 5, 20), (5, 10, 15, 20), (7, 20), (4, 6, 19, 20), range(1, 21)])
def test_any_division_of_the_steps_gives_the_same_bits(take_steps, first, trained, cuts):
    member, done = first, 0
    for cut in cuts:
        member, done = take_steps(member, done, cut - done), cut
    assert_bit_identical(member, trained)


def test_a_member_is_trained_as_train_does(examples, trained):
    state, history = jax.jit(lambda key: train(TASK, examples, key, epochs=4, dev=examples))(jax.random.key(2))
    np.testing.assert_allclose(trained.history.loss, history.loss, rtol=1e-5)
    np.testing.assert_allclose(trained.history.observed["loss"], history.observed["loss"], rtol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), trained.params, state.params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), trained.stats, state.stats)


def test_zero_steps_change_nothing(take_steps, first):
    assert_bit_identical(take_steps(first, 0, 0), first)


@pytest.mark.parametrize("ended", ["stopped", "diverged"])
def test_a_member_that_stopped_or_diverged_does_not_change(take_steps, first, ended):
    member = take_steps(first, 0, 7)._replace(**{ended: jnp.int32(1)})
    assert not is_active(member)
    assert_bit_identical(take_steps(member, 7, 13), member)


def test_rows_of_future_epochs_are_nan(take_steps, first):
    member = take_steps(first, 0, 12)
    assert np.isfinite(member.history.loss).tolist() == [True, True, False, False]
    assert np.isnan(member.history.observed["accuracy"]).tolist() == [False, False, True, True]


def test_infinite_parameters_count_as_divergence_even_if_the_loss_is_finite(examples):
    """The last step of an epoch makes them infinite, after its loss has been computed."""
    objective = lambda params, stats, batch, key: (params["x"].sum(), stats)
    explode = optimizers.sgd(lambda step: jnp.where(step == 2 * STEPS - 1, jnp.inf, 0.1))
    model = models.Model(lambda key, inputs: ({"x": jnp.ones(2)}, {}), lambda p, s, i, *, key=None: (i, s))
    config = FitConfig(Task(model, None, explode, 16, objective=objective), epochs=4)

    @jax.jit
    def trained(key):
        member = init_member(config, examples, examples, key, {}, steps=STEPS)
        return train_steps(config, examples, examples, None, jnp.int32(0), jnp.int32(20), member)

    member = trained(jax.random.key(0))
    assert int(member.diverged) == 2
    assert np.isfinite(member.history.loss).tolist() == [True, True, False, False]
    assert np.isfinite(member.best.params["x"]).all()
    assert int(member.best.epoch) == 1


def test_patience_is_at_least_1_or_none():
    check_config(CONFIG._replace(patience=1))
    with pytest.raises(
        ValueError, match="patience must be at least 1, got 0: use None to train without early stopping"
    ):
        check_config(CONFIG._replace(patience=0))
