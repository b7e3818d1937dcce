"""Losses for real-valued targets, one number per example."""

from jaxtyping import Array, Float

from jaxdl.functional._arguments import as_annotated


def squared_error(
    predictions: Float[Array, "batch outputs"], targets: Float[Array, "batch outputs"]
) -> Float[Array, "batch"]:
    r"""The squared error $L_n = \sum_o (y_{no} - t_{no})^2$, in squared units of the target.

    Raises where shapes or dtypes are not as annotated.
    Legendre, *Nouvelles méthodes pour la détermination des orbites des comètes* (1805).
    """
    as_annotated(squared_error, predictions, targets)
    return ((predictions - targets) ** 2).sum(axis=-1)


def squared_error_vjp(g, predictions, targets):
    r"""Pull $g$ back to $(y, t)$: $\partial L_n / \partial y_{no} = 2 (y_{no} - t_{no})$, and $\bar t = -\bar y$."""
    slope = 2 * g[:, None] * (predictions - targets)
    return slope, -slope
