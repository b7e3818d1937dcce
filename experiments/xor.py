"""XOR is not linearly separable, and a small MLP solves it, though not from every start.

Each seed trains a logistic regression and a 2-2-1 MLP with tanh on the four corners for 1,000 steps of Adam, and counts
the corners that come out right. That no line separates them is decided by a linear program, not by training.

    python -m experiments run xor
"""

import jax.numpy as jnp
import numpy as np
import scipy.optimize

import jaxdl.functional as F
from jaxdl import data, initializers
from jaxdl.experiment import Claim, EverySeed, Exact, Experiment, Panel
from jaxdl.models import mlp
from jaxdl.optimizers import adam
from jaxdl.statistics import proportion_interval
from jaxdl.training import Task, population, supervised, train


def separable(inputs, labels):
    """Is there a line with a margin: w, b with s (x w + b) >= 1 for all examples? A linear program answers."""
    signs = 2 * np.asarray(labels) - 1
    rows = -signs[:, None] * np.column_stack([inputs, np.ones(len(signs))])
    answer = scipy.optimize.linprog(np.zeros(rows.shape[1]), A_ub=rows, b_ub=-np.ones(len(signs)), bounds=(None, None))
    if answer.status not in (0, 2):  # solved, infeasible
        raise RuntimeError(f"the linear program must be decided, but was not: {answer.message}")
    return answer.status == 0


def share_right(xor, key, hidden):
    """Train one network on the four corners; the share it then gets right."""
    model = mlp(hidden, 1, activation=F.tanh, kernel_init=initializers.glorot_normal)
    objective = supervised(model, lambda outputs, labels: F.binary_cross_entropy(outputs[:, 0], labels))
    task = Task(model, objective, adam(0.05), 4)
    state, _ = train(task, xor, key, epochs=1000)
    outputs, _ = model.apply(state.params, state.stats, xor.inputs)
    return jnp.mean((outputs[:, 0] > 0) == (xor.labels == 1))


def measure(keys):
    """The share of corners that are right, for each key."""
    for arm, hidden in {"linear": (), "mlp": (2,)}.items():
        yield arm, population(lambda xor, key, hidden=hidden: share_right(xor, key, hidden), keys, shared=(data.xor(),))


def no_line(measured):
    """Neither the linear program nor any training finds a line."""
    return not separable(*data.xor()[:2]) and measured["linear"].max() <= 0.75


def of_linear(measured):
    """What was found of linear models."""
    line = "a" if separable(*data.xor()[:2]) else "no"
    return (
        f"The linear program finds {line} separating line, and no linear model got more than "
        f"{measured['linear'].max():.0%} right."
    )


def of_mlp(measured):
    """How often the MLP learned it."""
    solved = int((measured["mlp"] == 1).sum())
    chance = proportion_interval(solved, len(measured["mlp"]))
    return (
        f"The MLP solved it from {solved} of {len(measured['mlp'])} starts: with probability {chance.estimate:.2f}, "
        f"95 % interval {chance.low:.2f} to {chance.high:.2f}."
    )


experiment = Experiment(
    name="xor",
    item=27,
    sentence="(the famous XOR problem example)",
    claims=(
        Claim(
            "No line separates XOR, so a linear model gets at most 3 of its 4 corners.",
            Exact("no line separates it, and no linear model gets more than 3/4", no_line, of_linear),
        ),
        Claim(
            "A 2-2-1 MLP learns all four corners.",
            EverySeed("the MLP gets all four", lambda measured: measured["mlp"] == 1, of_mlp),
        ),
    ),
    panels=(
        Panel(
            "share of the four corners that are right",
            {"linear": "logistic regression", "mlp": "2-2-1 MLP, tanh"},
            thresholds=(0.75,),
        ),
    ),
    seeds=64,
    measure=measure,
)
