"""Losses for putting things in order, one number per example: a pair, or a list."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float

from jaxdl.functional._arguments import as_annotated
from jaxdl.functional._validity import one_or_nan
from jaxdl.functional.divergences import soft_cross_entropy, soft_cross_entropy_vjp
from jaxdl.functional.sigmoids import sigmoid


def pairwise_hinge(
    better: Float[Array, "batch"], worse: Float[Array, "batch"], *, margin: Float[ArrayLike, ""] = 1.0
) -> Float[Array, "batch"]:
    r"""The hinge loss $L_n = \max(0, m - (a_n - b_n))$ of a pair, whose score $a$ should exceed $b$ by the margin $m$.

    The kink is at a margin that is exactly kept; there the derivative is taken to be 0 (PyTorch's
    `margin_ranking_loss` takes the slope). A negative margin gives NaN. Raises where shapes or dtypes are not as
    annotated. Herbrich, Graepel and Obermayer, *Large margin rank boundaries for ordinal regression* (2000).
    """
    as_annotated(pairwise_hinge, better, worse)
    missing = _missing(better, worse, margin)
    return jnp.where(missing <= 0, 0, missing)


def pairwise_hinge_vjp(g, better, worse, *, margin=1.0):
    r"""Pull $g$ back to $(a, b)$.

    With $d = m - (a - b)$, $\partial L / \partial a = -[d > 0]$ and $\partial L / \partial b = [d > 0]$, hence
    $\bar b = g\,[d > 0]$ and $\bar a = -\bar b$.
    """
    slope = jnp.where(_missing(better, worse, margin) <= 0, 0, g * one_or_nan(margin >= 0, g.dtype))
    return -slope, slope


def pairwise_hinge_examples(random):
    """Margins kept, exactly kept and not; settings beside the default, and one that is none."""
    better, worse = random.standard_normal((2, 9))
    worse[:5] = better[:5] - jnp.array([1, 0.5, 0, 2, -1])
    better[:5], worse[:5] = [1, 0.5, 0, 2, -1], 0
    for margin in (1.0, 0.5, 0.0, -1.0):
        yield (better, worse), {"margin": margin}


def _missing(better, worse, margin):
    """What is missing of the margin; NaN for a margin that is none."""
    return one_or_nan(margin >= 0, better.dtype) * (jnp.asarray(margin, better.dtype) - (better - worse))


def pairwise_logistic(better: Float[Array, "batch"], worse: Float[Array, "batch"]) -> Float[Array, "batch"]:
    r"""The logistic loss $L_n = \log(1 + e^{-(a_n - b_n)})$ of a pair, whose score $a$ should exceed $b$, in nats.

    It is $-\log \sigma(a - b)$, where $\sigma(a - b)$ is the probability that the order is right.
    Raises where shapes or dtypes are not as annotated. Burges et al., *Learning to rank using gradient descent* (2005);
    Rendle et al., *BPR: Bayesian personalized ranking from implicit feedback* (2009).
    """
    as_annotated(pairwise_logistic, better, worse)
    return jnp.logaddexp(worse - better, 0.0)


def pairwise_logistic_vjp(g, better, worse):
    r"""Pull $g$ back to $(a, b)$.

    With $u = b - a$, $\partial \log(1 + e^u) / \partial u = \sigma(u)$, hence $\bar b = g\,\sigma(b - a)$ and
    $\bar a = -\bar b$: a pair that is in order already is hardly moved.
    """
    slope = g * sigmoid(worse - better)
    return -slope, slope


def pairwise_logistic_examples(random):
    """Both orders, ties, and scores far apart, where only tails count."""
    better, worse = random.standard_normal((2, 9))
    worse[0] = better[0]
    yield (better, worse), {}
    yield (better[:1], worse[:1]), {}
    yield (60 * better, worse), {}
    yield (jnp.array([30.0, 25.0]), jnp.array([0.0, -5.0])), {}


def listwise_softmax(
    scores: Float[Array, "batch items"],
    relevance: Float[Array, "batch items"],
    *,
    present: Bool[ArrayLike, "..."] = True,
) -> Float[Array, "batch"]:
    r"""The cross-entropy $L_n = -\sum_i y_{ni} \log p_{ni}$ of a list's relevance $y$ and the softmax of scores $s$.

    Lists that are shorter are padded: items that are not `present` (one Boolean, or one for each item) are left out
    of the softmax and of the sum, whatever numbers they hold. A list without any present item has loss and gradient 0,
    so that it spoils no batch. ListNet takes the softmax of the relevance first; that is the caller's to do.
    Raises where shapes or dtypes are not as annotated.
    Cao et al., *Learning to rank: from pairwise approach to listwise approach* (2007).
    """
    as_annotated(listwise_softmax, scores, relevance)
    return soft_cross_entropy(*_of_present(scores, relevance, present))


def listwise_softmax_vjp(g, scores, relevance, *, present=True):
    r"""Pull $g$ back to $(s, y)$.

    Among the present items this is a cross-entropy with soft targets, $\bar s_i = g\,(p_i \sum_j y_j - y_i)$ and
    $\bar y_i = -g \log p_i$; on the others nothing depends, hence both are 0 there.
    """
    s_bar, y_bar = soft_cross_entropy_vjp(g, *_of_present(scores, relevance, present))
    return s_bar, jnp.where(present, y_bar, 0)


def listwise_softmax_examples(random):
    """All present, some, NaN in the padding, a list of padding only, and scores far apart."""
    scores, relevance = random.standard_normal((7, 4)), 1.0 * random.integers(0, 3, (7, 4))
    present = random.uniform(size=(7, 4)) < 0.6
    present[0], present[1], present[2] = False, True, [False, True, False, False]
    yield (scores, relevance), {}
    yield (scores[:1], relevance[:1]), {"present": False}
    yield (scores, random.standard_normal((7, 4))), {"present": present}
    yield (30 * scores, relevance), {"present": present}
    nan = jnp.where(present, 0, jnp.nan)
    yield (scores + nan, relevance + nan), {"present": present}


def _of_present(scores, relevance, present):
    """Scores of -∞ and relevance 0 in the place of what is not there; scores of 0 where a list has nothing at all."""
    if jnp.shape(present) not in [(), scores.shape]:
        raise ValueError(
            f"present must be one Boolean, or one for each item in the shape {scores.shape}, but was given in the "
            f"shape {jnp.shape(present)}."
        )
    present = jnp.broadcast_to(present, scores.shape)
    absent = jnp.where(present.any(axis=-1, keepdims=True), -jnp.inf, 0).astype(scores.dtype)
    return jnp.where(present, scores, absent), jnp.where(present, relevance, 0)
