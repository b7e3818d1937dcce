"""Losses that compare vectors: what belongs together comes near, what does not goes apart. One number per example."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Integer

from jaxdl.functional._arguments import as_annotated
from jaxdl.functional._validity import one_or_nan, sign_or_nan
from jaxdl.functional.sigmoids import sigmoid


def triplet(
    anchor: Float[Array, "batch features"],
    positive: Float[Array, "batch features"],
    negative: Float[Array, "batch features"],
    *,
    margin: Float[ArrayLike, ""] = 1.0,
) -> Float[Array, "batch"]:
    r"""The triplet loss $L_n = \max(0, \lVert a_n - p_n \rVert - \lVert a_n - q_n \rVert + m)$ of Euclidean distances.

    The anchor $a$ should be nearer to the positive $p$ than to the negative $q$ by the margin $m$. The kinks are at a
    margin that is exactly kept, where the derivative is taken to be 0 (PyTorch's `triplet_margin_loss` takes the
    slope), and at a distance of 0, where that of the distance is taken to be 0. PyTorch adds `eps` to each
    difference. A negative margin gives NaN. Raises where shapes or dtypes are not as annotated.
    Balntas et al., *Learning local feature descriptors with triplets and shallow convolutional neural networks* (2016).
    """
    as_annotated(triplet, anchor, positive, negative)
    missing = _missing(anchor, positive, negative, margin)
    return jnp.where(missing <= 0, 0, missing)


def triplet_vjp(g, anchor, positive, negative, *, margin=1.0):
    r"""Pull $g$ back to $(a, p, q)$.

    The derivative of $\lVert v \rVert = \sqrt{\sum_i v_i^2}$ is the unit vector $v / \lVert v \rVert$. With those of
    $a - p$ and $a - q$, called $u_p$ and $u_q$, and $h = g\,[L > 0]$: $\bar p = -h u_p$, $\bar q = h u_q$, and as $a$
    is in both distances $\bar a = h (u_p - u_q)$.
    """
    missing = _missing(anchor, positive, negative, margin)
    h = jnp.where(missing <= 0, 0, g * one_or_nan(margin >= 0, g.dtype))[:, None]
    to_positive, to_negative = h * _unit(anchor - positive), h * _unit(anchor - negative)
    return to_positive - to_negative, -to_positive, to_negative


def triplet_examples(random):
    """Margins kept, exactly kept and not; distances of zero; settings beside the default, and one that is none."""
    anchor, positive, negative = random.standard_normal((3, 9, 2))
    positive[:2] = anchor[:2]
    negative[1:3] = anchor[1:3]
    anchor[3:7] = 0
    positive[3:7] = [[3, 4], [0, 2], [3, 4], [0, 0]]
    negative[3:7] = [[0, 6], [0, -3], [5.5, 0], [1, 0]]
    for margin in (1.0, 0.5, 0.0, -1.0):
        yield (anchor, positive, negative), {"margin": margin}
    yield (1e4 * anchor, 1e4 * positive, negative), {}


def _missing(anchor, positive, negative, margin):
    """What is missing of the margin; NaN for a margin that is none."""
    valid = one_or_nan(margin >= 0, anchor.dtype)
    further = _length(valid * (anchor - positive)) - _length(valid * (anchor - negative))
    return further + jnp.asarray(margin, anchor.dtype)


def _length(vectors):
    """The Euclidean length, with the derivative 0 where it is 0."""
    squares = (vectors**2).sum(axis=-1)
    return jnp.where(squares == 0, 0, jnp.sqrt(jnp.where(squares == 0, 1, squares)))


def _unit(vectors):
    """The vectors at length 1; zero stays zero."""
    length = _length(vectors)[:, None]
    return vectors / jnp.where(length == 0, 1, length)


def cosine_embedding(
    x: Float[Array, "batch features"],
    y: Float[Array, "batch features"],
    labels: Integer[Array, "batch"],
    *,
    margin: Float[ArrayLike, ""] = 0.0,
) -> Float[Array, "batch"]:
    r"""The loss $L_n = 1 - c_n$ for pairs that belong together (label 1), $\max(0, c_n - m)$ for others (label -1).

    $c = \hat x \cdot \hat y$ is the cosine of the angle between $x$ and $y$, with
    $\hat x = x / \sqrt{\sum_i x_i^2 + 10^{-12}}$, so that zero vectors are at right angles to all, as PyTorch's
    `cosine_embedding_loss`. The kink is at $c = m$ for the label -1; there the derivative is taken to be 0 (PyTorch
    takes the slope). A margin outside $[-1, 1]$ gives NaN. A label other than -1 and 1 makes the example's loss and
    gradient NaN.
    Raises where shapes or dtypes are not as annotated.
    Bromley et al., *Signature verification using a "Siamese" time delay neural network* (1993).
    """
    as_annotated(cosine_embedding, x, y, labels)
    cosine = _valid(x, labels, margin) * (x / _norm(x) * (y / _norm(y))).sum(axis=-1)
    margin = jnp.asarray(margin, x.dtype)
    return jnp.where(labels == 1, 1 - cosine, jnp.where(cosine <= margin, 0, cosine - margin))


def cosine_embedding_vjp(g, x, y, labels, *, margin=0.0):
    r"""Pull $g$ back to $(x, y)$.

    With $r = \sqrt{\sum_i x_i^2 + 10^{-12}}$, $\partial \hat x_i / \partial x_j = ([i = j] - \hat x_i \hat x_j) / r$,
    so $\partial c / \partial x = (\hat y - c\,\hat x) / r$. The slope $\partial L / \partial c$ is $-1$ for label 1 and
    $[c > m]$ for -1. Hence $\bar x = g\,(\partial L / \partial c)\,(\hat y - c\,\hat x) / r$, and $\bar y$ likewise.
    """
    unit_x, unit_y = x / _norm(x), y / _norm(y)
    cosine = (unit_x * unit_y).sum(axis=-1)
    slope = jnp.where(labels == 1, -1, jnp.where(cosine <= jnp.asarray(margin, x.dtype), 0, 1)).astype(x.dtype)
    h, cosine = (g * _valid(x, labels, margin) * slope)[:, None], cosine[:, None]
    return h * (unit_y - cosine * unit_x) / _norm(x), h * (unit_x - cosine * unit_y) / _norm(y)


def cosine_embedding_examples(random):
    """Both labels, cosines on the margin, zero vectors, large ones, labels that are none, and settings."""
    x, y = random.standard_normal((2, 9, 3))
    x[:2], y[:2] = [[1, 0, 0], [0, 2, 0]], [[0, 1, 0], [0, 0, 3]]
    labels = jnp.array([-1, 1, -1, 1, -1, 1, -1, 1, -1])
    for margin in (0.0, 0.25, -0.5, 1.5, -1.5):
        yield (x, y, labels), {"margin": margin}
    yield (1e4 * x, y, labels), {}
    yield (x, y, jnp.array([0, 2, 1, -1, 255, 1, 1, -1, 7])), {}
    yield (x, y, jnp.array([0, 2, 1, 1, 255, 1, 1, 1, 7], jnp.uint8)), {}
    yield (jnp.asarray(x).at[3:5].set(0), jnp.asarray(y).at[4:6].set(0), labels), {}


def _norm(vectors):
    """The length, a little more than it is so that nothing is divided by zero, with an axis to divide by."""
    return jnp.sqrt((vectors**2).sum(axis=-1, keepdims=True) + 1e-12)


def _valid(x, labels, margin):
    """One where margin and label are in their ranges, NaN elsewhere."""
    return sign_or_nan(labels, x.dtype) ** 2 * one_or_nan((margin >= -1) & (margin <= 1), x.dtype)


def negative_sampling(
    center: Float[Array, "batch features"],
    context: Float[Array, "batch features"],
    negatives: Float[Array, "batch negatives features"],
) -> Float[Array, "batch"]:
    r"""The skip-gram loss with negative samples, $L_n = -\log \sigma(c \cdot o) - \sum_k \log \sigma(-c \cdot q_k)$.

    The vector $c$ of a word should tell the vector $o$ of a word near it from the vectors $q_k$ of words drawn at
    random; in nats. Raises where shapes or dtypes are not as annotated. Mikolov et al., *Distributed representations of
    words and phrases and their compositionality* (2013), section 2.2.
    """
    as_annotated(negative_sampling, center, context, negatives)
    near, drawn = _products(center, context, negatives)
    return jnp.logaddexp(-near, 0.0) + jnp.logaddexp(drawn, 0.0).sum(axis=-1)


def negative_sampling_vjp(g, center, context, negatives):
    r"""Pull $g$ back to $(c, o, q)$.

    With $u = c \cdot o$ and $v_k = c \cdot q_k$: $-\log \sigma(u) = \log(1 + e^{-u})$ has the derivative
    $-\sigma(-u)$, and $-\log \sigma(-v)$ has $\sigma(v)$, hence $\bar u = -g\,\sigma(-u)$ and
    $\bar v_k = g\,\sigma(v_k)$. By the product rule $\bar o = \bar u\,c$, $\bar q_k = \bar v_k\,c$, and
    $\bar c = \bar u\,o + \sum_k \bar v_k\,q_k$.
    """
    u, v = _products(center, context, negatives)
    u_bar = (-g * sigmoid(-u))[:, None]
    v_bar = (g[:, None] * sigmoid(v))[:, :, None]
    return u_bar * context + (v_bar * negatives).sum(axis=1), u_bar * center, v_bar * center[:, None]


def negative_sampling_examples(random):
    """Many negatives, one, none; words that are told apart, and those that are not."""
    for batch, negatives in [(7, 5), (1, 1), (4, 0)]:
        center, context = random.standard_normal((2, batch, 3))
        yield (center, context, random.standard_normal((batch, negatives, 3))), {}
    yield (20 * center, context, random.standard_normal((4, 2, 3))), {}


def _products(center, context, negatives):
    """The product of the center with its context, and with each of the negatives."""
    return (center * context).sum(axis=-1), (center[:, None] * negatives).sum(axis=-1)
