"""Smooth rectifiers: activations that pass positive inputs and bend smoothly where a ReLU has its kink."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxdl.functional._arguments import check_annotations
from jaxdl.functional._examples import points
from jaxdl.functional._types import Scalar
from jaxdl.functional._validity import is_not_negative, is_positive, one_or_nan
from jaxdl.functional.sigmoids import sigmoid

SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


def softplus(z: Float[Array, "*shape"], *, beta: Scalar = 1.0) -> Float[Array, "*shape"]:
    r"""Softplus $y = \log(1 + e^{\beta z}) / \beta$, for a sharpness $\beta > 0$.

    The larger $\beta$, the closer it is to a ReLU. PyTorch switches to $y = z$ from $\beta z = 20$ on; this function
    has no such step.

    Args:
        z: Pre-activations, of any shape.
        beta: Sharpness $\beta > 0$; may be traced. Other values give NaN.

    Returns:
        Values of at least 0, in the shape and dtype of `z`.

    Raises:
        TypeError: If `z` is not floating.

    References:
        Dugas et al., *Incorporating second-order functional knowledge for better option pricing* (2001).

    Example:
        >>> z = jnp.array([-1.0, 0.0, 1.0])
        >>> print(np.asarray(F.softplus(z)).round(3))
        [0.313 0.693 1.313]
        >>> print(np.asarray(F.softplus(z, beta=10.0)).round(3))
        [0.    0.069 1.   ]
    """
    check_annotations(softplus, z)
    beta = jnp.asarray(beta, z.dtype)
    return one_or_nan(is_positive(beta), z.dtype) * jnp.logaddexp(beta * z, 0.0) / beta


def softplus_vjp(g, z, *, beta=1.0):
    r"""Pull $g$ back to $z$.

    The chain rule for the logarithm, with the inner derivative $\beta e^{\beta z}$, gives

    $$
    \frac{\partial y}{\partial z}
    = \frac1\beta \cdot \frac{\beta e^{\beta z}}{1 + e^{\beta z}}
    = \frac{1}{1 + e^{-\beta z}}
    = \sigma(\beta z) ,
    $$

    hence $\bar z = g\,\sigma(\beta z)$.
    """
    beta = jnp.asarray(beta, z.dtype)
    return (one_or_nan(is_positive(beta), z.dtype) * g * sigmoid(beta * z),)


def softplus_examples(random):
    """Normal and extreme points, both tails, and other values of beta, valid and invalid."""
    for z in (*points(random), random.uniform(-30, -10, 20), random.uniform(10, 30, 20)):
        yield (z,), {}
    for beta in (0.25, 3.0, 0.0, -1.0):
        yield (random.standard_normal(20),), {"beta": beta}


def elu(z: Float[Array, "*shape"], *, alpha: Scalar = 1.0) -> Float[Array, "*shape"]:
    r"""Exponential linear unit: $y = z$ for $z > 0$ and $y = \alpha (e^z - 1)$ elsewhere, for $\alpha \ge 0$.

    Unless $\alpha = 1$ there is a kink at $z = 0$; there the derivative is taken to be $\alpha$, as in PyTorch.

    Args:
        z: Pre-activations, of any shape.
        alpha: Scale $\alpha \ge 0$ of the left piece; may be traced. Other values give NaN.

    Returns:
        Values of at least $-\alpha$, in the shape and dtype of `z`.

    Raises:
        TypeError: If `z` is not floating.

    References:
        Clevert, Unterthiner and Hochreiter, *Fast and accurate deep network learning by exponential linear units*
        (2016), section 3.

    Example:
        >>> print(np.asarray(F.elu(jnp.array([-100.0, -1.0, 2.0]), alpha=0.5)).round(3))
        [-0.5   -0.316  2.   ]
    """
    check_annotations(elu, z)
    alpha = jnp.asarray(alpha, z.dtype)
    return one_or_nan(is_not_negative(alpha), z.dtype) * jnp.where(z <= 0, alpha * jnp.expm1(_at_most_zero(z)), z)


def elu_vjp(g, z, *, alpha=1.0):
    r"""Pull $g$ back to $z$.

    The right piece $z$ has the slope 1, and the left piece $\alpha (e^z - 1)$ has the slope $\alpha e^z$. Hence

    $$
    \bar z = \begin{cases}
    g & z > 0 \\
    \alpha\,e^z g & z \le 0
    \end{cases}
    $$
    """
    alpha = jnp.asarray(alpha, z.dtype)
    return (one_or_nan(is_not_negative(alpha), z.dtype) * jnp.where(z <= 0, alpha * jnp.exp(_at_most_zero(z)) * g, g),)


def elu_examples(random):
    """The kink, and alpha = 1, where it vanishes; alpha = 0 and an invalid alpha; and the left tail.

    The left tail ends at -5, because jax's own derivative loses its digits below.
    """
    for z in points(random, 0):
        for alpha in (1.0, 0.25):
            yield (z,), {"alpha": alpha}
    for alpha in (0.0, -0.5):
        yield (z,), {"alpha": alpha}
    yield (random.uniform(-5, -3, 20),), {}


def selu(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    r"""Scaled exponential linear unit $y = \lambda\,\mathrm{elu}_\alpha(z)$.

    The constants $\lambda = 1.0507\ldots$ and $\alpha = 1.6732\ldots$ are chosen so that standard normal $z$ give $y$
    with mean 0 and variance 1. The kink is at $z = 0$; there the derivative is taken to be $\lambda \alpha$, as in
    PyTorch.

    Args:
        z: Pre-activations, of any shape.

    Returns:
        Values of at least $-\lambda \alpha \approx -1.758$, in the shape and dtype of `z`.

    Raises:
        TypeError: If `z` is not floating.

    References:
        Klambauer et al., *Self-normalizing neural networks* (2017), equation 2.

    Example:
        >>> y = F.selu(jax.random.normal(jax.random.key(0), (100_000,)))
        >>> abs(round(float(y.mean()), 1)), round(float(y.var()), 1)
        (0.0, 1.0)
    """
    check_annotations(selu, z)
    return SELU_SCALE * elu(z, alpha=SELU_ALPHA)


def selu_vjp(g, z):
    r"""Pull $g$ back to $z$.

    $\partial y / \partial z = \lambda\,\mathrm{elu}_\alpha'(z)$, so $\bar z$ is $\lambda$ times that of the ELU:

    $$
    \bar z = \begin{cases}
    \lambda\,g & z > 0 \\
    \lambda\,\alpha\,e^z g & z \le 0
    \end{cases}
    $$
    """
    (of_elu,) = elu_vjp(g, z, alpha=SELU_ALPHA)
    return (SELU_SCALE * of_elu,)


def selu_examples(random):
    """Both sides of the kink and the kink itself."""
    for z in points(random, 0):
        yield (z,), {}


def celu(z: Float[Array, "*shape"], *, alpha: Scalar = 1.0) -> Float[Array, "*shape"]:
    r"""ELU without a kink: $y = z$ for $z > 0$ and $y = \alpha (e^{z / \alpha} - 1)$ elsewhere, for $\alpha > 0$.

    At 0 the derivative is 1 from both sides. The second derivative jumps there from $1 / \alpha$ to 0, and jax takes
    $1 / \alpha$.

    Args:
        z: Pre-activations, of any shape.
        alpha: Scale $\alpha > 0$; may be traced. Other values give NaN.

    Returns:
        Values of at least $-\alpha$, in the shape and dtype of `z`.

    Raises:
        TypeError: If `z` is not floating.

    References:
        Barron, *Continuously differentiable exponential linear units* (2017).

    Example:
        The slope just left of 0 is 1 for every $\alpha$, while that of the ELU is $\alpha$:

        >>> z = jnp.array(-1e-6)
        >>> [round(float(jax.grad(f)(z, alpha=0.5)), 3) for f in (F.celu, F.elu)]
        [1.0, 0.5]
    """
    check_annotations(celu, z)
    alpha = jnp.asarray(alpha, z.dtype)
    return one_or_nan(is_positive(alpha), z.dtype) * jnp.where(z <= 0, alpha * jnp.expm1(_at_most_zero(z) / alpha), z)


def celu_vjp(g, z, *, alpha=1.0):
    r"""Pull $g$ back to $z$.

    The right piece has the slope 1. The left piece has, by the chain rule, the slope
    $\alpha \cdot \frac1\alpha e^{z / \alpha} = e^{z / \alpha}$. Both are $e^{\min(z, 0) / \alpha}$, hence

    $$
    \bar z = g\,e^{\min(z, 0) / \alpha} .
    $$
    """
    alpha = jnp.asarray(alpha, z.dtype)
    return (one_or_nan(is_positive(alpha), z.dtype) * g * jnp.exp(_at_most_zero(z) / alpha),)


def celu_examples(random):
    """Both pieces and the point where they meet, for three valid values of alpha; and two invalid values."""
    for z in points(random, 0):
        for alpha in (1.0, 0.25, 3.0):
            yield (z,), {"alpha": alpha}
    for alpha in (0.0, -0.5):
        yield (z,), {"alpha": alpha}


def gelu(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    r"""Gaussian error linear unit $y = z\,\Phi(z)$, where $\Phi$ is the standard normal distribution function.

    $\Phi(z) = \frac12 \mathrm{erfc}(-z / \sqrt2)$ keeps its digits in the tail $z \ll 0$. This is PyTorch's default;
    `jax.nn.gelu` and Flax use `gelu_tanh` by default.

    Args:
        z: Pre-activations, of any shape.

    Returns:
        Values of at least -0.17, the minimum at $z \approx -0.752$, in the shape and dtype of `z`.

    Raises:
        TypeError: If `z` is not floating.

    References:
        Hendrycks and Gimpel, *Gaussian error linear units* (2016).

    Example:
        >>> z = jnp.array([-3.0, -1.0, 0.0, 1.0, 3.0])
        >>> print(np.asarray(F.gelu(z)).round(3))
        [-0.004 -0.159  0.     0.841  2.996]
    """
    check_annotations(gelu, z)
    return z * (jax.lax.erfc(-z / math.sqrt(2)) / 2)


def gelu_vjp(g, z):
    r"""Pull $g$ back to $z$.

    The derivative of the distribution function is the density, $\Phi' = \varphi$ with
    $\varphi(z) = e^{-z^2 / 2} / \sqrt{2 \pi}$. The product rule for $y = z\,\Phi(z)$ gives

    $$
    \bar z = g\, \frac{\partial y}{\partial z} = g \left(\Phi(z) + z\,\varphi(z)\right) .
    $$
    """
    distribution = jax.lax.erfc(-z / math.sqrt(2)) / 2
    density = jnp.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    return (g * (distribution + z * density),)


def gelu_examples(random):
    """Normal and extreme points, and the left tail as far as float32 can represent it."""
    for z in (*points(random), random.uniform(-9, -5, 20)):
        yield (z,), {}


def gelu_tanh(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    r"""GELU without erf: $y = \frac{z}{2} (1 + \tanh u)$ with $u = \sqrt{2 / \pi}\,(z + 0.044715\,z^3)$.

    It differs from `gelu` by at most 0.0005. It is computed as $z\,\sigma(2u)$, since
    $\frac12 (1 + \tanh u) = \sigma(2u)$ keeps its digits in the tail $z \ll 0$. PyTorch calls it `approximate="tanh"`;
    it is the default of `jax.nn.gelu`.

    Args:
        z: Pre-activations, of any shape.

    Returns:
        Values of at least -0.17, in the shape and dtype of `z`.

    Raises:
        TypeError: If `z` is not floating.

    References:
        Hendrycks and Gimpel, *Gaussian error linear units* (2016), section 2.

    Example:
        >>> z = jnp.linspace(-4, 4, 801)
        >>> bool(jnp.abs(F.gelu_tanh(z) - F.gelu(z)).max() < 0.0005)
        True
    """
    check_annotations(gelu_tanh, z)
    near = _near_zero(z)
    return z * sigmoid(2 * math.sqrt(2 / math.pi) * (near + 0.044715 * near**3))


def gelu_tanh_vjp(g, z):
    r"""Pull $g$ back to $z$.

    With $v = 2u$ the function is $y = z\,\sigma(v)$. The inner function has the derivative

    $$
    v' = 2 \sqrt{2 / \pi} \left(1 + 3 \cdot 0.044715\,z^2\right) .
    $$

    The product rule, the chain rule and $\sigma'(v) = \sigma(v)\,\sigma(-v)$ give

    $$
    \frac{\partial y}{\partial z}
    = \sigma(v) + z\,\sigma(v)\,\sigma(-v)\,v'
    = \sigma(v) \left(1 + z\,\sigma(-v)\,v'\right) ,
    $$

    hence $\bar z = g\,\sigma(v)\,(1 + z\,\sigma(-v)\,v')$.
    """
    near = _near_zero(z)
    v = 2 * math.sqrt(2 / math.pi) * (near + 0.044715 * near**3)
    slope = 2 * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * near**2)
    return (g * sigmoid(v) * (1 + near * sigmoid(-v) * slope),)


def gelu_tanh_examples(random):
    """Normal and extreme points, and the left tail as far as float32 can represent it."""
    for z in (*points(random), random.uniform(-6, -4, 20)):
        yield (z,), {}


def silu(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    r"""Sigmoid linear unit $y = z\,\sigma(z)$, also called swish.

    Args:
        z: Pre-activations, of any shape.

    Returns:
        Values of at least -0.279, the minimum at $z \approx -1.278$, in the shape and dtype of `z`.

    Raises:
        TypeError: If `z` is not floating.

    References:
        Elfwing, Uchibe and Doya, *Sigmoid-weighted linear units for neural network function approximation in
        reinforcement learning* (2018), section 2.

    Example:
        >>> print(np.asarray(F.silu(jnp.array([-1.0, 0.0, 1.0, 10.0]))).round(3))
        [-0.269  0.     0.731 10.   ]
    """
    check_annotations(silu, z)
    return z * sigmoid(z)


def silu_vjp(g, z):
    r"""Pull $g$ back to $z$.

    The product rule for $y = z\,\sigma(z)$, with $\sigma'(z) = \sigma(z)\,\sigma(-z)$, gives

    $$
    \frac{\partial y}{\partial z}
    = \sigma(z) + z\,\sigma(z)\,\sigma(-z)
    = \sigma(z) \left(1 + z\,\sigma(-z)\right) ,
    $$

    hence $\bar z = g\,\sigma(z)\,(1 + z\,\sigma(-z))$.
    """
    return (g * sigmoid(z) * (1 + z * sigmoid(-z)),)


def silu_examples(random):
    """Normal and extreme points, and both tails."""
    for z in (*points(random), random.uniform(-30, -10, 20), random.uniform(10, 30, 20)):
        yield (z,), {}


def mish(z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    r"""Mish $y = z \tanh(s)$, with the softplus $s = \log(1 + e^z)$.

    Args:
        z: Pre-activations, of any shape.

    Returns:
        Values of at least -0.309, the minimum at $z \approx -1.192$, in the shape and dtype of `z`.

    Raises:
        TypeError: If `z` is not floating.

    References:
        Misra, *Mish: a self regularized non-monotonic activation function* (2020).

    Example:
        >>> print(np.asarray(F.mish(jnp.array([-1.0, 0.0, 1.0, 10.0]))).round(3))
        [-0.303  0.     0.865 10.   ]
    """
    check_annotations(mish, z)
    return z * jnp.tanh(softplus(z))


def mish_vjp(g, z):
    r"""Pull $g$ back to $z$.

    The softplus $s = \log(1 + e^z)$ has the derivative $\sigma(z)$. Since $\tanh s = 2\,\sigma(2s) - 1$, the hyperbolic
    tangent has the derivative

    $$
    \tanh'(s) = 4\,\sigma(2s)\,\sigma(-2s) ,
    $$

    which equals $1 - \tanh^2 s$ but keeps its digits where $\tanh s$ is near 1. The product rule and the chain rule for
    $y = z \tanh s$ give

    $$
    \bar z = g\, \frac{\partial y}{\partial z}
    = g \left(\tanh s + 4 z\,\sigma(2s)\,\sigma(-2s)\,\sigma(z)\right) .
    $$
    """
    s = softplus(z)
    return (g * (jnp.tanh(s) + z * (4 * sigmoid(2 * s) * sigmoid(-2 * s) * sigmoid(z))),)


def mish_examples(random):
    """Normal and extreme points, and both tails."""
    for z in (*points(random), random.uniform(-30, -10, 20), random.uniform(10, 30, 20)):
        yield (z,), {}


def _at_most_zero(z):
    """Return min(z, 0), so that the exponential of a large positive z, which would overflow, is never taken."""
    return jnp.where(z <= 0, z, 0)


def _near_zero(z):
    """Return z clamped to [-64, 64], so that no power overflows; beyond, a sigmoid of its cube is rounded to 0 or 1."""
    return jax.lax.clamp(jnp.asarray(-64, z.dtype), z, jnp.asarray(64, z.dtype))
