"""A convolution is equivariant to translation where nothing disturbs it: neither borders, nor stride, nor pooling.

Each seed draws images and a kernel. The images are shifted by one pixel, round the edges, before a layer and after it;
measured is how far the two are apart, relative to the largest output: of all pixels, and with zeros around the image
also of those that see no border. A layer with stride or pooling puts out half as many pixels, so that its output cannot
be shifted by half a pixel: it is compared with the nearer of the two whole shifts. Shifted by two pixels instead, its
output may shift by one.

    python -m experiments run equivariance
"""

import functools

import jax
import jax.numpy as jnp

import jaxdl.functional as F
from jaxdl.experiment import Claim, Exact, Experiment, Panel, Regimes
from jaxdl.training import population

SIZE, CHANNELS, FILTERS = 12, 3, 8
ROUNDING, BROKEN = 1e-5, 1e-2


def circular(images, kernel, stride=1):
    """A convolution of images whose edges meet."""
    around = jnp.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="wrap")
    return F.conv2d(around, kernel, jnp.zeros(FILTERS), stride=(stride, stride))


def zeros_around(images, kernel):
    """A convolution of images with zeros around them, as networks have it."""
    return F.conv2d(images, kernel, jnp.zeros(FILTERS), padding="SAME")


def pooled(images, kernel):
    """A circular convolution, ReLU and max-pooling."""
    return F.max_pool(F.relu(circular(images, kernel)))


by_two = functools.partial(circular, stride=2)
ARMS = {
    "circular": {"layer": circular, "input_shift": 1, "output_shifts": (1,)},
    "zeros": {"layer": zeros_around, "input_shift": 1, "output_shifts": (1,)},
    "zeros_inside": {"layer": zeros_around, "input_shift": 1, "output_shifts": (1,), "border": 2},
    "stride": {"layer": by_two, "input_shift": 1, "output_shifts": (0, 1)},
    "stride_two": {"layer": by_two, "input_shift": 2, "output_shifts": (1,)},
    "pooling": {"layer": pooled, "input_shift": 1, "output_shifts": (0, 1)},
    "pooling_two": {"layer": pooled, "input_shift": 2, "output_shifts": (1,)},
}


def shifted(images, by):
    """Images moved to the right, round the edges."""
    return jnp.roll(images, by, axis=2)


def error(key, layer, input_shift, output_shifts, border=0):
    """The largest difference between shifting first and last, relative to the largest output, away from the border."""
    of_images, of_kernel = jax.random.split(key)
    images = jax.random.normal(of_images, (4, SIZE, SIZE, CHANNELS))
    kernel = jax.random.normal(of_kernel, (3, 3, CHANNELS, FILTERS))
    first, last = layer(shifted(images, input_shift), kernel), layer(images, kernel)
    columns = slice(border, first.shape[2] - border)
    apart = [jnp.abs(first - shifted(last, by))[:, :, columns].max() for by in output_shifts]
    return jnp.stack(apart).min() / jnp.abs(last).max()


def measure(keys):
    """The error of every arm, for each key."""
    for name, arm in ARMS.items():
        yield name, population(functools.partial(error, **arm), keys)


def exact(arm):
    """It is equivariant to rounding, for every seed."""
    return Exact(
        f"the error is at most {ROUNDING:.0e} for every seed",
        lambda measured: measured[arm] <= ROUNDING,
        lambda measured: f"the error is {measured[arm].min():.1e} to {measured[arm].max():.1e}.",
    )


experiment = Experiment(
    name="equivariance",
    item=43,
    sentence="There's equivariance, i.e. if the input changes, the output changes the same way.",
    claims=(
        Claim(
            "If the input of a convolutional layer shifts by a pixel, its output shifts the same way.",
            Regimes(
                {
                    "edges that meet, stride 1": exact("circular"),
                    "zeros around the image": exact("zeros"),
                    "zeros around the image, where no border is seen": exact("zeros_inside"),
                    "stride 2": exact("stride"),
                    "pooling": exact("pooling"),
                }
            ),
            reading="as it stands",
        ),
        Claim(
            "With stride or pooling by two the output shifts the same way where the input shifts by two.",
            Exact(
                f"the error is at most {ROUNDING:.0e} for a shift by two, for every seed",
                lambda measured: [measured[arm] <= ROUNDING for arm in ("stride_two", "pooling_two")],
                lambda measured: (
                    f"It is at most {max(measured['stride_two'].max(), measured['pooling_two'].max()):.1e}."
                ),
                sees=lambda measured: [measured[arm] >= BROKEN for arm in ("stride", "pooling")],
                control=f"a shift by one breaks it by at least {BROKEN:.0e}",
            ),
            reading="careful",
        ),
    ),
    panels=(
        Panel(
            "difference of shifting first and last, relative to the largest output",
            {
                "circular": "edges that meet, stride 1, shift 1",
                "zeros": "zeros around, stride 1, shift 1",
                "zeros_inside": "zeros around, no border seen, shift 1",
                "stride": "stride 2, shift 1",
                "stride_two": "stride 2, shift 2",
                "pooling": "pooling by 2, shift 1",
                "pooling_two": "pooling by 2, shift 2",
            },
            thresholds=(ROUNDING,),
        ),
    ),
    seeds=64,
    measure=measure,
)
