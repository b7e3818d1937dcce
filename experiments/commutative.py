"""Claim: convolution is commutative, but the cross-correlation that convolutional layers compute is not.

Each seed draws a 7×6 image and a 3×4 kernel and applies each to the other, with full zero padding. Arms: mathematical
convolution, which flips the kernel; cross-correlation, which libraries call convolution; and cross-correlation with one
of the two results flipped. Metric: the difference between both orders, relative to the largest output.

    python -m experiments run commutative
"""

import jax
import jax.numpy as jnp

import jaxdl.functional as F
from jaxdl.experiment import Claim, Exact, Experiment, Panel
from jaxdl.training import population

IMAGE, KERNEL = (7, 6), (3, 4)
TOLERANCE, DIFFERENT = 1e-5, 1e-2


def full(operation, image, kernel):
    """Apply an operation to an image and a kernel with full padding, so that every overlap counts."""
    padding = tuple((size - 1, size - 1) for size in kernel.shape)
    return operation(image[None, ..., None], kernel[..., None, None], jnp.zeros(1), padding=padding)[0, ..., 0]


def relative_difference(one, other):
    """Return the largest difference, relative to the largest number."""
    return jnp.abs(one - other).max() / jnp.abs(one).max()


def differences(key):
    """Return the difference between both orders for each arm."""
    x, w = (jax.random.normal(key, shape) for key, shape in zip(jax.random.split(key), (IMAGE, KERNEL), strict=True))
    correlated, swapped = full(F.conv2d, x, w), full(F.conv2d, w, x)
    return {
        "convolution": relative_difference(full(F.convolution, x, w), full(F.convolution, w, x)),
        "layer": relative_difference(correlated, swapped),
        "flipped": relative_difference(correlated, swapped[::-1, ::-1]),
    }


def measure(keys):
    """Measure the three differences for each key."""
    yield from population(differences, keys).items()


def at_most(arm):
    """Return the falsifier of an arm: its difference must not exceed rounding errors."""
    return lambda measured: measured[arm] <= TOLERANCE


experiment = Experiment(
    name="commutative",
    item=50,
    sentence="Commutative operation",
    claims=(
        Claim(
            "Convolution, which flips the kernel, is commutative.",
            Exact(
                f"both orders agree to a relative {TOLERANCE:.0e} for every seed",
                at_most("convolution"),
                lambda measured: f"The orders differ by at most {measured['convolution'].max():.1e}.",
            ),
            reading="literal",
        ),
        Claim(
            "The operation of a convolutional layer is commutative in image and kernel.",
            Exact(
                f"both orders agree to a relative {TOLERANCE:.0e} for every seed",
                at_most("layer"),
                lambda measured: f"The orders differ by at least {measured['layer'].min():.0%} of the largest output.",
            ),
            reading="careful",
        ),
        Claim(
            "The cross-correlation that convolutional layers compute is commutative only up to a flip of its output.",
            Exact(
                f"for every seed both orders agree to a relative {TOLERANCE:.0e} if one output is flipped, and differ "
                f"by at least {DIFFERENT:.0e} if none is",
                lambda measured: at_most("flipped")(measured) & (measured["layer"] >= DIFFERENT),
                lambda measured: (
                    f"The orders differ by at most {measured['flipped'].max():.1e} with the flip, and by at least "
                    f"{measured['layer'].min():.0%} without."
                ),
            ),
            reading="careful",
        ),
    ),
    panels=(
        Panel(
            "difference between both orders, relative to the largest output",
            {
                "convolution": "convolution",
                "layer": "cross-correlation",
                "flipped": "cross-correlation, one output flipped",
            },
            thresholds=(TOLERANCE,),
        ),
    ),
    seeds=64,
    measure=measure,
)
