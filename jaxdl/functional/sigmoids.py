"""Sigmoids: bounded, S-shaped activations, and the logarithm of the logistic function."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxdl.functional._arguments import check_annotations
from jaxdl.functional._examples import points


def sigmoid(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    r"""Logistic function $\sigma(z) = 1 / (1 + e^{-z})$.

    It turns a log-odds into a probability. The result does not overflow for any finite $z$.

    Args:
        z: Pre-activations or log-odds, of any shape.

    Returns:
        Values between 0 and 1, in the shape and dtype of `z`.

    Raises:
        TypeError: If `z` is not floating.

    References:
        Bishop, *Pattern Recognition and Machine Learning* (2006), section 4.2.

    Example:
        >>> print(np.asarray(F.sigmoid(jnp.array([-1000.0, -1.0, 0.0, 1.0]))).round(3))
        [0.    0.269 0.5   0.731]
    """
    check_annotations(sigmoid, z)
    return jax.lax.logistic(z)


def sigmoid_vjp(g, z):
    r"""Pull $g$ back to $z$.

    The chain rule for $\sigma = (1 + e^{-z})^{-1}$, with the inner derivative $-e^{-z}$, gives

    $$
    \sigma'(z)
    = \frac{e^{-z}}{(1 + e^{-z})^2}
    = \frac{1}{1 + e^{-z}} \cdot \frac{1}{e^z + 1}
    = \sigma(z)\,\sigma(-z) ,
    $$

    hence $\bar z = g\,\sigma(z)\,\sigma(-z)$. The factor $\sigma(-z) = 1 - \sigma(z)$ is not computed as a difference,
    which would lose all digits for $z \gg 0$.
    """
    return (g * sigmoid(z) * sigmoid(-z),)


def sigmoid_examples(random):
    """Normal and extreme points, and the left tail, where jax's own derivative is accurate."""
    for z in (*points(random), random.uniform(-30, -10, 20)):
        yield (z,), {}


