"""Claim: most outputs of max-pooling do not change if the image shifts by a pixel, because most see only background.

Each seed trains a convolutional network on digits with a margin of background: 3×3 convolution, ReLU, 2×2 max-pooling
and a linear layer. The test images are then shifted by one pixel to the right and down. Metric: the share of pooled
outputs that do not change. Arms: all outputs, and those whose receptive field holds a part of the digit before or after
the shift.

    python -m experiments run pooled_outputs
"""

import jax.numpy as jnp

import jaxdl.functional as F
from experiments.images import digits
from experiments.translation import pad_and_shift
from jaxdl import models
from jaxdl.experiment import Claim, Experiment, Greater, Panel, PerRegime
from jaxdl.optimizers import adam
from jaxdl.training import Task, population, train

FILTERS, EPOCHS, TOLERANCE = 16, 10, 1e-6
MODEL = models.convnet((FILTERS,), (), 10)


def pooled(images, kernel, bias):
    """Apply the first stage of the network: convolution, ReLU and max-pooling."""
    return F.max_pool(F.relu(F.conv2d(images, kernel, bias, padding="SAME")))


def sees_ink(images):
    """Return whether each pooled output has a part of the digit in its receptive field, by a kernel of ones."""
    ink = (images > 0).astype(images.dtype)
    return pooled(ink, jnp.ones((3, 3, 1, FILTERS)), jnp.zeros(FILTERS)) > 0


def share_unchanged(examples, before, after, key):
    """Train a network; return the share of pooled outputs that a shift leaves unchanged, of all and with ink."""
    task = Task(MODEL, F.cross_entropy, adam(3e-3), 32)
    state, _ = train(task, examples, key, epochs=EPOCHS)
    outputs, shifted = (pooled(images, **state.params["Conv_0"]) for images in (before, after))
    unchanged = jnp.abs(outputs - shifted) <= TOLERANCE
    with_ink = sees_ink(before) | sees_ink(after)
    return {"all_outputs": jnp.mean(unchanged), "with_ink": jnp.mean(unchanged, where=with_ink)}


def measure(keys):
    """Measure both shares for each key."""
    split = digits()
    before, after = (pad_and_shift(split.test, shift).inputs for shift in (0, 1))
    yield from population(share_unchanged, keys, shared=(pad_and_shift(split.train, 0), before, after)).items()


experiment = Experiment(
    name="pooled_outputs",
    item=42,
    sentence="Invariant means that if we translate the input by a small amount, the values of most of the pooled "
    "outputs do not change",
    claims=(
        Claim(
            "Most outputs of max-pooling after a convolution do not change if the image shifts by one pixel to the "
            "right and down.",
            PerRegime(
                {
                    "all outputs": Greater("all_outputs", 0.5, margin=0.05, expected_sd=0.01),
                    "outputs whose receptive field holds a part of the digit": Greater(
                        "with_ink", 0.5, margin=0.05, expected_sd=0.04
                    ),
                }
            ),
            reading="literal",
        ),
    ),
    panels=(
        Panel(
            "share of pooled outputs that do not change",
            {"all_outputs": "all outputs", "with_ink": "outputs that see the digit"},
            thresholds=(0.5,),
        ),
    ),
    seeds=24,
    measure=measure,
)
