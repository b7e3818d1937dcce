"""Claims: backpropagation computes the gradient of SGD; as dynamic programming it costs at most four forward passes.

The gradient of a squared error with respect to all parameters of a dense network, with eight units per layer and one to
eight layers, for one example. Arms: the reverse pass (backpropagation), forward mode with one direction per parameter,
and the sum over all paths. Metrics: the number of arithmetic operations, and the difference between the gradients of
reverse and forward mode. Operations of the first two arms are counted in the programs that compute them; those of the
sum over paths are computed from the number of paths.

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
TOLERANCE = 1e-5
MAX_PASSES = 4.0  # cost of the value and the whole gradient, in forward passes
MIN_GROWTH = WIDTH / 2  # factor by which the cost of enumeration must grow with each layer
ARMS = {
    "forward": "forward pass",
    "reverse": "forward and reverse pass",
    "forward_mode": "forward mode, one direction per parameter",
    "enumeration": "sum over all paths",
}


def cost(depth):
    """Count the operations of the gradient of a network with this number of dense layers."""
    dense = (jnp.ones((WIDTH, WIDTH)), jnp.ones(WIDTH))
    network = (*(layer(F.dense) for _ in range(depth)), layer(F.squared_error))
    return backpropagation.cost(network, (dense,) * depth, (jnp.ones((1, WIDTH)), jnp.zeros((1, WIDTH))))


def difference(depth, key):
    """Return the largest difference of reverse and forward mode gradients, relative to the largest entry."""
    inputs_key, *layer_keys = jax.random.split(key, depth + 1)
    network = (*(layer(F.dense) for _ in range(depth)), layer(F.squared_error), layer(F.weighted_mean))
    params = tuple((jax.random.normal(k, (WIDTH, WIDTH)) / WIDTH**0.5, jnp.zeros(WIDTH)) for k in layer_keys)
    inputs, loss_params = jax.random.normal(inputs_key, (1, WIDTH)), ((jnp.ones((1, WIDTH)),), (jnp.ones(1),))
    reverse = backpropagation.value_and_gradient(network, (*params, *loss_params), inputs)[1][:depth]
    forward = jax.jacfwd(lambda params: backpropagation.forward(network, (*params, *loss_params), inputs)[0])(params)
    reverse, forward = (ravel_pytree(gradient)[0] for gradient in (reverse, forward))
    return jnp.abs(reverse - forward).max() / jnp.abs(forward).max()


def measure(keys):
    """Measure the difference of both gradients and count the operations, for each depth; the counts use no key."""
    for depth in DEPTHS:
        yield ("difference", depth), population(functools.partial(difference, depth), keys)
        counted = cost(depth)
        for name in ARMS:
            yield (name, depth), [getattr(counted, name)]


def over_depths(measured, name):
    """Return the numbers of an arm for each depth."""
    return np.array([measured[name, depth][0] for depth in DEPTHS])


def passes_and_growth(measured):
    """Return the cost of backpropagation in forward passes, and the growth of enumeration per layer from the third."""
    paths = over_depths(measured, "enumeration")
    return over_depths(measured, "reverse") / over_depths(measured, "forward"), paths[2:] / paths[1:-1]


def is_cheap(measured):
    """Return whether backpropagation costs few forward passes while the cost of enumeration multiplies per layer."""
    passes, growth = passes_and_growth(measured)
    return passes.max() <= MAX_PASSES and growth.min() >= MIN_GROWTH


def finding(measured):
    """Describe the costs of backpropagation, enumeration and forward mode."""
    passes, growth = passes_and_growth(measured)
    paths, directions = (
        over_depths(measured, name)[-1] / over_depths(measured, "reverse")[-1]
        for name in ("enumeration", "forward_mode")
    )
    return (
        f"At every depth, value and gradient by backpropagation cost {passes.min():.2f} to {passes.max():.2f} forward "
        f"passes. From two layers on, each further layer multiplies the cost of enumeration by {growth.min():.1f} to "
        f"{growth.max():.1f}. With {DEPTHS[-1]} layers, enumeration takes {paths:,.0f} times as many operations as "
        f"backpropagation, and forward mode {directions:,.0f} times as many."
    )


experiment = Experiment(
    name="cost_of_gradients",
    item=33,
    sentence="Actually we use backpropagation (which is dynamic programming, tmyk) bc SGD alone is too inefficient (we "
    "calculate same derivatives over and over again)",
    claims=(
        Claim(
            "Backpropagation computes the same gradient as forward-mode differentiation: the one that SGD needs.",
            Exact(
                f"the gradients of reverse and forward mode agree to a relative {TOLERANCE:.0e} at every depth",
                lambda measured: over_depths(measured, "difference") <= TOLERANCE,
                lambda measured: f"The gradients differ by at most {over_depths(measured, 'difference').max():.1e}.",
            ),
        ),
        Claim(
            "In linear networks of one to eight layers of eight units, backpropagation costs at most four forward "
            "passes, while each layer from the third on multiplies the cost of the sum over all paths by four or more.",
            Exact(
                "value and gradient by backpropagation cost at most 4 forward passes at every depth, and each layer "
                "from the third on multiplies the cost of enumeration by at least 4, half the width",
                is_cheap,
                finding,
            ),
        ),
    ),
    panels=(
        Panel("arithmetic operations", ARMS, over=("depth", DEPTHS)),
        Panel("relative difference of gradients", {"difference": "reverse and forward mode"}, over=("depth", DEPTHS)),
    ),
    seeds=1,
    measure=measure,
    limits="The operations of the sum over all paths are computed from the number of paths. The layers have no "
    "activation function.",
)
