"""Claim: convolution is equivariant to translation, except for zero padding, stride and pooling.

Each seed draws images and a kernel, and shifts the images circularly before the layer or shifts its output. Arms:
circular padding, zero padding (all pixels, or only those whose receptive field does not touch the border), stride 2,
and max-pooling. Metric: the difference between the two results, relative to the largest output. Stride and pooling
halve the resolution, so an input shift of one pixel would be an output shift of half a pixel; the closer of the two
whole shifts counts. An input shift of two pixels is an output shift of one.

    python -m experiments run equivariance
"""

import functools

import jax
import jax.numpy as jnp

import jaxdl.functional as F
from jaxdl.experiment import Claim, Exact, Experiment, Panel, PerRegime
from jaxdl.training import population

SIZE, CHANNELS, FILTERS = 12, 3, 8
TOLERANCE, BROKEN = 1e-5, 1e-2


def circular(images, kernel, stride=1):
    """Convolve with circular padding."""
    padded = jnp.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="wrap")
    return F.conv2d(padded, kernel, jnp.zeros(FILTERS), stride=(stride, stride))


def zero_padded(images, kernel):
    """Convolve with zero padding, as networks usually do."""
    return F.conv2d(images, kernel, jnp.zeros(FILTERS), padding="SAME")


def pooled(images, kernel):
    """Apply a circular convolution, ReLU and max-pooling."""
    return F.max_pool(F.relu(circular(images, kernel)))


stride_two = functools.partial(circular, stride=2)
ARMS = {
    "circular": {"layer": circular, "input_shift": 1, "output_shifts": (1,)},
    "zeros": {"layer": zero_padded, "input_shift": 1, "output_shifts": (1,)},
    "zeros_inside": {"layer": zero_padded, "input_shift": 1, "output_shifts": (1,), "border": 2},
    "stride": {"layer": stride_two, "input_shift": 1, "output_shifts": (0, 1)},
    "stride_two": {"layer": stride_two, "input_shift": 2, "output_shifts": (1,)},
    "pooling": {"layer": pooled, "input_shift": 1, "output_shifts": (0, 1)},
    "pooling_two": {"layer": pooled, "input_shift": 2, "output_shifts": (1,)},
}


def shifted(images, pixels):
    """Shift images to the right, circularly."""
    return jnp.roll(images, pixels, axis=2)


def error(key, layer, input_shift, output_shifts, border=0):
    """Return the largest difference between shifting before and after a layer, relative to the largest output."""
    images_key, kernel_key = jax.random.split(key)
    images = jax.random.normal(images_key, (4, SIZE, SIZE, CHANNELS))
    kernel = jax.random.normal(kernel_key, (3, 3, CHANNELS, FILTERS))
    shifted_before, outputs = layer(shifted(images, input_shift), kernel), layer(images, kernel)
    columns = slice(border, outputs.shape[2] - border)
    errors = [jnp.abs(shifted_before - shifted(outputs, pixels))[:, :, columns].max() for pixels in output_shifts]
    return jnp.stack(errors).min() / jnp.abs(outputs).max()


def measure(keys):
    """Measure the error of every arm for each key."""
    for name, arm in ARMS.items():
        yield name, population(functools.partial(error, **arm), keys)


def exact(arm):
    """Return the rule that an arm is equivariant up to rounding errors for every seed."""
    return Exact(
        f"the error is at most {TOLERANCE:.0e} for every seed",
        lambda measured: measured[arm] <= TOLERANCE,
        lambda measured: f"the error is {measured[arm].min():.2g} to {measured[arm].max():.2g}.",
    )


experiment = Experiment(
    name="equivariance",
    item=43,
    sentence="There's equivariance, i.e. if the input changes, the output changes the same way.",
    claims=(
        Claim(
            "If the input of a convolutional layer, or of one with pooling, shifts by one pixel, its output shifts by "
            "the same amount.",
            PerRegime(
                {
                    "circular padding, stride 1": exact("circular"),
                    "zero padding": exact("zeros"),
                    "zero padding, away from the border": exact("zeros_inside"),
                    "stride 2": exact("stride"),
                    "pooling": exact("pooling"),
                }
            ),
            reading="literal",
        ),
        Claim(
            "With stride 2, or pooling by 2, an input shift of two pixels shifts the output by one pixel.",
            Exact(
                f"the error for a shift of two pixels is at most {TOLERANCE:.0e} for every seed",
                lambda measured: [measured[arm] <= TOLERANCE for arm in ("stride_two", "pooling_two")],
                lambda measured: (
                    f"The error is at most {max(measured['stride_two'].max(), measured['pooling_two'].max()):.2g}."
                ),
                control_holds=lambda measured: [measured[arm] >= BROKEN for arm in ("stride", "pooling")],
                control=f"the error for a shift of one pixel is at least {BROKEN:.0e} for every seed",
            ),
            reading="careful",
        ),
    ),
    panels=(
        Panel(
            "difference between shifting input and output, relative to the largest output",
            {
                "circular": "circular padding, shift 1",
                "zeros": "zero padding, shift 1",
                "zeros_inside": "zero padding, interior, shift 1",
                "stride": "stride 2, shift 1",
                "stride_two": "stride 2, shift 2",
                "pooling": "pooling by 2, shift 1",
                "pooling_two": "pooling by 2, shift 2",
            },
            thresholds=(TOLERANCE,),
        ),
    ),
    seeds=64,
    measure=measure,
)
