"""Early stopping against a loop that is written out, alone and inside vmap."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import data, models, optimizers
from jaxdl.training import (
    Task,
    classification,
    fit,
    highest,
    init_best,
    lowest_loss,
    out_of_patience,
    supervised,
    train,
    update_best,
)
from jaxdl.training.task import History


def by_hand(values, patience):
    """The epoch of the best value and the epoch after which it stops, both counted from 1; 0 for never."""
    best, best_epoch = np.inf, 0
    for epoch, value in enumerate(values, start=1):
        if value < best:
            best, best_epoch = value, epoch
        if epoch - best_epoch >= patience:
            return best_epoch, epoch
    return best_epoch, 0


def folded(values, patience):
    """The same by the train_on_chunks, in one scan; what is kept are the values themselves."""

    def one(carry, value):
        best, stopped, epoch = carry
        new = update_best(best, value, epoch, {"at": value}, {})
        going = stopped == 0
        best = jax.tree.map(lambda new, old: jnp.where(going, new, old), new, best)
        stopped = jnp.where(going & out_of_patience(best, epoch, patience=patience), epoch, stopped)
        return (best, stopped, epoch + 1), None

    init_member = (init_best({"at": jnp.float32(-1)}, {}), jnp.int32(0), jnp.int32(1))
    (best, stopped, _), _ = jax.lax.scan(one, init_member, values)
    return best, stopped


CURVES = [
    [3.0, 2.0, 1.0, 0.5],
    [1.0, 2.0, 3.0, 4.0],
    [3.0, 1.0, 1.0, 1.0],
    [np.nan, np.nan, 1.0, 2.0],
    [np.nan] * 4,
    [2.0, np.inf, 1.0, np.nan],
    [-np.inf, 1.0, -np.inf, 0.0],
]


@pytest.mark.parametrize("patience", [1, 2, 3, 9])
def test_the_fold_is_the_loop_alone_and_in_a_vmap(patience):
    together = jax.jit(jax.vmap(lambda values: folded(values, patience)))(jnp.array(CURVES, jnp.float32))
    for member, curve in enumerate(CURVES):
        alone = folded(jnp.array(curve, jnp.float32), patience)
        epoch, stopped = by_hand(curve, patience)
        for best, at in [alone, jax.tree.map(lambda leaf: leaf[member], together)]:
            assert (int(best.epoch), int(at)) == (epoch, stopped)
            assert float(best.params["at"]) == (curve[epoch - 1] if epoch else -1.0)
            assert float(best.value) == (curve[epoch - 1] if epoch else np.inf)


def test_patience_may_be_an_axis():
    values = jnp.array([3.0, 1.0, 2.0, 2.0, 2.0, 0.5])
    _, stopped = jax.vmap(folded, in_axes=(None, 0))(values, jnp.array([1, 2, 3, 4]))
    assert stopped.tolist() == [3, 4, 5, 0]


def test_what_is_to_be_low_is_the_loss_on_dev_or_else_in_training_or_what_is_named():
    row = History(jnp.float32(2), {"loss": jnp.float32(1), "accuracy": jnp.float32(0.75)})
    assert float(lowest_loss(row)) == 1
    assert float(lowest_loss(row._replace(observed={}))) == 2
    assert float(highest("accuracy")(row)) == -0.75


MODEL = models.mlp((8,), 10)
TASK = Task(MODEL, supervised(MODEL, F.cross_entropy), optimizers.adam(3e-2), 16)


@pytest.fixture(scope="module")
def digits():
    some = data.load_digits()
    return data.take(some, np.arange(60)), data.take(some, np.arange(60, 100))


def fitted(digits, patience, members=4, epochs=30, **more):
    examples, dev = digits
    keys = jax.random.split(jax.random.key(3), members)
    return fit(TASK, examples, keys, epochs=epochs, dev=dev, observe=classification(MODEL), patience=patience, **more)


@pytest.fixture(scope="module")
def endless(digits):
    return fitted(digits, None)


@pytest.mark.parametrize("patience", [1, 4])
def test_each_member_stops_by_itself_and_keeps_its_best(digits, endless, patience):
    """Held against the curves of the run that does not stop, and the parameters of one that is trained so far."""
    stopping = fitted(digits, patience)
    expected = [by_hand(curve, patience) for curve in endless.history.observed["loss"]]
    assert stopping.best.epoch.tolist() == [best for best, _ in expected]
    assert stopping.epochs.tolist() == [stopped or 30 for _, stopped in expected]
    assert len({stopped for _, stopped in expected}) > 1
    for member, (best, _) in enumerate(expected):
        end = stopping.epochs[member]
        np.testing.assert_array_equal(stopping.history.loss[member, :end], endless.history.loss[member, :end])
        assert np.isnan(stopping.history.loss[member, end:]).all()
        assert stopping.best.value[member] == stopping.history.observed["loss"][member, best - 1]
    assert stopping.history.loss.shape[1] == int(stopping.state.epoch) == max(stopping.epochs)
    assert int(stopping.state.step) == max(stopping.epochs) * 3
    assert stopping.diverged.tolist() == [0] * 4


def test_the_best_and_the_last_parameters_are_those_of_these_epochs(digits):
    """A member that stopped stands still: its state is that of a training that ends there."""
    stopping = fitted(digits, 1)
    examples, dev = digits
    member = int(np.argmin(stopping.epochs))
    assert stopping.epochs[member] < max(stopping.epochs)
    key = jax.random.split(jax.random.key(3), 4)[member]
    for epochs, found in [(stopping.epochs[member], stopping.state), (stopping.best.epoch[member], stopping.best)]:
        state, _ = train(TASK, examples, jax.random.clone(key), epochs=int(epochs))
        for one, other in zip(jax.tree.leaves(state.params), jax.tree.leaves(found.params), strict=True):
            np.testing.assert_allclose(one, other[member], atol=2e-5)


def test_without_patience_the_best_is_kept_as_well(endless):
    assert endless.epochs.tolist() == [30] * 4
    assert endless.best.epoch.tolist() == (1 + np.argmin(endless.history.observed["loss"], axis=1)).tolist()


def test_another_criterion_keeps_another_best(digits, endless):
    by_accuracy = fitted(digits, None, criterion=highest("accuracy"))
    assert by_accuracy.best.epoch.tolist() == (1 + np.argmax(endless.history.observed["accuracy"], axis=1)).tolist()


def test_a_fit_ends_when_all_have_stopped(digits, monkeypatch):
    module = sys.modules["jaxdl.training.population.in_memory"]  # the package's `fit` is the function
    monkeypatch.setattr(module, "PACE", 0.0)
    told = []
    result = fitted(digits, 1, epochs=10_000, watch=told.append)
    assert told[-1].step < 200
    assert told[-1].active.sum() == 0
    assert max(result.epochs) == result.history.loss.shape[1]


@pytest.mark.parametrize("patience", [0, -1])
def test_a_patience_that_is_none_is_told(digits, patience):
    with pytest.raises(ValueError, match=rf"patience must be at least 1 epoch, but was {patience}"):
        fitted(digits, patience)
