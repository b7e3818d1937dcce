"""Losses for class labels, one number per example: the negative logarithm of the label's probability."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Integer

from jaxdl.functional._arguments import as_annotated
from jaxdl.functional._validity import in_range, is_class, is_number, is_share, one_or_nan
from jaxdl.functional.sigmoids import sigmoid
from jaxdl.functional.softmaxes import log_softmax, softmax


def cross_entropy(
    logits: Float[Array, "batch classes"],
    labels: Integer[Array, "batch"],
    *,
    smoothing: Float[ArrayLike, ""] = 0.0,
    class_weights: Float[ArrayLike, "..."] = 1.0,
    ignored: int = -100,
) -> Float[Array, "batch"]:
    r"""The cross-entropy $L_n = -\log p_{n k_n}$ of the softmax $p$ of the logits $z$ and a label $k_n$, in nats.

    With a smoothing $0 \le \epsilon \le 1$ over all $K$ classes and class weights $w \ge 0$, one number or one for each
    class, it is $L_n = -(1 - \epsilon)\,w_{k_n} \log p_{n k_n} - \frac{\epsilon}{K} \sum_c w_c \log p_{nc}$, as
    PyTorch's with `reduction="none"`. A setting out of its range gives NaN.

    An example whose label is `ignored` has loss and gradient 0, whatever its logits. Any other label that is no class
    (below 0, or the number of classes and above) makes the example's loss and gradient NaN.

    PyTorch's mean is $\sum_n L_n / \sum_n s_n$ with $s_n = w_{k_n}$, and 0 where ignored. Without smoothing that is the
    `weighted_mean` of the losses without class weights, with the weights $s$.
    Raises where shapes or dtypes are not as annotated. Bishop, *Pattern Recognition and Machine Learning* (2006),
    section 4.3.4; Szegedy et al., *Rethinking the Inception architecture for computer vision* (2016), section 7.
    """
    as_annotated(cross_entropy, logits, labels)
    losses = -log_softmax(_counted(logits, labels, ignored))
    w, epsilon = _weights(logits, class_weights), _share(smoothing, logits.dtype)
    label = jnp.clip(labels.astype(int), 0, logits.shape[-1] - 1)
    own = w[label] * jnp.take_along_axis(losses, label[:, None], axis=-1)[:, 0]
    even = jnp.where(smoothing == 0, 0, epsilon * (w * losses).mean(axis=-1))
    return _counts(logits, labels, ignored) * ((1 - epsilon) * own + even)


def cross_entropy_vjp(g, logits, labels, *, smoothing=0.0, class_weights=1.0, ignored=-100):
    r"""Pull $g$ back to the logits.

    With $t_{nc} = w_c \left((1 - \epsilon) [c = k_n] + \epsilon / K\right)$ the loss is $-\sum_c t_{nc} \log p_{nc}$.
    As $\log p_c = z_c - \log \sum_j e^{z_j}$, $\partial \log p_c / \partial z_j = [c = j] - p_j$, hence
    $\bar z_{nj} = -g_n \sum_c t_{nc} ([c = j] - p_{nj}) = g_n (p_{nj} \sum_c t_{nc} - t_{nj})$. Where $t$ sums to one,
    that is the distribution that was given minus the one that was wanted.
    """
    p = softmax(_counted(logits, labels, ignored))
    t = _wanted(logits, labels, smoothing, class_weights, ignored)
    return (g[:, None] * (p * t.sum(axis=-1, keepdims=True) - t),)


def cross_entropy_examples(random):
    """Every class, logits far apart, labels that are no class or ignored, and every setting, in and out of range."""
    logits, labels = random.standard_normal((7, 4)), random.integers(0, 4, 7)
    yield (logits, labels), {}
    yield (30 * logits, labels), {}
    yield (logits, jnp.array([-1, 0, 1, 2, 3, 4, 9])), {}
    yield (random.standard_normal((3, 300)), jnp.array([0, 7, 255], jnp.uint8)), {}
    yield (logits, jnp.array([-100, 0, 1, 2, 3, -100, 9])), {"class_weights": random.uniform(size=4)}
    yield (logits, jnp.array([3, 0, 1, 2, 3, -100, 9])), {"ignored": 3}
    for smoothing in (0.1, 1.0, -0.1, 1.1):
        yield (logits, labels), {"smoothing": smoothing, "class_weights": random.uniform(size=4)}
    yield (logits, labels), {"class_weights": jnp.array([1.0, -1.0, 1.0, 1.0])}
    yield (logits + jnp.array([0, 0, 0, -jnp.inf]), jnp.array([0, 1, 2, 0, 1, 2, 0])), {}


def _counted(logits, labels, ignored):
    """The logits, with zeros in the place of examples that are ignored, so that not even NaN comes from there."""
    return jnp.where(is_number(labels, ignored)[:, None], 0, logits)


def _wanted(logits, labels, smoothing, class_weights, ignored):
    """What is wanted of every class: 0 throughout where ignored, and NaN where the label is no class."""
    classes, dtype = logits.shape[-1], logits.dtype
    own = jax.nn.one_hot(labels.astype(int), classes, dtype=dtype)
    epsilon = _share(smoothing, dtype)
    counts = _counts(logits, labels, ignored)[:, None]
    return counts * _weights(logits, class_weights) * ((1 - epsilon) * own + epsilon / classes)


def _counts(logits, labels, ignored):
    """How often an example counts: once, not at all where it is ignored, and NaN where its label is no class."""
    return jnp.where(is_number(labels, ignored), 0, one_or_nan(is_class(labels, logits.shape[-1]), logits.dtype))


def _weights(logits, class_weights):
    """A weight for each class, NaN where any is negative."""
    classes = logits.shape[-1]
    if jnp.shape(class_weights) not in [(), (classes,)]:
        raise ValueError(
            f"class_weights must be one number or one for each of the {classes} classes, but were given in the shape "
            f"{jnp.shape(class_weights)}."
        )
    w = jnp.broadcast_to(jnp.asarray(class_weights, logits.dtype), classes)
    return w * one_or_nan((w >= 0).all(), logits.dtype)


def _share(smoothing, dtype):
    """The smoothing, NaN where it is none."""
    return in_range(smoothing, is_share(smoothing), dtype)


def negative_log_likelihood(
    log_probabilities: Float[Array, "batch classes"],
    labels: Integer[Array, "batch"],
    *,
    class_weights: Float[ArrayLike, "..."] = 1.0,
    ignored: int = -100,
) -> Float[Array, "batch"]:
    r"""The negative log-likelihood $L_n = -w_{k_n} \ell_{n k_n}$ of the labels $k$, given log-probabilities $\ell$.

    Nothing is normalized here. The class weights $w$, ignored labels and wrong labels are those of `cross_entropy`, and
    PyTorch's `nll_loss` with `reduction="none"`. Raises where shapes or dtypes are not as annotated.
    Goodfellow, Bengio and Courville, *Deep Learning* (2016), section 5.5.
    """
    as_annotated(negative_log_likelihood, log_probabilities, labels)
    wanted = _wanted(log_probabilities, labels, 0.0, class_weights, ignored)
    return jnp.where(wanted == 0, 0, -wanted * log_probabilities).sum(axis=-1)


def negative_log_likelihood_vjp(g, log_probabilities, labels, *, class_weights=1.0, ignored=-100):
    r"""Pull $g$ back to $\ell$: $L = -\sum_c t_c \ell_c$ with $t_c = w_c [c = k]$, hence $\bar\ell = -g\,t$."""
    return (-g[:, None] * _wanted(log_probabilities, labels, 0.0, class_weights, ignored),)


def negative_log_likelihood_examples(random):
    """Class weights, labels that are ignored or no class, and classes that are ruled out."""
    log_probabilities, labels = -random.uniform(size=(7, 4)), random.integers(0, 4, 7)
    yield (log_probabilities, labels), {}
    yield (log_probabilities[:1], labels[:1]), {"class_weights": 0.3}
    yield (log_probabilities, jnp.array([-100, 0, 1, 2, 3, 4, -1])), {"class_weights": random.uniform(size=4)}
    yield (log_probabilities, jnp.array([3, 0, 1, 2, 3, -100, 9])), {"ignored": 3}
    yield (log_probabilities, labels), {"class_weights": -1.0}
    yield (log_probabilities + jnp.array([0, 0, 0, -jnp.inf]), jnp.array([0, 1, 2, 0, 1, 2, 0])), {}


def binary_cross_entropy(
    logits: Float[Array, "batch"], labels: Integer[Array, "batch"], *, positive_weight: Float[ArrayLike, ""] = 1.0
) -> Float[Array, "batch"]:
    r"""The cross-entropy $L_n = w_n \log(1 + e^{-s_n z_n})$ of the logistic function and a label, in nats.

    $s = 2k - 1$ is the sign of the label $k \in \{0, 1\}$: $L = -w \log \sigma(z)$ for 1 and $-\log \sigma(-z)$ for 0.
    The positive weight $w \ge 0$ counts for the label 1 alone, as PyTorch's `pos_weight`; a negative one gives NaN.
    Any other label makes the example's loss and gradient NaN. Raises where shapes or dtypes are not as annotated.
    Bishop, *Pattern Recognition and Machine Learning* (2006), section 4.3.2.
    """
    as_annotated(binary_cross_entropy, logits, labels)
    return _weight(logits, labels, positive_weight) * jnp.logaddexp(-_sign(logits, labels) * logits, 0.0)


def binary_cross_entropy_vjp(g, logits, labels, *, positive_weight=1.0):
    r"""Pull $g$ back to the logits.

    With $u = -s z$, $\partial \log(1 + e^u) / \partial u = e^u / (1 + e^u) = \sigma(u)$ and
    $\partial u / \partial z = -s$, hence $\bar z = -g\,w\,s\,\sigma(-s z)$, which is $g\,(\sigma(z) - k)$ for $w = 1$.
    """
    s = _sign(logits, labels)
    return (-g * _weight(logits, labels, positive_weight) * s * sigmoid(-s * logits),)


def binary_cross_entropy_examples(random):
    """Both classes, on the boundary, near it and far from it, where only tails count, weights, and wrong labels."""
    logits = random.standard_normal(9)
    yield (logits, random.integers(0, 2, 9)), {}
    yield (60 * logits, random.integers(0, 2, 9)), {}
    yield (0 * logits, random.integers(0, 2, 9)), {}
    yield (jnp.array([-30.0, 30.0, 25.0]), jnp.array([0, 1, 1])), {}
    yield (logits, jnp.array([0, 1, 0, 1, 0, 1, 2, -1, 0])), {}
    yield (logits, jnp.array([0, 1, 0, 1, 0, 1, 2, 255, 0], jnp.uint8)), {}
    for positive_weight in (2.5, 0.0, -1.0):
        yield (logits, jnp.array([0, 1, 0, 1, 0, 1, 0, 1, 0])), {"positive_weight": positive_weight}


def _sign(logits, labels):
    """-1 for the label 0, 1 for the label 1, NaN for anything else."""
    return jnp.where(labels == 1, 1, jnp.where(labels == 0, -1, jnp.nan)).astype(logits.dtype)


def _weight(logits, labels, positive_weight):
    """The positive weight for the label 1 and one for any other; NaN for all where it is negative."""
    weight = jnp.where(labels == 1, jnp.asarray(positive_weight, logits.dtype), 1)
    return weight * one_or_nan(positive_weight >= 0, logits.dtype)
