"""Batch normalization fails for small batches: of one example nothing is left, of a few the statistics are noise.

Each seed trains an MLP with a norm after each hidden layer for five epochs of digits, in batches of two to 256, with
the rate scaled by the root of the batch; large batches take few steps, and all norms err more with them. Batch
normalization is held against layer and group normalization, which look at one example alone. What it makes of a batch
of one is computed, not trained.

    python -m experiments run small_batches [--full]      with --full on Fashion-MNIST
"""

import functools

import jax
import jax.numpy as jnp

import jaxdl.functional as F
from experiments.images import digits, fashion_mnist
from jaxdl import data, models
from jaxdl.experiment import Claim, Every, Exact, Experiment, More, Panel, Regimes, Same
from jaxdl.optimizers import adam
from jaxdl.training import Task, classification, population, supervised, train

NORMS = {
    "batch": models.BatchNorm,
    "layer": models.LayerNorm,
    "group": functools.partial(models.GroupNorm, groups=8),
}
BATCHES, EPOCHS, MOST = (2, 4, 16, 64, 256), 5, 4096  # examples to train on
RATE = 1e-3  # of a batch of 16


def error(examples, test, key, norm, batch):
    """The share of test images that a trained network gets wrong."""
    model = models.mlp((64, 64), 10, norm=norm)
    task = Task(model, supervised(model, F.cross_entropy), adam(RATE * (batch / 16) ** 0.5), batch)
    state, _ = train(task, examples, key, epochs=EPOCHS)
    return 1 - classification(model)(state, test)["accuracy"]


def of_one(key):
    """What batch normalization of one example differs from its bias, and the gradient that passes through."""
    example, scale, bias = jax.random.normal(key, (3, 1, 64))
    normed = lambda x: F.batch_norm(x, scale[0], bias[0])[0]  # noqa: E731
    gradient = jax.grad(lambda x: (normed(x) * jnp.arange(64)).sum())(example)
    return {"apart": jnp.abs(normed(example) - bias).max(), "gradient": jnp.abs(gradient).max()}


def measure(keys, images):
    """The error with each norm and batch, and what is left of one example, for each key."""
    yield from population(of_one, keys).items()
    split = images()
    examples = data.take(split.train, jnp.arange(min(split.train.size, MOST)))
    for batch in BATCHES:
        for name, norm in NORMS.items():
            one = functools.partial(error, norm=norm, batch=batch)
            yield (name, batch), population(one, keys, shared=(examples, split.test))


def worse(batch, margin, expected_sd):
    """Batch normalization makes more errors than layer normalization."""
    return More(("batch", batch), ("layer", batch), margin, expected_sd)


experiment = Experiment(
    name="small_batches",
    item=97,
    sentence="Problems: fails for small batch sizes, recurrent architectures is a problem, different training and test "
    "set calculations",
    claims=(
        Claim(
            "Of a batch of one, batch normalization makes its bias, whatever the example, and no gradient passes it.",
            Exact(
                "the outputs are the bias and the gradient is zero, exactly, for every seed",
                lambda measured: [measured["apart"] == 0, measured["gradient"] == 0],
                lambda measured: (
                    f"Outputs differ from the bias by {measured['apart'].max():g}, and the gradient is at most "
                    f"{measured['gradient'].max():g}."
                ),
            ),
        ),
        Claim(
            "A network with batch normalization makes more errors than one with layer normalization.",
            Regimes(
                {"batches of 2": worse(2, 0.1, expected_sd=0.06), "batches of 64": worse(64, 0.015, expected_sd=0.01)}
            ),
        ),
        Claim(
            "With batches of 2 group normalization makes as many errors as with 64, to within three in a hundred, and "
            "batch normalization makes more.",
            Every(
                (
                    Same(("group", 2), ("group", 64), margin=0.03, expected_sd=0.012),
                    More(("batch", 2), ("batch", 64), margin=0.1, expected_sd=0.06),
                )
            ),
        ),
    ),
    panels=(
        Panel(
            "share of test images that are wrong",
            {"batch": "batch normalization", "layer": "layer normalization", "group": "group normalization"},
            over=("batch size", BATCHES),
        ),
        Panel(
            "of a batch of one",
            {"apart": "output, apart from the bias", "gradient": "gradient that passes"},
        ),
    ),
    seeds=48,
    measure=functools.partial(measure, images=digits),
    full=functools.partial(measure, images=fashion_mnist),
)
