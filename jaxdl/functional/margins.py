r"""Losses that require a margin between classes, one number per example.

For two classes the labels are the signs -1 and 1; a class number $k \in \{0, 1\}$ has the sign $2k - 1$. For more
classes the labels are class numbers.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Integer

from jaxdl.functional._arguments import check_annotations
from jaxdl.functional._validity import is_class, one_or_nan, sign_or_nan


def hinge(scores: Float[Array, "batch"], labels: Integer[Array, "batch"]) -> Float[Array, "batch"]:
    r"""Hinge loss of support vector machines, with labels -1 and 1.

    $L_n = \max(0, 1 - s_n y_n)$ for the score $y$ and the label $s \in \{-1, 1\}$.

    The kink is at the margin $s y = 1$; there the derivative is taken to be 0: an example exactly on the margin does
    not move the parameters.

    Args:
        scores: Scores $y$ of shape (batch,).
        labels: Labels $s$ of shape (batch,), each -1 or 1. For any other label the loss and the gradient of the example
            are NaN.

    Returns:
        One loss per example, of shape (batch,).

    Raises:
        TypeError: If a dtype differs from the annotation.
        ValueError: If a shape differs from the annotation.

    References:
        Cortes and Vapnik, *Support-vector networks* (1995).

    Example:
        >>> scores, labels = jnp.array([2.0, 0.5, -1.0]), jnp.array([1, 1, 1])
        >>> F.hinge(scores, labels).tolist()  # beyond the margin, within it, on the wrong side
        [0.0, 0.5, 2.0]
    """
    check_annotations(hinge, scores, labels)
    margin = sign_or_nan(labels, scores.dtype) * scores
    return jnp.where(margin >= 1, 0, 1 - margin)


def hinge_vjp(g, scores, labels):
    r"""Pull $g$ back to the scores.

    Beyond the margin, for $s y \ge 1$, the loss is constantly 0 (at $s y = 1$ we take the derivative of this piece).
    Within it, for $s y < 1$, the loss is $1 - s y$, with the derivative $-s$. Hence

    $$
    \frac{\partial L}{\partial y} = -s\,[s y < 1] ,
    \qquad
    \bar y = -g\,s\,[s y < 1] .
    $$

    Only examples within the margin or on the wrong side move the parameters.
    """
    s = sign_or_nan(labels, scores.dtype)
    return (jnp.where(s * scores >= 1, 0, -g * s),)


def hinge_examples(random):
    """Both sides of the margin, the margin itself for both labels, and invalid labels."""
    scores = random.standard_normal(9)
    scores[:4] = [1, 1, -1, -1]
    yield (scores, jnp.array([1, -1, 1, -1, 1, -1, 1, -1, 1])), {}
    yield (scores, jnp.array([1, -1, 0, 2, 1, -1, -2, -1, 1])), {}
    yield (scores, jnp.array([1, 255, 0, 2, 1, 255, 0, 1, 1], jnp.uint8)), {}


def squared_hinge(scores: Float[Array, "batch"], labels: Integer[Array, "batch"]) -> Float[Array, "batch"]:
    r"""Squared hinge loss, with labels -1 and 1.

    $L_n = \max(0, 1 - s_n y_n)^2$ for the score $y$ and the label $s \in \{-1, 1\}$.

    Its slope is continuous; the second derivative jumps at the margin $s y = 1$, and is taken to be 0 there.

    Args:
        scores: Scores $y$ of shape (batch,).
        labels: Labels $s$ of shape (batch,), each -1 or 1. For any other label the loss and the gradient of the example
            are NaN.

    Returns:
        One loss per example, of shape (batch,).

    Raises:
        TypeError: If a dtype differs from the annotation.
        ValueError: If a shape differs from the annotation.

    References:
        Tang, *Deep learning using linear support vector machines* (2013).

    Example:
        >>> F.squared_hinge(jnp.array([2.0, 0.5, -1.0]), jnp.array([1, 1, 1])).tolist()
        [0.0, 0.25, 4.0]
    """
    check_annotations(squared_hinge, scores, labels)
    return hinge(scores, labels) ** 2


def squared_hinge_vjp(g, scores, labels):
    r"""Pull $g$ back to the scores.

    The loss is the square of the hinge loss $h = \max(0, 1 - s y)$, whose derivative is $-s\,[s y < 1]$. The chain rule
    gives

    $$
    \frac{\partial L}{\partial y} = 2 h\, \frac{\partial h}{\partial y} = -2\,s\,h\,[s y < 1] ,
    \qquad
    \bar y = -2\,g\,s\,h .
    $$

    The bracket can be left out, because $h = 0$ where it is 0.
    """
    return (-2 * g * sign_or_nan(labels, scores.dtype) * hinge(scores, labels),)


def squared_hinge_examples(random):
    """Both sides of the margin, the margin itself, large scores, and invalid labels."""
    yield from hinge_examples(random)
    yield (1e3 * random.standard_normal(9), random.choice([-1, 1], 9)), {}


def perceptron(scores: Float[Array, "batch"], labels: Integer[Array, "batch"]) -> Float[Array, "batch"]:
    r"""Perceptron loss, with labels -1 and 1.

    $L_n = \max(0, -s_n y_n)$ for the score $y$ and the label $s \in \{-1, 1\}$.

    The kink is at the boundary $y = 0$; there the derivative is taken to be $-s$: an example on the boundary counts as
    wrong, so that learning can start with all weights at zero.

    Args:
        scores: Scores $y$ of shape (batch,).
        labels: Labels $s$ of shape (batch,), each -1 or 1. For any other label the loss and the gradient of the example
            are NaN.

    Returns:
        One loss per example, of shape (batch,).

    Raises:
        TypeError: If a dtype differs from the annotation.
        ValueError: If a shape differs from the annotation.

    References:
        Rosenblatt, *The perceptron* (1958); Bishop, *Pattern Recognition and Machine Learning* (2006), section 4.1.7.

    Example:
        >>> scores, labels = jnp.array([3.0, 0.0, -3.0]), jnp.array([1, 1, 1])
        >>> F.perceptron(scores, labels).astype(int).tolist()
        [0, 0, 3]
        >>> F.perceptron_vjp(jnp.ones(3), scores, labels)[0].tolist()  # on the boundary it learns
        [0.0, -1.0, -1.0]
    """
    check_annotations(perceptron, scores, labels)
    margin = sign_or_nan(labels, scores.dtype) * scores
    return jnp.where(margin > 0, 0, -margin)


def perceptron_vjp(g, scores, labels):
    r"""Pull $g$ back to the scores.

    For a right answer, $s y > 0$, the loss is constantly 0. For a wrong one, $s y < 0$, it is $-s y$, with the
    derivative $-s$. The boundary $s y = 0$ counts as wrong. Hence

    $$
    \frac{\partial L}{\partial y} = -s\,[s y \le 0] ,
    \qquad
    \bar y = -g\,s\,[s y \le 0] .
    $$

    Only mistakes have a gradient. For $y = w \cdot x$, gradient descent with learning rate 1 is the perceptron rule
    $w \leftarrow w + s x$.
    """
    s = sign_or_nan(labels, scores.dtype)
    return (jnp.where(s * scores > 0, 0, -g * s),)


def perceptron_examples(random):
    """Right, wrong and on the boundary, for both labels, and invalid labels."""
    scores = random.standard_normal(9)
    scores[:4] = 0
    yield (scores, jnp.array([1, -1, 1, -1, 1, -1, 1, -1, 1])), {}
    yield (scores, jnp.array([1, -1, 0, 2, 1, -1, -2, -1, 1])), {}
    yield (1e4 * scores, jnp.array([1, -1, 1, -1, 1, -1, 1, -1, 1])), {}


def multiclass_hinge(scores: Float[Array, "batch classes"], labels: Integer[Array, "batch"]) -> Float[Array, "batch"]:
    r"""Multiclass hinge loss with respect to the strongest rival of the label.

    For the scores $z$ and the label $k$ it is

    $$
    L_n = \max\left(0,\; 1 + \max_{j \ne k} z_{nj} - z_{nk}\right) .
    $$

    With a single class there is no rival and the loss is 0.

    There are two kinks. Where the margin is met exactly, the derivative is taken to be 0. Where several rivals tie, the
    first of them counts as the strongest.

    Args:
        scores: Scores $z$ of shape (batch, classes).
        labels: Class numbers $k$ of shape (batch,). If a label is not a class, the loss and the gradient of its example
            are NaN.

    Returns:
        One loss per example, of shape (batch,).

    Raises:
        TypeError: If a dtype differs from the annotation.
        ValueError: If a shape differs from the annotation, or there are no classes.

    References:
        Crammer and Singer, *On the algorithmic implementation of multiclass kernel-based vector machines* (2001).

    Example:
        >>> scores, labels = jnp.array([[2.0, 0.5, -1.0], [2.0, 1.5, 1.25]]), jnp.array([0, 0])
        >>> F.multiclass_hinge(scores, labels).tolist()  # the strongest rival is 1.5, then 0.5 behind
        [0.0, 0.5]
    """
    check_annotations(multiclass_hinge, scores, labels)
    gap, _, _ = _gap_to_rival(scores, labels)
    return jnp.where(gap <= 0, 0, gap)


def multiclass_hinge_vjp(g, scores, labels):
    r"""Pull $g$ back to the scores.

    Let $r$ be the strongest rival, the first $j \ne k$ with the largest score. The loss is $L = \max(0, d)$ with the
    gap $d = 1 + z_r - z_k$, in which only two scores occur:

    $$
    \frac{\partial d}{\partial z_j} = [j = r] - [j = k] .
    $$

    The maximum passes the cotangent where $d > 0$, hence

    $$
    \bar z_j = g\,[d > 0] \left([j = r] - [j = k]\right) .
    $$

    Gradient descent lowers the score of the rival and raises that of the label.
    """
    gap, rival, one_hot = _gap_to_rival(scores, labels)
    return (jnp.where(gap <= 0, 0, g * _valid_label(scores, labels))[:, None] * (rival - one_hot),)


def multiclass_hinge_examples(random):
    """Margins that are missed, met exactly and exceeded; tied rivals; a single class; invalid labels."""
    scores, labels = random.standard_normal((9, 4)), jnp.array([0, 1, 2, 3, 0, 1, 2, 3, 0])
    scores[0] = [2, 1, 1, 0]
    scores[1] = [0.5, 0, 0.5, 0.5]
    scores[2] = [0, 0, 5, 0]
    scores[3] = [1, 0, 2, 2]
    yield (scores, labels), {}
    yield (scores, jnp.array([-1, 0, 4, 9, 2, -100, 1, 1, 0])), {}
    yield (scores[:, :1], jnp.array([0, 0, 0, 0, 1, 0, 0, 0, 0])), {}
    yield (random.standard_normal((3, 300)), jnp.array([0, 7, 255], jnp.uint8)), {}


def _gap_to_rival(scores, labels):
    """Return the gap to the strongest rival (NaN for an invalid label), and one-hot vectors of rival and label."""
    scores, one_hot = _valid_scores(scores, labels)
    if scores.shape[-1] == 0:
        raise ValueError(f"scores must have at least one class, got the shape {scores.shape}.")
    rivals = jnp.where(one_hot == 1, -jnp.inf, scores)
    strongest = rivals.argmax(axis=-1, keepdims=True)
    gap = 1 + jnp.take_along_axis(rivals, strongest, axis=-1)[:, 0] - jnp.where(one_hot == 1, scores, 0).sum(axis=-1)
    rival = jax.nn.one_hot(strongest[:, 0], scores.shape[-1], dtype=scores.dtype)
    return gap, jnp.where(one_hot == 1, 0, rival), one_hot  # a single class has no rival


def _valid_scores(scores, labels):
    """Return the scores, NaN for examples with an invalid label, and the one-hot labels."""
    one_hot = jax.nn.one_hot(labels.astype(int), scores.shape[-1], dtype=scores.dtype)
    return _valid_label(scores, labels)[:, None] * scores, one_hot


def _valid_label(scores, labels):
    """Return 1 where the label is a class, NaN elsewhere."""
    return one_or_nan(is_class(labels, scores.shape[-1]), scores.dtype)


def weston_watkins(
    scores: Float[Array, "batch classes"], labels: Integer[Array, "batch"], *, exponent: int = 1
) -> Float[Array, "batch"]:
    r"""Multiclass hinge loss of Weston and Watkins, summed over all rivals of the label.

    For the scores $z$, the label $k$ and the exponent $e$ it is

    $$
    L_n = \sum_{j \ne k} \max(0,\; 1 + z_{nj} - z_{nk})^e .
    $$

    PyTorch's `multi_margin_loss` divides it by the number of classes and calls the exponent `p`. With a single class it
    is 0.

    The kink is where a margin is met exactly; there the derivative is taken to be 0, as in PyTorch. With $e = 2$ the
    slope is continuous, and the second derivative is taken to be 0 there.

    Args:
        scores: Scores $z$ of shape (batch, classes).
        labels: Class numbers $k$ of shape (batch,). If a label is not a class, the loss and the gradient of its example
            are NaN.
        exponent: Exponent $e$, 1 or 2.

    Returns:
        One loss per example, of shape (batch,).

    Raises:
        TypeError: If a dtype differs from the annotation.
        ValueError: If a shape differs from the annotation, or the exponent is neither 1 nor 2.

    References:
        Weston and Watkins, *Support vector machines for multi-class pattern recognition* (1999).

    Example:
        >>> scores, labels = jnp.array([[2.0, 1.5, 1.25]]), jnp.array([0])
        >>> F.weston_watkins(scores, labels).tolist()  # 0.5 and 0.25, where multiclass_hinge counts only 0.5
        [0.75]
        >>> F.weston_watkins(scores, labels, exponent=2).tolist()
        [0.3125]
    """
    check_annotations(weston_watkins, scores, labels)
    _check_exponent(exponent)
    gaps, _ = _gaps_to_all(scores, labels)
    return (jnp.where(gaps <= 0, 0, gaps) ** exponent).sum(axis=-1)


def weston_watkins_vjp(g, scores, labels, *, exponent=1):
    r"""Pull $g$ back to the scores.

    Let $d_j = 1 + z_j - z_k$ be the gap to class $j$; for the label itself set $d_k = 0$, so that it adds nothing. The
    loss is $L = \sum_j \max(0, d_j)^e$. The derivative of its terms with respect to the gaps is

    $$
    s_j = \frac{\partial L}{\partial d_j} = e\,d_j^{e - 1}\,[d_j > 0] .
    $$

    The score of a rival $j$ occurs in its own gap, with the sign $+$. The score of the label occurs in the gaps of all
    rivals, with the sign $-$. With $s_k = 0$, both cases are one formula:

    $$
    \bar z_j = g \left(s_j - [j = k] \sum_i s_i\right)
    $$
    """
    _check_exponent(exponent)
    gaps, one_hot = _gaps_to_all(scores, labels)
    slope = (2 * gaps if exponent == 2 else 1) * _valid_label(scores, labels)[:, None]
    slope = jnp.where(gaps <= 0, 0, slope)
    return (g[:, None] * (slope - jnp.where(one_hot == 1, slope.sum(axis=-1, keepdims=True), 0)),)


def weston_watkins_examples(random):
    """The examples of `multiclass_hinge`, where every rival counts, and two of them with exponent 2."""
    examples = list(multiclass_hinge_examples(random))
    yield from examples
    for arguments, _ in examples[:2]:
        yield arguments, {"exponent": 2}


def _check_exponent(exponent):
    """Raise ValueError if the exponent is neither 1 nor 2."""
    if exponent not in (1, 2):
        raise ValueError(f"exponent must be 1 or 2, got {exponent}.")


def _gaps_to_all(scores, labels):
    """Return the gap to every class (0 to the label itself, NaN for an invalid label) and the one-hot labels."""
    scores, one_hot = _valid_scores(scores, labels)
    of_label = jnp.where(one_hot == 1, scores, 0).sum(axis=-1, keepdims=True)
    return jnp.where(one_hot == 1, 0 * _valid_label(scores, labels)[:, None], 1 + scores - of_label), one_hot
