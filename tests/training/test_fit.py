import gc

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import data, metrics, models, optimizers
from jaxdl.system.keys import words_of
from jaxdl.training import Task, fit, objective_of, train
from jaxdl.training.input_checks import check_inputs
from jaxdl.training.population import in_memory
from jaxdl.training.population.in_memory import FIRST_STEPS

MODEL = models.mlp((8,), 10)
PLAIN = Task(MODEL, F.cross_entropy, optimizers.sgd(0.05), 32, metrics={"accuracy": metrics.accuracy})
STEPS, EPOCHS = 3, 8
pytestmark = pytest.mark.usefixtures("shared_programs")


def eight_keys():
    return jax.random.split(jax.random.key(4), 8)


@pytest.fixture(scope="module")
def task(digits):
    """A task whose loss becomes NaN for member 3 of eight when its parameters have moved a little.

    Weights of 2 instead of 1 turn that on: the weighted mean is bit-identical, and both fits share a program.
    """
    init_key = jax.random.fold_in(jax.random.fold_in(eight_keys()[3], 0), 0)
    first = MODEL.init(init_key, digits.inputs[:1])[0]["Dense_0"]["kernel"]

    def objective(params, stats, batch, key):
        loss, stats = objective_of(PLAIN)(params, stats, batch, key)
        moved = jnp.abs(params["Dense_0"]["kernel"] - first).max()
        turns_nan = (batch.weights[0] == 2) & (moved > 0.02) & (moved < 0.2)
        return jnp.where(turns_nan, jnp.nan, 1.0) * loss, stats

    return PLAIN._replace(objective=objective)


def fitted(digits, task, members=2, **settings):
    settings = {"epochs": EPOCHS, "dev": digits} | settings
    return fit(task, digits, eight_keys()[:members], **settings)


@pytest.fixture(scope="module")
def watched(digits, task):
    """The result of a fit of two members, and all reports to `watch`."""
    reports = []
    return fitted(digits, task, watch=reports.append), reports


@pytest.fixture(scope="module")
def eight(digits, task):
    return fitted(digits, task, members=8)


def test_fit_agrees_with_train(digits, task, watched):
    result, _ = watched
    state, history = jax.jit(lambda key: train(task, digits, key, epochs=EPOCHS, dev=digits))(eight_keys()[1])
    member = jax.tree.map(lambda leaf: leaf[1], result.state.params)
    assert jax.tree.all(jax.tree.map(lambda a, b: jnp.allclose(a, b, rtol=1e-3, atol=1e-5), member, state.params))
    np.testing.assert_allclose(result.history.loss[1], history.loss, rtol=1e-4)
    np.testing.assert_allclose(result.history.observed["accuracy"][1], history.observed["accuracy"], atol=0.02)
    assert result.history.loss.shape == result.history.observed["loss"].shape == (2, EPOCHS)
    assert (int(result.state.epoch), int(result.state.step)) == (int(state.epoch), int(state.step))
    assert not result.interrupted
    assert result.seconds.compile > 0
    assert result.seconds.run > 0


def test_members_whose_criterion_is_always_nan_keep_their_last_epoch_and_a_warning_says_so(digits):
    """The untrained parameters would be the "best" of such a member."""
    with pytest.warns(UserWarning, match="NaN in every epoch of 2 of 2 members"):
        result = fitted(digits, PLAIN, epochs=2, criterion=lambda row: jnp.nan * row.loss)
    assert result.best.epoch.tolist() == [2, 2]
    jax.tree.map(np.testing.assert_array_equal, result.best.params, result.state.params)


