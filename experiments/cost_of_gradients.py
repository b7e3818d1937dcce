"""Backpropagation is dynamic programming: the sweep computes once what every path would compute again.

The gradient of a squared error with respect to all parameters of dense networks of eight units a layer, one to eight
layers deep, for one example: how many operations on numbers it takes by the sweep, by forward mode with one direction
for each parameter, and by the sum over all paths. The operations of the first two are counted in the programs that
compute them; paths are counted and not walked.

    python -m experiments run cost_of_gradients
"""

import jax.numpy as jnp
import numpy as np

import jaxdl.functional as F
from jaxdl import backpropagation
from jaxdl.backpropagation import layer
from jaxdl.experiment import Claim, Exact, Experiment, Panel

WIDTH = 8
DEPTHS = tuple(range(1, 9))
CHEAP = 4.0  # forward passes, for the value and the whole gradient together
LEAST = WIDTH / 2  # by how much paths must multiply with a layer
ARMS = {
    "forward": "the network alone",
    "reverse": "the sweep",
    "forward_mode": "forward mode, one parameter at a time",
    "enumeration": "every path by itself",
}


def cost(depth):
    """The cost of a gradient of a network of so many dense layers."""
    dense = (jnp.ones((WIDTH, WIDTH)), jnp.ones(WIDTH))
    network = (*(layer(F.dense) for _ in range(depth)), layer(F.squared_error))
    return backpropagation.cost(network, (dense,) * depth, (jnp.ones((1, WIDTH)), jnp.zeros((1, WIDTH))))


def measure(_):
    """The operations, for each depth; nothing is drawn."""
    for depth in DEPTHS:
        counted = cost(depth)
        for name in ARMS:
            yield (name, depth), [getattr(counted, name)]


def over_depths(measured, name):
    """The operations of one way, for each depth."""
    return np.array([measured[name, depth][0] for depth in DEPTHS])


def sweep_and_growth(measured):
    """Forward passes that a sweep costs, and by how much enumeration grows with a layer, from two layers on."""
    paths = over_depths(measured, "enumeration")
    return over_depths(measured, "reverse") / over_depths(measured, "forward"), paths[2:] / paths[1:-1]


def is_cheap(measured):
    """The sweep must stay within a few forward passes, and the paths must multiply."""
    sweep, growth = sweep_and_growth(measured)
    return sweep.max() <= CHEAP and growth.min() >= LEAST


def found(measured):
    """The costs of the sweep and of the two others."""
    sweep, growth = sweep_and_growth(measured)
    paths, directions = (
        over_depths(measured, name)[-1] / over_depths(measured, "reverse")[-1]
        for name in ("enumeration", "forward_mode")
    )
    return (
        f"At every depth the sweep costs {sweep.min():.2f} to {sweep.max():.2f} forward passes, the value included. "
        f"From two layers on, each layer more makes enumeration {growth.min():.1f} to {growth.max():.1f} times as "
        f"dear. With {DEPTHS[-1]} layers it takes {paths:,.0f} times as many operations as the sweep, and forward mode "
        f"{directions:,.0f} times."
    )


experiment = Experiment(
    name="cost_of_gradients",
    item=33,
    sentence="Actually we use backpropagation (which is dynamic programming, tmyk) bc SGD alone is too inefficient (we "
    "calculate same derivatives over and over again)",
    claims=(
        Claim(
            "A sum over all paths multiplies with every layer; the sweep, which uses every factor once, costs at most "
            "four forward passes at any depth. (It computes the gradient that SGD then uses: the two do not compete.)",
            Exact(
                "the sweep with the value costs at most 4 times the network alone at every depth, and enumeration "
                "becomes at least 4 times as dear, half the width, with each layer from the third on",
                is_cheap,
                found,
            ),
        ),
    ),
    panels=(Panel("operations on numbers", ARMS, over=("depth", DEPTHS)),),
    seeds=1,
    measure=measure,
)
