"""Losses that ask for a margin, one number per example."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Integer

from jaxdl.functional._arguments import as_annotated


def hinge(scores: Float[Array, "batch"], labels: Integer[Array, "batch"]) -> Float[Array, "batch"]:
    r"""The hinge loss $L_n = \max(0, 1 - s_n y_n)$ of a score $y$ and a label $s \in \{-1, 1\}$.

    The kink is at the margin $s y = 1$; there the derivative is taken to be 0: an example that just keeps the
    margin is left alone. A label other than -1 and 1 makes the example's loss and gradient NaN. Raises where shapes
    or dtypes are not as annotated. Cortes and Vapnik, *Support-vector networks* (1995).
    """
    as_annotated(hinge, scores, labels)
    margin = _sign(scores, labels) * scores
    return jnp.where(margin >= 1, 0, 1 - margin)


def hinge_vjp(g, scores, labels):
    r"""Pull $g$ back to the scores: $\partial L / \partial y = -s\,[s y < 1]$, hence $\bar y = -g\,s\,[s y < 1]$."""
    s = _sign(scores, labels)
    return (jnp.where(s * scores >= 1, 0, -g * s),)


def hinge_examples(random):
    """Both sides of the margin, the margin itself for both labels, and labels that are none."""
    scores = random.standard_normal(9)
    scores[:4] = [1, 1, -1, -1]
    yield (scores, jnp.array([1, -1, 1, -1, 1, -1, 1, -1, 1])), {}
    yield (scores, jnp.array([1, -1, 0, 2, 1, -1, -2, -1, 1])), {}
    yield (scores, jnp.array([1, 255, 0, 2, 1, 255, 0, 1, 1], jnp.uint8)), {}


def _sign(scores, labels):
    """The label where it is -1 or 1, NaN elsewhere."""
    signs = labels.astype(jnp.int32)  # an unsigned -1 would be 255
    return jnp.where((signs == -1) | (signs == 1), signs.astype(scores.dtype), jnp.nan)
