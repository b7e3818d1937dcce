"""Early stopping, compared with a loop in plain Python, for one member and inside `vmap`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import data, metrics, models, optimizers
from jaxdl.training import (
    Task,
    fit,
    highest,
    init_best,
    lowest_loss,
    out_of_patience,
    train,
    update_best,
)
from jaxdl.training.population import in_memory
from jaxdl.training.task import History


def expected_epochs(values, patience):
    """Return the epoch of the best value and the epoch of the stop, counted from 1, or 0 if it never stops."""
    best, best_epoch = np.inf, 0
    for epoch, value in enumerate(values, start=1):
        if value < best:
            best, best_epoch = value, epoch
        if epoch - best_epoch >= patience:
            return best_epoch, epoch
    return best_epoch, 0


def scanned(values, patience):
    """Return the best and the epoch of the stop, computed by a scan; the parameters are the values themselves."""

    def one_epoch(carry, value):
        best, stopped, epoch = carry
        new = update_best(best, value, epoch, {"value": value}, {})
        active = stopped == 0
        best = jax.tree.map(lambda new, old: jnp.where(active, new, old), new, best)
        stopped = jnp.where(active & out_of_patience(best, epoch, patience=patience), epoch, stopped)
        return (best, stopped, epoch + 1), None

    first = (init_best({"value": jnp.float32(-1)}, {}), jnp.int32(0), jnp.int32(1))
    (best, stopped, _), _ = jax.lax.scan(one_epoch, first, values)
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
one_member = jax.jit(scanned)
all_members = jax.jit(jax.vmap(scanned, in_axes=(0, None)))


@pytest.mark.parametrize("patience", [1, 2, 3, 9])
def test_best_and_stop_agree_with_a_plain_loop_alone_and_in_a_vmap(patience):
    together = all_members(jnp.array(CURVES, jnp.float32), patience)
    for member, curve in enumerate(CURVES):
        alone = one_member(jnp.array(curve, jnp.float32), patience)
        epoch, stopped = expected_epochs(curve, patience)
        for best, stop in [alone, jax.tree.map(lambda leaf: leaf[member], together)]:
            assert (int(best.epoch), int(stop)) == (epoch, stopped)
            assert float(best.params["value"]) == (curve[epoch - 1] if epoch else -1.0)
            assert float(best.value) == (curve[epoch - 1] if epoch else np.inf)


def test_patience_may_differ_between_the_members_of_a_vmap():
    values = jnp.array([3.0, 1.0, 2.0, 2.0, 2.0, 0.5])
    _, stopped = jax.vmap(scanned, in_axes=(None, 0))(values, jnp.array([1, 2, 3, 4]))
    assert stopped.tolist() == [3, 4, 5, 0]


def test_criteria_are_the_observed_loss_the_training_loss_or_a_named_value():
    row = History(jnp.float32(2), {"loss": jnp.float32(1), "accuracy": jnp.float32(0.75)})
    assert float(lowest_loss(row)) == 1
    assert float(lowest_loss(row._replace(observed={}))) == 2
    assert float(highest("accuracy")(row)) == -0.75


MODEL = models.mlp((8,), 10)
TASK = Task(MODEL, F.cross_entropy, optimizers.adam(3e-2), 16, metrics={"accuracy": metrics.accuracy})
EPOCHS = 30


@pytest.fixture(scope="module")
def examples(digits):
    """Training data and development data."""
    return data.take(digits, np.arange(60)), data.take(digits, np.arange(60, 100))


def fitted(examples, patience, **settings):
    train, dev = examples
    keys = jax.random.split(jax.random.key(3), 4)
    return fit(TASK, train, keys, epochs=EPOCHS, dev=dev, patience=patience, **settings)


@pytest.fixture(scope="module")
def without_patience(examples):
    return fitted(examples, None)


@pytest.fixture(scope="module")
def reports():
    """The reports to `watch` of the fit with patience."""
    return []


@pytest.fixture(scope="module")
def stopping(examples, reports):
    """A fit that waits two epochs for a higher accuracy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(in_memory, "CHUNK_SECONDS", 0.0)  # a report after every step
        return fitted(examples, 2, criterion=highest("accuracy"), watch=reports.append)


def test_each_member_stops_on_its_own_and_keeps_its_best_by_the_criterion(stopping, without_patience):
    """The expected epochs are those of the curves of the members that do not stop."""
    expected = [expected_epochs(-curve, 2) for curve in without_patience.history.observed["accuracy"]]
    assert stopping.best.epoch.tolist() == [best for best, _ in expected]
    assert stopping.epochs.tolist() == [stopped or EPOCHS for _, stopped in expected]
    assert len({stopped for _, stopped in expected}) > 1
    for member, (best, _) in enumerate(expected):
        end = stopping.epochs[member]
        np.testing.assert_array_equal(stopping.history.loss[member, :end], without_patience.history.loss[member, :end])
        np.testing.assert_array_equal(stopping.history.loss[member, end:], stopping.history.loss[member, end - 1])
        assert stopping.best.value[member] == -stopping.history.observed["accuracy"][member, best - 1]
    assert stopping.history.loss.shape[1] == int(stopping.state.epoch) == max(stopping.epochs)
    assert int(stopping.state.step) == max(stopping.epochs) * 3
    assert stopping.diverged.tolist() == [0] * 4


def test_last_and_best_parameters_are_those_of_a_training_with_as_many_epochs(stopping, examples):
    member = int(np.argmin(stopping.epochs))
    assert stopping.epochs[member] < max(stopping.epochs)
    key = jax.random.split(jax.random.key(3), 4)[member]
    params_of = lambda state, dev: {"params": state.params}
    history = jax.jit(lambda key: train(TASK, examples[0], key, epochs=EPOCHS, observe=params_of)[1])(key)
    for epochs, found in [(stopping.epochs[member], stopping.state), (stopping.best.epoch[member], stopping.best)]:
        after = jax.tree.map(lambda leaf, epochs=epochs: leaf[epochs - 1], history.observed["params"])
        for one, other in zip(jax.tree.leaves(after), jax.tree.leaves(found.params), strict=True):
            np.testing.assert_allclose(one, other[member], atol=2e-5)


def test_by_default_the_best_has_the_lowest_observed_loss_without_patience_too(without_patience):
    assert without_patience.epochs.tolist() == [EPOCHS] * 4
    losses = without_patience.history.observed["loss"]
    assert without_patience.best.epoch.tolist() == (1 + np.argmin(losses, axis=1)).tolist()


def test_fit_ends_when_all_members_have_stopped(stopping, reports):
    assert max(stopping.epochs) == stopping.history.loss.shape[1] < EPOCHS
    assert reports[-1].step == 3 * max(stopping.epochs)
    assert reports[-1].active.sum() == 0
    assert all(progress.active.any() for progress in reports[:-1])


@pytest.mark.parametrize("patience", [0, -1])
def test_patience_must_be_at_least_one(examples, patience):
    with pytest.raises(ValueError, match=rf"patience must be at least 1, got {patience}: use None"):
        fitted(examples, patience)
