"""Losses of yes-or-no questions, one number per example: the cross-entropy of answers and their probabilities.

An answer is a number in [0, 1]: 1 for yes, 0 for no, or a probability. An example may have one question or several.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Real

from jaxdl.functional._arguments import check_annotations
from jaxdl.functional._types import Scalar
from jaxdl.functional._validity import check, in_range, is_fraction, is_not_negative, one_or_nan
from jaxdl.functional.sigmoids import sigmoid


def sigmoid_binary_cross_entropy(
    logits: Float[Array, "batch *outputs"], labels: Real[Array, "batch *outputs"], *, positive_weight: Scalar = 1.0
) -> Float[Array, "batch"]:
    r"""Binary cross-entropy of the logistic function of the logits, summed over the outputs, in nats.

    For the logits $z$, the labels $t$ and the weight $w$ it is

    $$
    L_n = -\sum_o \left(w\,t_{no} \log \sigma(z_{no}) + (1 - t_{no}) \log \sigma(-z_{no})\right) .
    $$

    Each output is a separate yes-or-no question, whose answer is yes with probability $\sigma(z)$ and no with
    probability $1 - \sigma(z) = \sigma(-z)$.

    With $w = 1$ it is the sum over the outputs of optax's `sigmoid_binary_cross_entropy`, and in general that of
    PyTorch's `binary_cross_entropy_with_logits`, where $w$ is `pos_weight`.

    Args:
        logits: Logits $z$ of shape (batch,), one per example, or (batch, outputs).
        labels: Labels $t$ of the same shape, integers 0 and 1 or numbers in $[0, 1]$. Any other gives NaN in the loss
            and its gradients.
        positive_weight: Weight $w \ge 0$ of the answer yes; NaN if negative.

    Returns:
        One loss per example, of shape (batch,).

    Raises:
        TypeError: If a dtype differs from the annotation.
        ValueError: If the shapes differ.

    References:
        Bishop, *Pattern Recognition and Machine Learning* (2006), section 4.3.2.

    Example:
        >>> logits, labels = jnp.array([0.0, 3.0, 3.0]), jnp.array([1, 1, 0])
        >>> losses = F.sigmoid_binary_cross_entropy(logits, labels)
        >>> [round(loss, 3) for loss in losses.tolist()]  # undecided, right, wrong
        [0.693, 0.049, 3.049]
    """
    check_annotations(sigmoid_binary_cross_entropy, logits, labels)
    yes, no = _answers(logits, labels)
    yes = _valid_weight(positive_weight, logits.dtype) * yes
    return _per_example(yes * jnp.logaddexp(-logits, 0.0) + no * jnp.logaddexp(logits, 0.0))


def sigmoid_binary_cross_entropy_vjp(g, logits, labels, *, positive_weight=1.0):
    r"""Pull $g$ back to $z$, and to $t$ if the labels are floating.

    The loss of an example is a sum over its outputs, and the logit of an output is only in the term of this output. So
    it is enough to differentiate one term,

    $$
    \ell = -w\,t \log \sigma(z) - (1 - t) \log \sigma(-z) .
    $$

    The first logarithm is $-\log \sigma(z) = \log(1 + e^{-z})$, by the definition of $\sigma$. By the chain rule

    $$
    \frac{\partial}{\partial z} \left(-\log \sigma(z)\right)
    = \frac{-e^{-z}}{1 + e^{-z}}
    = \frac{-1}{e^z + 1}
    = -\sigma(-z) .
    $$

    The second logarithm is the first one at $-z$, whose inner derivative $-1$ reverses the sign:

    $$
    \frac{\partial}{\partial z} \left(-\log \sigma(-z)\right) = \sigma(z) .
    $$

    Both together, times the cotangent $g$ of the loss, give

    $$
    \bar z = g\, \frac{\partial \ell}{\partial z} = g \left((1 - t)\,\sigma(z) - w\,t\,\sigma(-z)\right) .
    $$

    For $w = 1$ this is $g\,(\sigma(z) - t)$, the prediction minus the label, because $\sigma(-z) = 1 - \sigma(z)$.

    The loss is linear in $t$, so its derivative is the difference of the two logarithms:

    $$
    \bar t = g \left(w \log(1 + e^{-z}) - \log(1 + e^z)\right) .
    $$
    """
    yes, no = _answers(logits, labels)
    w, g = _valid_weight(positive_weight, logits.dtype), _to_outputs(g, logits)
    z_bar = g * (no * sigmoid(logits) - w * yes * sigmoid(-logits))
    valid = one_or_nan(is_fraction(labels), logits.dtype)
    t_bar = g * valid * (w * jnp.logaddexp(-logits, 0.0) - jnp.logaddexp(logits, 0.0))
    return (z_bar, t_bar.astype(labels.dtype)) if jnp.issubdtype(labels.dtype, jnp.floating) else (z_bar,)


def sigmoid_binary_cross_entropy_examples(random):
    """Integer labels and numbers inside [0, 1], at its ends and outside; one output and several; large logits."""
    logits, labels = random.standard_normal((7, 4)), random.uniform(0.1, 0.9, (7, 4))
    yield (logits, labels), {}
    yield (logits[:1], labels[:1]), {"positive_weight": 0.5}
    labels = labels.copy()
    labels[:3, 0], labels[2:5, 1], labels[3:, 2] = 0, 1, 0.5
    yield (logits, labels), {"positive_weight": 2.5}
    yield (100 * logits, labels.round()), {"positive_weight": 0.0}
    yield (logits, 1.5 * labels - 0.2), {}
    scores = random.standard_normal(9)
    scores[:4] = 0, 0, 60, -60
    yield (scores, jnp.array([0, 1, 0, 1, 0, 1, 0, 1, 2])), {}
    yield (scores, jnp.array([0, 1, 1, 0, 0, 1, 0, 1, -1])), {"positive_weight": 2.5}
    yield (scores, jnp.array([0, 1, 0, 1, 0, 1, 0, 1, 0])), {"positive_weight": -1.0}
    yield (scores, jnp.array([0, 1, 0, 1, 0, 1, 2, 255, 0], jnp.uint8)), {}


def binary_cross_entropy(
    probabilities: Float[Array, "batch *outputs"], labels: Real[Array, "batch *outputs"]
) -> Float[Array, "batch"]:
    r"""Binary cross-entropy of given probabilities, summed over the outputs, in nats.

    For the probabilities $p$ of yes and the labels $t$ it is

    $$
    L_n = -\sum_o \left(t_{no} \log p_{no} + (1 - t_{no}) \log (1 - p_{no})\right) ,
    $$

    with $0 \log 0 = 0$. A wrong answer with certainty costs $\infty$; PyTorch's `binary_cross_entropy` limits each
    logarithm to -100. For the output of a network use `sigmoid_binary_cross_entropy`, which takes logits and is
    accurate for probabilities near 0 and 1.

    Args:
        probabilities: Probabilities $p$ in $[0, 1]$ of shape (batch,), one per example, or (batch, outputs). Traced
            values outside this range give NaN in the loss and its gradients.
        labels: Labels $t$ of the same shape, integers 0 and 1 or numbers in $[0, 1]$. Any other gives NaN in the loss
            and its gradients.

    Returns:
        One loss per example, of shape (batch,).

    Raises:
        TypeError: If a dtype differs from the annotation.
        ValueError: If the shapes differ, or a probability is outside $[0, 1]$ and not traced.

    References:
        Bishop, *Pattern Recognition and Machine Learning* (2006), section 4.3.2.

    Example:
        >>> losses = F.binary_cross_entropy(jnp.array([0.5, 1.0, 0.25]), jnp.array([1, 1, 1]))
        >>> [round(loss, 3) for loss in losses.tolist()]  # log 2, 0 and log 4
        [0.693, 0.0, 1.386]
    """
    check_annotations(binary_cross_entropy, probabilities, labels)
    outside = (probabilities < 0) | (probabilities > 1)
    check(
        ~outside.any(),
        "probabilities must be between 0 and 1, got at least one outside. For logits use sigmoid_binary_cross_entropy.",
    )
    p = _fraction_or_nan(probabilities, probabilities.dtype)
    yes, no = _answers(p, labels)
    return _per_example(0 - (yes * _log(p, yes) + no * _log1m(p, no)))  # 0 - 0 is 0, but -0 is -0


def binary_cross_entropy_vjp(g, probabilities, labels):
    r"""Pull $g$ back to $p$, and to $t$ if the labels are floating.

    Each probability is only in the term of its own output, $\ell = -t \log p - (1 - t) \log(1 - p)$. The derivative of
    $\log p$ is $1 / p$, and that of $\log(1 - p)$ is $-1 / (1 - p)$, hence

    $$
    \bar p = g\, \frac{\partial \ell}{\partial p} = g \left(\frac{1 - t}{1 - p} - \frac{t}{p}\right) ,
    $$

    where a term whose numerator is 0 is absent, also for $p = 0$ or $p = 1$. The loss is linear in $t$, hence

    $$
    \bar t = g \left(\log(1 - p) - \log p\right) ;
    $$

    a logarithm of 0 whose factor in the loss is 0 is taken to be 0.
    """
    p, g = _fraction_or_nan(probabilities, g.dtype), _to_outputs(g, probabilities)
    yes, no = _answers(p, labels)
    p_bar = g * (jnp.where(no == 0, 0, no / (1 - p)) - jnp.where(yes == 0, 0, yes / p))
    t_bar = g * one_or_nan(is_fraction(labels), p.dtype) * (_log1m(p, no) - _log(p, yes))
    return (p_bar, t_bar.astype(labels.dtype)) if jnp.issubdtype(labels.dtype, jnp.floating) else (p_bar,)


def binary_cross_entropy_examples(random):
    """Integer labels and numbers inside [0, 1], at its ends and outside; probabilities at the ends of their range."""
    p, labels = random.uniform(0.05, 0.95, (7, 4)), random.uniform(0.1, 0.9, (7, 4))
    yield (p, labels), {}
    yield (p[:1], labels[:1]), {}
    yield (p[:, 0], random.integers(0, 2, 7)), {}
    yield (p[:, 0], jnp.array([0, 1, 0, 1, 2, -1, 0])), {}
    yield (p[:, 0], jnp.array([0, 1, 0, 1, 2, 255, 0], jnp.uint8)), {}
    yield (jnp.array([0.0, 1.0, 1e-6, 0.5]), jnp.array([0.0, 1.0, 1.0, 0.5])), {}
    yield (p, 1.5 * labels - 0.2), {}


def _answers(logits, labels):
    """Return the parts of yes and no in each label, t and 1 - t in the dtype of the logits; NaN if it is invalid."""
    yes = _fraction_or_nan(labels, logits.dtype)
    return yes, 1 - yes


def _fraction_or_nan(part, dtype):
    """Return the number in this dtype, or NaN where it is outside [0, 1]."""
    return in_range(part, is_fraction(part), dtype)


def _valid_weight(weight, dtype):
    """Return the weight of the answer yes, or NaN if it is negative."""
    return in_range(weight, is_not_negative(weight), dtype)


def _log(p, factor):
    """Return log p, or 0 where p and its factor are 0."""
    return jnp.log(jnp.where((p == 0) & (factor == 0), 1, p))


def _log1m(p, factor):
    """Return log(1 - p), or 0 where 1 - p and its factor are 0."""
    return jnp.log1p(jnp.where((p == 1) & (factor == 0), 0, -p))


def _per_example(losses):
    """Sum over all axes but the first."""
    return losses.sum(axis=tuple(range(1, losses.ndim)))


def _to_outputs(g, outputs):
    """Give the cotangent of one number per example the axes of the outputs."""
    return g.reshape(g.shape + (1,) * (outputs.ndim - 1))
