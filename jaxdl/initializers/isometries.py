"""Kernels that keep lengths and angles, not only on average."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Key

from jaxdl.initializers.fans import fan_in


def orthogonal(
    key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32, *, gain: Float[ArrayLike, ""] = 1.0
) -> Float[Array, "..."]:
    r"""A gain $g$ times a matrix $Q$ drawn uniformly among those with orthonormal columns, or rows if these are fewer.

    As a matrix $W = g Q$ of $n_{in}$ rows (inputs × window) and $m$ columns (outputs), $W^\top W = g^2 I$ where
    $m \le n_{in}$ and $W W^\top = g^2 I$ where $m \ge n_{in}$, so that with $g = 1$ a square linear layer keeps every
    length, forward and backward, and a product of any number of them still does. The entries have mean 0 and the
    variance $g^2 / \max(n_{in}, m)$. Drawn in at least float32, where the decomposition exists. Raises ValueError for
    fewer than two axes. Saxe, McClelland and Ganguli, *Exact solutions to the nonlinear dynamics of learning in deep
    linear neural networks* (2014); why it is uniform: Mezzadri, *How to generate random matrices from the classical
    compact groups* (2007).
    """
    fan_in(shape)
    wide = jnp.promote_types(dtype, jnp.float32)
    return jnp.asarray(gain, dtype) * jax.nn.initializers.orthogonal()(key, shape, wide).astype(dtype)
