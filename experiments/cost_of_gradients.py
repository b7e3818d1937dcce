"""Backpropagation is dynamic programming: the sweep computes once what every path would compute again.

The gradient of a squared error with respect to all parameters of dense networks of eight units a layer, one to eight
layers deep, for one example: how many operations on numbers it takes by the sweep, by forward mode with one direction
for each parameter, and by the sum over all paths. The operations of the first two are counted in the programs that
compute them; paths are counted and not walked.

    python -m experiments run cost_of_gradients
"""

import jax.numpy as jnp

import jaxdl.functional as F
from jaxdl import backpropagation
from jaxdl.backpropagation import layer
from jaxdl.experiment import Experiment, Judgement

WIDTH = 8
DEPTHS = tuple(range(1, 9))
CHEAP = 4.0  # forward passes, for the value and the whole gradient together
LEAST = WIDTH / 2  # by how much paths must multiply with a layer


def cost(depth):
    """The cost of a gradient of a network of so many dense layers."""
    dense = (jnp.ones((WIDTH, WIDTH)), jnp.ones(WIDTH))
    network = (*(layer(F.dense) for _ in range(depth)), layer(F.squared_error))
    return backpropagation.cost(network, (dense,) * depth, (jnp.ones((1, WIDTH)), jnp.zeros((1, WIDTH))))


def measure(_):
    """The operations, for each depth; nothing is drawn."""
    costs = [cost(depth) for depth in DEPTHS]
    return {
        name: [getattr(each, name) for each in costs] for name in ("forward", "reverse", "forward_mode", "enumeration")
    }


def judge(measured):
    """The sweep must stay within a few forward passes, and the paths must multiply."""
    sweep = measured["reverse"] / measured["forward"]
    growth = measured["enumeration"][2:] / measured["enumeration"][1:-1]
    paths, directions = (measured[name][-1] / measured["reverse"][-1] for name in ("enumeration", "forward_mode"))
    finding = (
        f"At every depth the sweep costs {sweep.min():.2f} to {sweep.max():.2f} forward passes, the value included. "
        f"From two layers on, each layer more makes enumeration {growth.min():.1f} to {growth.max():.1f} times as "
        f"dear. With {DEPTHS[-1]} layers it takes {paths:,.0f} times as many operations as the sweep, and forward mode "
        f"{directions:,.0f} times."
    )
    holds = sweep.max() <= CHEAP and growth.min() >= LEAST
    return Judgement("supported" if holds else "refuted", finding)


experiment = Experiment(
    name="cost_of_gradients",
    item=33,
    sentence="Actually we use backpropagation (which is dynamic programming, tmyk) bc SGD alone is too inefficient (we "
    "calculate same derivatives over and over again)",
    claim="A sum over all paths multiplies with every layer; the sweep, which uses every factor once, costs at most "
    "four forward passes at any depth. (It computes the gradient that SGD then uses: the two do not compete.)",
    arms={
        "forward": "the network alone",
        "reverse": "the sweep",
        "forward_mode": "forward mode, one parameter at a time",
        "enumeration": "every path by itself",
    },
    metric="operations on numbers",
    rule="supported if the sweep with the value costs at most 4 times the network alone at every depth, and "
    "enumeration becomes at least 4 times as dear, half the width, with each layer from the third on; else refuted.",
    thresholds=(),
    seeds=len(DEPTHS),
    measure=measure,
    judge=judge,
    index=("depth", DEPTHS),
)
