"""Networks that vote gain something, but far less than independent voters would.

Each seed draws 100 images, trains eleven small networks on bootstrap samples of these to tell odd digits from even, and
lets 1, 3, 5, 7, 9 and 11 of them vote. The share of test images that the majority gets right is held against that of as
many independent voters with the same accuracy, by the binomial formula.

    python -m experiments run majority_vote
"""

import jax
import numpy as np

import jaxdl.functional as F
from experiments.images import digits
from experiments.independent_voters import VOTERS, formula
from jaxdl import models
from jaxdl.experiment import Claim, Every, Experiment, More, Panel, Same
from jaxdl.optimizers import adam
from jaxdl.training import Task, outputs_of, population, supervised, train

DRAWN, BATCH, EPOCHS = 100, 20, 20
MODEL = models.mlp((16,), 1)


def parity(part):
    """Images, and whether the digit is odd."""
    return part._replace(labels=part.labels % 2)


def right_of_each(examples, test, key):
    """Which test images each of eleven networks gets right."""
    of_drawing, of_networks = jax.random.split(key)
    drawn = jax.random.permutation(of_drawing, examples.size)[:DRAWN]

    def one(key):
        of_sample, of_training = jax.random.split(key)
        rows = jax.random.choice(of_sample, drawn, (DRAWN,))
        sample = jax.tree.map(lambda array: array[rows], examples)
        objective = supervised(MODEL, lambda outputs, labels: F.binary_cross_entropy(outputs[:, 0], labels))
        state, _ = train(Task(MODEL, objective, adam(1e-2), BATCH), sample, of_training, epochs=EPOCHS)
        return (outputs_of(MODEL, state, test)[:, 0] > 0) == (test.labels == 1)

    return jax.lax.map(one, jax.random.split(of_networks, max(VOTERS)))


def majority(right, count):
    """The share that the first so many voters get right by majority."""
    return (2 * right[:, :count].sum(axis=1) > count).mean(axis=1)


def measure(keys):
    """What is right of networks and of independent voters of their mean accuracy, for each key."""
    split = digits()
    right = np.asarray(population(right_of_each, keys, shared=(parity(split.train), parity(split.test))))
    accuracy = right.mean(axis=(1, 2))
    for count in VOTERS:
        yield ("networks", count), majority(right, count)
        yield ("independent", count), formula(accuracy, count)


experiment = Experiment(
    name="majority_vote",
    item=76,
    sentence="Different models usually make different errors, if we combine enough models we can out-weight the "
    "erroneous model every time. Assumptions: classifiers independent in predictions and with accuracy >50%",
    claims=(
        Claim(
            "Eleven networks are right by majority as often as eleven independent voters of their accuracy.",
            Same(("networks", 11), ("independent", 11), margin=0.015, expected_sd=0.021),
            reading="as it stands",
        ),
        Claim(
            "Eleven networks are more often right by majority than one of them, and less often than independent "
            "voters.",
            Every(
                (
                    More(("networks", 11), ("networks", 1), margin=0.02, expected_sd=0.026),
                    More(("independent", 11), ("networks", 11), margin=0.015, expected_sd=0.021),
                )
            ),
            reading="careful",
        ),
    ),
    panels=(
        Panel(
            "share of test images that the majority gets right",
            {"networks": "networks", "independent": "independent voters of the same accuracy"},
            over=("voters", VOTERS),
        ),
    ),
    seeds=48,
    measure=measure,
)
