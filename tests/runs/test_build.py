"""Settings become a model, a loss, an optimizer, an augmentation and a task."""

import dataclasses
import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import data, training
from jaxdl.runs import build
from jaxdl.runs.settings import SGD, Adam, Train

DIGITS = data.fit_preparation(data.load_digits())


@pytest.mark.parametrize("kind", build.OPTIMIZERS, ids=lambda kind: kind.__name__)
def test_an_optimizer_is_the_function_of_its_name_and_descends(kind):
    assert build.OPTIMIZERS[kind].__name__.replace("_", "") == kind.__name__.lower()
    optimizer = build.build_task(Train(optimizer=kind(), schedule="constant"), DIGITS, 64).optimizer
    update, _ = optimizer.update(jnp.ones(1), optimizer.init(jnp.ones(1)), jnp.ones(1))
    assert -11 * kind().learning_rate <= float(update[0]) < 0  # the first step of RMSProp is 10 learning rates long


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("constant", [1, 1, 1, 1, 1]),
        ("cosine", [1, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2, 0]),
    ],
)
def test_the_learning_rate_follows_its_schedule(schedule, rates):
    task = build.build_task(Train(schedule=schedule, epochs=2, optimizer=SGD(1e-3)), DIGITS, 64)
    state, found = task.optimizer.init(jnp.ones(1)), []
    for _ in rates:
        update, state = task.optimizer.update(jnp.ones(1), state)
        found.append(float(-update[0]) / 1e-3)
    np.testing.assert_allclose(found, rates, atol=1e-6)


def test_the_objective_is_the_loss_of_the_augmented_batch():
    """The augmentation gets the first half of the step's key."""
    batch = data.take(data.prepare(DIGITS, data.load_digits()), np.arange(32))
    plain = build.build_task(Train(hidden=(8,)), DIGITS, 64)
    params, stats = plain.model.init(jax.random.key(0), batch.inputs)
    noise = functools.partial(data.label_noise, rate=0.5, classes=10)
    mix = functools.partial(data.mixup, alpha=1.0, classes=10)
    cases = [
        (
            {"augment": ("shift",), "label_noise": 0.5},
            F.cross_entropy,
            data.chained(data.each_image(data.shift), noise),
        ),
        (
            {"augment": ("flip",), "label_noise": 0.5, "mixup": 1.0},
            F.soft_cross_entropy,
            data.chained(data.each_image(data.flip), noise, mix),
        ),
    ]

    def found(key, more):
        task = build.build_task(Train(hidden=(8,), **more), DIGITS, 64)
        return training.objective_of(task)(params, stats, batch, key)[0]

    def expected(key, loss, change):
        changed = change(jax.random.split(key)[0], batch)
        outputs, _ = plain.model.apply(params, stats, changed.inputs)
        return F.weighted_mean(loss(outputs, changed.labels), changed.weights)

    @jax.jit
    def losses(keys):
        each = list(zip(keys, cases, strict=True))
        wanted = [expected(key, loss, change) for key, (_, loss, change) in each]
        return [found(jax.random.clone(key), more) for key, (more, *_) in each], wanted

    np.testing.assert_allclose(*losses(list(jax.random.split(jax.random.key(3), len(cases)))), rtol=1e-5)


@pytest.mark.parametrize(
    ("settings", "examples", "expected"),
    [
        ({}, 3200, (30, 32)),
        ({}, 320, (90, 32)),
        ({}, 12, (900, 12)),
        ({"batch_size": 100}, 320, (300, 100)),
        ({"epochs": 5}, 12, (5, 12)),
    ],
)
def test_defaults_give_at_least_900_steps(settings, examples, expected):
    assert build.duration_of(Train(**settings), examples) == expected


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"epochs": 0}, "--epochs must be at least 1, got 0."),
        ({"seeds": 0}, "--seeds must be at least 1, got 0."),
        ({"batch_size": 0}, "--batch-size must be at least 1, got 0."),
        ({"microbatches": 0}, "--microbatches must be at least 1, got 0."),
        ({"patience": 0}, "--patience must be at least 1, got 0."),
        ({"hidden": (0,)}, "every entry of hidden=(0,) must be at least 1, got 0."),
        ({"hidden": (8,) * 1001}, "--hidden must name at most 1,000 layers, got 1,001."),
        ({"hidden": (8, 10**6 + 1)}, "--hidden must be at most 1,000,000 for each layer, got 1,000,001."),
        ({"filters": (10**12,)}, "--filters must be at most 1,000,000 for each layer, got 1,000,000,000,000."),
        ({"dropout_rate": 1.0}, "dropout_rate must be at least 0 and below 1, got 1.0."),
        ({"optimizer": SGD(-1.0)}, "--learning-rate must be above 0 and finite, got -1.0."),
        ({"optimizer": SGD(float("nan"))}, "--learning-rate must be above 0 and finite, got nan."),
        ({"optimizer": Adam(eps=0.0)}, "--eps must be above 0 and finite, got 0.0."),
        ({"optimizer": Adam(b1=1.0)}, "--b1 must be at least 0 and below 1, got 1.0."),
        ({"split_seed": 2**32}, "--split-seed must be between 0 and 2147483647, got 4294967296."),
        ({"label_noise": 1.0}, "--label-noise must be at least 0 and below 1, got 1.0."),
        ({"mixup": -1.0}, "--mixup must be at least 0 and finite, got -1.0."),
        ({"image_size": (0, 3)}, "--image-size must be two numbers of at least 1, got (0, 3)."),
        ({"checkpoint_seconds": -1.0}, "--checkpoint-seconds must be at least 0, got -1.0."),
        ({"checkpoint_seconds": float("nan")}, "--checkpoint-seconds must be at least 0, got nan."),
    ],
)
def test_a_number_out_of_range_is_an_error_that_names_the_option(settings, sentence):
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}"):
        build.validate(dataclasses.replace(Train(), **settings))


def test_the_default_settings_are_valid():
    build.validate(Train(hidden=(4,) * 1000, filters=(10**6,)))
    for kind in build.OPTIMIZERS:
        build.validate(Train(optimizer=kind()))


@pytest.mark.parametrize(
    ("settings", "shape", "sentence"),
    [
        ({"model": "convnet"}, (11,), "--model convnet needs images, but an example of this data has the shape (11,)."),
        ({"augment": ("flip",)}, (11,), "--augment needs images, but an example of this data has the shape (11,)."),
        (
            {"model": "convnet", "filters": (1, 1, 1, 1)},
            (12, 10, 3),
            "--filters must name at most 3 convolutions for images of 12×10, because each is followed by a pooling "
            "that halves them; got 4.",
        ),
    ],
)
def test_a_model_that_does_not_fit_the_inputs_is_an_error(settings, shape, sentence):
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        build.build_model(Train(**settings), DIGITS._replace(shape=shape))


def test_label_noise_of_a_regression_is_an_error():
    regression = data.fit_preparation(data.load("polynomial"))
    with pytest.raises(ValueError, match=r"^--label-noise needs classes, but this is a regression: leave it out.$"):
        build.build_task(Train(label_noise=0.1), regression, 64)
