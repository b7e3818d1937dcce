"""Losses for real-valued targets, one number per example."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from jaxdl.functional._arguments import as_annotated
from jaxdl.functional._validity import in_range


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
    r"""Pull $g$ back to $(y, t)$.

    $\partial L_n / \partial y_{no} = 2 (y_{no} - t_{no})$, hence $\bar y = 2 g\,(y - t)$ and $\bar t = -\bar y$.
    """
    slope = 2 * g[:, None] * (predictions - targets)
    return slope, -slope


def absolute_error(
    predictions: Float[Array, "batch outputs"], targets: Float[Array, "batch outputs"]
) -> Float[Array, "batch"]:
    r"""The absolute error $L_n = \sum_o |y_{no} - t_{no}|$, in units of the target.

    The kink is at $y = t$; there the derivative is taken to be 0, the middle of the subgradients $[-1, 1]$, as in
    PyTorch (of `jnp.abs` it is 1 in jax, hence $e\,\mathrm{sign}(e)$). Raises where shapes or dtypes are not as
    annotated. Boyd and Vandenberghe, *Convex Optimization* (2004), section 6.1.
    """
    as_annotated(absolute_error, predictions, targets)
    error = predictions - targets
    return (error * jnp.sign(error)).sum(axis=-1)


def absolute_error_vjp(g, predictions, targets):
    r"""Pull $g$ back to $(y, t)$.

    With $e = y - t$, $\partial |e| / \partial e = \mathrm{sign}(e)$, hence $\bar y = g\,\mathrm{sign}(y - t)$ and
    $\bar t = -\bar y$: how large an error is does not matter.
    """
    slope = g[:, None] * jnp.sign(predictions - targets)
    return slope, -slope


def absolute_error_examples(random):
    """Errors of both signs, and some that are exactly zero."""
    predictions, targets = random.standard_normal((2, 9, 4))
    targets[::2, 1:3] = predictions[::2, 1:3]
    yield (predictions, targets), {}
    yield (predictions[:1], targets[:1]), {}
    yield (1e4 * predictions, targets), {}


def huber(
    predictions: Float[Array, "batch outputs"],
    targets: Float[Array, "batch outputs"],
    *,
    delta: Float[ArrayLike, ""] = 1.0,
) -> Float[Array, "batch"]:
    r"""The Huber loss $L_n = \sum_o h(y_{no} - t_{no})$: squares for small errors, magnitudes for large ones.

    $h(e) = \tfrac12 e^2$ for $|e| \le \delta$ and $\delta (|e| - \delta / 2)$ beyond, as PyTorch's `huber_loss`.
    With the clipped error $c$, which is $e$ kept between $-\delta$ and $\delta$, both are $c\,(e - c / 2)$. The
    pieces meet with the same value and slope, and the second derivative is 1 where they meet. A $\delta$ that is not
    above 0 gives NaN. Raises where shapes or dtypes are not as annotated.
    Huber, *Robust estimation of a location parameter* (1964).
    """
    as_annotated(huber, predictions, targets)
    error = predictions - targets
    clipped = _clipped(error, delta)
    return (clipped * (error - clipped / 2)).sum(axis=-1)


def huber_vjp(g, predictions, targets, *, delta=1.0):
    r"""Pull $g$ back to $(y, t)$.

    $h'(e) = e$ inside and $\delta\,\mathrm{sign}(e)$ outside, which is the clipped error $c$ in both cases, hence
    $\bar y = g\,c$ and $\bar t = -\bar y$.
    """
    slope = g[:, None] * _clipped(predictions - targets, delta)
    return slope, -slope


def huber_examples(random):
    """Errors inside, outside and exactly delta; settings beside the default, and some that are none."""
    predictions, targets = 2 * random.standard_normal((2, 9, 4))
    targets[0], predictions[0] = 0, [1, -1, 0.5, 0]
    for delta in (1.0, 0.5, 3.0, 0.0, -1.0):
        yield (predictions, targets), {"delta": delta}
    yield (predictions[:1], targets[:1]), {}
    yield (1e4 * predictions, targets), {}


def _clipped(error, delta):
    """The error, kept between -delta and delta; NaN for a delta that is none."""
    delta = in_range(delta, delta > 0, error.dtype)
    return jnp.where(jnp.abs(error) <= delta, error, delta * jnp.sign(error))
