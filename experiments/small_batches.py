"""Claim: batch normalization has a higher test error for batch size 2, and a constant output for batch size 1.

Each seed trains an MLP with normalization after each hidden layer for five epochs on digits, with batch sizes from 2 to
256. The learning rate is proportional to the square root of the batch size; large batches take few steps, so all arms
have a higher error there. Arms: batch normalization, and layer and group normalization, which normalize each example by
itself. Metric: the test error. For batch size 1, output and gradient of batch normalization are computed without
training.

    python -m experiments run small_batches [--full]      with --full on Fashion-MNIST
"""

import functools

import jax
import jax.numpy as jnp

import jaxdl.functional as F
from jaxdl import models
from jaxdl.experiment import MEDIAN, AllOf, Claim, Equivalent, Exact, Experiment, Greater, Panel, PerRegime
from jaxdl.metrics import accuracy
from jaxdl.optimizers import adam
from jaxdl.training import Task, evaluate, population, train

from .images import DIGITS_STEP, digits, divided, fashion_mnist

NORMS = {
    "batch": models.BatchNorm,
    "layer": models.LayerNorm,
    "group": functools.partial(models.GroupNorm, groups=8),
}
BATCHES, EPOCHS, MAX_EXAMPLES = (2, 4, 16, 64, 256), 5, 4096
LEARNING_RATE = 1e-3  # for batch size 16


def error(images, key, norm, batch):
    """Train a network; return its test error."""
    split = divided(key, images)
    examples = jax.tree.map(lambda array: array[:MAX_EXAMPLES], split.train)
    model = models.mlp((64, 64), 10, norm=norm)
    task = Task(
        model, F.cross_entropy, adam(LEARNING_RATE * (batch / 16) ** 0.5), batch, metrics={"accuracy": accuracy}
    )
    state, _ = train(task, examples, key, epochs=EPOCHS)
    return 1 - evaluate(task, state, split.test)["accuracy"]


def normalize_one(key):
    """Return how far batch normalization of one example is from its bias, and its largest gradient."""
    example, scale, bias = jax.random.normal(key, (3, 1, 64))
    normalize = lambda x: F.batch_norm(x, scale[0], bias[0])[0]  # noqa: E731
    gradient = jax.grad(lambda x: (normalize(x) * jnp.arange(64)).sum())(example)
    return {"difference": jnp.abs(normalize(example) - bias).max(), "gradient": jnp.abs(gradient).max()}


def measure(keys, images):
    """Measure batch normalization of one example, and the error with each norm and batch size, for each key."""
    yield from population(normalize_one, keys).items()
    images = images()
    for batch in BATCHES:
        for name, norm in NORMS.items():
            one = functools.partial(error, norm=norm, batch=batch)
            yield (name, batch), population(one, keys, shared=(images,))


def worse(batch, margin, effect, expected_sd):
    """Return the rule that batch normalization has a higher error than layer normalization."""
    return Greater(("batch", batch), ("layer", batch), margin, MEDIAN, effect, expected_sd)


experiment = Experiment(
    name="small_batches",
    item=97,
    sentence="Problems: fails for small batch sizes",
    claims=(
        Claim(
            "With batch size 1, batch normalization outputs its bias for every input, and its gradient with respect to "
            "the input is zero.",
            Exact(
                "the outputs equal the bias exactly and the gradient is exactly 0 for every seed",
                lambda measured: [measured["difference"] == 0, measured["gradient"] == 0],
                lambda measured: (
                    f"Outputs differ from the bias by at most {measured['difference'].max():g}, and the gradient is at "
                    f"most {measured['gradient'].max():g}."
                ),
            ),
        ),
        Claim(
            "On digits, a network with batch normalization typically has a clearly higher test error than one with "
            "layer normalization, whether the batch size is 2 (more than 10 percentage points) or 64 (more than 1.5).",
            PerRegime({"batch size 2": worse(2, 0.1, 0.3, 0.06), "batch size 64": worse(64, 0.015, 0.03, 0.01)}),
        ),
        Claim(
            "On digits, the test errors of group normalization for batch sizes 2 and 64 are typically within 3 "
            "percentage points, and rarely 6 apart; that of batch normalization is more than 10 points higher for 2.",
            AllOf(
                (
                    Equivalent(("group", 2), ("group", 64), 0.03, MEDIAN, 0.06, max_share=0.3, expected_sd=0.012),
                    Greater(("batch", 2), ("batch", 64), 0.1, MEDIAN, effect=0.3, expected_sd=0.06),
                )
            ),
        ),
    ),
    panels=(
        Panel(
            "test error (share of images)",
            {"batch": "batch normalization", "layer": "layer normalization", "group": "group normalization"},
            over=("batch size", BATCHES),
            larger_is_better=False,
            step=DIGITS_STEP,
        ),
        Panel(
            "batch normalization with batch size 1",
            {"difference": "|output − bias|", "gradient": "|gradient of the input|"},
        ),
    ),
    seeds=48,
    limits="The learning rate is scaled with the batch size by a rule, and not tuned. Training takes five epochs.",
    measure=functools.partial(measure, images=digits),
    full=functools.partial(measure, images=fashion_mnist),
)
