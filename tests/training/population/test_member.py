"""A member under way: any division of its steps gives the same bits, and what has ended stands still."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import data, models, optimizers
from jaxdl.training import Task, classification, supervised, train
from jaxdl.training.population.member import FitConfig, init_member, is_active, train_steps

MODEL = models.mlp((8,), 10, norm=models.BatchNorm, dropout_rate=0.1)
TASK = Task(MODEL, supervised(MODEL, F.cross_entropy), optimizers.adam(1e-2), 16)
COURSE = FitConfig(TASK, classification(MODEL), epochs=4)
STEPS = 5


@pytest.fixture(scope="module")
def digits():
    return data.take(data.load_digits(), np.arange(STEPS * 16 + 7))


@pytest.fixture(scope="module")
def go_on(digits):
    program = jax.jit(functools.partial(train_steps, COURSE, digits, digits, None))
    return lambda member, done, count: program(jnp.int32(done), jnp.int32(count), member)


@pytest.fixture
def first(digits):
    return init_member(COURSE, digits, digits, jax.random.key(2), steps=STEPS)


def plain(member):
    return jax.tree.map(np.asarray, member[1:])


@pytest.mark.parametrize("cuts", [(1, 2, 3, 4, 5, 20), (5, 10, 15, 20), (7, 20), (4, 6, 19, 20), range(1, 21)])
def test_any_division_of_the_steps_gives_the_same_bits(go_on, first, cuts):
    member, done = first, 0
    for cut in cuts:
        member, done = go_on(member, done, cut - done), cut
    jax.tree.map(np.testing.assert_array_equal, plain(member), plain(go_on(first, 0, 20)))


def test_it_is_what_train_computes(digits, go_on, first):
    member = go_on(first, 0, 20)
    observe = lambda state: classification(MODEL)(state, digits)
    state, history = train(TASK, digits, jax.random.key(2), epochs=4, observe=observe)
    np.testing.assert_allclose(member.history.loss, history.loss, rtol=1e-5)
    np.testing.assert_allclose(member.history.observed["loss"], history.observed["loss"], rtol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), member.params, state.params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), member.stats, state.stats)


def test_no_steps_change_nothing(go_on, first):
    jax.tree.map(np.testing.assert_array_equal, plain(go_on(first, 0, 0)), plain(first))


@pytest.mark.parametrize("ended", ["stopped", "diverged"])
def test_what_has_ended_stands_still(go_on, first, ended):
    member = go_on(first, 0, 7)._replace(**{ended: jnp.int32(1)})
    assert not is_active(member)
    jax.tree.map(np.testing.assert_array_equal, plain(go_on(member, 7, 13)), plain(member))


def test_rows_that_are_still_to_come_are_empty(go_on, first):
    member = go_on(first, 0, 12)
    assert np.isfinite(member.history.loss).tolist() == [True, True, False, False]
    assert np.isnan(member.history.observed["accuracy"]).tolist() == [False, False, True, True]


def test_parameters_that_are_no_longer_finite_are_seen_although_the_loss_still_is(digits):
    """The last step of an epoch takes them there: its loss was measured before."""
    objective = lambda params, stats, batch, key: (params["x"].sum(), stats)
    explode = optimizers.sgd(lambda step: jnp.where(step == 2 * STEPS - 1, jnp.inf, 0.1))
    model = models.Model(lambda key, inputs: ({"x": jnp.ones(2)}, {}), lambda p, s, i, *, key=None: (i, s))
    course = FitConfig(Task(model, objective, explode, 16), lambda state, dev: {}, epochs=4)
    member = init_member(course, digits, digits, jax.random.key(0), steps=STEPS)
    member = jax.jit(functools.partial(train_steps, course, digits, digits, None))(jnp.int32(0), jnp.int32(20), member)
    assert int(member.diverged) == 2
    assert np.isfinite(member.history.loss).tolist() == [True, True, False, False]
    assert np.isfinite(member.best.params["x"]).all()
    assert int(member.best.epoch) == 1
