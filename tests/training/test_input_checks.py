"""Data and tasks that cannot be trained raise a clear error; data that train badly cause a warning."""

import inspect
import warnings

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import data, models, optimizers
from jaxdl.training import Task, fit
from jaxdl.training.input_checks import check_inputs, warn_of_equal_members
from jaxdl.training.population import in_memory

SIZE, CLASSES = 40, 10
IMAGES = np.random.default_rng(0).random((SIZE, 12, 12, 1), np.float32)
LABELS = (np.arange(SIZE) % CLASSES).astype(np.int32)
TARGETS = IMAGES.mean(axis=(1, 2))  # (40, 1)
MLP, REGRESSOR = models.mlp((4,), CLASSES), models.mlp((4,), 1)
CONVNET = models.convnet((2,), (4,), CLASSES)
NORMALIZED = models.mlp((4,), CLASSES, norm=models.BatchNorm)


def flat_outputs(params, stats, inputs, *, key=None):
    outputs, stats = REGRESSOR.apply(params, stats, inputs, key=key)
    return outputs[:, 0], stats


FLAT = models.Model(REGRESSOR.init, flat_outputs)  # a model whose outputs have the shape (examples,)


def examples(inputs=IMAGES, labels=LABELS, weights=None):
    weights = np.ones(len(inputs), np.float32) if weights is None else weights
    return data.Dataset(*map(jnp.asarray, (inputs, labels, weights)))


def task_of(model, loss=F.cross_entropy, batch_size=8, **settings):
    return Task(model, loss, optimizers.adam(1e-3), batch_size, **settings)


def fitted(model, train, loss=F.cross_entropy, dev=None, epochs=1, **settings):
    keys, dev = jax.random.split(jax.random.key(0), 2), train if dev is None else dev
    task = task_of(model, loss, **settings)
    return inspect.unwrap(fit)(task, train, keys, epochs=epochs, dev=dev)


def with_one(array, value):
    array = np.array(array, np.float32)
    array.flat[17] = value
    return array


def unreduced(outputs, targets):
    """A squared error that broadcasts (N, 1) against (N,)."""
    return (outputs - targets) ** 2


