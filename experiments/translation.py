"""Convolution does not make a network invariant to translation; means over the whole image do, by whole strides.

Each seed trains three networks on digits in the middle of images of 16×16: an MLP, a convolutional network that
flattens what it has found, and one that takes the mean of each of its filters over the whole image. The test images are
then shifted to the right and down by up to two pixels, so that no digit comes near the border. Told are the errors, and
the share of outputs of the first max-pooling that do not change when the image shifts by a pixel: of all, and of those
that see some of the digit before or after.

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

SHIFTS, MARGIN, EPOCHS, ROUNDING = (0, 1, 2), 4, 20, 1e-6
NETWORKS = {
    "mlp": models.mlp((64,), 10),
    "flatten": models.convnet((16, Stage(32, pool=None)), (), 10),
    "global": models.convnet((16, Stage(32, pool=F.global_avg_pool)), (), 10),
}


def framed(part, shift):
    """Digits with four pixels of background around them, shifted to the right and down."""
    ends, ink = (MARGIN + shift, MARGIN - shift), part.inputs - part.inputs.min()  # the background is 0
    return part._replace(inputs=jnp.pad(ink, ((0, 0), ends, ends, (0, 0))))


def errors(examples, tests, key, model):
    """The share of test images that are wrong at each shift, and what the first layer was trained to."""
    task = Task(model, supervised(model, F.cross_entropy), adam(3e-3), 32)
    state, _ = train(task, examples, key, epochs=EPOCHS)
    return [1 - classification(model)(state, test)["accuracy"] for test in tests], state.params


def unchanged(here, there, params):
    """The shares of pooled outputs that a shift by a pixel leaves as they are: of all, and of those that see ink."""
    first = params["Conv_0"]
    before, after = (
        F.max_pool(F.relu(F.conv2d(part.inputs, first["kernel"], first["bias"], padding="SAME")))
        for part in (here, there)
    )
    same = lambda one, other: jnp.abs(one - other) <= ROUNDING  # noqa: E731
    blank = F.relu(first["bias"])
    ink = ~(same(before, blank) & same(after, blank))
    return jnp.mean(same(before, after)), jnp.sum(ink & same(before, after)) / ink.sum()


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
            "Most of the outputs of max-pooling after a convolution do not change when the image shifts by a pixel.",
            Regimes(
                {
                    "of all outputs": More("of_all", 0.5, margin=0.05, spread=0.05),
                    "of those that see ink": More("of_ink", 0.5, margin=0.05, spread=0.05),
                }
            ),
            reading="as it stands",
        ),
        Claim(
            "An MLP makes more errors on images that are shifted by two pixels.",
            More(("mlp", 2), ("mlp", 0), margin=0.1, spread=0.1),
        ),
        Claim(
            "So does a convolutional network that flattens what it has found.",
            More(("flatten", 2), ("flatten", 0), margin=0.1, spread=0.1),
            reading="careful",
        ),
        Claim(
            "One that takes means over the image, after a pooling by two, makes as many, to within one in twenty.",
            Regimes(
                {
                    "shifted by one": Same(("global", 1), ("global", 0), margin=0.05, spread=0.05),
                    "shifted by two, the stride of the pooling": Same(
                        ("global", 2), ("global", 0), margin=0.05, spread=0.03
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
    seeds=20,
    measure=measure,
)
