"""Convolution does not make a network invariant to translation; means over the whole image do, by whole strides.

Each seed trains three networks on digits in the middle of images of 22×22: an MLP, a convolutional network that
flattens what it has found, and one that takes the mean of each of its filters over the whole image. The test images are
then shifted by up to two pixels, to the right and down, and nothing of a digit is seen at a border. Measured: the share
of test images that are wrong; and the share of outputs of the first max-pooling that do not change when the image
shifts by one, of all outputs and of those that see some of the digit before or after.

    python -m experiments run translation
"""

import functools

import jax.numpy as jnp

import jaxdl.functional as F
from experiments.images import digits
from jaxdl import models
from jaxdl.experiment import Claim, Experiment, More, Panel, Regimes, Same
from jaxdl.models import Stage
from jaxdl.optimizers import adam
from jaxdl.training import Task, classification, population, supervised, train

SHIFTS, FRAME, EPOCHS, ROUNDING = (0, 1, 2), 7, 20, 1e-6
FIRST = Stage(16, pool=F.max_pool)  # convolution of 3×3, ReLU, max-pooling of 2×2
NETWORKS = {
    "mlp": models.mlp((64,), 10),
    "flatten": models.convnet((FIRST, Stage(32, pool=None)), (), 10),
    "global": models.convnet((FIRST, Stage(32, pool=F.global_avg_pool)), (), 10),
}


def framed(part, shift):
    """Digits with seven pixels of background around them, shifted to the right and down."""
    around, ink = (FRAME + shift, FRAME - shift), part.inputs - part.inputs.min()  # the background is 0
    return part._replace(inputs=jnp.pad(ink, ((0, 0), around, around, (0, 0))))


def errors(examples, tests, key, model):
    """The share of test images that are wrong at each shift, and what the first layer was trained to."""
    task = Task(model, supervised(model, F.cross_entropy), adam(3e-3), 32)
    state, _ = train(task, examples, key, epochs=EPOCHS)
    return [1 - classification(model)(state, test)["accuracy"] for test in tests], state.params


def unchanged(here, there, params):
    """The shares of pooled outputs that a shift by a pixel leaves as they are: of all, and of those that see ink."""

    def pooled(images, kernel, bias):
        return F.max_pool(F.relu(F.conv2d(images, kernel, bias, padding="SAME")))

    before, after = (pooled(part.inputs, **params["Conv_0"]) for part in (here, there))
    same = jnp.abs(before - after) <= ROUNDING
    window = jnp.ones((3, 3, 1, 1))
    inks = (pooled((part.inputs > ROUNDING).astype(jnp.float32), window, jnp.zeros(1)) > 0 for part in (here, there))
    sees = jnp.broadcast_to(functools.reduce(jnp.logical_or, inks), same.shape)
    return jnp.mean(same), jnp.sum(same & sees) / jnp.sum(sees)


def measure(keys):
    """Errors at every shift, and the share of pooled outputs that do not change, for each key."""
    split = digits()
    examples, tests = framed(split.train, 0), tuple(framed(split.test, shift) for shift in SHIFTS)
    for name, model in NETWORKS.items():
        found, params = population(functools.partial(errors, model=model), keys, shared=(examples, tests))
        yield from (((name, shift), error) for shift, error in zip(SHIFTS, found, strict=True))
        if name == "flatten":
            shares = population(unchanged, params, shared=tests[:2])
            yield from zip(("of_all", "of_ink"), shares, strict=True)


experiment = Experiment(
    name="translation",
    item=42,
    sentence='FFNNs are "not translation invariant". Invariant means that if we translate the input by a small amount, '
    "the values of most of the pooled outputs do not change",
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
        Claim(
            "An MLP gets more images wrong that are shifted by two pixels.",
            More(("mlp", 2), ("mlp", 0), margin=0.1, expected_sd=0.02),
        ),
        Claim(
            "So does a convolutional network that flattens what it has found.",
            More(("flatten", 2), ("flatten", 0), margin=0.1, expected_sd=0.02),
            reading="careful",
        ),
        Claim(
            "A convolutional network that takes means over the image, after a pooling by two, gets as many wrong of "
            "shifted images as of others, to within one in ten.",
            Regimes(
                {
                    "shifted by one": Same(("global", 1), ("global", 0), margin=0.1, expected_sd=0.1),
                    "shifted by two, the stride of the pooling": Same(
                        ("global", 2), ("global", 0), margin=0.1, expected_sd=0.01
                    ),
                }
            ),
            reading="careful",
        ),
    ),
    panels=(
        Panel(
            "share of test images that are wrong",
            {"mlp": "MLP", "flatten": "convolutional, flattened", "global": "convolutional, means over the image"},
            over=("shift in pixels", SHIFTS),
        ),
        Panel(
            "share of pooled outputs that do not change",
            {"of_all": "all outputs", "of_ink": "outputs that see ink"},
            thresholds=(0.5,),
        ),
    ),
    seeds=24,
    measure=measure,
)
