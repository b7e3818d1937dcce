"""Distributions whose mean and variance do not depend on the shape."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Key

from jaxdl.functional._types import Scalar
from jaxdl.functional._validity import in_range, is_not_negative

TRUNCATED_STDDEV = math.sqrt(1 - 4 * math.exp(-2) / math.sqrt(2 * math.pi) / math.erf(math.sqrt(2)))  # 0.8796


def zeros(key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32) -> Float[Array, "..."]:
    """Return zeros: the usual choice for biases.

    A kernel of zeros, or of any one number, never breaks the symmetry between hidden units.

    Args:
        key: Random key, not used.
        shape: Shape of the result.
        dtype: Dtype of the result.

    Example:
        >>> from jaxdl import initializers
        >>> initializers.zeros(jax.random.key(0), (2,)).tolist()
        [0.0, 0.0]
    """
    return jnp.zeros(shape, dtype)


def ones(key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32) -> Float[Array, "..."]:
    """Return ones: the usual choice for the scale of a normalization layer, whose output then has variance 1.

    Args:
        key: Random key, not used.
        shape: Shape of the result.
        dtype: Dtype of the result.

    Example:
        >>> from jaxdl import initializers
        >>> initializers.ones(jax.random.key(0), (2,)).tolist()
        [1.0, 1.0]
    """
    return jnp.ones(shape, dtype)


def constant(key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32, *, value: Scalar) -> Float[Array, "..."]:
    r"""Return an array filled with the value $v$, such as 1 for the bias of a forget gate.

    Args:
        key: Random key, not used.
        shape: Shape of the result.
        dtype: Dtype of the result.
        value: $v$.

    Example:
        An output bias that predicts a rare class with probability 0.01 before training:

        >>> from jaxdl import initializers
        >>> bias = initializers.constant(jax.random.key(0), (1,), value=np.log(0.01 / 0.99))
        >>> round(float(F.sigmoid(bias)[0]), 4)
        0.01
    """
    return jnp.full(shape, value, dtype)


def normal(
    key: Key[Array, ""],
    shape: Sequence[int],
    dtype=jnp.float32,
    *,
    mean: Scalar = 0.0,
    stddev: Scalar = 0.01,
) -> Float[Array, "..."]:
    r"""Draw from the normal distribution $\mathcal{N}(\mu, \sigma^2)$.

    With $\mu = 0$, a sum of $n$ terms multiplies the second moment of a signal by $n \sigma^2$. Because $\sigma$ does
    not depend on $n$, a signal keeps its size only in layers of $1 / \sigma^2$ inputs: with fewer it vanishes with
    depth, with more it explodes. The default $\sigma = 0.01$ is that of jax; Keras has 0.05 and PyTorch's `normal_` 1.

    Args:
        key: Random key.
        shape: Shape of the result.
        dtype: Dtype of the result.
        mean: $\mu$.
        stddev: $\sigma \ge 0$. A negative one gives NaN.

    References:
        Krizhevsky, Sutskever and Hinton, *ImageNet classification with deep convolutional neural networks* (2012).

    Example:
        >>> from jaxdl import initializers
        >>> w = initializers.normal(jax.random.key(0), (100, 100), stddev=2.0)
        >>> bool(abs(w.std() - 2) < 0.1)
        True
    """
    stddev = in_range(stddev, is_not_negative(stddev), at_least_float32(dtype))
    drawn = jax.random.normal(key, shape, at_least_float32(dtype))
    return (jnp.asarray(mean, at_least_float32(dtype)) + stddev * drawn).astype(dtype)


def truncated_normal(
    key: Key[Array, ""],
    shape: Sequence[int],
    dtype=jnp.float32,
    *,
    mean: Scalar = 0.0,
    stddev: Scalar = 0.01,
) -> Float[Array, "..."]:
    r"""Draw from a normal distribution without tails, $\mu + \sigma z / s$ with $|z| \le 2$.

    $z$ is a standard normal variable that is resampled until $|z| \le 2$. Its variance is

    $$
    s^2 = 1 - \frac{4\, \varphi(2)}{\Phi(2) - \Phi(-2)} = 0.774 ,
    $$

    with the density $\varphi$ and the distribution function $\Phi$. Because of the division by $s$, the standard
    deviation of the result is $\sigma$, as for `normal`. No number is further than $2.27 \sigma$ from the mean.

    jax, Flax and Keras divide by $s$ in `he_normal` and similar, but not in their `truncated_normal`. Nor does
    PyTorch's `trunc_normal_`, whose limits are $\pm 2$ for every $\sigma$.

    Args:
        key: Random key.
        shape: Shape of the result.
        dtype: Dtype of the result.
        mean: $\mu$.
        stddev: $\sigma \ge 0$. A negative one gives NaN.

    Example:
        >>> from jaxdl import initializers
        >>> w = initializers.truncated_normal(jax.random.key(0), (100, 100), stddev=1.0)
        >>> bool(abs(w.std() - 1) < 0.05), bool(abs(w).max() < 2.28)
        (True, True)
    """
    scale = in_range(stddev, is_not_negative(stddev), at_least_float32(dtype)) / TRUNCATED_STDDEV
    drawn = jax.random.truncated_normal(key, -2.0, 2.0, shape, at_least_float32(dtype))
    return (jnp.asarray(mean, at_least_float32(dtype)) + scale * drawn).astype(dtype)


def uniform(
    key: Key[Array, ""],
    shape: Sequence[int],
    dtype=jnp.float32,
    *,
    minval: Scalar = -0.05,
    maxval: Scalar = 0.05,
) -> Float[Array, "..."]:
    r"""Draw uniformly from $[a, b)$: mean $(a + b) / 2$, variance $(b - a)^2 / 12$.

    The variance does not depend on the shape, so signals vanish or explode with depth as for `normal`. The default is
    that of Keras; jax has $[0, 0.01)$ and PyTorch's `uniform_` $[0, 1)$.

    Args:
        key: Random key.
        shape: Shape of the result.
        dtype: Dtype of the result.
        minval: $a$.
        maxval: $b \ge a$. A smaller one gives NaN.

    Example:
        >>> from jaxdl import initializers
        >>> w = initializers.uniform(jax.random.key(0), (100, 100))
        >>> bool((-0.05 <= w).all() and (w < 0.05).all())
        True
    """
    low, high = jnp.asarray(minval, at_least_float32(dtype)), jnp.asarray(maxval, at_least_float32(dtype))
    low = in_range(low, low <= high, low.dtype)
    return jax.random.uniform(key, shape, at_least_float32(dtype), low, high).astype(dtype)


def at_least_float32(dtype: DTypeLike) -> DTypeLike:
    """Return the dtype to draw in: jax's half-precision draws have a mean off by a hundredth of the spread."""
    return jnp.promote_types(dtype, jnp.float32)