def log_sigmoid(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    r"""Logarithm of the logistic function, $y = \log \sigma(z) = -\log(1 + e^{-z})$.

    Computing it in one step keeps all digits in both tails, where $\sigma$ itself is rounded to 0 or 1. The result is
    finite for every finite $z$.

    Args:
        z: Log-odds, of any shape.

    Returns:
        Log-probabilities in nats, at most 0, in the shape and dtype of `z`.

    Raises:
        TypeError: If `z` is not floating.

    References:
        Bishop, *Pattern Recognition and Machine Learning* (2006), section 4.3.2.

    Example:
        The logarithm of a sigmoid underflows where `log_sigmoid` does not:

        >>> z = jnp.array([-200.0, 0.0])
        >>> print(np.asarray(jnp.log(F.sigmoid(z))).round(3))
        [  -inf -0.693]
        >>> print(np.asarray(F.log_sigmoid(z)).round(3))
        [-200.      -0.693]
    """
    check_annotations(log_sigmoid, z)
    return -jnp.logaddexp(-z, 0.0)


def log_sigmoid_vjp(g, z):
    r"""Pull $g$ back to $z$: $\sigma' / \sigma = \sigma(z)\,\sigma(-z) / \sigma(z)$, hence $\bar z = g\,\sigma(-z)$."""
    return (g * sigmoid(-z),)


def log_sigmoid_examples(random):
    """Normal and extreme points, and both tails."""
    for z in (*points(random), random.uniform(-30, -10, 20), random.uniform(10, 30, 20)):
        yield (z,), {}


def tanh(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    r"""Hyperbolic tangent $y = (e^z - e^{-z}) / (e^z + e^{-z})$.

    It is the logistic function, scaled and shifted to be odd: $\tanh z = 2\,\sigma(2z) - 1$.

    Args:
        z: Pre-activations, of any shape.

    Returns:
        Values between -1 and 1, in the shape and dtype of `z`.

    Raises:
        TypeError: If `z` is not floating.

    References:
        LeCun et al., *Efficient BackProp* (1998), section 4.4.

    Example:
        >>> z = jnp.array([-2.0, 0.0, 0.5])
        >>> print(np.asarray(F.tanh(z)).round(3))
        [-0.964  0.     0.462]
        >>> bool(jnp.allclose(F.tanh(z), 2 * F.sigmoid(2 * z) - 1))
        True
    """
    check_annotations(tanh, z)
    return jnp.tanh(z)


def tanh_vjp(g, z):
    r"""Pull $g$ back to $z$: $\partial y / \partial z = 1 - y^2$, hence $\bar z = g\,(1 + y)(1 - y)$.

    The quotient rule, with the numerator $s = e^z - e^{-z}$ and the denominator $c = e^z + e^{-z}$, whose derivatives
    are $s' = c$ and $c' = s$, gives

    $$
    \frac{\partial y}{\partial z} = \frac{s' c - s\,c'}{c^2} = \frac{c^2 - s^2}{c^2} = 1 - y^2 .
    $$

    Where $|y|$ is near 1, the product $(1 + y)(1 - y)$ keeps digits that $1 - y^2$ loses.
    """
    y = tanh(z)
    return (g * (1 + y) * (1 - y),)


def tanh_examples(random):
    """Normal and extreme points, without the tails: there $y$ is rounded to 1, in jax too."""
    for z in points(random):
        yield (z,), {}


def softsign(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    r"""Softsign $y = z / (1 + |z|)$.

    It approaches -1 and 1 like $1/|z|$, not exponentially as tanh does. At 0 the derivative is 1 from both sides. The
    second derivative jumps there from 2 to -2, and jax takes 0 (hence $|z| = z\,\mathrm{sign}(z)$).

    Args:
        z: Pre-activations, of any shape.

    Returns:
        Values between -1 and 1, in the shape and dtype of `z`.

    Raises:
        TypeError: If `z` is not floating.

    References:
        Glorot and Bengio, *Understanding the difficulty of training deep feedforward neural networks* (2010),
        section 2.3.

    Example:
        >>> F.softsign(jnp.array([-3.0, 0.0, 1.0])).tolist()
        [-0.75, 0.0, 0.5]
    """
    check_annotations(softsign, z)
    return z / (1 + z * jnp.sign(z))


def softsign_vjp(g, z):
    r"""Pull $g$ back to $z$.

    By the quotient rule, with $\partial |z| / \partial z = \mathrm{sign}(z)$ and $z\,\mathrm{sign}(z) = |z|$,

    $$
    \frac{\partial y}{\partial z}
    = \frac{(1 + |z|) - z\,\mathrm{sign}(z)}{(1 + |z|)^2}
    = \frac{1}{(1 + |z|)^2} ,
    $$

    hence $\bar z = g / (1 + |z|)^2$.
    """
    return (g / (1 + z * jnp.sign(z)) ** 2,)


def softsign_examples(random):
    """Normal and extreme points, points around 0, where the denominator has a kink, and both tails."""
    for z in (*points(random, 0), random.uniform(-30, -10, 20), random.uniform(10, 30, 20)):
        yield (z,), {}


def hard_tanh(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    r"""Piecewise linear hyperbolic tangent, $y = \min(\max(z, -1), 1)$.

    The kinks are at $z = \pm 1$; there the derivative is taken to be 0, as in PyTorch (in `jax.nn.hard_tanh` it is 1).
    NaN stays NaN.

    Args:
        z: Pre-activations, of any shape.

    Returns:
        Values from -1 to 1, in the shape and dtype of `z`.

    Raises:
        TypeError: If `z` is not floating.

    References:
        Collobert, *Large scale machine learning* (2004).

    Example:
        >>> F.hard_tanh(jnp.array([-3.0, -0.5, 0.5, 3.0])).tolist()
        [-1.0, -0.5, 0.5, 1.0]
    """
    check_annotations(hard_tanh, z)
    return jnp.where(z <= -1, -1, jnp.where(z >= 1, 1, z))


def hard_tanh_vjp(g, z):
    r"""Pull $g$ back to $z$: $\partial y / \partial z = [-1 < z < 1]$, hence $\bar z = g\,[-1 < z < 1]$; at NaN $g$."""
    return (jnp.where((z <= -1) | (z >= 1), 0, g),)


def hard_tanh_examples(random):
    """All three pieces and both kinks."""
    for z in points(random, -1, 1):
        yield (z,), {}


def hard_sigmoid(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    r"""Piecewise linear logistic function, $y = \min(\max(z + 3, 0), 6) / 6$.

    The kinks are at $z = \pm 3$; there the derivative is taken to be 0, as in PyTorch. NaN stays NaN. The slope is
    $\frac16$, as in PyTorch and `jax.nn`; other authors use $\frac15$ or $\frac12$.

    Args:
        z: Pre-activations, of any shape.

    Returns:
        Values from 0 to 1, in the shape and dtype of `z`.

    Raises:
        TypeError: If `z` is not floating.

    References:
        Howard et al., *Searching for MobileNetV3* (2019), section 5.2.

    Example:
        >>> F.hard_sigmoid(jnp.array([-4.0, -1.5, 0.0, 4.0])).tolist()
        [0.0, 0.25, 0.5, 1.0]
    """
    check_annotations(hard_sigmoid, z)
    return jnp.where(z <= -3, 0, jnp.where(z >= 3, 1, (z + 3) / 6))


def hard_sigmoid_vjp(g, z):
    r"""Pull $g$ back to $z$.

    $\partial y / \partial z = \frac16 [-3 < z < 3]$, hence $\bar z = \frac{g}{6} [-3 < z < 3]$; at NaN it is $g / 6$.
    """
    return (jnp.where((z <= -3) | (z >= 3), 0, g / 6),)


def hard_sigmoid_examples(random):
    """All three pieces and both kinks."""
    for z in points(random, -3, 3):
        yield (z,), {}
