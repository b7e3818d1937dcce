"""Losses that compare vectors, one number per example: similar pairs are pulled together, others are pushed apart."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Integer

from jaxdl.functional._arguments import check_annotations
from jaxdl.functional._precision import power_of_two
from jaxdl.functional._types import Scalar
from jaxdl.functional._validity import one_or_nan, sign_or_nan
from jaxdl.functional.sigmoids import sigmoid


def triplet(
    anchor: Float[Array, "batch features"],
    positive: Float[Array, "batch features"],
    negative: Float[Array, "batch features"],
    *,
    margin: Scalar = 1.0,
    norm_degree: int | float = 2,
    swap: bool = False,
) -> Float[Array, "batch"]:
    r"""Triplet loss of distances, Euclidean by default.

    The anchor $a$ should be nearer to the positive $p$ than to the negative $q$ by the margin $m$:

    $$
    \begin{gathered}
    L_n = \max(0, \lVert a_n - p_n \rVert - \lVert a_n - q_n \rVert + m), \\
    \lVert v \rVert = \left(\sum_i |v_i|^d\right)^{1/d} ,
    \end{gathered}
    $$

    the norm of the degree $d$. With `swap`, the negative should be far from both: $\lVert a_n - q_n \rVert$ becomes
    $\min(\lVert a_n - q_n \rVert, \lVert p_n - q_n \rVert)$.

    The kinks: where the margin is met exactly, the derivative is taken to be 0 (PyTorch's `triplet_margin_loss` takes
    the slope). Where a distance is 0, its derivative is taken to be 0, and for $d = 1$ also that of $|v_i|$ at 0. Where
    the two distances of `swap` are equal, each has half the derivative, as in PyTorch. PyTorch also adds `eps` to each
    difference, and calls the degree `p`.

    Args:
        anchor: Anchors $a$ of shape (batch, features).
        positive: Vectors $p$ of shape (batch, features) that belong to the anchors.
        negative: Vectors $q$ of shape (batch, features) that do not.
        margin: Margin $m \ge 0$ in units of distance; NaN if negative.
        norm_degree: Degree $1 \le d < \infty$ of the norm.
        swap: Whether the distance of positive and negative counts where it is the smaller one.

    Returns:
        One loss per example, of shape (batch,).

    Raises:
        TypeError: If a dtype differs from the annotation.
        ValueError: If a shape differs from the annotation, or the degree is below 1 or infinite.

    References:
        Balntas et al., *Learning local feature descriptors with triplets and shallow convolutional neural networks*
        (2016).

    Example:
        >>> anchor, positive = jnp.zeros((2, 2)), jnp.array([[3.0, 4.0], [3.0, 4.0]])  # both 5 apart
        >>> negative = jnp.array([[0.0, 5.5], [0.0, 7.0]])
        >>> F.triplet(anchor, positive, negative).tolist()  # the margin 1 is missed by 0.5, then met
        [0.5, 0.0]
        >>> F.triplet(anchor, positive, negative, norm_degree=1).tolist()  # 7 apart
        [2.5, 1.0]
    """
    check_annotations(triplet, anchor, positive, negative)
    _check_degree(norm_degree)
    violation = _violation(anchor, positive, negative, margin, norm_degree, swap)
    return jnp.where(violation <= 0, 0, violation)


def triplet_vjp(g, anchor, positive, negative, *, margin=1.0, norm_degree=2, swap=False):
    r"""Pull $g$ back to $(a, p, q)$.

    The chain rule, first for the power $1/d$ and then for the sum, gives the derivative of the norm:

    $$
    \begin{aligned}
    \frac{\partial \lVert v \rVert}{\partial v_i}
    &= \frac1d \left(\sum_j |v_j|^d\right)^{1/d - 1} d\,|v_i|^{d - 1}\,\mathrm{sign}(v_i) \\
    &= \mathrm{sign}(v_i) \left(\frac{|v_i|}{\lVert v \rVert}\right)^{d - 1} ,
    \end{aligned}
    $$

    because the sum to the power $1/d - 1$ is $\lVert v \rVert^{1 - d}$. For $d = 2$ it is the unit vector
    $v / \lVert v \rVert$. Let $u$, $u'$ and $u''$ be these derivatives for the differences $a - p$, $a - q$ and
    $p - q$.

    The maximum passes the cotangent where the loss is positive: $h = g\,[L > 0]$. The first distance is added and the
    second is subtracted. The anchor is in both, and the sign of $p$ and $q$ in their differences is negative, hence

    $$
    \bar a = h\,(u - u'), \qquad \bar p = -h\,u, \qquad \bar q = h\,u' .
    $$

    With `swap`, the smaller of two distances is subtracted. A share $s$ of it is that of $p - q$ (1, 0, or $\frac12$ at
    a tie) and $1 - s$ is that of $a - q$. So $u'$ is multiplied by $1 - s$, and the terms of $p - q$ are added:

    $$
    \begin{aligned}
    \bar a &= h\,(u - (1 - s)\,u') \\
    \bar p &= -h\,(u + s\,u'') \\
    \bar q &= h\,((1 - s)\,u' + s\,u'')
    \end{aligned}
    $$
    """
    _check_degree(norm_degree)
    violation = _violation(anchor, positive, negative, margin, norm_degree, swap)
    h = jnp.where(violation <= 0, 0, g * one_or_nan(margin >= 0, g.dtype))[:, None]
    positive_pull = _pull(h, anchor - positive, norm_degree)
    negative_pull = _pull(h, anchor - negative, norm_degree)
    if not swap:
        return positive_pull - negative_pull, -positive_pull, negative_pull
    share = jnp.where(h == 0, 0, _swapped_share(anchor - negative, positive - negative, norm_degree))
    negative_pull, swapped_pull = (1 - share) * negative_pull, _pull(share * h, positive - negative, norm_degree)
    return positive_pull - negative_pull, -positive_pull - swapped_pull, negative_pull + swapped_pull


def triplet_examples(random):
    """Margins that are missed, met exactly and exceeded; distances of zero; ties; all settings; a negative margin."""
    anchor, positive, negative = random.standard_normal((3, 9, 2))
    positive[:2] = anchor[:2]
    negative[1:3] = anchor[1:3]
    anchor[3:7] = 0
    positive[3:7] = [[3, 4], [0, 2], [3, 4], [0, 0]]
    negative[3:7] = [[0, 6], [0, -3], [5.5, 0], [1, 0]]
    for margin in (1.0, 0.5, 0.0, -1.0):
        yield (anchor, positive, negative), {"margin": margin}
    yield (1e4 * anchor, 1e4 * positive, negative), {}
    yield (anchor, positive, negative), {"norm_degree": 1}
    yield (anchor, positive, negative), {"margin": 4.0, "swap": True, "norm_degree": 1.5}
    halfway = jnp.array([[1.0, 0.0], [0.0, -2.0], [3.0, 4.0]])  # the negative is as far from anchor and positive
    yield (0 * halfway, 2 * halfway, halfway), {"swap": True, "norm_degree": 3}
    yield (1e4 * anchor, 1e4 * positive, negative), {"swap": True, "norm_degree": 3}


def _violation(anchor, positive, negative, margin, degree, swap):
    """Return how far each triplet falls short of the margin; NaN for a negative margin."""
    valid = one_or_nan(margin >= 0, anchor.dtype)
    to_positive = _length(valid * (anchor - positive), degree)
    to_negative = _length(valid * (anchor - negative), degree)
    if swap:
        to_negative = jnp.minimum(to_negative, _length(valid * (positive - negative), degree))
    return to_positive - to_negative + jnp.asarray(margin, anchor.dtype)


def _check_degree(degree):
    """Raise ValueError if the degree of a norm is below 1 or infinite."""
    if not 1 <= degree < math.inf:
        raise ValueError(f"norm_degree must be at least 1 and finite, got {degree}.")


def _pull(h, vectors, degree):
    """Return $h$ times the derivative of the length; 0 for $h = 0$, also if the vector is infinite."""
    return jnp.where(h == 0, 0, h * _slope(vectors, degree))


def _length(vectors, degree):
    """Return the norm of each vector, with the derivative 0 at length 0."""
    scale, length = _scaled_length(vectors, degree)
    return jnp.where(length == 0, 0, scale * length)  # XLA would fuse a bare product into differences, and break ties


def _scaled_length(vectors, degree):
    """Return a number and the norm of each vector divided by it, so that no power overflows or underflows."""
    magnitudes = vectors * jnp.sign(vectors)  # unlike that of jnp.abs, its derivative at 0 is 0
    largest = jax.lax.stop_gradient(magnitudes.max(axis=-1, keepdims=True, initial=0))
    if degree == 2:
        scale = power_of_two(largest)
        total = ((vectors * (1 / scale)) ** 2).sum(axis=-1)
        return scale[..., 0], jnp.where(total == 0, 0, jnp.sqrt(jnp.where(total == 0, 1, total)))
    scale = jnp.where((largest > 0) & (largest < jnp.inf), largest, 1)
    total = ((magnitudes / scale) ** degree).sum(axis=-1)
    return scale[..., 0], jnp.where(total == 0, 0, jnp.where(total == 0, 1, total) ** (1 / degree))


def _slope(vectors, degree):
    """Return the derivative of the norm, 0 for the zero vector; for the degree 2 it is the vector of length 1."""
    scale, length = (number[:, None] for number in _scaled_length(vectors, degree))
    ratios = vectors / scale / jnp.where(length == 0, 1, length)
    return ratios if degree == 2 else jnp.sign(vectors) * jnp.abs(ratios) ** (degree - 1)


def _swapped_share(to_anchor, to_positive, degree):
    """Return 1 where the negative is nearer to the positive than to the anchor, 1/2 at a tie, else 0, as a column."""
    difference = _length(to_anchor, degree) - _length(to_positive, degree)
    return ((1 + jnp.sign(difference)) / 2)[:, None]


def cosine_embedding(
    x: Float[Array, "batch features"],
    y: Float[Array, "batch features"],
    labels: Integer[Array, "batch"],
    *,
    margin: Scalar = 0.0,
) -> Float[Array, "batch"]:
    r"""Cosine embedding loss of pairs of vectors that belong together or do not.

    $L_n = 1 - c_n$ for label 1 (a pair that belongs together) and $\max(0, c_n - m)$ for label -1 (any other pair). The
    cosine of the angle between $x$ and $y$ is

    $$
    c = \hat x \cdot \hat y
    \qquad \text{with} \qquad
    \hat x = \frac{x}{\sqrt{\sum_i x_i^2 + 10^{-12}}}
    $$

    and $\hat y$ likewise, so that the cosine of a zero vector with any other is 0, as in PyTorch's
    `cosine_embedding_loss`. The kink is at $c = m$ for the label -1; there the derivative is taken to be 0 (PyTorch
    takes the slope).

    Args:
        x: First vectors $x$ of shape (batch, features).
        y: Second vectors $y$ of shape (batch, features).
        labels: Labels of shape (batch,), each -1 or 1. For any other label the loss and the gradient of the example are
            NaN.
        margin: Largest cosine $-1 \le m \le 1$ that costs nothing for label -1; NaN if out of range.

    Returns:
        One loss per example, of shape (batch,).

    Raises:
        TypeError: If a dtype differs from the annotation.
        ValueError: If a shape differs from the annotation.

    References:
        Bromley et al., *Signature verification using a "Siamese" time delay neural network* (1993).

    Example:
        >>> x, y = jnp.array([[1.0, 0.0], [1.0, 0.0]]), jnp.array([[0.0, 2.0], [3.0, 0.0]])  # cosines 0 and 1
        >>> F.cosine_embedding(x, y, jnp.array([1, 1])).round().tolist()
        [1.0, 0.0]
        >>> losses = F.cosine_embedding(x, y, jnp.array([-1, -1]), margin=0.25)
        >>> [round(loss, 3) for loss in losses.tolist()]
        [0.0, 0.75]
    """
    check_annotations(cosine_embedding, x, y, labels)
    (unit_x, _), (unit_y, _) = _normalize(x), _normalize(y)
    cosine = _valid(x, labels, margin) * (unit_x * unit_y).sum(axis=-1)
    margin = jnp.asarray(margin, x.dtype)
    return jnp.where(labels == 1, 1 - cosine, jnp.where(cosine <= margin, 0, cosine - margin))


def cosine_embedding_vjp(g, x, y, labels, *, margin=0.0):
    r"""Pull $g$ back to $(x, y)$.

    Let $r = \sqrt{\sum_i x_i^2 + 10^{-12}}$, so that $\hat x = x / r$. The length has the derivative
    $\partial r / \partial x_j = x_j / r = \hat x_j$, and the quotient rule gives

    $$
    \frac{\partial \hat x_i}{\partial x_j}
    = \frac{[i = j]}{r} - \frac{x_i}{r^2} \hat x_j
    = \frac{[i = j] - \hat x_i \hat x_j}{r} .
    $$

    The cosine is $c = \sum_i \hat x_i \hat y_i$. The chain rule sums over $i$:

    $$
    \frac{\partial c}{\partial x_j}
    = \sum_i \hat y_i\, \frac{[i = j] - \hat x_i \hat x_j}{r}
    = \frac{\hat y_j - c\,\hat x_j}{r} .
    $$

    The slope $s = \partial L / \partial c$ is $-1$ for label 1 and $[c > m]$ for label -1. Hence

    $$
    \bar x = g\,s\,\frac{\hat y - c\,\hat x}{r} ,
    $$

    and $\bar y$ likewise, with $x$ and $y$ exchanged.
    """
    (unit_x, norm_x), (unit_y, norm_y) = _normalize(x), _normalize(y)
    cosine = (unit_x * unit_y).sum(axis=-1)
    slope = jnp.where(labels == 1, -1, jnp.where(cosine <= jnp.asarray(margin, x.dtype), 0, 1)).astype(x.dtype)
    h, cosine = (g * _valid(x, labels, margin) * slope)[:, None], cosine[:, None]
    return h * (unit_y - cosine * unit_x) / norm_x, h * (unit_x - cosine * unit_y) / norm_y


def cosine_embedding_examples(random):
    """Both labels, cosines on the margin, zero vectors, large vectors, invalid labels, and several margins."""
    x, y = random.standard_normal((2, 9, 3))
    x[:2], y[:2] = [[1, 0, 0], [0, 2, 0]], [[0, 1, 0], [0, 0, 3]]
    labels = jnp.array([-1, 1, -1, 1, -1, 1, -1, 1, -1])
    for margin in (0.0, 0.25, -0.5, 1.5, -1.5):
        yield (x, y, labels), {"margin": margin}
    yield (1e4 * x, y, labels), {}
    yield (x, y, jnp.array([0, 2, 1, -1, 255, 1, 1, -1, 7])), {}
    yield (x, y, jnp.array([0, 2, 1, 1, 255, 1, 1, 1, 7], jnp.uint8)), {}
    yield (jnp.asarray(x).at[3:5].set(0), jnp.asarray(y).at[4:6].set(0), labels), {}


def _normalize(vectors):
    """Return each vector divided by its length, and the length; 1e-12 is added to the square, so that it is not 0."""
    scale = power_of_two(jnp.abs(vectors).max(axis=-1, keepdims=True, initial=4))
    scaled = vectors * (1 / scale)
    length = jnp.sqrt((scaled**2).sum(axis=-1, keepdims=True) + 1e-12 / scale**2)
    return scaled / length, scale * length


def _valid(x, labels, margin):
    """Return 1 where the label and the margin are valid, NaN elsewhere."""
    return sign_or_nan(labels, x.dtype) ** 2 * one_or_nan((margin >= -1) & (margin <= 1), x.dtype)


def hinge_embedding(
    distances: Float[Array, "batch"], labels: Integer[Array, "batch"], *, margin: Scalar = 1.0
) -> Float[Array, "batch"]:
    r"""Hinge embedding loss of the distances of pairs that belong together or do not.

    $L_n = d_n$ for label 1 (a pair that belongs together) and $\max(0, m - d_n)$ for label -1 (any other pair). The
    kink is at $d = m$ for the label -1; there the derivative is taken to be 0 (PyTorch's `hinge_embedding_loss` takes
    the slope).

    Args:
        distances: Distances $d$ of shape (batch,), or other measures of dissimilarity.
        labels: Labels of shape (batch,), each -1 or 1. For any other label the loss and the gradient of the example are
            NaN.
        margin: Distance $m \ge 0$ from which on a pair with label -1 costs nothing; NaN if negative.

    Returns:
        One loss per example, of shape (batch,).

    Raises:
        TypeError: If a dtype differs from the annotation.
        ValueError: If a shape differs from the annotation.

    References:
        Hadsell, Chopra and LeCun, *Dimensionality reduction by learning an invariant mapping* (2006), with squares.

    Example:
        >>> distances = jnp.array([0.25, 0.25, 3.0])
        >>> F.hinge_embedding(distances, jnp.array([1, -1, -1])).tolist()
        [0.25, 0.75, 0.0]
    """
    check_annotations(hinge_embedding, distances, labels)
    distances, margin = _valid_distances(distances, labels, margin)
    return jnp.where(labels == 1, distances, jnp.where(distances >= margin, 0, margin - distances))


def hinge_embedding_vjp(g, distances, labels, *, margin=1.0):
    r"""Pull $g$ back to $d$: $\bar d = g$ for label 1, and $\bar d = -g\,[d < m]$ for label -1."""
    valid, margin = _valid_distances(jnp.ones_like(distances), labels, margin)
    return (g * valid * jnp.where(labels == 1, 1, jnp.where(distances >= margin, 0, -1)).astype(g.dtype),)


def hinge_embedding_examples(random):
    """Both labels, distances on the margin, large and negative ones, invalid labels, and several margins."""
    distances, labels = random.standard_normal(9), jnp.array([-1, 1, -1, 1, -1, 1, -1, 1, -1])
    distances[:4] = 1, 1, 0, 0
    for margin in (1.0, 0.0, -1.0):
        yield (distances, labels), {"margin": margin}
    yield (1e4 * distances, jnp.array([0, 2, 1, -1, 255, 1, 1, -1, 7])), {}
    yield (distances, jnp.array([0, 2, 1, 1, 255, 1, 1, 1, 7], jnp.uint8)), {}


def _valid_distances(distances, labels, margin):
    """Return the distances, NaN where the label or the margin is invalid, and the margin in their dtype."""
    valid = sign_or_nan(labels, distances.dtype) ** 2 * one_or_nan(margin >= 0, distances.dtype)
    return valid * distances, jnp.asarray(margin, distances.dtype)


def negative_sampling(
    center: Float[Array, "batch features"],
    context: Float[Array, "batch features"],
    negatives: Float[Array, "batch negatives features"],
) -> Float[Array, "batch"]:
    r"""Skip-gram loss with negative samples, in nats.

    $$
    L_n = -\log \sigma(c \cdot o) - \sum_k \log \sigma(-c \cdot q_k)
    $$

    is a logistic regression on the vector $c$ of a word that distinguishes the vector $o$ of a word near it from the
    vectors $q_k$ of randomly drawn words.

    Args:
        center: Vectors $c$ of the words, of shape (batch, features).
        context: Vectors $o$ of a word near each, of shape (batch, features).
        negatives: Vectors $q$ of randomly drawn words, of shape (batch, negatives, features).

    Returns:
        One loss per example, of shape (batch,).

    Raises:
        TypeError: If a dtype differs from the annotation.
        ValueError: If a shape differs from the annotation.

    References:
        Mikolov et al., *Distributed representations of words and phrases and their compositionality* (2013),
        section 2.2.

    Example:
        >>> center, negatives = jnp.array([[2.0, 0.0]]), jnp.array([[[-2.0, 0.0], [0.0, 1.0]]])
        >>> round(float(F.negative_sampling(center, center, negatives)[0]), 3)  # log 2 is due to the second negative
        0.729
        >>> round(float(F.negative_sampling(center, -center, negatives)[0]), 3)
        4.729
    """
    check_annotations(negative_sampling, center, context, negatives)
    u, v = _products(center, context, negatives)
    return jnp.logaddexp(-u, 0.0) + jnp.logaddexp(v, 0.0).sum(axis=-1)


def negative_sampling_vjp(g, center, context, negatives):
    r"""Pull $g$ back to $(c, o, q)$.

    Name the products $u = c \cdot o$ and $v_k = c \cdot q_k$. The loss is then

    $$
    L = -\log \sigma(u) - \sum_k \log \sigma(-v_k) .
    $$

    Since $-\log \sigma(u) = \log(1 + e^{-u})$, the first term has the derivative

    $$
    \frac{\partial}{\partial u} \log(1 + e^{-u}) = \frac{-e^{-u}}{1 + e^{-u}} = -\sigma(-u) .
    $$

    The other terms are the same function at $-v_k$, whose inner derivative is $-1$, so their derivative is
    $\sigma(v_k)$. The cotangents of the products are therefore

    $$
    \bar u = -g\,\sigma(-u), \qquad \bar v_k = g\,\sigma(v_k) .
    $$

    A product $c \cdot o$ has the derivative $o$ with respect to $c$ and $c$ with respect to $o$. The vectors $o$ and
    $q_k$ are in one product each, and $c$ is in all of them, so that its terms add up:

    $$
    \bar o = \bar u\,c, \qquad
    \bar q_k = \bar v_k\,c, \qquad
    \bar c = \bar u\,o + \sum_k \bar v_k\,q_k .
    $$

    Gradient descent moves $c$ and $o$ towards each other, and $c$ and each $q_k$ apart.
    """
    u, v = _products(center, context, negatives)
    u_bar = (-g * sigmoid(-u))[:, None]
    v_bar = (g[:, None] * sigmoid(v))[:, :, None]
    return u_bar * context + (v_bar * negatives).sum(axis=1), u_bar * center, v_bar * center[:, None]


def negative_sampling_examples(random):
    """Several negatives, one and zero; products near 0 and far from it."""
    for batch, negatives in [(7, 5), (1, 1), (4, 0)]:
        center, context = random.standard_normal((2, batch, 3))
        yield (center, context, random.standard_normal((batch, negatives, 3))), {}
    yield (20 * center, context, random.standard_normal((4, 2, 3))), {}


def _products(center, context, negatives):
    """Return the product of the center with its context, and with each of the negatives."""
    return (center * context).sum(axis=-1), (center[:, None] * negatives).sum(axis=-1)
