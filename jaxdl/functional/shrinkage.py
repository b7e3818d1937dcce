"""Shrinkage: activations that set small inputs to zero."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxdl.functional._arguments import check_annotations
from jaxdl.functional._examples import points
from jaxdl.functional._types import Scalar
from jaxdl.functional._validity import is_not_negative, one_or_nan


def soft_shrink(z: Float[Array, "*shape"], *, threshold: Scalar = 0.5) -> Float[Array, "*shape"]:
    r"""Soft thresholding: $y = z - \lambda$ for $z > \lambda$, $z + \lambda$ for $z < -\lambda$, and 0 between.

    It is the proximal map of the penalty $\lambda |z|$. The kinks are at $z = \pm \lambda$; there the derivative is
    taken to be 0, as in PyTorch. NaN stays NaN.

    Args:
        z: Inputs, of any shape.
        threshold: Threshold $\lambda \ge 0$; may be traced. A negative one gives NaN.

    Returns:
        Values nearer to 0 by $\lambda$, in the shape and dtype of `z`.

    Raises:
        TypeError: If `z` is not floating.

    References:
        Donoho and Johnstone, *Ideal spatial adaptation by wavelet shrinkage* (1994), section 2.

    Example:
        >>> F.soft_shrink(jnp.array([-2.0, -0.25, 0.25, 2.0]), threshold=0.5).tolist()
        [-1.5, 0.0, 0.0, 1.5]
    """
    check_annotations(soft_shrink, z)
    threshold = jnp.asarray(threshold, z.dtype)
    outside = jnp.where(z > 0, z - threshold, z + threshold)
    return one_or_nan(is_not_negative(threshold), z.dtype) * jnp.where(_is_small(z, threshold), 0, outside)


def soft_shrink_vjp(g, z, *, threshold=0.5):
    r"""Pull $g$ back to $z$: $\partial y / \partial z = [|z| > \lambda]$, hence $\bar z = g\,[|z| > \lambda]$.

    At NaN it is $g$.
    """
    return (one_or_nan(is_not_negative(threshold), z.dtype) * jnp.where(_is_small(z, threshold), 0, g),)


def soft_shrink_examples(random):
    """All three pieces and both kinks, for three valid thresholds and an invalid one."""
    for threshold in (0.5, 1.5, 0.0, -0.5):
        for z in points(random, -threshold, threshold):
            yield (z,), {"threshold": threshold}


def hard_shrink(z: Float[Array, "*shape"], *, threshold: Scalar = 0.5) -> Float[Array, "*shape"]:
    r"""Hard thresholding: $y = z$ for $|z| > \lambda$ and 0 elsewhere.

    The kinks are the jumps at $z = \pm \lambda$; there the derivative is taken to be 0, as in PyTorch. NaN stays NaN.

    Args:
        z: Inputs, of any shape.
        threshold: Threshold $\lambda \ge 0$; may be traced. A negative one gives NaN (in PyTorch it passes every
            input).

    Returns:
        Values in the shape and dtype of `z`, unchanged where they are large and 0 elsewhere.

    Raises:
        TypeError: If `z` is not floating.

    References:
        Donoho and Johnstone, *Ideal spatial adaptation by wavelet shrinkage* (1994), section 2.

    Example:
        >>> F.hard_shrink(jnp.array([-2.0, -0.25, 0.25, 2.0]), threshold=0.5).tolist()
        [-2.0, 0.0, 0.0, 2.0]
    """
    check_annotations(hard_shrink, z)
    return one_or_nan(is_not_negative(threshold), z.dtype) * jnp.where(_is_small(z, threshold), 0, z)


def hard_shrink_vjp(g, z, *, threshold=0.5):
    r"""Pull $g$ back to $z$: $\partial y / \partial z = [|z| > \lambda]$, hence $\bar z = g\,[|z| > \lambda]$.

    The jump itself contributes no derivative. At NaN it is $g$.
    """
    return (one_or_nan(is_not_negative(threshold), z.dtype) * jnp.where(_is_small(z, threshold), 0, g),)


def hard_shrink_examples(random):
    """All three pieces and both jumps, for three valid thresholds and an invalid one."""
    yield from soft_shrink_examples(random)


def _is_small(z, threshold):
    """Return whether -threshold <= z <= threshold; False at NaN."""
    threshold = jnp.asarray(threshold, z.dtype)
    return (z >= -threshold) & (z <= threshold)
