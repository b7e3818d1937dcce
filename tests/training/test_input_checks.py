"""What people hand to a training by mistake is told in a sentence, or trained on as it should be."""

import inspect
import sys
import warnings

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import data, models, optimizers
from jaxdl.training import Task, classification, fit, regression, supervised

SIZE, CLASSES = 40, 10
IMAGES = np.random.default_rng(0).random((SIZE, 12, 12, 1), np.float32)
LABELS = (np.arange(SIZE) % CLASSES).astype(np.int32)
TARGETS = IMAGES.mean(axis=(1, 2))  # (40, 1)
MLP, NUMBER = models.mlp((4,), CLASSES), models.mlp((4,), 1)
CONVNET = models.convnet((2,), (4,), CLASSES)
NORMED = models.mlp((4,), CLASSES, norm=models.BatchNorm)


def flat_outputs(params, stats, inputs, *, key=None):
    outputs, stats = NUMBER.apply(params, stats, inputs, key=key)
    return outputs[:, 0], stats


FLAT = models.Model(NUMBER.init, flat_outputs)  # a model whose outputs have the shape (examples,)


def examples(inputs=IMAGES, labels=LABELS, weights=None):
    weights = np.ones(len(inputs), np.float32) if weights is None else weights
    return data.Dataset(*map(jnp.asarray, (inputs, labels, weights)))


def fitted(model, train, loss=F.cross_entropy, dev=None, batch_size=8, **settings):
    task = Task(model, supervised(model, loss), optimizers.adam(1e-3), batch_size, **settings)
    observe = classification(model) if loss is F.cross_entropy else regression(model, loss)
    keys = jax.random.split(jax.random.key(0), 2)
    return inspect.unwrap(fit)(task, train, keys, epochs=1, dev=train if dev is None else dev, observe=observe)


def with_one(array, value):
    array = np.array(array, np.float32)
    array.flat[17] = value
    return array


def own_loss(outputs, targets):
    """As it is written when shapes are not thought of."""
    return (outputs - targets) ** 2


