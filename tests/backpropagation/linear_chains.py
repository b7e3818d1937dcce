"""Dense layers that end in a squared error."""

import itertools

import jax.numpy as jnp

import jaxdl.functional as F
from jaxdl.backpropagation import layer


def linear_chain(random, widths, examples=1):
    """Return a network of dense layers and a squared error, its parameters and a batch."""
    shapes = list(itertools.pairwise(widths))
    network = (*(layer(F.dense) for _ in shapes), layer(F.squared_error))
    params = tuple((jnp.asarray(random.normal(size=s)), jnp.asarray(random.normal(size=s[1]))) for s in shapes)
    batch = tuple(jnp.asarray(random.normal(size=(examples, width))) for width in (widths[0], widths[-1]))
    return network, params, batch
