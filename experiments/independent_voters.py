"""Voters that err independently are right by majority the more often, the more they are, if each is better than chance.

A majority of an odd number of voters is right with a probability that the binomial formula gives. It is held against
the sum over all outcomes, of voters better and worse than chance. Nothing is drawn, so one seed is enough.

    python -m experiments run independent_voters
"""

import itertools
import math

import numpy as np
import scipy.stats

from jaxdl.experiment import Claim, Exact, Experiment, Panel

VOTERS = (1, 3, 5, 7, 9, 11)
ONE = {"better": 0.6, "worse": 0.4}  # the probability that one voter is right


def formula(accuracy, count):
    """The probability that more than half of so many independent voters are right."""
    return scipy.stats.binom.sf(count // 2, count, accuracy)


def enumerated(accuracy, count):
    """The same, as the sum of the probabilities of all outcomes with more than half of them right."""
    outcomes = itertools.product((True, False), repeat=count)
    return sum(
        math.prod(accuracy if right else 1 - accuracy for right in outcome)
        for outcome in outcomes
        if 2 * sum(outcome) > count
    )


def measure(keys):  # noqa: ARG001  nothing is drawn
    """What both give, for each number of voters."""
    for name, accuracy in ONE.items():
        for count in VOTERS:
            yield (name, count), [formula(accuracy, count)]
            yield (f"{name}_enumerated", count), [enumerated(accuracy, count)]


def over_voters(measured, name):
    """The probabilities of an arm, for each number of voters."""
    return np.array([measured[name, count][0] for count in VOTERS])


def holds(measured):
    """The formula is the sum; it grows with the voters where one is better than chance, and falls where it is worse."""
    relative = [over_voters(measured, name) / over_voters(measured, f"{name}_enumerated") - 1 for name in ONE]
    grows, falls = (np.diff(over_voters(measured, name)) for name in ONE)
    return np.abs(relative).max() <= 1e-12 and (grows > 0).all() and (falls < 0).all()


def found(measured):
    """The last of both."""
    better, worse = (over_voters(measured, name)[-1] for name in ONE)
    return (
        f"Eleven voters of p = {ONE['better']} are right with probability {better:.6f}, of {ONE['worse']} {worse:.6f}."
    )


experiment = Experiment(
    name="independent_voters",
    item=76,
    sentence="Assumptions: classifiers independent in predictions and with accuracy >50%",
    claims=(
        Claim(
            "Of up to eleven independent voters, more are more often right by majority where each is right with "
            "p = 0.6, and less often where p = 0.4.",
            Exact(
                "the formula is the sum over all outcomes to 12 digits, grows with the voters at p = 0.6, and falls at "
                "0.4",
                holds,
                found,
            ),
        ),
    ),
    panels=(
        Panel(
            "probability that the majority is right",
            {
                "better": "p = 0.6",
                "worse": "p = 0.4",
                "better_enumerated": "sum over all outcomes, p = 0.6",
                "worse_enumerated": "sum over all outcomes, p = 0.4",
            },
            over=("independent voters", VOTERS),
        ),
    ),
    seeds=1,
    measure=measure,
)