MISTAKES = {
    "no epochs": (lambda: fitted(MLP, examples(), epochs=0), r"epochs must be at least 1, got 0\."),
    "NaN in inputs": (lambda: fitted(MLP, examples(with_one(IMAGES, np.nan))), "data contains NaN or infinity"),
    "infinity in inputs": (lambda: fitted(MLP, examples(with_one(IMAGES, -np.inf))), "data contains NaN or infinity"),
    "NaN in targets": (
        lambda: fitted(REGRESSOR, examples(labels=with_one(TARGETS, np.nan)), F.squared_error),
        "data contains NaN or infinity",
    ),
    "NaN in inputs of dev": (
        lambda: fitted(MLP, examples(), dev=examples(IMAGES * np.nan)),
        "dev contains NaN or infinity",
    ),
    "infinity in targets of dev": (
        lambda: fitted(
            REGRESSOR, examples(labels=TARGETS), F.squared_error, examples(labels=with_one(TARGETS, np.inf))
        ),
        "dev contains NaN or infinity",
    ),
    "NaN in weights": (
        lambda: fitted(MLP, examples(weights=with_one(np.ones(SIZE), np.nan))),
        "weights of data must be finite and not negative",
    ),
    "a negative weight": (
        lambda: fitted(MLP, examples(weights=with_one(np.ones(SIZE), -1))),
        "weights of data must be finite and not negative",
    ),
    "weights of dev that are all 0": (
        lambda: fitted(MLP, examples(), dev=examples(weights=np.zeros(SIZE))),
        "weights of dev are all 0",
    ),
    "labels beyond the outputs": (
        lambda: fitted(MLP, examples(labels=LABELS + 1)),
        "labels of data must be less than the model's 10 outputs, got 10: the model needs .*, and classes count from 0",
    ),
    "labels of dev beyond the outputs": (
        lambda: fitted(MLP, examples(), dev=examples(labels=LABELS + 5)),
        "labels of dev must be less than the model's 10 outputs, got 14",
    ),
    "negative labels": (
        lambda: fitted(MLP, examples(labels=LABELS - 1)),
        "labels of data must be class numbers from 0, got -1",
    ),
    "negative labels of dev": (
        lambda: fitted(MLP, examples(), dev=examples(labels=LABELS - 1)),
        "labels of dev must be class numbers from 0, got -1",
    ),
    "labels that are floats": (
        lambda: fitted(MLP, examples(labels=LABELS.astype(np.float32))),
        "labels must be integers, got float32",
    ),
    "labels of shape (N, 1)": (
        lambda: fitted(MLP, examples(labels=LABELS[:, None])),
        r"labels must have the shape \(batch,\) with batch = 8, got \(8, 1\)",
    ),
    "one-hot labels": (
        lambda: fitted(MLP, examples(labels=np.eye(CLASSES, dtype=np.float32)[LABELS])),
        "labels must be integers, got float32",
    ),
    "empty data": (
        lambda: fitted(MLP, examples(IMAGES[:0], LABELS[:0])),
        "batch_size must be between 1 and the number of examples, 0, got 8",
    ),
    "empty dev": (
        lambda: fitted(MLP, examples(), dev=examples(IMAGES[:0], LABELS[:0])),
        "dev has no examples: give it at least one",
    ),
    "a batch larger than the data": (
        lambda: fitted(MLP, examples(), batch_size=SIZE + 1),
        "batch_size must be between 1 and the number of examples, 40, got 41: use a smaller batch or more data",
    ),
    "batches of one row with batch normalization": (
        lambda: fitted(NORMALIZED, examples(), batch_size=1),
        "batch_size is too small for batch normalization: BatchNorm_0 would see one row",
    ),
    "microbatches of one row with batch normalization": (
        lambda: fitted(NORMALIZED, examples(), microbatches=8),
        "batch_size is too small for batch normalization: BatchNorm_0 would see one row",
    ),
    "microbatches that do not divide the batch": (
        lambda: fitted(MLP, examples(), microbatches=3),
        r"microbatches must divide the batch_size 8, got 3\.",
    ),
    "images as bytes": (
        lambda: fitted(CONVNET, examples((IMAGES * 255).astype(np.uint8))),
        r"inputs of data must be floating point, got bytes: divide images by 255, or .*with Task\(..., transform=",
    ),
    "images of dev as bytes": (
        lambda: fitted(CONVNET, examples(), dev=examples((IMAGES * 255).astype(np.uint8))),
        "inputs of dev must be floating point, got bytes: divide images by 255",
    ),
    "images without channels": (
        lambda: fitted(CONVNET, examples(IMAGES[..., 0])),
        r"x must have the shape \(batch, height, width, channels\), got \(8, 12, 12\)",
    ),
    "images of dev with channels first": (
        lambda: fitted(CONVNET, examples(), dev=examples(IMAGES.transpose(0, 3, 1, 2))),
        r"inputs of dev must have the shape \(12, 12, 1\), got \(1, 12, 12\)",
    ),
    "images of dev of another size": (
        lambda: fitted(MLP, examples(), dev=examples(IMAGES[:, :4])),
        r"inputs of dev must have the shape \(12, 12, 1\), got \(4, 12, 1\)",
    ),
    "(N,) targets for (N, 1) outputs": (
        lambda: fitted(REGRESSOR, examples(labels=TARGETS[:, 0]), F.squared_error),
        r"targets must have the shape \(batch, outputs\) with batch = 8, outputs = 1, got \(8,\)",
    ),
    "(N, 1) targets for (N,) outputs": (
        lambda: fitted(FLAT, examples(labels=TARGETS), F.squared_error),
        r"predictions must have the shape \(batch, outputs\), got \(8,\)",
    ),
    "(N,) targets for (N, 1) outputs in a user's loss": (
        lambda: fitted(REGRESSOR, examples(labels=TARGETS[:, 0]), unreduced),
        r"the loss must return one number for each example, of the shape \(8,\), got \(8, 8\): give outputs and labels",
    ),
    "(N, 1) targets for (N,) outputs in a user's loss": (
        lambda: fitted(FLAT, examples(labels=TARGETS), unreduced),
        r"the loss must return one number for each example, of the shape \(8,\), got \(8, 8\): give outputs and labels",
    ),
    "an objective with one loss per example": (
        lambda: fitted(MLP, examples(), objective=lambda params, stats, batch, key: (batch.weights, stats)),
        r"the objective must return one number for a batch, got an array of shape \(8,\): take its mean",
    ),
    "fewer labels than inputs": (
        lambda: fitted(MLP, examples(labels=LABELS[:-1])),
        r"labels of data must have one row for each of its 40 weights, got an array of shape \(39,\)",
    ),
    "a tuple": (lambda: fitted(MLP, (IMAGES, LABELS), dev=examples()), "data must be a Dataset, got tuple: make one"),
    "lists": (
        lambda: fitted(MLP, data.Dataset(IMAGES.tolist(), LABELS, np.ones(SIZE))),
        "inputs of data must be an array, but contains a float: make the Dataset",
    ),
}


