"""Losses for integer class labels, one number per example: the negative logarithm of the label's probability."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Integer

from jaxdl.functional._arguments import check_annotations
from jaxdl.functional._types import ClassWeights, Scalar
from jaxdl.functional._validity import in_range, is_class, is_fraction, is_number, one_or_nan
from jaxdl.functional.softmaxes import log_softmax, softmax


def cross_entropy(
    logits: Float[Array, "batch classes"],
    labels: Integer[Array, "batch"],
    *,
    smoothing: Scalar = 0.0,
    class_weights: ClassWeights = 1.0,
    ignored: int = -100,
) -> Float[Array, "batch"]:
    r"""Softmax cross-entropy with integer labels, in nats.

    With the softmax $p$ of the logits $z$ and the label $k_n$ it is $L_n = -\log p_{n k_n}$. With label smoothing
    $\epsilon$ over all $K$ classes and class weights $w$ it is

    $$
    L_n = -(1 - \epsilon)\,w_{k_n} \log p_{n k_n} - \frac{\epsilon}{K} \sum_c w_c \log p_{nc} ,
    $$

    as PyTorch's `cross_entropy` with `reduction="none"`.

    PyTorch's mean is $\sum_n L_n / \sum_n s_n$ with $s_n = w_{k_n}$, and $s_n = 0$ for ignored examples. Without
    smoothing this equals `weighted_mean(losses, s)` of the losses without class weights.

    Args:
        logits: Logits $z$ of shape (batch, classes).
        labels: Class numbers $k$ of shape (batch,), any integer dtype. If a label is not a class (below 0, or at least
            the number of classes) and not `ignored`, the loss and the gradient of its example are NaN.
        smoothing: Label smoothing $0 \le \epsilon \le 1$; NaN if out of range.
        class_weights: Weights $w \ge 0$, one number or one for each class; NaN if any is negative.
        ignored: Examples with this label have loss and gradient 0, even if their logits are NaN.

    Returns:
        One loss per example, of shape (batch,).

    Raises:
        TypeError: If a dtype differs from the annotation.
        ValueError: If a shape differs from the annotation, or `class_weights` has neither one number nor one per class.

    References:
        Bishop, *Pattern Recognition and Machine Learning* (2006), section 4.3.4; Szegedy et al., *Rethinking the
        Inception architecture for computer vision* (2016), section 7.

    Example:
        >>> logits, labels = jnp.array([[0.0, 0.0], [0.0, 30.0], [5.0, 1.0]]), jnp.array([0, 1, -100])
        >>> [round(loss, 3) for loss in F.cross_entropy(logits, labels).tolist()]  # log 2, almost 0, ignored
        [0.693, 0.0, 0.0]
        >>> round(float(F.cross_entropy(logits, labels, smoothing=0.1)[1]), 3)  # smoothing penalizes confidence
        1.5
    """
    check_annotations(cross_entropy, logits, labels)
    if logits.shape[-1] == 0:  # no label is a class
        return _loss_without_classes(logits, labels, ignored)
    losses = -log_softmax(_mask_ignored(logits, labels, ignored))
    w, epsilon = _valid_weights(logits, class_weights), _valid_smoothing(smoothing, logits.dtype)
    label = jnp.clip(labels.astype(int), 0, logits.shape[-1] - 1)
    of_label = w[label] * jnp.take_along_axis(losses, label[:, None], axis=-1)[:, 0]
    uniform = jnp.where(smoothing == 0, 0, epsilon * (w * losses).mean(axis=-1))
    valid = one_or_nan(is_class(labels, logits.shape[-1]), logits.dtype)
    return jnp.where(is_number(labels, ignored), 0, valid * ((1 - epsilon) * of_label + uniform))


def cross_entropy_vjp(g, logits, labels, *, smoothing=0.0, class_weights=1.0, ignored=-100):
    r"""Pull $g$ back to the logits.

    The loss of an example depends only on its own logits, so we leave out the index $n$. First write the loss as one
    sum over all classes, in which every class has a target $t_c$:

    $$
    L = -\sum_c t_c \log p_c
    \qquad \text{with} \qquad
    t_c = w_c \left((1 - \epsilon) [c = k] + \frac{\epsilon}{K}\right) .
    $$

    The targets do not depend on the logits. The logarithm of the softmax is

    $$
    \log p_c = \log \frac{e^{z_c}}{\sum_i e^{z_i}} = z_c - \log \sum_i e^{z_i} .
    $$

    Its second term has the softmax as its derivative, by the chain rule for the logarithm:

    $$
    \frac{\partial}{\partial z_j} \log \sum_i e^{z_i} = \frac{e^{z_j}}{\sum_i e^{z_i}} = p_j ,
    \qquad \text{hence} \qquad
    \frac{\partial \log p_c}{\partial z_j} = [c = j] - p_j .
    $$

    The chain rule sums over all classes $c$. The sum of $t_c [c = j]$ is $t_j$, and $p_j$ does not depend on $c$:

    $$
    \begin{aligned}
    \bar z_j &= -g \sum_c t_c \left([c = j] - p_j\right) \\
    &= g \left(p_j \sum_c t_c - t_j\right) .
    \end{aligned}
    $$

    Without smoothing and class weights, $t$ is one-hot and sums to 1. Then $\bar z_j = g\,(p_j - [j = k])$, the
    predicted distribution minus the target distribution. The gradient of an ignored example is 0.
    """
    p = softmax(_mask_ignored(logits, labels, ignored))
    t = _targets(logits, labels, smoothing, class_weights, ignored)
    return (g[:, None] * (p * t.sum(axis=-1, keepdims=True) - t),)


def cross_entropy_examples(random):
    """All classes, large logits, ignored and invalid labels, and settings inside and outside their ranges."""
    logits, labels = random.standard_normal((7, 4)), random.integers(0, 4, 7)
    yield (logits, labels), {}
    yield (30 * logits, labels), {}
    yield (logits, jnp.array([-1, 0, 1, 2, 3, 4, 9])), {}
    yield (random.standard_normal((3, 300)), jnp.array([0, 7, 255], jnp.uint8)), {}
    yield (logits, jnp.array([-100, 0, 1, 2, 3, -100, 9])), {"class_weights": random.uniform(size=4)}
    settings = {"ignored": -1, "smoothing": 0.2, "class_weights": random.uniform(size=4)}
    yield (logits, jnp.array([-1, 0, 1, 2, -1, -100, 9])), settings
    for smoothing in (0.1, 1.0, -0.1, 1.1):
        yield (logits, labels), {"smoothing": smoothing, "class_weights": random.uniform(size=4)}
    yield (logits, labels), {"class_weights": jnp.array([1.0, -1.0, 1.0, 1.0])}
    yield (logits + jnp.array([0, 0, 0, -jnp.inf]), jnp.array([0, 1, 2, 0, 1, 2, 0])), {}


def _mask_ignored(logits, labels, ignored):
    """Return the logits with the rows of ignored examples set to 0, so that NaN in them does not spread."""
    return jnp.where(is_number(labels, ignored)[:, None], 0, logits)


def _targets(logits, labels, smoothing, class_weights, ignored):
    """Return the target weight of every class: 0 for ignored examples, NaN if the label is not a class."""
    classes, dtype = logits.shape[-1], logits.dtype
    one_hot = jax.nn.one_hot(labels.astype(int), classes, dtype=dtype)
    epsilon = _valid_smoothing(smoothing, dtype)
    valid = one_or_nan(is_class(labels, classes), dtype)[:, None]
    targets = valid * _valid_weights(logits, class_weights) * ((1 - epsilon) * one_hot + epsilon / classes)
    return jnp.where(is_number(labels, ignored)[:, None], 0, targets)


def _loss_without_classes(scores, labels, ignored):
    """Return 0 for ignored examples and NaN for all others, because no label is a class."""
    return jnp.where(is_number(labels, ignored), 0, jnp.nan).astype(scores.dtype)


def _valid_weights(logits, class_weights):
    """Return one weight per class; all are NaN if any is negative."""
    classes = logits.shape[-1]
    if jnp.shape(class_weights) not in [(), (classes,)]:
        raise ValueError(
            f"class_weights must be one number or one for each of the {classes} classes, "
            f"got the shape {jnp.shape(class_weights)}."
        )
    w = jnp.broadcast_to(jnp.asarray(class_weights, logits.dtype), classes)
    return w * one_or_nan((w >= 0).all(), logits.dtype)


def _valid_smoothing(smoothing, dtype):
    """Return the smoothing, or NaN if it is outside [0, 1]."""
    return in_range(smoothing, is_fraction(smoothing), dtype)


def negative_log_likelihood(
    log_probabilities: Float[Array, "batch classes"],
    labels: Integer[Array, "batch"],
    *,
    class_weights: ClassWeights = 1.0,
    ignored: int = -100,
) -> Float[Array, "batch"]:
    r"""Negative log-likelihood of integer labels under given log-probabilities, in nats.

    $L_n = -w_{k_n} \ell_{n k_n}$ for labels $k$ and log-probabilities $\ell$, as PyTorch's `nll_loss` with
    `reduction="none"`. The log-probabilities are used as given, without normalizing them.

    Args:
        log_probabilities: Log-probabilities $\ell$ of shape (batch, classes), for example from `log_softmax`.
        labels: Class numbers $k$ of shape (batch,). If a label is not a class and not `ignored`, the loss and the
            gradient of its example are NaN.
        class_weights: Weights $w \ge 0$, one number or one for each class; NaN if any is negative.
        ignored: Examples with this label have loss and gradient 0.

    Returns:
        One loss per example, of shape (batch,).

    Raises:
        TypeError: If a dtype differs from the annotation.
        ValueError: If a shape differs from the annotation, or `class_weights` has neither one number nor one per class.

    References:
        Goodfellow, Bengio and Courville, *Deep Learning* (2016), section 5.5.

    Example:
        >>> log_probabilities = jnp.log(jnp.array([[0.5, 0.5], [0.25, 0.75]]))
        >>> losses = F.negative_log_likelihood(log_probabilities, jnp.array([0, 1]))
        >>> [round(loss, 3) for loss in losses.tolist()]  # -log 1/2 and -log 3/4
        [0.693, 0.288]
    """
    check_annotations(negative_log_likelihood, log_probabilities, labels)
    if log_probabilities.shape[-1] == 0:  # no label is a class
        return _loss_without_classes(log_probabilities, labels, ignored)
    t = _targets(log_probabilities, labels, 0.0, class_weights, ignored)
    return jnp.where(t == 0, 0, -t * log_probabilities).sum(axis=-1)


def negative_log_likelihood_vjp(g, log_probabilities, labels, *, class_weights=1.0, ignored=-100):
    r"""Pull $g$ back to $\ell$: $L = -\sum_c t_c \ell_c$ with $t_c = w_c [c = k]$, hence $\bar\ell_c = -g\,t_c$."""
    return (-g[:, None] * _targets(log_probabilities, labels, 0.0, class_weights, ignored),)


def negative_log_likelihood_examples(random):
    """Class weights, ignored and invalid labels, and classes of probability 0."""
    log_probabilities, labels = -random.uniform(size=(7, 4)), random.integers(0, 4, 7)
    yield (log_probabilities, labels), {}
    yield (log_probabilities, labels), {"class_weights": 0.3}
    yield (log_probabilities, jnp.array([-100, 0, 1, 2, 3, 4, -1])), {"class_weights": random.uniform(size=4)}
    settings = {"ignored": -1, "class_weights": random.uniform(size=4)}
    yield (log_probabilities, jnp.array([-1, 0, 1, 2, -1, -100, 9])), settings
    yield (log_probabilities, labels), {"class_weights": -1.0}
    yield (log_probabilities + jnp.array([0, 0, 0, -jnp.inf]), jnp.array([0, 1, 2, 0, 1, 2, 0])), {}
