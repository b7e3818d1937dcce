"""Losses for real-valued targets, one number per example."""

from jaxtyping import Array, Float

from jaxdl.functional._arguments import same_shape


def squared_error(
    predictions: Float[Array, "batch outputs"], targets: Float[Array, "batch outputs"]
) -> Float[Array, "batch"]:
    r"""The squared error $L_n = \sum_o (y_{no} - t_{no})^2$, in squared units of the target.

    Raises ValueError where the two shapes differ.
    Legendre, *Nouvelles méthodes pour la détermination des orbites des comètes* (1805).
    """
    same_shape(predictions=predictions, targets=targets)
    return ((predictions - targets) ** 2).sum(axis=-1)


def squared_error_vjp(g, predictions, targets):
    r"""Pull $g$ back to $(y, t)$: $\partial L_n / \partial y_{no} = 2 (y_{no} - t_{no})$, and $\bar t = -\bar y$."""
    slope = 2 * g[:, None] * (predictions - targets)
    return slope, -slope
