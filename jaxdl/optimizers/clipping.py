"""Gradient clipping, by value and by norm: chain it before an optimizer."""

import jax
import jax.numpy as jnp
import optax

from jaxdl.functional._validity import in_range, is_not_negative
from jaxdl.optimizers._base import Scalar, check_not_negative, check_precision, direction_and_norm


def clip_by_value(limit: Scalar) -> optax.GradientTransformation:
    r"""Clip every entry of the gradient to $[-c, c]$, which can change the direction of the gradient.

    Chain it before the optimizer: `optax.chain(clip_by_value(0.1), sgd(0.5))`. The definition is that of `optax.clip`
    and of PyTorch's `clip_grad_value_`.

    Args:
        limit: $c \ge 0$. If a traced limit is negative, updates are NaN.

    Raises:
        ValueError: If the limit is negative.

    References:
        Goodfellow, Bengio and Courville, *Deep Learning* (2016), section 10.11.1.

    Example:
        >>> from jaxdl import optimizers
        >>> clip = optimizers.clip_by_value(1.0)
        >>> gradient = jnp.array([3.0, 0.5])
        >>> clip.update(gradient, clip.init(gradient))[0].tolist()
        [1.0, 0.5]
    """
    check_not_negative({"limit": limit})

    def clip(gradient, _):
        check_precision("gradient", gradient)
        bound = in_range(limit, is_not_negative(limit), float)
        return jax.tree.map(lambda g: jnp.clip(g, -bound, bound).astype(g.dtype), gradient)

    return optax.stateless(clip)


def clip_by_global_norm(limit: Scalar) -> optax.GradientTransformation:
    r"""Scale the gradient to $g \min(1, c / \lVert g \rVert)$, which keeps its direction.

    $\lVert g \rVert$ is the Euclidean norm over all parameters together. In a population, each member is clipped by its
    own norm. Chain it before the optimizer: `optax.chain(clip_by_global_norm(1.0), sgd(0.5))`. The definition is that
    of `optax.clip_by_global_norm`; PyTorch's `clip_grad_norm_` adds $10^{-6}$ to the norm.

    Args:
        limit: Maximum norm $c \ge 0$. If a traced limit is negative, updates are NaN.

    Raises:
        ValueError: If the limit is negative.

    References:
        Pascanu, Mikolov and Bengio, *On the difficulty of training recurrent neural networks* (2013), algorithm 1.

    Example:
        >>> from jaxdl import optimizers
        >>> clip = optimizers.clip_by_global_norm(2.5)
        >>> gradient = {"bias": jnp.array([0.0, 3.0]), "kernel": jnp.array([4.0, 0.0])}  # of norm 5
        >>> clipped, state = clip.update(gradient, clip.init(gradient))
        >>> jax.tree.map(lambda g: g.tolist(), clipped)
        {'bias': [0.0, 1.5], 'kernel': [2.0, 0.0]}
    """
    check_not_negative({"limit": limit})

    def clip(gradient, _):
        check_precision("gradient", gradient)
        (direction, norm), bound = direction_and_norm(gradient), in_range(limit, is_not_negative(limit), float)
        return jax.tree.map(
            lambda g, unit: jnp.where(norm <= bound, g, bound * unit).astype(g.dtype), gradient, direction
        )

    return optax.stateless(clip)
