"""Distributions whose spread is given, whatever the shape."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, ArrayLike, Float, Key

from jaxdl.functional._validity import in_range, is_not_negative

STDDEV_WITHIN_TWO = math.sqrt(1 - 4 * math.exp(-2) / math.sqrt(2 * math.pi) / math.erf(math.sqrt(2)))  # 0.8796


def zeros(key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32) -> Float[Array, "..."]:
    """All zero: right for biases; a kernel of zeros (or of any one number) never breaks the symmetry of its units."""
    return jnp.zeros(shape, dtype)


def ones(key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32) -> Float[Array, "..."]:
    """All one: right for the scales of norms, whose variance of 1 it leaves as it is."""
    return jnp.ones(shape, dtype)


def constant(
    key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32, *, value: Float[ArrayLike, ""]
) -> Float[Array, "..."]:
    r"""All of one value $v$: the log odds of rare classes as a bias, or 1 for a forget gate. The variance is 0."""
    return jnp.full(shape, value, dtype)


def normal(
    key: Key[Array, ""],
    shape: Sequence[int],
    dtype=jnp.float32,
    *,
    mean: Float[ArrayLike, ""] = 0.0,
    stddev: Float[ArrayLike, ""] = 0.01,
) -> Float[Array, "..."]:
    r"""Normal, $\mathcal{N}(\mu, \sigma^2)$, with the standard deviation $\sigma \ge 0$.

    With $\mu = 0$ a sum of $n$ terms multiplies the second moment of a signal by $n \sigma^2$. The variance does not
    know $n$, so it keeps that of layers of $1 / \sigma^2$ inputs only: with fewer the signal vanishes with depth, with
    more it explodes. The default is jax's, $\sigma = 0.01$; Keras has 0.05 and PyTorch's `normal_` 1.
    Krizhevsky, Sutskever and Hinton, *ImageNet classification with deep convolutional neural networks* (2012).
    """
    stddev = in_range(stddev, is_not_negative(stddev), wide(dtype))
    return (jnp.asarray(mean, wide(dtype)) + stddev * jax.random.normal(key, shape, wide(dtype))).astype(dtype)


def truncated_normal(
    key: Key[Array, ""],
    shape: Sequence[int],
    dtype=jnp.float32,
    *,
    mean: Float[ArrayLike, ""] = 0.0,
    stddev: Float[ArrayLike, ""] = 0.01,
) -> Float[Array, "..."]:
    r"""Normal without its tails, of mean $\mu$ and variance $\sigma^2$: $\mu + \sigma z / s$ with $|z| \le 2$.

    Of a standard normal $z$ that is drawn again until $|z| \le 2$ the variance is
    $s^2 = 1 - 4 \varphi(2) / (\Phi(2) - \Phi(-2)) = 0.774$ with the density $\varphi$ and its integral $\Phi$; the
    division by $s$ makes it $\sigma^2 \ge 0$ as in `normal`, so that scaling arguments hold, and no weight is further
    than $2.27 \sigma$ from the mean. Jax, Flax and Keras divide by $s$ in `he_normal` and the like, but not in their
    `truncated_normal`; nor does PyTorch's `trunc_normal_`, whose limits are $\pm 2$ whatever $\sigma$ is.
    """
    scale = in_range(stddev, is_not_negative(stddev), wide(dtype)) / STDDEV_WITHIN_TWO
    drawn = jax.random.truncated_normal(key, -2.0, 2.0, shape, wide(dtype))
    return (jnp.asarray(mean, wide(dtype)) + scale * drawn).astype(dtype)


def uniform(
    key: Key[Array, ""],
    shape: Sequence[int],
    dtype=jnp.float32,
    *,
    minval: Float[ArrayLike, ""] = -0.05,
    maxval: Float[ArrayLike, ""] = 0.05,
) -> Float[Array, "..."]:
    r"""Uniform in $[a, b)$, $a \le b$, of mean $(a + b) / 2$ and variance $(b - a)^2 / 12$.

    The variance does not know the shape, so that it keeps a signal no better than that of `normal` does. The default is
    that of Keras, also for its `Embedding`; jax's is $[0, 0.01)$, that of PyTorch's `uniform_` $[0, 1)$.
    """
    low, high = jnp.asarray(minval, wide(dtype)), jnp.asarray(maxval, wide(dtype))
    return jax.random.uniform(key, shape, wide(dtype), in_range(low, low <= high, low.dtype), high).astype(dtype)


def wide(dtype: DTypeLike) -> DTypeLike:
    """The dtype to draw in: float32 at least, since jax's draws in half precision are off centre by a hundredth."""
    return jnp.promote_types(dtype, jnp.float32)
