"""Claims: XOR is not linearly separable; a small MLP learns it, but not from every random initialization.

Each seed trains on the four corners for 1,000 steps of Adam. Arms: logistic regression, and a 2-2-1 MLP with tanh.
Metric: the share of corners that are classified correctly. A linear program, not training, decides that no line
separates the classes.

    python -m experiments run xor
"""

import jax.numpy as jnp
import numpy as np
import scipy.optimize

import jaxdl.functional as F
from jaxdl import data, initializers
from jaxdl.experiment import Claim, Exact, Experiment, ForEverySeed, Panel
from jaxdl.models import mlp
from jaxdl.optimizers import adam
from jaxdl.statistics import proportion_interval
from jaxdl.training import Task, population, train


def separable(inputs, labels):
    """Return whether a line separates the classes: w, b with s (x w + b) ≥ 1 for all examples, by a linear program."""
    signs = 2 * np.asarray(labels) - 1
    rows = -signs[:, None] * np.column_stack([inputs, np.ones(len(signs))])
    solution = scipy.optimize.linprog(
        np.zeros(rows.shape[1]), A_ub=rows, b_ub=-np.ones(len(signs)), bounds=(None, None)
    )
    if solution.status not in (0, 2):  # solved, infeasible
        raise RuntimeError(f"the linear program was not decided: {solution.message}")
    return solution.status == 0


def accuracy(xor, key, hidden):
    """Train one network on the four corners; return its accuracy on them."""
    model = mlp(hidden, 1, activation=F.tanh, kernel_init=initializers.glorot_normal)
    loss = lambda outputs, labels: F.sigmoid_binary_cross_entropy(outputs[:, 0], labels)  # noqa: E731
    task = Task(model, loss, adam(0.05), 4)
    state, _ = train(task, xor, key, epochs=1000)
    outputs, _ = model.apply(state.params, state.stats, xor.inputs)
    return jnp.mean((outputs[:, 0] > 0) == (xor.labels == 1))


def measure(keys):
    """Measure the accuracy of both networks for each key."""
    for arm, hidden in {"linear": (), "mlp": (2,)}.items():
        yield arm, population(lambda xor, key, hidden=hidden: accuracy(xor, key, hidden), keys, shared=(data.xor(),))


def no_line(measured):
    """Return whether neither the linear program nor training finds a separating line."""
    return not separable(*data.xor()[:2]) and measured["linear"].max() <= 0.75


def finding_linear(measured):
    """Describe the result of the linear program and of logistic regression."""
    line = "a" if separable(*data.xor()[:2]) else "no"
    return (
        f"The linear program finds {line} separating line, and no logistic regression has an accuracy above "
        f"{measured['linear'].max():.0%}."
    )


def finding_mlp(measured):
    """Describe how often the MLP learns XOR."""
    solved = int((measured["mlp"] == 1).sum())
    probability = proportion_interval(solved, len(measured["mlp"]))
    return (
        f"The MLP learns XOR from {solved} of {len(measured['mlp'])} random initializations: probability "
        f"{probability.estimate:.2f}, 95 % interval {probability.low:.2f} to {probability.high:.2f}."
    )


experiment = Experiment(
    name="xor",
    item=27,
    sentence="(the famous XOR problem example)",
    claims=(
        Claim(
            "XOR is not linearly separable: a linear model classifies at most 3 of its 4 corners correctly.",
            Exact(
                "no line separates the classes, and no logistic regression classifies more than 3/4 of the corners "
                "correctly",
                no_line,
                finding_linear,
            ),
        ),
        Claim(
            "A 2-2-1 MLP learns XOR within 1,000 steps of Adam.",
            ForEverySeed(
                "the MLP classifies all four corners correctly", lambda measured: measured["mlp"] == 1, finding_mlp
            ),
        ),
    ),
    panels=(
        Panel(
            "accuracy on the four corners",
            {"linear": "logistic regression", "mlp": "2-2-1 MLP, tanh"},
            thresholds=(0.75,),
        ),
    ),
    seeds=64,
    measure=measure,
)
