import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rich.console import Console

import jaxdl.functional as F
from jaxdl import data, models, optimizers
from jaxdl.training import Task, classification, fit, progress_bar, supervised, train
from jaxdl.training.population.in_memory import FIRST_STEPS, _near_end_of_epoch

MODEL = models.mlp((8,), 10)
TASK = Task(MODEL, supervised(MODEL, F.cross_entropy), optimizers.adam(1e-2), 32)


@pytest.fixture(scope="module")
def digits():
    return data.stratified_split(jax.random.key(0), data.take(data.load_digits(), np.arange(400)))


def fitted(split, task=TASK, members=2, epochs=6, dev=None, **settings):
    keys = jax.random.split(jax.random.key(1), members)
    return fit(task, split.train, keys, epochs=epochs, dev=dev or split.dev, observe=classification(MODEL), **settings)


def test_it_computes_what_train_computes(digits):
    result = fitted(digits)
    key = jax.random.split(jax.random.key(1), 2)[1]
    observe = lambda state: classification(MODEL)(state, digits.dev)
    state, history = jax.jit(lambda key: train(TASK, digits.train, key, epochs=6, observe=observe))(key)
    member = jax.tree.map(lambda leaf: leaf[1], result.state.params)
    assert jax.tree.all(jax.tree.map(lambda a, b: jnp.allclose(a, b, rtol=1e-3, atol=1e-5), member, state.params))
    np.testing.assert_allclose(result.history.loss[1], history.loss, rtol=1e-4)
    np.testing.assert_allclose(result.history.observed["accuracy"][1], history.observed["accuracy"], atol=0.02)
    assert result.history.loss.shape == result.history.observed["loss"].shape == (2, 6)
    assert (int(result.state.epoch), int(result.state.step)) == (int(state.epoch), int(state.step))
    assert not result.interrupted
    assert result.seconds.compile > 0
    assert result.seconds.run > 0


def test_the_watch_is_told_of_every_epoch_once(digits):
    told = []
    result = fitted(digits, watch=told.append)
    steps = [progress.step for progress in told]
    assert steps == sorted(steps)
    assert (steps[0], steps[-1]) == (FIRST_STEPS, told[0].steps) == (1, 6 * 7)
    assert [progress.epoch for progress in told] == [step // 7 for step in steps]
    rows = [progress.rows for progress in told]
    np.testing.assert_array_equal(np.concatenate([row.loss for row in rows], axis=1), result.history.loss)
    assert all(progress.active.tolist() == [True, True] for progress in told)


@pytest.mark.parametrize("epochs", [6, 30])
def test_it_draws_order_and_step_as_train_does(epochs):
    """Noise and order go on counting from one piece of the work to the next, wherever it ends."""
    line = data.from_arrays(np.linspace(-1, 1, 20)[:, None], np.zeros((20, 1)))
    objective = lambda params, stats, batch, key: (jax.random.uniform(key) + batch.inputs[0].sum(), stats)
    task = Task(models.mlp((), 1), objective, optimizers.sgd(0.0), 5)
    keys, order, few = jax.random.split(jax.random.key(1), 2), jax.random.key(9), data.take(line, np.arange(7))
    observe = lambda state, dev: {"size": jnp.float32(dev.size), "step": state.step}
    result = fit(task, line, keys, epochs=epochs, dev=few, observe=observe, order=order)
    _, history = train(task, line, jax.random.clone(keys)[1], epochs=epochs, order=jax.random.clone(order))
    np.testing.assert_allclose(result.history.loss[1], history.loss, rtol=1e-6)
    assert result.history.observed["size"].tolist() == [[7.0] * epochs] * 2
    assert result.history.observed["step"][0].tolist() == [4 * epoch for epoch in range(1, epochs + 1)]
    assert not result.interrupted
    assert int(result.state.step) == 4 * epochs


def test_ctrl_c_before_the_first_chunk_is_passed_on(digits, monkeypatch):
    def press(f):
        raise KeyboardInterrupt

    module = sys.modules["jaxdl.training.population.in_memory"]  # the package's `fit` is the function
    monkeypatch.setattr(module, "run_interruptibly", press)
    with pytest.raises(KeyboardInterrupt):
        fitted(digits)


def test_ctrl_c_returns_what_was_computed(digits):
    def press(progress):
        if progress.epoch >= 2:
            raise KeyboardInterrupt

    result = fitted(digits, watch=press, epochs=600)
    assert result.interrupted
    done = int(result.state.epoch)
    assert 2 <= done < 600
    assert result.history.loss.shape == (2, done)
    assert np.isfinite(result.history.loss).all()


@pytest.mark.parametrize(("loss", "labels"), [(F.binary_cross_entropy, [0, 1]), (F.hinge, [-1, 1])])
def test_a_single_output_decides_between_two_classes(loss, labels):
    model = models.mlp((), 1)
    task = Task(model, supervised(model, lambda outputs, labels: loss(outputs[:, 0], labels)), optimizers.sgd(0.5), 4)
    line = data.from_arrays([[-2.0], [-1.0], [1.0], [2.0]], np.repeat(labels, 2))
    right = lambda state, dev: {
        "right": ((model.apply(state.params, state.stats, dev.inputs)[0][:, 0] > 0) == (dev.labels == 1)).mean()
    }
    result = fit(task, line, jax.random.split(jax.random.key(0), 2), epochs=30, dev=line, observe=right)
    assert (result.history.observed["right"][:, -1] == 1).all()


def test_the_bar_shows_the_medians_and_ends_full(digits):
    console = Console(record=True, width=120, force_terminal=True)
    with progress_bar("two networks", 6, console) as watch:
        fitted(digits, watch=watch)
    shown = console.export_text()
    assert "two networks, 6 epochs\n" in shown
    assert "6/6 ━━━━━━━━ 0:00:00 loss " in shown.splitlines()[-1]
    assert "dev loss " in shown
    assert ", accuracy 0." in shown
    assert shown.endswith(", 2/2 alive\n")


def replaced(part, **fields):
    return part._replace(**fields)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda split: {"task": TASK._replace(batch_size=1000)},
            "batch_size must be from 1 to the 2.. examples there are",
        ),
        (lambda split: {"epochs": 0}, "epochs must be at least 1, but was 0"),
        (
            lambda split: {"split": replaced(split, train=replaced(split.train, labels=split.train.labels + 1))},
            "labels of data must be below the model's 10 outputs, but 10 is among them",
        ),
        (
            lambda split: {"dev": replaced(split.dev, labels=split.dev.labels + 5)},
            "labels of dev must be below the model's 10 outputs, but 14 is among them",
        ),
        (
            lambda split: {"dev": replaced(split.dev, inputs=split.dev.inputs * jnp.nan)},
            "dev must be finite, but holds NaN or infinity",
        ),
        (lambda split: {"dev": data.Dataset(*(leaf[:0] for leaf in split.dev))}, "dev must hold at least one example"),
        (
            lambda split: {"dev": replaced(split.dev, labels=split.dev.labels - 1)},
            "labels of dev must be class numbers from 0, but -1 is among them",
        ),
        (
            lambda split: {"dev": replaced(split.dev, weights=0 * split.dev.weights)},
            "weights of dev must not all be 0",
        ),
        (
            lambda split: {"dev": replaced(split.dev, inputs=split.dev.inputs[:, :4])},
            r"dev must have inputs of the shape \(8, 8, 1\), but has \(4, 8, 1\)",
        ),
        (
            lambda split: {"task": TASK._replace(objective=lambda p, s, batch, key: (batch.weights, s))},
            r"objective must give one number for a batch, but gives the shape \(32,\)",
        ),
    ],
)
def test_what_cannot_be_trained_is_told_before_anything_is_compiled(digits, change, sentence):
    settings = change(digits)
    with pytest.raises(ValueError, match=sentence):
        fitted(settings.pop("split", digits), **settings)


