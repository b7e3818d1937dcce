"""Backpropagation is dynamic programming: the sweep computes once what every path would compute again.

The gradient of a squared error with respect to all parameters of dense networks of eight units a layer, one to eight
layers deep, for one example: how many operations on numbers it takes by the sweep, by forward mode with one direction
for each parameter, and by the sum over all paths. The operations of the first two are counted in the programs that
compute them; paths are counted and not walked. And whether what the sweep comes to is another gradient than that of
forward mode, so that it would stand in the place of gradient descent.

    python -m experiments run cost_of_gradients
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

import jaxdl.functional as F
from jaxdl import backpropagation
from jaxdl.backpropagation import layer
from jaxdl.experiment import Claim, Exact, Experiment, Panel
from jaxdl.training import population

WIDTH = 8
DEPTHS = tuple(range(1, 9))
ROUNDING = 1e-5
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


def apart(depth, key):
    """How far the gradient of the sweep is from that of forward mode, relative to the largest entry."""
    of_inputs, *of_layers = jax.random.split(key, depth + 1)
    network = (*(layer(F.dense) for _ in range(depth)), layer(F.squared_error), layer(F.weighted_mean))
    params = tuple((jax.random.normal(k, (WIDTH, WIDTH)) / WIDTH**0.5, jnp.zeros(WIDTH)) for k in of_layers)
    inputs, of_loss = jax.random.normal(of_inputs, (1, WIDTH)), ((jnp.ones((1, WIDTH)),), (jnp.ones(1),))
    swept = backpropagation.value_and_gradient(network, (*params, *of_loss), inputs)[1][:depth]
    pushed = jax.jacfwd(lambda params: backpropagation.forward(network, (*params, *of_loss), inputs)[0])(params)
    one, other = (ravel_pytree(gradient)[0] for gradient in (swept, pushed))
    return jnp.abs(one - other).max() / jnp.abs(other).max()


def measure(keys):
    """The operations, and how far both gradients are apart, for each depth; only that is of drawn numbers."""
    for depth in DEPTHS:
        yield ("apart", depth), population(functools.partial(apart, depth), keys)
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
            "Backpropagation is used in the place of SGD: it comes to another gradient than SGD alone would take.",
            Exact(
                f"both gradients differ by more than {ROUNDING:.0e} at every depth",
                lambda measured: over_depths(measured, "apart") > ROUNDING,
                lambda measured: (
                    f"They differ by at most {over_depths(measured, 'apart').max():.1e}: the sweep computes the "
                    "gradient that SGD steps by, and the two do not compete."
                ),
            ),
            reading="as it stands",
        ),
        Claim(
            "A sum over all paths multiplies with every layer; the sweep, which uses every factor once, costs at most "
            "four forward passes at any depth.",
            Exact(
                "the sweep with the value costs at most 4 times the network alone at every depth, and enumeration "
                "becomes at least 4 times as dear, half the width, with each layer from the third on",
                is_cheap,
                found,
            ),
            reading="careful",
        ),
    ),
    panels=(
        Panel("operations on numbers", ARMS, over=("depth", DEPTHS)),
        Panel("difference of both gradients, relative", {"apart": "sweep and forward mode"}, over=("depth", DEPTHS)),
    ),
    seeds=1,
    measure=measure,
)
