"""Claim: adding independent voters improves a majority vote if each is better than chance, and worsens it otherwise.

Arms: voters that are right with probability 0.6 or 0.4. Metric: the probability that the majority of an odd number of
voters is right, by the binomial formula, and by summation over all outcomes to check the formula. Nothing is random, so
one seed is enough.

    python -m experiments run independent_voters
"""

import itertools
import math

import numpy as np
import scipy.stats

from jaxdl.experiment import Claim, Exact, Experiment, Panel

VOTERS = (1, 3, 5, 7, 9, 11)
ACCURACY = {"better": 0.6, "worse": 0.4}  # probability that one voter is right


def formula(accuracy, count):
    """Return the probability that more than half of `count` independent voters are right."""
    return scipy.stats.binom.sf(count // 2, count, accuracy)


def enumerated(accuracy, count):
    """Sum the probabilities of all outcomes in which more than half of the voters are right."""
    outcomes = itertools.product((True, False), repeat=count)
    return sum(
        math.prod(accuracy if right else 1 - accuracy for right in outcome)
        for outcome in outcomes
        if 2 * sum(outcome) > count
    )


def measure(keys):  # noqa: ARG001  nothing is random
    """Compute formula and sum for each number of voters."""
    for name, accuracy in ACCURACY.items():
        for count in VOTERS:
            yield (name, count), [formula(accuracy, count)]
            yield (f"{name}_enumerated", count), [enumerated(accuracy, count)]


def over_voters(measured, name):
    """Return the probabilities of an arm for each number of voters."""
    return np.array([measured[name, count][0] for count in VOTERS])


def holds(measured):
    """Return whether formula and sum agree, and grow with the number of voters for p = 0.6 and fall for p = 0.4."""
    relative = [over_voters(measured, name) / over_voters(measured, f"{name}_enumerated") - 1 for name in ACCURACY]
    growth, fall = (np.diff(over_voters(measured, name)) for name in ACCURACY)
    return np.abs(relative).max() <= 1e-12 and (growth > 0).all() and (fall < 0).all()


def finding(measured):
    """Describe the majority of eleven voters."""
    better, worse = (over_voters(measured, name)[-1] for name in ACCURACY)
    return (
        f"The majority of eleven voters is right with probability {better:.6f} if p = {ACCURACY['better']}, and with "
        f"probability {worse:.6f} if p = {ACCURACY['worse']}."
    )


experiment = Experiment(
    name="independent_voters",
    item=76,
    sentence="Assumptions: classifiers independent in predictions and with accuracy >50%",
    claims=(
        Claim(
            "With an odd number of independent voters, up to 11, a larger number is right by majority more often if "
            "each is right with p = 0.6, and less often if p = 0.4.",
            Exact(
                "formula and sum over all outcomes agree to a relative 1e-12, and grow with the number of voters for "
                "p = 0.6 and fall for p = 0.4",
                holds,
                finding,
            ),
        ),
    ),
    panels=(
        Panel(
            "probability that the majority is right",
            {
                "better": "p = 0.6",
                "worse": "p = 0.4",
                "better_enumerated": "p = 0.6, sum over all outcomes",
                "worse_enumerated": "p = 0.4, sum over all outcomes",
            },
            over=("independent voters", VOTERS),
        ),
    ),
    seeds=1,
    measure=measure,
)
