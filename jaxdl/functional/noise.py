"""Noise that is injected in training."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Key

from jaxdl.functional._arguments import as_annotated
from jaxdl.functional._validity import one_or_nan


def dropout(
    key: Key[Array, ""], x: Float[Array, "*shape"], *, rate: Float[ArrayLike, ""] = 0.5
) -> Float[Array, "*shape"]:
    r"""Inverted dropout $y = x\,m / (1 - r)$, where each $m \in \{0, 1\}$ is 1 with probability $1 - r$.

    Every element is drawn on its own, from the key; the expectation of $y$ is $x$, so nothing is rescaled when the
    trained network is used. A rate outside $0 \le r < 1$ gives NaN.
    Srivastava et al., *Dropout* (2014).
    """
    as_annotated(dropout, key, x)
    return x * _mask(key, x, rate)


def dropout_vjp(g, key, x, *, rate=0.5):
    r"""Pull $g$ back to $x$: $\partial y / \partial x = m / (1 - r)$, with the mask that the same key draws again."""
    return (g * _mask(jax.random.clone(key), x, rate),)


def dropout_examples(random):
    """Rates beside the default, none at all, and one that is no rate."""
    x = random.standard_normal((9, 7))
    for rate in (0.5, 0.2, 0.0, 1.0):
        yield (jax.random.key(3), x), {"rate": rate}


def gaussian_noise(
    key: Key[Array, ""], x: Float[Array, "*shape"], *, deviation: Float[ArrayLike, ""] = 0.1
) -> Float[Array, "*shape"]:
    r"""Additive noise $y = x + \sigma\,\epsilon$, each $\epsilon$ drawn on its own from a standard normal.

    The expectation of $y$ is $x$, and $\sigma$ has the unit of $x$. A deviation outside $0 \le \sigma < \infty$ gives
    NaN. On the inputs of a linear regression its expected effect is that of an L2 penalty.
    Bishop, *Training with noise is equivalent to Tikhonov regularization* (1995).
    """
    as_annotated(gaussian_noise, key, x)
    epsilon = jax.random.normal(key, x.shape, jnp.float32).astype(x.dtype)  # the same in every precision
    return _valid_deviation(deviation, x) * (x + jnp.asarray(deviation, x.dtype) * epsilon)


def gaussian_noise_vjp(g, key, x, *, deviation=0.1):
    r"""Pull $g$ back to $x$: the noise does not depend on $x$, so $\partial y / \partial x = 1$ and $\bar x = g$."""
    return (_valid_deviation(deviation, x) * g,)


def gaussian_noise_examples(random):
    """Deviations beside the default, none at all, and two that are no deviation."""
    x = random.standard_normal((9, 7))
    for deviation in (0.1, 2.0, 0.0, -0.1, float("inf")):
        yield (jax.random.key(3), x), {"deviation": deviation}


def _valid_deviation(deviation, x):
    """One for a deviation, NaN for a number that is none."""
    return one_or_nan((deviation >= 0) & (deviation < jnp.inf), x.dtype)


def _mask(key, x, rate):
    """$m / (1 - r)$ for each element of x, the same $m$ in every precision; NaN for a rate that is none."""
    keep = jnp.where((rate >= 0) & (rate < 1), 1 - rate, jnp.nan)
    return (_uniform(key, x.shape) < keep.astype(jnp.float32)).astype(x.dtype) / keep.astype(x.dtype)


def _uniform(key, shape):
    """Numbers from 0 to below 1, multiples of $2^{-24}$: a hash of each place, with two words that the key draws.

    A draw of jax's own for every element takes twenty times as long on a CPU, a quarter of a small network's step. The
    hash is the finalizer of MurmurHash3 (Appleby, 2011).
    """
    first, second = jax.random.bits(key, (2,), jnp.uint32)
    places = jax.lax.iota(jnp.uint32, math.prod(shape)) * jnp.uint32(0x9E3779B9) + first
    mixed = (places ^ (places >> 16)) * jnp.uint32(0x85EBCA6B)
    mixed = (mixed ^ (mixed >> 13) ^ second) * jnp.uint32(0xC2B2AE35)
    return ((mixed ^ (mixed >> 16)) >> 8).astype(jnp.float32).reshape(shape) / 2**24
