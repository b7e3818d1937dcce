"""Losses that ask for a margin, one number per example.

Where there are two classes, a label is the sign -1 or 1: of a class number $k$, which is 0 or 1, it is $2k - 1$. Where
there are more, a label is the number of a class.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Integer

from jaxdl.functional._arguments import as_annotated
from jaxdl.functional._validity import is_class, one_or_nan, sign_or_nan


def hinge(scores: Float[Array, "batch"], labels: Integer[Array, "batch"]) -> Float[Array, "batch"]:
    r"""The hinge loss $L_n = \max(0, 1 - s_n y_n)$ of a score $y$ and a label $s \in \{-1, 1\}$.

    The kink is at the margin $s y = 1$; there the derivative is taken to be 0: an example that just keeps the
    margin is left alone. A label other than -1 and 1 makes the example's loss and gradient NaN. Raises where shapes
    or dtypes are not as annotated. Cortes and Vapnik, *Support-vector networks* (1995).
    """
    as_annotated(hinge, scores, labels)
    margin = sign_or_nan(labels, scores.dtype) * scores
    return jnp.where(margin >= 1, 0, 1 - margin)


def hinge_vjp(g, scores, labels):
    r"""Pull $g$ back to the scores: $\partial L / \partial y = -s\,[s y < 1]$, hence $\bar y = -g\,s\,[s y < 1]$."""
    s = sign_or_nan(labels, scores.dtype)
    return (jnp.where(s * scores >= 1, 0, -g * s),)


def hinge_examples(random):
    """Both sides of the margin, the margin itself for both labels, and labels that are none."""
    scores = random.standard_normal(9)
    scores[:4] = [1, 1, -1, -1]
    yield (scores, jnp.array([1, -1, 1, -1, 1, -1, 1, -1, 1])), {}
    yield (scores, jnp.array([1, -1, 0, 2, 1, -1, -2, -1, 1])), {}
    yield (scores, jnp.array([1, 255, 0, 2, 1, 255, 0, 1, 1], jnp.uint8)), {}


def squared_hinge(scores: Float[Array, "batch"], labels: Integer[Array, "batch"]) -> Float[Array, "batch"]:
    r"""The squared hinge loss $L_n = \max(0, 1 - s_n y_n)^2$ of a score $y$ and a label $s \in \{-1, 1\}$.

    Its slope has no jump; the second derivative has one at the margin $s y = 1$, and is 0 there. A label other than -1
    and 1 makes the example's loss and gradient NaN. Raises where shapes or dtypes are not as annotated.
    Tang, *Deep learning using linear support vector machines* (2013).
    """
    as_annotated(squared_hinge, scores, labels)
    return hinge(scores, labels) ** 2


def squared_hinge_vjp(g, scores, labels):
    r"""Pull $g$ back to the scores.

    $L = h^2$ with the hinge loss $h$, and $h\,\partial h / \partial y = -s h$ on both sides of the margin, since beyond
    it $h = 0$; hence $\bar y = -2\,g\,s\,h$.
    """
    return (-2 * g * sign_or_nan(labels, scores.dtype) * hinge(scores, labels),)


def squared_hinge_examples(random):
    """Both sides of the margin, the margin itself, scores far away, and labels that are none."""
    yield from hinge_examples(random)
    yield (1e3 * random.standard_normal(9), random.choice([-1, 1], 9)), {}


def perceptron(scores: Float[Array, "batch"], labels: Integer[Array, "batch"]) -> Float[Array, "batch"]:
    r"""The perceptron loss $L_n = \max(0, -s_n y_n)$ of a score $y$ and a label $s \in \{-1, 1\}$.

    The kink is at the boundary $y = 0$; there the derivative is taken to be $-s$: an example on the boundary counts
    as wrong, so that learning begins where all weights are zero. A label other than -1 and 1 makes the example's loss
    and gradient NaN. Raises where shapes or dtypes are not as annotated.
    Rosenblatt, *The perceptron* (1958); Bishop, *Pattern Recognition and Machine Learning* (2006), section 4.1.7.
    """
    as_annotated(perceptron, scores, labels)
    margin = sign_or_nan(labels, scores.dtype) * scores
    return jnp.where(margin > 0, 0, -margin)


def perceptron_vjp(g, scores, labels):
    r"""Pull $g$ back to the scores.

    $\partial L / \partial y = -s\,[s y \le 0]$, hence $\bar y = -g\,s\,[s y \le 0]$: only mistakes are learnt from.
    """
    s = sign_or_nan(labels, scores.dtype)
    return (jnp.where(s * scores > 0, 0, -g * s),)


def perceptron_examples(random):
    """Right, wrong and on the boundary, for both labels, and labels that are none."""
    scores = random.standard_normal(9)
    scores[:4] = 0
    yield (scores, jnp.array([1, -1, 1, -1, 1, -1, 1, -1, 1])), {}
    yield (scores, jnp.array([1, -1, 0, 2, 1, -1, -2, -1, 1])), {}
    yield (1e4 * scores, jnp.array([1, -1, 1, -1, 1, -1, 1, -1, 1])), {}


def multiclass_hinge(scores: Float[Array, "batch classes"], labels: Integer[Array, "batch"]) -> Float[Array, "batch"]:
    r"""The multiclass hinge loss $L_n = \max(0, 1 + \max_{j \ne k} z_{nj} - z_{nk})$ of scores $z$ and a label $k$.

    Only the strongest rival of the label counts; with a single class there is none and the loss is 0. The kinks are at
    a margin that is exactly kept, where the derivative is taken to be 0, and at a tie of rivals, where the first is
    the one chosen. A label that is no class makes the example's loss and gradient NaN.
    Raises where shapes or dtypes are not as annotated.
    Crammer and Singer, *On the algorithmic implementation of multiclass kernel-based vector machines* (2001).
    """
    as_annotated(multiclass_hinge, scores, labels)
    gap, _, _ = _against_the_rival(scores, labels)
    return jnp.where(gap <= 0, 0, gap)


def multiclass_hinge_vjp(g, scores, labels):
    r"""Pull $g$ back to the scores.

    With the gap $d = 1 + z_r - z_k$ to the strongest rival $r$, $L = \max(0, d)$, hence
    $\bar z_j = g\,[d > 0] ([j = r] - [j = k])$: the rival is pushed down and the label pulled up.
    """
    gap, rival, own = _against_the_rival(scores, labels)
    return (jnp.where(gap <= 0, 0, g * _valid_label(scores, labels))[:, None] * (rival - own),)


def multiclass_hinge_examples(random):
    """Margins that are kept, exactly kept and not; tied rivals; a single class; and labels that are no class."""
    scores, labels = random.standard_normal((9, 4)), jnp.array([0, 1, 2, 3, 0, 1, 2, 3, 0])
    scores[0] = [2, 1, 1, 0]
    scores[1] = [0.5, 0, 0.5, 0.5]
    scores[2] = [0, 0, 5, 0]
    scores[3] = [1, 0, 2, 2]
    yield (scores, labels), {}
    yield (scores, jnp.array([-1, 0, 4, 9, 2, -100, 1, 1, 0])), {}
    yield (scores[:, :1], jnp.array([0, 0, 0, 0, 1, 0, 0, 0, 0])), {}
    yield (random.standard_normal((3, 300)), jnp.array([0, 7, 255], jnp.uint8)), {}


def _against_the_rival(scores, labels):
    """The gap to the strongest rival (NaN where the label is no class), which that is, and which the label is."""
    scores, own = _of_class(scores, labels)
    rivals = jnp.where(own == 1, -jnp.inf, scores)
    strongest = rivals.argmax(axis=-1, keepdims=True)
    gap = 1 + jnp.take_along_axis(rivals, strongest, axis=-1)[:, 0] - jnp.where(own == 1, scores, 0).sum(axis=-1)
    return gap, jax.nn.one_hot(strongest[:, 0], scores.shape[-1], dtype=scores.dtype), own


def _of_class(scores, labels):
    """The scores, NaN for examples whose label is no class; and one for the class of the label, zero elsewhere."""
    own = jax.nn.one_hot(labels.astype(int), scores.shape[-1], dtype=scores.dtype)
    return _valid_label(scores, labels)[:, None] * scores, own


def _valid_label(scores, labels):
    """One where the label is a class, NaN elsewhere."""
    return one_or_nan(is_class(labels, scores.shape[-1]), scores.dtype)


def weston_watkins(scores: Float[Array, "batch classes"], labels: Integer[Array, "batch"]) -> Float[Array, "batch"]:
    r"""The sum of hinges $L_n = \sum_{j \ne k} \max(0, 1 + z_{nj} - z_{nk})$ over all rivals $j$ of the label $k$.

    PyTorch's `multi_margin_loss` divides it by the number of classes. With a single class it is 0. The kink is at a
    margin that is exactly kept; there the derivative is taken to be 0, as in PyTorch. A label that is no class makes
    the example's loss and gradient NaN. Raises where shapes or dtypes are not as annotated.
    Weston and Watkins, *Support vector machines for multi-class pattern recognition* (1999).
    """
    as_annotated(weston_watkins, scores, labels)
    gaps, _ = _against_all(scores, labels)
    return jnp.where(gaps <= 0, 0, gaps).sum(axis=-1)


def weston_watkins_vjp(g, scores, labels):
    r"""Pull $g$ back to the scores.

    Every rival whose gap $d_j = 1 + z_j - z_k$ is above 0 adds 1 to the slope of its own score and takes 1 from that
    of the label; with $d_k = 0$ that is $\bar z_j = g \left([d_j > 0] - [j = k] \sum_i [d_i > 0]\right)$.
    """
    gaps, own = _against_all(scores, labels)
    missed = jnp.where(gaps <= 0, 0, _valid_label(scores, labels)[:, None])
    return (g[:, None] * (missed - own * missed.sum(axis=-1, keepdims=True)),)


def weston_watkins_examples(random):
    """Those of the strongest rival alone: here every rival counts."""
    yield from multiclass_hinge_examples(random)


def _against_all(scores, labels):
    """The gap to every class (0 to the label's own, NaN where the label is no class), and which the label is."""
    scores, own = _of_class(scores, labels)
    of_label = jnp.where(own == 1, scores, 0).sum(axis=-1, keepdims=True)
    return jnp.where(own == 1, 0 * _valid_label(scores, labels)[:, None], 1 + scores - of_label), own