REFUSED = {
    "NaN in inputs": (lambda: fitted(MLP, examples(with_one(IMAGES, np.nan))), "data must be finite, but holds NaN"),
    "infinity in inputs": (
        lambda: fitted(MLP, examples(with_one(IMAGES, -np.inf))),
        "data must be finite, but holds NaN",
    ),
    "NaN in targets": (
        lambda: fitted(NUMBER, examples(labels=with_one(TARGETS, np.nan)), F.squared_error),
        "data must be finite, but holds NaN or infinity",
    ),
    "infinity in targets of dev": (
        lambda: fitted(NUMBER, examples(labels=TARGETS), F.squared_error, examples(labels=with_one(TARGETS, np.inf))),
        "dev must be finite, but holds NaN or infinity",
    ),
    "NaN in weights": (
        lambda: fitted(MLP, examples(weights=with_one(np.ones(SIZE), np.nan))),
        "weights of data must be finite and at least 0",
    ),
    "a weight below 0": (
        lambda: fitted(MLP, examples(weights=with_one(np.ones(SIZE), -1))),
        "weights of data must be finite and at least 0",
    ),
    "labels beyond the outputs": (
        lambda: fitted(MLP, examples(labels=LABELS + 1)),
        "labels of data must be below the model's 10 outputs, but 10 is among them",
    ),
    "labels below 0": (
        lambda: fitted(MLP, examples(labels=LABELS - 1)),
        "labels of data must be class checkpoint_numbers from 0, but -1 is among them",
    ),
    "labels that are floats": (
        lambda: fitted(MLP, examples(labels=LABELS.astype(np.float32))),
        "labels must be integers, got float32",
    ),
    "labels of shape (N, 1)": (
        lambda: fitted(MLP, examples(labels=LABELS[:, None])),
        r"labels must have the shape \(batch,\) with batch = 8, got \(8, 1\)",
    ),
    "labels one hot for class checkpoint_numbers": (
        lambda: fitted(MLP, examples(labels=np.eye(CLASSES, dtype=np.float32)[LABELS])),
        "labels must be integers, got float32",
    ),
    "an empty set": (
        lambda: fitted(MLP, examples(IMAGES[:0], LABELS[:0])),
        "batch_size must be from 1 to the 0 examples",
    ),
    "an empty dev": (
        lambda: fitted(MLP, examples(), dev=examples(IMAGES[:0], LABELS[:0])),
        "dev must hold at least one example",
    ),
    "a batch larger than the set": (
        lambda: fitted(MLP, examples(), batch_size=SIZE + 1),
        "batch_size must be from 1 to the 40 examples there are, but was 41",
    ),
    "a batch of one with batch norm": (
        lambda: fitted(NORMED, examples(), batch_size=1),
        "batch_size is too small for batch normalization: BatchNorm_0 would see one row",
    ),
    "microbatches of one with batch norm": (
        lambda: fitted(NORMED, examples(), microbatches=8),
        "batch_size is too small for batch normalization: BatchNorm_0 would see one row",
    ),
    "microbatches that do not divide": (
        lambda: fitted(MLP, examples(), microbatches=3),
        "microbatches must divide the batch_size 8, but was 3",
    ),
    "bytes of images": (
        lambda: fitted(CONVNET, examples((IMAGES * 255).astype(np.uint8))),
        "inputs of data must be floating, but are bytes: divide images by 255, or give the Task transform=",
    ),
    "bytes of images in dev": (
        lambda: fitted(CONVNET, examples(), dev=examples((IMAGES * 255).astype(np.uint8))),
        "inputs of dev must be floating, but are bytes: divide images by 255",
    ),
    "images without channels": (
        lambda: fitted(CONVNET, examples(IMAGES[..., 0])),
        r"x must have the shape \(batch, height, width, channels\), got \(8, 12, 12\)",
    ),
    "a dev with channels first": (
        lambda: fitted(CONVNET, examples(), dev=examples(IMAGES.transpose(0, 3, 1, 2))),
        r"dev must have inputs of the shape \(12, 12, 1\), but has \(1, 12, 12\)",
    ),
    "(N,) targets for (N, 1) outputs": (
        lambda: fitted(NUMBER, examples(labels=TARGETS[:, 0]), F.squared_error),
        r"targets must have the shape \(batch, outputs\) with batch = 8, outputs = 1, got \(8,\)",
    ),
    "(N, 1) targets for (N,) outputs": (
        lambda: fitted(FLAT, examples(labels=TARGETS), F.squared_error),
        r"predictions must have the shape \(batch, outputs\), got \(8,\)",
    ),
    "(N,) targets for (N, 1) outputs, in a loss of one's own": (
        lambda: fitted(NUMBER, examples(labels=TARGETS[:, 0]), own_loss),
        r"values must have the shape \(batch,\), got \(8, 8\)",
    ),
    "(N, 1) targets for (N,) outputs, in a loss of one's own": (
        lambda: fitted(FLAT, examples(labels=TARGETS), own_loss),
        r"values must have the shape \(batch,\), got \(8, 8\)",
    ),
    "fewer labels than inputs": (
        lambda: fitted(MLP, examples(labels=LABELS[:-1])),
        r"labels of data must hold a row for each of its 40 weights, but have the shape \(39,\)",
    ),
    "a tuple": (lambda: fitted(MLP, (IMAGES, LABELS), dev=examples()), "data must be a Dataset, but was tuple"),
    "lists": (
        lambda: fitted(MLP, data.Dataset(IMAGES.tolist(), LABELS, np.ones(SIZE))),
        "inputs of data must be an array, but has float in it",
    ),
}


