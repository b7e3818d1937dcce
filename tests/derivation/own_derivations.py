"""Derivations of a reader, which `prove` and `jaxdl check` find without help; one of them is wrong."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int


def network(x, W1, b1, W2, b2):
    return jnp.tanh(x @ W1 + b1) @ W2 + b2


def network_vjp(g, x, W1, b1, W2, b2):
    h = jnp.tanh(x @ W1 + b1)
    dz = (g @ W2.T) * (1 - h**2)
    return dz @ W1.T, x.T @ dz, dz.sum(0), h.T @ g, g.sum(0)


def network_examples(random):
    for batch in (1, 4):
        yield tuple(random.normal(size=shape) for shape in ((batch, 2), (2, 3), (3,), (3, 1), (1,)))


def log_loss(logits: Float[Array, "batch classes"], labels: Int[Array, "batch"]):
    """Create arrays without naming their dtype, as many programs do."""
    return -(jax.nn.log_softmax(logits) * jax.nn.one_hot(labels, logits.shape[1])).sum(axis=1)


def log_loss_vjp(g, logits, labels):
    return (g[:, None] * (jax.nn.softmax(logits) - jnp.eye(logits.shape[1])[labels]),)


@jax.jit
def halved(x: Float[Array, "rows"]):
    return x / 2


def halved_vjp(g, x):
    return (g,)  # wrong: the factor 1/2 is missing


def leaky(x: Float[Array, "rows"]):
    return jnp.where(x > 0, x, 0.1 * x)


def leaky_vjp(g, x):
    return (np.where(np.asarray(x) > 0, g, 0.1 * g),)  # NumPy needs the numbers themselves


def without_vjp(x):
    return x
