"""Sigmoids: smooth, bounded activations shaped like an S."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def sigmoid(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    r"""The logistic function $\sigma(z) = 1 / (1 + e^{-z})$, between 0 and 1; finite for every finite $z$.

    Bishop, *Pattern Recognition and Machine Learning* (2006), section 4.2.
    """
    return jax.lax.logistic(z)


def sigmoid_vjp(g, z):
    r"""Pull $g$ back to $z$.

    $\sigma'(z) = e^{-z} / (1 + e^{-z})^2 = \sigma(z)\,\sigma(-z)$, hence $\bar z = g\,\sigma(z)\,\sigma(-z)$. Since
    $\sigma(-z) = 1 - \sigma(z)$ is not computed as a difference, the tail $z \gg 0$ keeps all its digits.
    """
    return (g * sigmoid(z) * sigmoid(-z),)


def tanh(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    r"""The hyperbolic tangent $y = (e^z - e^{-z}) / (e^z + e^{-z})$, between -1 and 1.

    LeCun et al., *Efficient BackProp* (1998), section 4.4.
    """
    return jnp.tanh(z)


def tanh_vjp(g, z):
    r"""Pull $g$ back to $z$: $\partial y / \partial z = 1 - y^2$, hence $\bar z = g\,(1 + y)(1 - y)$."""
    y = tanh(z)
    return (g * (1 + y) * (1 - y),)
