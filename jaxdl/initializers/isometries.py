"""Orthogonal kernels, which preserve lengths and angles exactly, not only on average."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxdl.functional._types import Scalar
from jaxdl.initializers.fans import fan_in


def orthogonal(
    key: Key[Array, ""], shape: Sequence[int], dtype=jnp.float32, *, gain: Scalar = 1.0
) -> Float[Array, "..."]:
    r"""Draw a matrix with orthonormal columns (or rows, if there are fewer), times a gain $g$.

    The kernel is a matrix $W = g Q$ of $n_{in}$ rows (inputs × window size) and $m$ columns (outputs), where $Q$ is
    uniformly distributed. $W^\top W = g^2 I$ if $m \le n_{in}$, and $W W^\top = g^2 I$ if $m \ge n_{in}$. With $g = 1$
    a square linear layer preserves every length,

    $$
    \lVert x W \rVert^2 = x W W^\top x^\top = x x^\top = \lVert x \rVert^2 ,
    $$

    in both the forward and the backward pass, and so does any product of such layers. The entries have mean 0 and
    variance $g^2 / \max(n_{in}, m)$.

    Args:
        key: Random key.
        shape: Shape of a kernel, (inputs, outputs) or (*window, inputs, outputs).
        dtype: Dtype of the result. The decomposition is computed in at least float32.
        gain: $g$.

    Raises:
        ValueError: If the shape has fewer than two axes.

    References:
        Saxe, McClelland and Ganguli, *Exact solutions to the nonlinear dynamics of learning in deep linear neural
        networks* (2014).
        Mezzadri, *How to generate random matrices from the classical compact groups* (2007), proves uniformity.

    Example:
        >>> from jaxdl import initializers
        >>> w = initializers.orthogonal(jax.random.key(0), (4, 3))
        >>> bool(jnp.allclose(w.T @ w, jnp.eye(3), atol=1e-5))
        True
    """
    fan_in(shape)
    drawn_in = jnp.promote_types(dtype, jnp.float32)
    return jnp.asarray(gain, dtype) * jax.nn.initializers.orthogonal()(key, shape, drawn_in).astype(dtype)