@pytest.mark.parametrize(("mistake", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_wrong_is_told_before_anything_is_compiled(mistake, sentence, monkeypatch):
    def compile_nothing(*arguments, **settings):
        raise AssertionError("nothing must be lowered")

    monkeypatch.setattr(sys.modules["jaxdl.training.population.in_memory"], "lower_members", compile_nothing)
    jaxtyping.config.update("jaxtyping_disable", True)  # what the tests check at run time, users do not
    try:
        with warnings.catch_warnings(), pytest.raises((ValueError, TypeError), match=sentence):
            warnings.simplefilter("ignore")
            mistake()
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)


def test_a_class_without_examples_is_no_hindrance():
    kept = LABELS != 7
    result = fitted(MLP, examples(IMAGES[kept], LABELS[kept]), dev=examples())
    assert np.isfinite(result.history.loss).all()
    assert result.diverged.tolist() == [0, 0]


def test_images_as_files_have_them_are_warned_of():
    with pytest.warns(UserWarning, match=r"inputs are about 1\d\d in size.*divide images by 255"):
        fitted(MLP, examples(IMAGES * 255))


def test_images_with_channels_first_are_warned_of():
    """Two filters and a window fit into an image of 3×12, so that it would train."""
    turned = np.repeat(IMAGES, 3, axis=3).transpose(0, 3, 1, 2)
    with pytest.warns(
        UserWarning, match=r"\(3, 12, 12\) look like images with their channels first.*transpose\(0, 2, 3, 1\)"
    ):
        fitted(CONVNET, examples(turned))


def test_numbers_near_one_are_not_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not fitted(CONVNET, examples(IMAGES * 20 - 10)).interrupted
        assert not fitted(NUMBER, examples(labels=TARGETS * 1000), F.squared_error).interrupted


def with_a_poisoned_member(poisoned, turns_nan):
    """Eight members, of which the loss of one may turn NaN once it has moved a little from where it began."""
    keys = jax.random.split(jax.random.key(4), 8)
    key = jax.random.fold_in(jax.random.fold_in(jax.random.clone(keys)[poisoned], 0), 0)
    first = MLP.init(key, IMAGES[:1])[0]["Dense_0"]["kernel"]
    plain = supervised(MLP, F.cross_entropy)

    def objective(params, stats, batch, key):
        loss, stats = plain(params, stats, batch, key)
        moved = jnp.abs(params["Dense_0"]["kernel"] - first).max()
        return jnp.where(turns_nan & (moved > 0.02) & (moved < 0.2), jnp.nan, 1.0) * loss, stats

    task = Task(MLP, objective, optimizers.sgd(0.01), 8)
    return fit(task, examples(), keys, epochs=8, dev=examples(), observe=classification(MLP))


def test_a_member_that_turns_nan_leaves_the_other_seven_as_they_would_be():
    """To the last bit, in every column of the history too; the member stands still, and its best is from before."""
    healthy, ill = (with_a_poisoned_member(3, turns_nan) for turns_nan in (False, True))
    others = np.arange(8) != 3
    assert healthy.diverged.tolist() == [0] * 8
    epoch = int(ill.diverged[3])
    assert 1 < epoch < 8
    assert ill.diverged[others].tolist() == [0] * 7
    assert ill.epochs.tolist() == [8, 8, 8, epoch, 8, 8, 8, 8]
    assert np.isfinite(ill.history.loss[3]).tolist() == [True] * (epoch - 1) + [False] * (9 - epoch)
    kept = lambda of: (of.state[3:], of.history, of.best)  # of the state, what differs between members
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a[others], b[others]), kept(healthy), kept(ill))
    assert 0 < ill.best.epoch[3] < epoch
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(ill.best.params))


def test_the_seven_without_the_eighth_are_the_same():
    """In a population of seven, which is another program."""
    keys = lambda: jax.random.split(jax.random.key(4), 8)
    task = Task(MLP, supervised(MLP, F.cross_entropy), optimizers.sgd(0.05), 8)
    settings = {"epochs": 3, "dev": examples(), "observe": classification(MLP)}
    eight, seven = (fit(task, examples(), keys()[:count], **settings) for count in (8, 7))
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a[:7], b), eight.state.params, seven.state.params)
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a[:7], b), eight.history, seven.history)
