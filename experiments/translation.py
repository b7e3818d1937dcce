"""Claim: convolution alone does not make a network invariant to translation; global pooling does, for whole strides.

Each seed divides the digits and trains three networks on them in the center of 22×22 images. Arms: an MLP, a
convolutional network that flattens its feature maps, and one with global average pooling; each tested on images shifted
by 0, 1 or 2 pixels to the right and down. The margin is so wide that no receptive field at the border sees a part of a
digit. Metrics: the test error, and the largest change of an output, relative to the largest output.

    python -m experiments run translation
"""

import functools

import jax.numpy as jnp

import jaxdl.functional as F
from jaxdl import models
from jaxdl.experiment import MEDIAN, Claim, Equivalent, Exact, Experiment, Greater, Panel, PerRegime, item_level
from jaxdl.metrics import accuracy
from jaxdl.models import Stage
from jaxdl.optimizers import adam
from jaxdl.training import Task, evaluate, outputs_of, population, train

from .images import DIGITS_STEP, digits, divided

SHIFTS, MARGIN, EPOCHS, TOLERANCE = (0, 1, 2), 7, 20, 1e-5
NETWORKS = {  # convolutional: 16 channels, max-pooling by 2, and 32 channels
    "mlp": models.mlp((64,), 10),
    "flatten": models.convnet((16, Stage(32, pool=None)), (), 10),
    "global": models.convnet((16, Stage(32, pool=F.global_avg_pool)), (), 10),
}
LABELS = {
    "mlp": "MLP",
    "flatten": "convolutional network, flattened",
    "global": "convolutional network, global average pooling",
}


def pad_and_shift(part, shift):
    """Add a margin of seven background pixels to digits, and shift them to the right and down."""
    padding, ink = (MARGIN + shift, MARGIN - shift), part.inputs - part.inputs.min()  # the background is 0
    return part._replace(inputs=jnp.pad(ink, ((0, 0), padding, padding, (0, 0))))


def errors_and_change(images, key, model):
    """Train a network; return its test error at each shift, and how much a shift by two pixels changes an output."""
    split = divided(key, images)
    task = Task(model, F.cross_entropy, adam(3e-3), 32, metrics={"accuracy": accuracy})
    state, _ = train(task, pad_and_shift(split.train, 0), key, epochs=EPOCHS)
    tests = [pad_and_shift(split.test, shift) for shift in SHIFTS]
    before, *_, after = (outputs_of(task, state, test) for test in tests)
    errors = [1 - evaluate(task, state, test)["accuracy"] for test in tests]
    return errors, jnp.abs(after - before).max() / jnp.abs(before).max()


def measure(keys):
    """Measure the test error of every network at every shift, and the change of its outputs, for each key."""
    for name, model in NETWORKS.items():
        one = functools.partial(errors_and_change, model=model)
        errors, change = population(one, keys, shared=(digits(),))
        yield from (((name, shift), error) for shift, error in zip(SHIFTS, errors, strict=True))
        yield f"{name}_change", change


experiment = Experiment(
    name="translation",
    item=42,
    sentence='FFNNs are "not translation invariant"',
    claims=(
        Claim(
            "A shift of digits by two pixels typically raises the test error of an MLP by over 10 percentage points.",
            Greater(("mlp", 2), ("mlp", 0), 0.1, MEDIAN, effect=0.5, expected_sd=0.1),
        ),
        Claim(
            "A shift of digits by two pixels typically raises the test error of a convolutional network that flattens "
            "its feature maps by more than 10 percentage points.",
            Greater(("flatten", 2), ("flatten", 0), 0.1, MEDIAN, effect=0.5, expected_sd=0.1),
            reading="careful",
        ),
        Claim(
            "A convolutional network with global average pooling after max-pooling by 2 is invariant to shifts: by a "
            "whole stride (no output changes) or half a stride (the test error typically changes by at most 3 points).",
            PerRegime(
                {
                    "shift of two pixels, the stride of the pooling": Exact(
                        f"outputs change by at most a relative {TOLERANCE:.0e} for every seed",
                        lambda measured: measured["global_change"] <= TOLERANCE,
                        lambda measured: f"outputs change by at most {measured['global_change'].max():.1e}.",
                        control_holds=lambda measured: measured["flatten_change"] > 0.1,
                        control="those of the network that flattens its maps change by more than a tenth",
                    ),
                    "shift of one pixel": Equivalent(
                        ("global", 1), ("global", 0), 0.03, MEDIAN, tolerance=0.1, max_share=0.4, expected_sd=0.015
                    ),
                }
            ),
            reading="careful",
        ),
    ),
    panels=(
        Panel(
            "test error (share of images)",
            LABELS,
            over=("shift in pixels", SHIFTS),
            larger_is_better=False,
            step=DIGITS_STEP,
        ),
        Panel(
            "largest change of an output by a shift of two pixels, relative to the largest output",
            {f"{name}_change": f"change, {label}" for name, label in LABELS.items()},
        ),
    ),
    seeds=32,
    measure=measure,
    level=item_level(42) / 2,
)
