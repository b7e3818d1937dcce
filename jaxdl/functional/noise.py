"""Random noise for regularization during training."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxdl.functional._arguments import check_annotations
from jaxdl.functional._types import Scalar
from jaxdl.functional._validity import one_or_nan


def dropout(key: Key[Array, ""], x: Float[Array, "*shape"], *, rate: Scalar = 0.5) -> Float[Array, "*shape"]:
    r"""Inverted dropout: set random elements to 0 and scale up the others.

    $y = x\,m / (1 - r)$, where each $m \in \{0, 1\}$ is 1 with probability $1 - r$, independently. Then

    $$
    \mathrm{E}[y] = (1 - r) \cdot \frac{x}{1 - r} + r \cdot 0 = x ,
    $$

    so that the trained network needs no rescaling.

    Args:
        key: Random key; the same key gives the same mask, in every floating-point precision.
        x: Signals of any shape.
        rate: Probability $0 \le r < 1$ that an element is dropped; NaN if out of range.

    Returns:
        The signals with dropout, in the shape and dtype of `x`.

    Raises:
        TypeError: If the dtype of `x` is not floating.

    References:
        Srivastava et al., *Dropout* (2014).

    Example:
        >>> y = F.dropout(jax.random.key(0), jnp.ones(1000), rate=0.2)
        >>> sorted(set(y.tolist()))  # 0, or 1 / 0.8
        [0.0, 1.25]
        >>> bool(abs(y.mean() - 1) < 0.05)
        True
    """
    check_annotations(dropout, key, x)
    return x * _mask(key, x, rate)


def dropout_vjp(g, key, x, *, rate=0.5):
    r"""Pull $g$ back to $x$.

    The mask $m$ does not depend on $x$, so dropout multiplies each element by a constant. Hence

    $$
    \frac{\partial y}{\partial x} = \frac{m}{1 - r} ,
    \qquad
    \bar x = \frac{g\,m}{1 - r} .
    $$

    The gradient is dropped where the signal was dropped, and scaled up elsewhere. The reverse pass needs the mask of
    the forward pass; the same key gives the same mask again.
    """
    return (g * _mask(jax.random.clone(key), x, rate),)


def dropout_examples(random):
    """Several rates, among them 0 and an invalid one."""
    x = random.standard_normal((9, 7))
    for rate in (0.5, 0.2, 0.0, 1.0):
        yield (jax.random.key(3), x), {"rate": rate}


def gaussian_noise(key: Key[Array, ""], x: Float[Array, "*shape"], *, std: Scalar = 0.1) -> Float[Array, "*shape"]:
    r"""Additive normal noise of a given standard deviation.

    $y = x + \sigma\,\epsilon$, each $\epsilon$ drawn independently from a standard normal distribution. The expectation
    of $y$ is $x$. On the inputs of a linear regression, the expected effect of the noise is that of an L2 penalty.

    Args:
        key: Random key; the same key gives the same noise, in every floating-point precision.
        x: Signals of any shape.
        std: Standard deviation $0 \le \sigma < \infty$, in the unit of $x$; NaN if out of range.

    Returns:
        The signals with noise, in the shape and dtype of `x`.

    Raises:
        TypeError: If the dtype of `x` is not floating.

    References:
        Bishop, *Training with noise is equivalent to Tikhonov regularization* (1995).

    Example:
        >>> y = F.gaussian_noise(jax.random.key(0), jnp.full(10_000, 3.0), std=0.5)
        >>> round(float(y.mean()), 1), round(float(y.std()), 1)
        (3.0, 0.5)
    """
    check_annotations(gaussian_noise, key, x)
    epsilon = jax.random.normal(key, x.shape, jnp.float32).astype(x.dtype)  # the same in every precision
    return _valid_std(std, x) * (x + jnp.asarray(std, x.dtype) * epsilon)


def gaussian_noise_vjp(g, key, x, *, std=0.1):
    r"""Pull $g$ back to $x$: the noise does not depend on $x$, so $\partial y / \partial x = 1$ and $\bar x = g$."""
    return (_valid_std(std, x) * g,)


def gaussian_noise_examples(random):
    """Several standard deviations, among them 0 and two invalid ones."""
    x = random.standard_normal((9, 7))
    for std in (0.1, 2.0, 0.0, -0.1, float("inf")):
        yield (jax.random.key(3), x), {"std": std}


def _valid_std(std, x):
    """Return 1 for a valid standard deviation, NaN for any other."""
    return one_or_nan((std >= 0) & (std < jnp.inf), x.dtype)


def _mask(key, x, rate):
    """Return $m / (1 - r)$ for each element of x, with the same $m$ in every precision; NaN for an invalid rate."""
    is_valid = (rate >= 0) & (rate < 1)
    keep = jnp.where(is_valid, 1 - rate, jnp.nan)
    mask = (_uniform(key, x.shape) < keep.astype(jnp.float32)).astype(x.dtype) / keep.astype(x.dtype)
    return one_or_nan(is_valid, x.dtype) * mask  # XLA compiles False / NaN to 0


def _uniform(key, shape):
    """Return one number in $[0, 1)$, a multiple of $2^{-24}$, for each place: a hash of the place and two random words.

    `jax.random.uniform` takes twenty times as long on a CPU, a quarter of a small network's training step. The hash is
    the finalizer of MurmurHash3 (Appleby, 2011).
    """
    first, second = jax.random.bits(key, (2,), jnp.uint32)
    places = jax.lax.iota(jnp.uint32, math.prod(shape)) * jnp.uint32(0x9E3779B9) + first
    mixed = (places ^ (places >> 16)) * jnp.uint32(0x85EBCA6B)
    mixed = (mixed ^ (mixed >> 13) ^ second) * jnp.uint32(0xC2B2AE35)
    return ((mixed ^ (mixed >> 16)) >> 8).astype(jnp.float32).reshape(shape) / 2**24