@pytest.mark.parametrize(("mistake", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_mistakes_raise_before_anything_is_lowered(mistake, message, monkeypatch):
    def lower(*arguments, **settings):
        raise AssertionError("a program was lowered")

    monkeypatch.setattr(in_memory, "lower_members", lower)
    jaxtyping.config.update("jaxtyping_disable", True)  # users have no run-time type checks
    try:
        with warnings.catch_warnings(), pytest.raises((ValueError, TypeError), match=message):
            warnings.simplefilter("ignore")
            mistake()
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)


def test_equal_members_cause_a_warning():
    keys, rates = jax.random.split(jax.random.key(0), 2), {"rate": np.array([0.1, 0.1, 0.2])}
    message = "members 0 and 2 have the same key, so that they train equally: .*, or pass the settings of the grid"
    with pytest.warns(UserWarning, match=message):
        warn_of_equal_members(keys[jnp.array([0, 1, 0])], {})
    with pytest.warns(UserWarning, match="members 0 and 1 have the same key and settings, so that they train equally"):
        warn_of_equal_members(keys[jnp.array([0, 0, 0])], rates)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_equal_members(keys[jnp.array([0, 1, 0])], rates)


def test_a_class_without_training_examples_is_allowed():
    kept = LABELS != 7
    check_inputs(task_of(MLP), examples(IMAGES[kept], LABELS[kept]), examples())


def check(model, train, loss=F.cross_entropy):
    check_inputs(task_of(model, loss), train, train)


def test_large_inputs_cause_a_warning():
    message = r"the root mean square of the inputs is about 1\d\d; .*Divide images by 255, or standardize"
    with pytest.warns(UserWarning, match=message):
        check(MLP, examples(IMAGES * 255))


def test_images_with_channels_first_cause_a_warning():
    """Two filters and a window fit into an image of 3×12, so the images could be trained on."""
    channels_first = np.repeat(IMAGES, 3, axis=3).transpose(0, 3, 1, 2)
    message = r"\(3, 12, 12\) look like images with channels first, .*transpose\(0, 2, 3, 1\)"
    with pytest.warns(UserWarning, match=message):
        check(CONVNET, examples(channels_first))


def test_moderate_inputs_and_large_targets_cause_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(CONVNET, examples(IMAGES * 20 - 10))
        check(REGRESSOR, examples(labels=TARGETS * 1000), F.squared_error)
