"""Claim: a majority vote of networks is more accurate than one network, but less than independent voters would be.

Each seed draws 100 images and trains eleven small networks on bootstrap samples of them to classify digits as odd or
even. Arms: the majority of 1, 3, 5, 7, 9 or 11 networks, and the same number of independent voters with the mean
accuracy of the networks, by the binomial formula. Metric: the test accuracy of the majority.

    python -m experiments run majority_vote
"""

import jax
import numpy as np

import jaxdl.functional as F
from experiments.images import digits
from experiments.independent_voters import VOTERS, formula
from jaxdl import models
from jaxdl.experiment import AllOf, Claim, Equivalent, Experiment, Greater, Panel
from jaxdl.optimizers import adam
from jaxdl.training import Task, outputs_of, population, train

EXAMPLES, BATCH, EPOCHS = 100, 20, 20
MODEL = models.mlp((16,), 1)


def parity(part):
    """Replace the labels: 1 for odd digits, 0 for even ones."""
    return part._replace(labels=part.labels % 2)


def correct_per_network(examples, test, key):
    """Train eleven networks; return which test images each of them classifies correctly."""
    examples_key, networks_key = jax.random.split(key)
    chosen = jax.random.permutation(examples_key, examples.size)[:EXAMPLES]

    def one(key):
        sample_key, training_key = jax.random.split(key)
        rows = jax.random.choice(sample_key, chosen, (EXAMPLES,))
        sample = jax.tree.map(lambda array: array[rows], examples)
        loss = lambda outputs, labels: F.sigmoid_binary_cross_entropy(outputs[:, 0], labels)  # noqa: E731
        task = Task(MODEL, loss, adam(1e-2), BATCH)
        state, _ = train(task, sample, training_key, epochs=EPOCHS)
        return (outputs_of(task, state, test)[:, 0] > 0) == (test.labels == 1)

    return jax.lax.map(one, jax.random.split(networks_key, max(VOTERS)))


def majority_accuracy(correct, count):
    """Return the accuracy of the majority of the first `count` voters."""
    return (2 * correct[:, :count].sum(axis=1) > count).mean(axis=1)


def measure(keys):
    """Measure the accuracy of networks, and compute that of independent voters, for each key."""
    split = digits()
    correct = np.asarray(population(correct_per_network, keys, shared=(parity(split.train), parity(split.test))))
    accuracy = correct.mean(axis=(1, 2))
    for count in VOTERS:
        yield ("networks", count), majority_accuracy(correct, count)
        yield ("independent", count), formula(accuracy, count)


experiment = Experiment(
    name="majority_vote",
    item=76,
    sentence="Different models usually make different errors, if we combine enough models we can out-weight the "
    "erroneous model every time. Assumptions: classifiers independent in predictions and with accuracy >50%",
    claims=(
        Claim(
            "The majority of eleven networks is as accurate as that of eleven independent voters with the same "
            "individual accuracy.",
            Equivalent(("networks", 11), ("independent", 11), margin=0.015, expected_sd=0.021),
            reading="literal",
        ),
        Claim(
            "The majority of eleven networks is more accurate than one network, and less accurate than that of eleven "
            "independent voters.",
            AllOf(
                (
                    Greater(("networks", 11), ("networks", 1), margin=0.02, expected_sd=0.026),
                    Greater(("independent", 11), ("networks", 11), margin=0.015, expected_sd=0.021),
                )
            ),
            reading="careful",
        ),
    ),
    panels=(
        Panel(
            "test accuracy of the majority",
            {"networks": "networks", "independent": "independent voters of the same accuracy"},
            over=("voters", VOTERS),
        ),
    ),
    seeds=48,
    measure=measure,
)
