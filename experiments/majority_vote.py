"""Claims: what a majority vote of networks gains over one network, and why less than independent voters would.

Each seed draws 100 images and trains eleven small networks on bootstrap samples of them to classify digits as odd or
even, and one network on all 100. Arms: the majority of 1, 3, 5, 7, 9 or 11 networks; independent voters of the same
mean accuracy, by the binomial formula; and a placebo in which the errors of each network are moved to random images,
which keeps its accuracy and makes all images equally difficult. Metric: the test accuracy of the majority.

    python -m experiments run majority_vote
"""

import jax
import numpy as np

import jaxdl.functional as F
from jaxdl import models
from jaxdl.experiment import MEDIAN, Claim, Experiment, Greater, Panel, contrast
from jaxdl.optimizers import adam
from jaxdl.training import Task, outputs_of, population, train

from .images import DIGITS_STEP, digits, divided
from .independent_voters import VOTERS, formula

EXAMPLES, BATCH, EPOCHS = 100, 20, 20
MODEL = models.mlp((16,), 1)


def parity(part):
    """Replace the labels: 1 for odd digits, 0 for even ones."""
    return part._replace(labels=part.labels % 2)


def correct_after_training(examples, test, key):
    """Train a network; return which test images it classifies correctly."""
    loss = lambda outputs, labels: F.sigmoid_binary_cross_entropy(outputs[:, 0], labels)  # noqa: E731
    task = Task(MODEL, loss, adam(1e-2), BATCH)
    state, _ = train(task, examples, key, epochs=EPOCHS)
    return (outputs_of(task, state, test)[:, 0] > 0) == (test.labels == 1)


def votes(images, key):
    """Train all networks of a seed; return the correct votes of eleven, the same at random images, and of the one."""
    networks_key, single_key, places_key = jax.random.split(key, 3)
    split = divided(key, images)
    chosen, test = jax.tree.map(lambda array: array[:EXAMPLES], parity(split.train)), parity(split.test)

    def one(key):
        sample_key, training_key = jax.random.split(key)
        rows = jax.random.randint(sample_key, (EXAMPLES,), 0, EXAMPLES)
        return correct_after_training(jax.tree.map(lambda array: array[rows], chosen), test, training_key)

    correct = jax.lax.map(one, jax.random.split(networks_key, max(VOTERS)))
    moved = jax.vmap(jax.random.permutation)(jax.random.split(places_key, max(VOTERS)), correct)
    return correct, moved, correct_after_training(chosen, test, single_key)


def majority_accuracy(correct, count):
    """Return the accuracy of the majority of the first `count` voters."""
    return (2 * correct[:, :count].sum(axis=1) > count).mean(axis=1)


def measure(keys):
    """Measure the accuracy of networks, placebo and single network, and compute that of independent voters."""
    correct, moved, single = map(np.asarray, population(votes, keys, shared=(digits(),)))
    for count in VOTERS:
        yield ("networks", count), majority_accuracy(correct, count)
        yield ("moved", count), majority_accuracy(moved, count)
        yield ("independent", count), formula(correct.mean(axis=(1, 2)), count)
    yield "single", single.mean(axis=1)


MOST = max(VOTERS)
GAP = contrast(("independent", MOST), ("networks", MOST), ("independent", MOST), ("moved", MOST))

experiment = Experiment(
    name="majority_vote",
    item=76,
    sentence="Different models usually make different errors, if we combine enough models we can out-weight the "
    "erroneous model every time. Assumptions: classifiers independent in predictions and with accuracy >50%",
    claims=(
        Claim(
            "The majority of eleven networks on bootstrap samples is typically more than one percentage point more "
            "accurate than one of them.",
            Greater(("networks", MOST), ("networks", 1), 0.01, MEDIAN, effect=0.022, expected_sd=0.024),
        ),
        Claim(
            "The majority of eleven networks on bootstrap samples is typically more than one percentage point more "
            "accurate than one network trained on all images.",
            Greater(("networks", MOST), "single", 0.01, MEDIAN, effect=0.03, expected_sd=0.018),
        ),
        Claim(
            "The majority of eleven networks is typically less accurate than that of eleven independent voters of the "
            "same accuracy, by more than 1.5 percentage points.",
            Greater(("independent", MOST), ("networks", MOST), 0.015, MEDIAN, effect=0.08, expected_sd=0.02),
        ),
        Claim(
            "More than 1.5 percentage points of this gap typically arise because the networks err on the same images.",
            Greater(GAP, 0.0, 0.015, MEDIAN, effect=0.08, expected_sd=0.02),
        ),
    ),
    panels=(
        Panel(
            "test accuracy of the majority",
            {
                "networks": "networks",
                "moved": "networks, errors at random images",
                "independent": "independent voters of the same accuracy",
            },
            over=("voters", VOTERS),
            larger_is_better=True,
            step=DIGITS_STEP,
        ),
        Panel(
            "test accuracy of one network",
            {"single": "one network, trained on all images"},
            larger_is_better=True,
            step=DIGITS_STEP,
        ),
    ),
    seeds=224,
    limits="Networks may err on the same images because these are difficult for all of them, or because all share 100 "
    "training images; the placebo breaks both.",
    measure=measure,
)