def test_watch_receives_every_epoch_once(watched):
    result, reports = watched
    steps = [progress.step for progress in reports]
    assert steps == sorted(steps)
    assert (steps[0], steps[-1]) == (FIRST_STEPS, reports[0].steps) == (1, EPOCHS * STEPS)
    assert [progress.epoch for progress in reports] == [step // STEPS for step in steps]
    rows = [progress.rows for progress in reports]
    np.testing.assert_array_equal(np.concatenate([row.loss for row in rows], axis=1), result.history.loss)
    assert all(progress.active.tolist() == [True, True] for progress in reports)


def test_fit_frees_all_arrays_but_its_result(digits, task):
    """At once, by reference counting: arrays on a device are too large to wait for the garbage collector."""
    fitted(digits, task)
    gc.collect()
    gc.disable()
    try:
        before = jax.live_arrays()
        result = fitted(digits, task)
        new = [array for array in jax.live_arrays() if all(array is not other for other in before)]
        expected = [leaf for leaf in jax.tree.leaves(words_of(result)) if isinstance(leaf, jax.Array)]
        assert sorted(array.shape for array in new) == sorted(array.shape for array in expected)
    finally:
        gc.enable()


LINE = data.from_arrays(np.linspace(-1, 1, 20)[:, None], np.zeros((20, 1)))
FEW = data.take(LINE, np.arange(7))
LINEAR = models.mlp((), 1)
NOISY = lambda params, stats, batch, key: (jax.random.uniform(key) + batch.inputs[0].sum(), stats)
COUNTS = lambda state, dev: {"size": jnp.float32(dev.size), "step": state.step}
NOISY_TASK = Task(LINEAR, None, optimizers.sgd(0.0), 5, objective=NOISY)


@pytest.fixture(scope="module")
def noisy_history():
    """The history of `train` for a loss that depends on the noise and on the order of the data."""
    key = jax.random.split(jax.random.key(1), 2)[1]
    return jax.jit(lambda key: train(NOISY_TASK, LINE, key, epochs=30, order=jax.random.key(9))[1])(key)


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.5])
def test_noise_and_order_do_not_depend_on_the_lengths_of_the_chunks(noisy_history, seconds, monkeypatch):
    """With 0 seconds every chunk has one step; with 0.5 seconds the steps grow eightfold from chunk to chunk."""
    monkeypatch.setattr(in_memory, "CHUNK_SECONDS", seconds)
    keys, order = jax.random.split(jax.random.key(1), 2), jax.random.key(9)
    result = fit(NOISY_TASK, LINE, keys, epochs=30, dev=FEW, observe=COUNTS, order=order)
    np.testing.assert_allclose(result.history.loss[1], noisy_history.loss, rtol=1e-6)
    assert result.history.observed["size"].tolist() == [[7.0] * 30] * 2
    assert result.history.observed["step"][0].tolist() == [4 * epoch for epoch in range(1, 31)]
    assert not result.interrupted
    assert int(result.state.step) == 120


@pytest.mark.parametrize(("loss", "labels"), [(F.sigmoid_binary_cross_entropy, [0, 1]), (F.hinge, [-1, 1])])
def test_a_model_with_one_output_separates_two_classes(loss, labels):
    task = Task(LINEAR, lambda outputs, labels: loss(outputs[:, 0], labels), optimizers.sgd(0.5), 4)
    line = data.from_arrays([[-2.0], [-1.0], [1.0], [2.0]], np.repeat(labels, 2))

    @jax.jit
    @jax.vmap
    def accuracy(key):
        state, _ = train(task, line, key, epochs=30)
        outputs, _ = LINEAR.apply(state.params, state.stats, line.inputs)
        return ((outputs[:, 0] > 0) == (line.labels == 1)).mean()

    check_inputs(task, line, line)  # as `fit` does
    assert (accuracy(jax.random.split(jax.random.key(0), 2)) == 1).all()


def test_bytes_with_a_transform_are_trained_on_like_numbers(digits):
    """In the steps, in what is observed, and in an augmentation, which needs numbers."""
    numbers = data.take(digits, np.arange(32))
    pixels = numbers._replace(inputs=jnp.uint8(numbers.inputs * 16))
    model = models.mlp((), 10)
    task = Task(
        model,
        F.cross_entropy,
        optimizers.sgd(0.05),
        16,
        metrics={"accuracy": metrics.accuracy},
        augment=data.each_image(data.noise),
    )
    on_numbers = fitted(numbers, task)
    on_bytes = fitted(pixels, task._replace(transform=lambda inputs: inputs / 16))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), on_numbers.state.params, on_bytes.state.params
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), on_numbers.history, on_bytes.history)


def test_a_member_that_diverges_leaves_the_others_bit_identical(digits, task, eight):
    """Also in every column of the history. The member stops, and its best epoch is one before it diverged."""
    healthy = eight
    diverging = fitted(digits._replace(weights=2 * digits.weights), task, dev=digits, members=8)
    others = np.arange(8) != 3
    assert healthy.diverged.tolist() == [0] * 8
    epoch = int(diverging.diverged[3])
    assert 1 < epoch < 8
    assert diverging.diverged[others].tolist() == [0] * 7
    assert diverging.epochs.tolist() == [8, 8, 8, epoch, 8, 8, 8, 8]
    assert np.isfinite(diverging.history.loss[3]).tolist() == [True] * (epoch - 1) + [False] * (9 - epoch)
    compared = lambda result: (result.state[3:], result.history, result.best)  # of the state, what members differ in
    jax.tree.map(
        lambda a, b: np.testing.assert_array_equal(a[others], b[others]), compared(healthy), compared(diverging)
    )
    assert 0 < diverging.best.epoch[3] < epoch
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(diverging.best.params))


def test_members_do_not_depend_on_the_size_of_the_population(watched, eight):
    two = watched[0]
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a, b[:2]), two.state.params, eight.state.params)
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a, b[:2]), two.history, eight.history)