@pytest.mark.parametrize(
    ("step", "count", "steps", "expected"),
    [
        (0, 8, 468, 8),  # far from an end
        (72, 390, 468, 396),  # a little further
        (0, 500, 468, 468),  # a little less
        (0, 480_000, 33, 479_985),  # many epochs, and whole ones
        (8, 8, 33, 8),
        (24, 8, 33, 9),
        (30, 2, 33, 3),
        (32, 1, 33, 1),
        (0, 1, 1, 1),
        (5, 100, 300, 100),
        (250, 300, 300, 350),
        (299, 2, 300, 1),
    ],
)
def test_pieces_end_where_epochs_end_if_that_is_near(step, count, steps, expected):
    found = _near_end_of_epoch(step, count, steps)
    assert found == expected
    assert 1 <= found <= 1.5 * count + 1


def test_a_member_that_diverges_is_told_above_the_bar_once(digits):
    rates = TASK._replace(optimizer=optimizers.sgd(lambda step: jnp.where(step > 20, jnp.inf, 0.1)))
    console = Console(record=True, width=80, force_terminal=True)
    with progress_bar("two networks", 6, console) as watch:
        result = fitted(digits, task=rates, watch=watch)
    shown = console.export_text()
    assert result.diverged.tolist() == [4, 4]
    assert shown.count("network 0 diverged in epoch 4: it is no longer finite") == 1
    assert shown.count("network 1 diverged in epoch 4: it is no longer finite") == 1
    assert shown.endswith(", 0/2 alive\n")
    assert result.history.loss.shape == (2, 4)


def test_bytes_stay_bytes_on_the_device_and_are_learned_like_numbers(digits):
    """In the steps, in what is observed, and where an image is changed before a step, which needs numbers."""
    numbers = digits.dev
    pixels = numbers._replace(inputs=jnp.uint8(numbers.inputs * 16))
    augmented = supervised(MODEL, F.cross_entropy, augment=data.each_image(data.crop))
    of_numbers = TASK._replace(objective=augmented)
    of_bytes = of_numbers._replace(transform=lambda inputs: inputs / 16)
    settings = {"epochs": 2, "observe": classification(MODEL)}
    keys = lambda: jax.random.split(jax.random.key(1), 2)
    pairs = [(of_numbers, numbers), (of_bytes, pixels)]
    fits = [fit(task, examples, keys(), dev=examples, **settings) for task, examples in pairs]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), fits[0].state.params, fits[1].state.params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), fits[0].history, fits[1].history)
