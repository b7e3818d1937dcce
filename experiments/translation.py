"""Claim: convolution alone does not make a network invariant to translation; global pooling does, for whole strides.

Each seed trains three networks on digits in the center of 22×22 images. Arms: an MLP, a convolutional network that
flattens its feature maps, and one with global average pooling; each tested on images shifted by 0, 1 or 2 pixels to the
right and down. The margin is so wide that no receptive field at the border sees a part of a digit. Metric: the test
error.

    python -m experiments run translation
"""

import functools

import jax.numpy as jnp

import jaxdl.functional as F
from experiments.images import digits
from jaxdl import models
from jaxdl.experiment import Claim, Equivalent, Experiment, Greater, Panel, PerRegime
from jaxdl.metrics import accuracy
from jaxdl.models import Stage
from jaxdl.optimizers import adam
from jaxdl.training import Task, evaluate, population, train

SHIFTS, MARGIN, EPOCHS = (0, 1, 2), 7, 20
NETWORKS = {  # convolutional: 16 channels, max-pooling by 2, and 32 channels
    "mlp": models.mlp((64,), 10),
    "flatten": models.convnet((16, Stage(32, pool=None)), (), 10),
    "global": models.convnet((16, Stage(32, pool=F.global_avg_pool)), (), 10),
}


def pad_and_shift(part, shift):
    """Add a margin of seven background pixels to digits, and shift them to the right and down."""
    padding, ink = (MARGIN + shift, MARGIN - shift), part.inputs - part.inputs.min()  # the background is 0
    return part._replace(inputs=jnp.pad(ink, ((0, 0), padding, padding, (0, 0))))


def errors(examples, tests, key, model):
    """Train a network; return its test error at each shift."""
    task = Task(model, F.cross_entropy, adam(3e-3), 32, metrics={"accuracy": accuracy})
    state, _ = train(task, examples, key, epochs=EPOCHS)
    return [1 - evaluate(task, state, test)["accuracy"] for test in tests]


def measure(keys):
    """Measure the test error of every network at every shift for each key."""
    split = digits()
    examples, tests = pad_and_shift(split.train, 0), tuple(pad_and_shift(split.test, shift) for shift in SHIFTS)
    for name, model in NETWORKS.items():
        measured = population(functools.partial(errors, model=model), keys, shared=(examples, tests))
        yield from (((name, shift), error) for shift, error in zip(SHIFTS, measured, strict=True))


experiment = Experiment(
    name="translation",
    item=42,
    sentence='FFNNs are "not translation invariant"',
    claims=(
        Claim(
            "The test error of an MLP is higher for images shifted by two pixels.",
            Greater(("mlp", 2), ("mlp", 0), margin=0.1, expected_sd=0.02),
        ),
        Claim(
            "The test error of a convolutional network that flattens its feature maps is higher for images shifted by "
            "two pixels.",
            Greater(("flatten", 2), ("flatten", 0), margin=0.1, expected_sd=0.02),
            reading="careful",
        ),
        Claim(
            "With global average pooling after max-pooling by 2, the test errors of a convolutional network on shifted "
            "and unshifted images are within 10 percentage points of each other.",
            PerRegime(
                {
                    "shift of one pixel": Equivalent(("global", 1), ("global", 0), margin=0.1, expected_sd=0.1),
                    "shift of two pixels, the stride of the pooling": Equivalent(
                        ("global", 2), ("global", 0), margin=0.1, expected_sd=0.01
                    ),
                }
            ),
            reading="careful",
        ),
    ),
    panels=(
        Panel(
            "test error (share of images)",
            {
                "mlp": "MLP",
                "flatten": "convolutional network, flattened",
                "global": "convolutional network, global average pooling",
            },
            over=("shift in pixels", SHIFTS),
        ),
    ),
    seeds=24,
    measure=measure,
)
