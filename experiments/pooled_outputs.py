"""Most outputs of max-pooling do not change when an image shifts by a pixel: those that see nothing of what shifts.

Each seed trains a convolutional network on digits with background around them: a convolution of 3×3, ReLU, max-pooling
of 2×2, and a linear layer. The test images are then shifted by a pixel, to the right and down. Measured: the share of
pooled outputs that do not change, of all outputs and of those whose window holds some of the digit before or after.

    python -m experiments run pooled_outputs
"""

import jax.numpy as jnp

import jaxdl.functional as F
from experiments.images import digits
from experiments.translation import framed
from jaxdl import models
from jaxdl.experiment import Claim, Experiment, More, Panel, Regimes
from jaxdl.optimizers import adam
from jaxdl.training import Task, population, supervised, train

FILTERS, EPOCHS, ROUNDING = 16, 10, 1e-6
MODEL = models.convnet((FILTERS,), (), 10)


def pooled(images, kernel, bias):
    """What the first stage of the network makes of images."""
    return F.max_pool(F.relu(F.conv2d(images, kernel, bias, padding="SAME")))


def sees_ink(images):
    """Which outputs of that have something else than background in their window: what ones as a kernel make of it."""
    ink = (images > 0).astype(images.dtype)
    return pooled(ink, jnp.ones((3, 3, 1, FILTERS)), jnp.zeros(FILTERS)) > 0


def unchanged(examples, before, after, key):
    """The shares of pooled outputs that a shift leaves as they are: of all, and of those that see ink."""
    task = Task(MODEL, supervised(MODEL, F.cross_entropy), adam(3e-3), 32)
    state, _ = train(task, examples, key, epochs=EPOCHS)
    here, there = (pooled(images, **state.params["Conv_0"]) for images in (before, after))
    same = jnp.abs(here - there) <= ROUNDING
    return {"of_all": jnp.mean(same), "of_ink": jnp.mean(same, where=sees_ink(before) | sees_ink(after))}


def measure(keys):
    """Both shares, for each key."""
    split = digits()
    before, after = (framed(split.test, shift).inputs for shift in (0, 1))
    yield from population(unchanged, keys, shared=(framed(split.train, 0), before, after)).items()


experiment = Experiment(
    name="pooled_outputs",
    item=42,
    sentence="Invariant means that if we translate the input by a small amount, the values of most of the pooled "
    "outputs do not change",
    claims=(
        Claim(
            "Most of the outputs of max-pooling after a convolution do not change when the image shifts by a pixel to "
            "the right and down.",
            Regimes(
                {
                    "of all outputs": More("of_all", 0.5, margin=0.05, expected_sd=0.01),
                    "of those that see ink": More("of_ink", 0.5, margin=0.05, expected_sd=0.04),
                }
            ),
            reading="as it stands",
        ),
    ),
    panels=(
        Panel(
            "share of pooled outputs that do not change",
            {"of_all": "all outputs", "of_ink": "outputs that see ink"},
            thresholds=(0.5,),
        ),
    ),
    seeds=24,
    measure=measure,
)
