"""Claim: most outputs of max-pooling that see a part of the image do not change if the image shifts by a pixel.

Each seed trains a convolutional network on digits with a margin of background: 3×3 convolution, ReLU, 2×2 max-pooling
and a linear layer. The test images are then shifted by one pixel to the right and down. Metric: the share of pooled
outputs that do not change, of those whose receptive field holds a part of the digit before or after the shift; outputs
that see only background never change, and their number depends on the margin alone. Arms: pooling over windows of 2×2
and of 4×4 of the same trained kernels.

    python -m experiments run pooled_outputs
"""

import jax.numpy as jnp

import jaxdl.functional as F
from jaxdl import models
from jaxdl.experiment import MEDIAN, AtLeast, Claim, Experiment, Panel, PerRegime, item_level
from jaxdl.optimizers import adam
from jaxdl.training import Task, population, train

from .images import digits, divided
from .translation import pad_and_shift

FILTERS, EPOCHS, TOLERANCE = 16, 10, 1e-6
WINDOWS = (2, 4)
MODEL = models.convnet((FILTERS,), (), 10)


def pooled(images, kernel, bias, window):
    """Apply the first stage of the network: convolution, ReLU and max-pooling."""
    maps = F.relu(F.conv2d(images, kernel, bias, padding="SAME"))
    return F.max_pool(maps, window=(window, window), stride=(window, window))


def sees_ink(images, window):
    """Return whether each pooled output has a part of the digit in its receptive field, by a kernel of ones."""
    ink = (images > 0).astype(images.dtype)
    return pooled(ink, jnp.ones((3, 3, 1, FILTERS)), jnp.zeros(FILTERS), window) > 0


def shares_unchanged(images, key):
    """Train a network; return the share of pooled outputs with ink that a shift leaves unchanged, for each window."""
    split = divided(key, images)
    task = Task(MODEL, F.cross_entropy, adam(3e-3), 32)
    state, _ = train(task, pad_and_shift(split.train, 0), key, epochs=EPOCHS)
    before, after = (pad_and_shift(split.test, shift).inputs for shift in (0, 1))
    return [share_unchanged(before, after, state.params["Conv_0"], window) for window in WINDOWS]


def share_unchanged(before, after, params, window):
    """Return the share of pooled outputs that see ink and do not change."""
    outputs, shifted = (pooled(images, **params, window=window) for images in (before, after))
    with_ink = sees_ink(before, window) | sees_ink(after, window)
    return jnp.mean(jnp.abs(outputs - shifted) <= TOLERANCE, where=with_ink)


def measure(keys):
    """Measure the share for each window and key."""
    shares = population(shares_unchanged, keys, shared=(digits(),))
    yield from ((("unchanged", window), share) for window, share in zip(WINDOWS, shares, strict=True))


experiment = Experiment(
    name="pooled_outputs",
    item=42,
    sentence="Invariant means that if we translate the input by a small amount, the values of most of the pooled "
    "outputs do not change",
    claims=(
        Claim(
            "Of the outputs of max-pooling, over windows of 2×2 or 4×4, that see a part of the digit, typically at "
            "least half do not change if the image shifts by one pixel to the right and down.",
            PerRegime(
                {
                    f"windows of {window}×{window}": AtLeast(
                        ("unchanged", window), 0.5, MEDIAN, effect=0.55, expected_sd=0.04
                    )
                    for window in WINDOWS
                }
            ),
            reading="careful",
        ),
    ),
    panels=(
        Panel(
            "share of pooled outputs that do not change",
            {"unchanged": "outputs that see the digit"},
            over=("size of the window", WINDOWS),
            thresholds=(0.5,),
        ),
    ),
    seeds=48,
    measure=measure,
    level=item_level(42) / 2,
    limits="Outputs that see only background never change. With them most outputs are unchanged, but their share "
    "depends on the margin around the digit. One layer, 8×8 pixels, one direction; unchanged means by at most 1e-6.",
)
