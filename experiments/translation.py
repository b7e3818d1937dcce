"""Convolution does not make a network invariant to translation; means over the whole image do, by whole strides.

Each seed trains three networks on digits in the middle of images of 22×22: an MLP, a convolutional network that
flattens what it has found, and one that takes the mean of each of its filters over the whole image. The test images are
then shifted by up to two pixels, to the right and down, and nothing of a digit is seen at a border. Measured: the share
of test images that are wrong.

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

SHIFTS, FRAME, EPOCHS = (0, 1, 2), 7, 20
NETWORKS = {  # convolutional ones of 16 channels, max-pooling by two, and 32 channels
    "mlp": models.mlp((64,), 10),
    "flatten": models.convnet((16, Stage(32, pool=None)), (), 10),
    "global": models.convnet((16, Stage(32, pool=F.global_avg_pool)), (), 10),
}


def framed(part, shift):
    """Digits with seven pixels of background around them, shifted to the right and down."""
    around, ink = (FRAME + shift, FRAME - shift), part.inputs - part.inputs.min()  # the background is 0
    return part._replace(inputs=jnp.pad(ink, ((0, 0), around, around, (0, 0))))


def errors(examples, tests, key, model):
    """The share of test images that are wrong at each shift."""
    task = Task(model, supervised(model, F.cross_entropy), adam(3e-3), 32)
    state, _ = train(task, examples, key, epochs=EPOCHS)
    return [1 - classification(model)(state, test)["accuracy"] for test in tests]


def measure(keys):
    """Errors of every network at every shift, for each key."""
    split = digits()
    examples, tests = framed(split.train, 0), tuple(framed(split.test, shift) for shift in SHIFTS)
    for name, model in NETWORKS.items():
        found = population(functools.partial(errors, model=model), keys, shared=(examples, tests))
        yield from (((name, shift), error) for shift, error in zip(SHIFTS, found, strict=True))


experiment = Experiment(
    name="translation",
    item=42,
    sentence='FFNNs are "not translation invariant"',
    claims=(
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
    ),
    seeds=24,
    measure=measure,
)
