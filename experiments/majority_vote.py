"""Independent voters would soon be right; networks make the same mistakes, and gain less.

Each seed trains eleven small networks to tell odd digits from even ones, each on a bootstrap sample of 100 images, and
lets 1, 3, 5, 7, 9 and 11 of them vote. The share of test images that the majority gets right is held against that of as
many independent voters with the same accuracy, by the binomial formula; and this against the sum over all outcomes.

    python -m experiments run majority_vote
"""

import itertools

import jax
import numpy as np
import scipy.stats

import jaxdl.functional as F
from experiments.images import digits
from jaxdl import models
from jaxdl.data import Dataset
from jaxdl.experiment import Claim, Every, Exact, Experiment, More, Panel, Same
from jaxdl.optimizers import adam
from jaxdl.training import Task, outputs_of, population, supervised, train

VOTERS = (1, 3, 5, 7, 9, 11)
SAMPLE, EPOCHS = 100, 20
MODEL = models.mlp((16,), 1)
BETTER, WORSE = 0.6, 0.4


def parity(part):
    """Images, and whether the digit is odd."""
    return part._replace(labels=part.labels % 2)


def votes(examples, test, key):
    """Which test images each of eleven networks gets right."""

    def one(key):
        of_sample, of_training = jax.random.split(key)
        rows = jax.random.randint(of_sample, (SAMPLE,), 0, SAMPLE)
        sample = Dataset(*(array[:SAMPLE][rows] for array in examples))
        objective = supervised(MODEL, lambda outputs, labels: F.binary_cross_entropy(outputs[:, 0], labels))
        state, _ = train(Task(MODEL, objective, adam(1e-2), 20), sample, of_training, epochs=EPOCHS)
        return (outputs_of(MODEL, state, test)[:, 0] > 0) == (test.labels == 1)

    return jax.lax.map(one, jax.random.split(key, max(VOTERS)))


def majority(right, count):
    """The share that the first so many voters get right by majority."""
    return (2 * right[:, :count].sum(axis=1) > count).mean(axis=1)


def formula(accuracy, count):
    """The probability that more than half of so many independent voters are right."""
    return scipy.stats.binom.sf(count // 2, count, accuracy)


def enumerated(accuracy, count):
    """The same by adding up all outcomes."""
    outcomes = (sum(outcome) for outcome in itertools.product((0, 1), repeat=count))
    return sum(accuracy**n * (1 - accuracy) ** (count - n) for n in outcomes if 2 * n > count)


def measure(keys):
    """What is right of networks and of independent voters of their mean accuracy, for each key."""
    split = digits()
    right = np.asarray(population(votes, keys, shared=(parity(split.train), parity(split.test))))
    accuracy = right.mean(axis=(1, 2))
    for count in VOTERS:
        yield ("networks", count), majority(right, count)
        yield ("independent", count), formula(accuracy, count)
    for count in VOTERS:
        for name, of_one in {"better": BETTER, "worse": WORSE}.items():
            yield (name, count), np.full(len(keys), formula(of_one, count))
            yield (f"{name}_enumerated", count), np.full(len(keys), enumerated(of_one, count))


def holds(measured):
    """The formula is the sum, grows with the voters above one half, and falls below it."""
    better, worse = (np.array([measured[name, count][0] for count in VOTERS]) for name in ("better", "worse"))
    summed = [measured[f"{name}_enumerated", count][0] for name in ("better", "worse") for count in VOTERS]
    exact = np.allclose(np.concatenate([better, worse]), summed, rtol=1e-12, atol=0)
    return exact and (np.diff(better) > 0).all() and (np.diff(worse) < 0).all()


experiment = Experiment(
    name="majority_vote",
    item=76,
    sentence="Different models usually make different errors, if we combine enough models we can out-weight the "
    "erroneous model every time. Assumptions: classifiers independent in predictions and with accuracy >50%",
    claims=(
        Claim(
            "Of up to eleven independent voters, more are more often right by majority where each is right with "
            "p = 0.6, and less often where p = 0.4.",
            Exact(
                f"the formula is the sum over all outcomes, grows with the voters at p = {BETTER} and falls at {WORSE}",
                holds,
                lambda measured: (
                    f"Eleven of p = {BETTER} are right with probability {measured['better', 11][0]:.6f}, of p = "
                    f"{WORSE} with {measured['worse', 11][0]:.6f}."
                ),
            ),
            reading="careful",
        ),
        Claim(
            "Eleven networks are right by majority as often as eleven independent voters of their accuracy.",
            Same(("networks", 11), ("independent", 11), margin=0.01, spread=0.01),
            reading="as it stands",
        ),
        Claim(
            "Eleven networks are more often right by majority than one of them, and less often than independent "
            "voters.",
            Every(
                (
                    More(("networks", 11), ("networks", 1), margin=0.015, spread=0.02),
                    More(("independent", 11), ("networks", 11), margin=0.01, spread=0.01),
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
        Panel(
            "probability that the majority is right",
            {
                "better": "independent, p = 0.6",
                "worse": "independent, p = 0.4",
                "better_enumerated": "sum over all outcomes, p = 0.6",
                "worse_enumerated": "sum over all outcomes, p = 0.4",
            },
            over=("voters", VOTERS),
        ),
    ),
    seeds=48,
    measure=measure,
)
