"""Convolution commutes; what convolutional layers compute does not.

Each seed draws an image of 7×6 and a kernel of 3×4, and applies each to the other, with zeros around so that all
overlaps count: by the convolution of mathematics, which turns the kernel round, and by the cross-correlation that every
library calls convolution.

    python -m experiments run commutative
"""

import jax
import jax.numpy as jnp

import jaxdl.functional as F
from jaxdl.experiment import Claim, Exact, Experiment, Panel
from jaxdl.training import population

IMAGE, KERNEL = (7, 6), (3, 4)
ROUNDING, DIFFERENT = 1e-5, 1e-2


def full(operation, image, kernel):
    """All overlaps of two arrays, where the second is the kernel."""
    around = tuple((size - 1, size - 1) for size in kernel.shape)
    return operation(image[None, ..., None], kernel[..., None, None], jnp.zeros(1), padding=around)[0, ..., 0]


def apart(one, other):
    """The largest difference, relative to the largest number."""
    return jnp.abs(one - other).max() / jnp.abs(one).max()


def differences(key):
    """By how much the order matters: to convolution, to cross-correlation, and to that but for a reversal."""
    x, w = (jax.random.normal(key, shape) for key, shape in zip(jax.random.split(key), (IMAGE, KERNEL), strict=True))
    correlated, other_way = full(F.conv2d, x, w), full(F.conv2d, w, x)
    return {
        "convolution": apart(full(F.convolution, x, w), full(F.convolution, w, x)),
        "layer": apart(correlated, other_way),
        "reversed": apart(correlated, other_way[::-1, ::-1]),
    }


def measure(keys):
    """The three differences, for each key."""
    yield from population(differences, keys).items()


def at_most(arm):
    """A falsifier: the difference is rounding, for every seed."""
    return lambda measured: measured[arm] <= ROUNDING


experiment = Experiment(
    name="commutative",
    item=50,
    sentence="Commutative operation",
    claims=(
        Claim(
            "What a convolutional layer computes of an image and a kernel commutes.",
            Exact(
                f"both orders agree to a relative {ROUNDING:.0e} for every seed",
                at_most("layer"),
                lambda measured: f"They differ by at least {measured['layer'].min():.0%} of the largest output.",
            ),
            reading="as it stands",
        ),
        Claim(
            "Convolution, which turns the kernel round, commutes; the cross-correlation of layers does so only up to a "
            "reversal of what comes out.",
            Exact(
                f"both orders of convolution, and of cross-correlation with one reversed, agree to {ROUNDING:.0e}",
                lambda measured: at_most("convolution")(measured) & at_most("reversed")(measured),
                lambda measured: (
                    f"Convolution differs by at most {measured['convolution'].max():.1e}, cross-correlation, but for "
                    f"the reversal, by {measured['reversed'].max():.1e}."
                ),
                sees=lambda measured: measured["layer"] >= DIFFERENT,
                control=f"without the reversal both differ by at least {DIFFERENT:.0e}",
            ),
            reading="careful",
        ),
    ),
    panels=(
        Panel(
            "difference of both orders, relative to the largest output",
            {
                "convolution": "convolution",
                "layer": "cross-correlation, as layers have it",
                "reversed": "cross-correlation, one reversed",
            },
            thresholds=(ROUNDING,),
        ),
    ),
    seeds=64,
    measure=measure,
)
