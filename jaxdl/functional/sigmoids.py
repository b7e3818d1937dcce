"""Sigmoids: bounded activations shaped like an S, and the logarithm of one."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxdl.functional._arguments import as_annotated
from jaxdl.functional._examples import points


def sigmoid(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    r"""The logistic function $\sigma(z) = 1 / (1 + e^{-z})$, between 0 and 1; nothing overflows.

    Bishop, *Pattern Recognition and Machine Learning* (2006), section 4.2.
    """
    as_annotated(sigmoid, z)
    return jax.lax.logistic(z)


def sigmoid_vjp(g, z):
    r"""Pull $g$ back to $z$.

    $\sigma'(z) = e^{-z} / (1 + e^{-z})^2 = \sigma(z)\,\sigma(-z)$, hence $\bar z = g\,\sigma(z)\,\sigma(-z)$. Since
    $\sigma(-z) = 1 - \sigma(z)$ is not computed as a difference, the tail $z \gg 0$ keeps all its digits.
    """
    return (g * sigmoid(z) * sigmoid(-z),)


def sigmoid_examples(random):
    """Everywhere, and the tail where jax's own derivative keeps its digits."""
    for z in (*points(random), random.uniform(-30, -10, 20)):
        yield (z,), {}


def log_sigmoid(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    r"""The logarithm of the logistic function, $y = \log \sigma(z) = -\log(1 + e^{-z})$; finite for every finite $z$.

    Taken in one step it keeps its digits in both tails, where $\sigma$ itself is rounded to 0 or 1.
    Bishop, *Pattern Recognition and Machine Learning* (2006), section 4.3.2.
    """
    as_annotated(log_sigmoid, z)
    return -jnp.logaddexp(-z, 0.0)


def log_sigmoid_vjp(g, z):
    r"""Pull $g$ back to $z$: $\sigma' / \sigma = \sigma(z)\,\sigma(-z) / \sigma(z)$, hence $\bar z = g\,\sigma(-z)$."""
    return (g * sigmoid(-z),)


def log_sigmoid_examples(random):
    """Everywhere, and the two tails."""
    for z in (*points(random), random.uniform(-30, -10, 20), random.uniform(10, 30, 20)):
        yield (z,), {}


def tanh(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    r"""The hyperbolic tangent $y = (e^z - e^{-z}) / (e^z + e^{-z})$, between -1 and 1.

    LeCun et al., *Efficient BackProp* (1998), section 4.4.
    """
    as_annotated(tanh, z)
    return jnp.tanh(z)


def tanh_vjp(g, z):
    r"""Pull $g$ back to $z$: $\partial y / \partial z = 1 - y^2$, hence $\bar z = g\,(1 + y)(1 - y)$.

    Where $|y|$ is near 1, the product keeps digits that $1 - y^2$ loses.
    """
    y = tanh(z)
    return (g * (1 + y) * (1 - y),)


def tanh_examples(random):
    """Everywhere but in the tails: there $y$ is rounded to 1, for jax too."""
    for z in points(random):
        yield (z,), {}


def softsign(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    r"""The softsign $y = z / (1 + |z|)$, between -1 and 1: it approaches them like $1/|z|$, not exponentially.

    At 0 the derivative is 1 from both sides; the second derivative jumps there from 2 to -2, and jax takes 0
    (hence $|z| = z\,\mathrm{sign}(z)$). Glorot and Bengio, *Understanding the difficulty of training deep
    feedforward neural networks* (2010), section 2.3.
    """
    as_annotated(softsign, z)
    return z / (1 + z * jnp.sign(z))


def softsign_vjp(g, z):
    r"""Pull $g$ back to $z$.

    By the quotient rule, with $z\,\mathrm{sign}(z) = |z|$,
    $\partial y / \partial z = (1 + |z| - |z|) / (1 + |z|)^2$, hence $\bar z = g / (1 + |z|)^2$.
    """
    return (g / (1 + z * jnp.sign(z)) ** 2,)


def softsign_examples(random):
    """Everywhere, about 0, where the denominator has a kink, and the two tails."""
    for z in (*points(random, 0), random.uniform(-30, -10, 20), random.uniform(10, 30, 20)):
        yield (z,), {}


def hard_tanh(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    r"""The hyperbolic tangent in straight lines, $y = \min(\max(z, -1), 1)$.

    The kinks are at $z = \pm 1$; there the derivative is taken to be 0, as in PyTorch (in `jax.nn.hard_tanh` it is 1).
    NaN stays NaN. Collobert, *Large scale machine learning* (2004).
    """
    as_annotated(hard_tanh, z)
    return jnp.where(z <= -1, -1, jnp.where(z >= 1, 1, z))


def hard_tanh_vjp(g, z):
    r"""Pull $g$ back to $z$: $\partial y / \partial z = [-1 < z < 1]$, hence $\bar z = g\,[-1 < z < 1]$; at NaN $g$."""
    return (jnp.where((z <= -1) | (z >= 1), 0, g),)


def hard_tanh_examples(random):
    """Three pieces and both kinks."""
    for z in points(random, -1, 1):
        yield (z,), {}


def hard_sigmoid(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    r"""The logistic function in straight lines, $y = \min(\max(z + 3, 0), 6) / 6$, between 0 and 1.

    The kinks are at $z = \pm 3$; there the derivative is taken to be 0, as in PyTorch. NaN stays NaN. The slope is
    $\frac16$ as in PyTorch and `jax.nn`; other authors take $\frac15$ or $\frac12$.
    Howard et al., *Searching for MobileNetV3* (2019), section 5.2.
    """
    as_annotated(hard_sigmoid, z)
    return jnp.where(z <= -3, 0, jnp.where(z >= 3, 1, (z + 3) / 6))


def hard_sigmoid_vjp(g, z):
    r"""Pull $g$ back to $z$.

    $\partial y / \partial z = \frac16 [-3 < z < 3]$, hence $\bar z = \frac{g}{6} [-3 < z < 3]$; at NaN it is $g / 6$.
    """
    return (jnp.where((z <= -3) | (z >= 3), 0, g / 6),)


def hard_sigmoid_examples(random):
    """Three pieces and both kinks."""
    for z in points(random, -3, 3):
        yield (z,), {}
