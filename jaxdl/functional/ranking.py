"""Ranking losses, one number per example, which is a pair or a list of items."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxdl.functional._arguments import check_annotations
from jaxdl.functional._types import Booleans, Scalar
from jaxdl.functional._validity import one_or_nan
from jaxdl.functional.divergences import soft_cross_entropy, soft_cross_entropy_vjp
from jaxdl.functional.sigmoids import sigmoid


def pairwise_hinge(
    better: Float[Array, "batch"], worse: Float[Array, "batch"], *, margin: Scalar = 1.0
) -> Float[Array, "batch"]:
    r"""Hinge loss $L_n = \max(0, m - (a_n - b_n))$ of a pair whose score $a$ should exceed $b$ by the margin $m$.

    The kink is at $a - b = m$; there the derivative is taken to be 0 (PyTorch's `margin_ranking_loss` takes the slope
    of the linear piece).

    Args:
        better: Scores $a$ of the better items, of shape (batch,).
        worse: Scores $b$ of the worse items, of shape (batch,).
        margin: Margin $m \ge 0$; may be traced. A negative one gives NaN.

    Returns:
        Losses of shape (batch,), in units of the score.

    Raises:
        TypeError: If `better` or `worse` is not floating.
        ValueError: If the shapes differ.

    References:
        Herbrich, Graepel and Obermayer, *Large margin rank boundaries for ordinal regression* (2000).

    Example:
        A pair in the right order still costs something if the difference is below the margin:

        >>> F.pairwise_hinge(jnp.array([3.0, 1.5, 0.0]), jnp.array([1.0, 1.0, 1.0])).tolist()
        [0.0, 0.5, 2.0]
    """
    check_annotations(pairwise_hinge, better, worse)
    shortfall = _shortfall(better, worse, margin)
    return jnp.where(shortfall <= 0, 0, shortfall)


def pairwise_hinge_vjp(g, better, worse, *, margin=1.0):
    r"""Pull $g$ back to $(a, b)$.

    The loss is $L = \max(0, d)$ with the shortfall $d = m - (a - b)$, whose derivative is $-1$ with respect to $a$ and
    1 with respect to $b$. The maximum passes the cotangent where $d > 0$, hence

    $$
    \bar a = -g\,[d > 0] , \qquad \bar b = g\,[d > 0] .
    $$
    """
    slope = jnp.where(_shortfall(better, worse, margin) <= 0, 0, g * one_or_nan(margin >= 0, g.dtype))
    return -slope, slope


def pairwise_hinge_examples(random):
    """Pairs beyond, exactly at and below the margin; other margins, valid and invalid."""
    better, worse = random.standard_normal((2, 9))
    worse[:5] = better[:5] - jnp.array([1, 0.5, 0, 2, -1])
    better[:5], worse[:5] = [1, 0.5, 0, 2, -1], 0
    for margin in (1.0, 0.5, 0.0, -1.0):
        yield (better, worse), {"margin": margin}


def _shortfall(better, worse, margin):
    """Return margin - (better - worse), or NaN if the margin is negative."""
    return one_or_nan(margin >= 0, better.dtype) * (jnp.asarray(margin, better.dtype) - (better - worse))


def pairwise_logistic(better: Float[Array, "batch"], worse: Float[Array, "batch"]) -> Float[Array, "batch"]:
    r"""Logistic loss $L_n = \log(1 + e^{-(a_n - b_n)})$ of a pair whose score $a$ should exceed $b$.

    It is $-\log \sigma(a - b)$, where $\sigma(a - b)$ is the modeled probability that the order is right.

    Args:
        better: Scores $a$ of the better items, of shape (batch,).
        worse: Scores $b$ of the worse items, of shape (batch,).

    Returns:
        Losses of shape (batch,), in nats. A tie costs $\log 2$.

    Raises:
        TypeError: If an argument is not floating.
        ValueError: If the shapes differ.

    References:
        Burges et al., *Learning to rank using gradient descent* (2005).
        Rendle et al., *BPR: Bayesian personalized ranking from implicit feedback* (2009).

    Example:
        >>> loss = F.pairwise_logistic(jnp.array([5.0, 1.0, 1.0]), jnp.array([1.0, 1.0, 5.0]))
        >>> print(np.asarray(loss).round(3))
        [0.018 0.693 4.018]
    """
    check_annotations(pairwise_logistic, better, worse)
    return jnp.logaddexp(worse - better, 0.0)


def pairwise_logistic_vjp(g, better, worse):
    r"""Pull $g$ back to $(a, b)$.

    The loss is the softplus $\log(1 + e^u)$ of $u = b - a$. The chain rule gives its derivative,

    $$
    \frac{\partial}{\partial u} \log(1 + e^u) = \frac{e^u}{1 + e^u} = \sigma(u) ,
    $$

    and $u$ has the derivative $-1$ with respect to $a$ and 1 with respect to $b$. Hence

    $$
    \bar a = -g\,\sigma(b - a) , \qquad \bar b = g\,\sigma(b - a) .
    $$

    The gradient of a pair that is already in the right order is small.
    """
    slope = g * sigmoid(worse - better)
    return -slope, slope


def pairwise_logistic_examples(random):
    """Both orders, ties, and scores far apart, in the tails of the logistic function."""
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
    present: Booleans = True,
) -> Float[Array, "batch"]:
    r"""Cross-entropy $L_n = -\sum_i y_{ni} \log p_{ni}$ of a list, between relevance $y$ and softmax $p$ of the scores.

    Shorter lists are padded: items that are not `present` are left out of the softmax and of the sum, even if they are
    NaN. A list without any present item has loss and gradient 0. ListNet (Cao et al.) also takes the softmax of the
    relevance; to do the same, apply `softmax` to the relevance first.

    Args:
        scores: Scores of shape (batch, items).
        relevance: Relevance $y$ of the same shape, usually at least 0.
        present: Mask of items that exist: one Boolean, or one per item in the shape of `scores`.

    Returns:
        Losses of shape (batch,), in nats times the unit of relevance.

    Raises:
        TypeError: If `scores` or `relevance` is not floating.
        ValueError: If the shapes differ, or `present` is neither a scalar nor of the shape of `scores`.

    References:
        Cao et al., *Learning to rank: from pairwise approach to listwise approach* (2007).

    Example:
        A list of two items, padded to three, has the loss of the short list:

        >>> scores, relevance = jnp.array([[2.0, 0.0, 9.0]]), jnp.array([[1.0, 0.0, 0.0]])
        >>> present = jnp.array([[True, True, False]])
        >>> padded = F.listwise_softmax(scores, relevance, present=present)
        >>> short = F.listwise_softmax(scores[:, :2], relevance[:, :2])
        >>> round(float(padded[0]), 3), round(float(short[0]), 3)
        (0.127, 0.127)
    """
    check_annotations(listwise_softmax, scores, relevance)
    return soft_cross_entropy(*_mask_absent(scores, relevance, present))


def listwise_softmax_vjp(g, scores, relevance, *, present=True):
    r"""Pull $g$ back to $(s, y)$, the scores and the relevance.

    Among the present items this is the cross-entropy of `soft_cross_entropy` with the relevance as target. From
    $\partial \log p_j / \partial s_i = [i = j] - p_i$ follows

    $$
    \bar s_i = -g \sum_j y_j \left([i = j] - p_i\right) = g \left(p_i \sum_j y_j - y_i\right) ,
    \qquad
    \bar y_i = -g \log p_i .
    $$

    The loss does not depend on the other items, hence both are 0 there.
    """
    s_bar, y_bar = soft_cross_entropy_vjp(g, *_mask_absent(scores, relevance, present))
    return jnp.where(present, s_bar, 0), jnp.where(present, y_bar, 0)


def listwise_softmax_examples(random):
    """All items present, some, none; NaN in the padding; and scores far apart."""
    scores, relevance = random.standard_normal((7, 4)), 1.0 * random.integers(0, 3, (7, 4))
    present = random.uniform(size=(7, 4)) < 0.6
    present[0], present[1], present[2] = False, True, [False, True, False, False]
    yield (scores, relevance), {}
    yield (scores, relevance), {"present": False}
    yield (scores, random.standard_normal((7, 4))), {"present": present}
    yield (30 * scores, relevance), {"present": present}
    nan = jnp.where(present, 0, jnp.nan)
    yield (scores + nan, relevance + nan), {"present": present}


def _mask_absent(scores, relevance, present):
    """Set absent items to score -∞ and relevance 0; in a list without present items, set all scores to 0."""
    if jnp.shape(present) not in [(), scores.shape]:
        raise ValueError(
            f"present must be one Boolean or have the shape {scores.shape} of scores, got the shape "
            f"{jnp.shape(present)}. Give one Boolean per item."
        )
    present = jnp.broadcast_to(present, scores.shape)
    absent = jnp.where(present.any(axis=-1, keepdims=True), -jnp.inf, 0).astype(scores.dtype)
    return jnp.where(present, scores, absent), jnp.where(present, relevance, 0)
