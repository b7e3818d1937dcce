"""Rectifiers: activations that pass what is positive."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def relu(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    r"""The rectified linear unit $y = \max(z, 0)$.

    The kink is at $z = 0$; there the derivative is taken to be 0, as in PyTorch and `jax.nn.relu` (Bertoin et al.,
    *Numerical influence of ReLU'(0) on backpropagation*, 2021). NaN stays NaN.
    Nair and Hinton, *Rectified linear units improve restricted Boltzmann machines* (2010).
    """
    return jnp.where(z <= 0, 0, z)


def relu_vjp(g, z):
    r"""Pull $g$ back to $z$: $\partial y / \partial z = [z > 0]$, hence $\bar z = g\,[z > 0]$; at NaN it is $g$."""
    return (jnp.where(z <= 0, 0, g),)


def relu_examples(random):
    """Two sides of the kink, the kink itself, and NaN, which is on neither."""
    z = random.standard_normal((7, 5))
    z[::2, ::2] = 0.0
    z[1, 1] = float("nan")
    yield (z,), {}
