"""Losses for class labels, one number per example: the negative logarithm of the label's probability."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Integer

from jaxdl.functional._arguments import as_annotated
from jaxdl.functional.sigmoids import sigmoid
from jaxdl.functional.softmaxes import softmax


def cross_entropy(logits: Float[Array, "batch classes"], labels: Integer[Array, "batch"]) -> Float[Array, "batch"]:
    r"""The cross-entropy $L_n = -\log p_{n k_n}$ of the softmax $p$ and the label $k_n$, in nats.

    Computed as $\log \sum_j e^{z_j} - z_{k}$. A label that is no class (below 0, or the number of classes and
    above) makes the example's loss and gradient NaN. Raises where shapes or dtypes are not as annotated.
    Bishop, *Pattern Recognition and Machine Learning* (2006), section 4.3.4.
    """
    as_annotated(cross_entropy, logits, labels)
    z = logits - jax.lax.stop_gradient(logits.max(axis=-1, keepdims=True))
    of_label = jnp.take_along_axis(z, labels[:, None], axis=-1, mode="clip")[:, 0]
    return _nan_outside(logits, labels) * (jnp.log(jnp.exp(z).sum(axis=-1)) - of_label)


def cross_entropy_vjp(g, logits, labels):
    r"""Pull $g$ back to the logits.

    $\partial \log \sum_j e^{z_j} / \partial z_k = p_k$, and the label's own logit is subtracted, hence
    $\bar z_{nk} = g_n (p_{nk} - [k = k_n])$: the distribution that was given minus the one that was wanted.
    """
    wanted = jax.nn.one_hot(labels.astype(jnp.int32), logits.shape[-1], dtype=logits.dtype)
    return ((_nan_outside(logits, labels) * g)[:, None] * (softmax(logits) - wanted),)


def cross_entropy_examples(random):
    """Every class, logits far apart, and labels that are no class on both sides."""
    logits = random.standard_normal((7, 4))
    yield (logits, random.integers(0, 4, 7)), {}
    yield (30 * logits, random.integers(0, 4, 7)), {}
    yield (logits, jnp.array([-1, 0, 1, 2, 3, 4, 9])), {}
    yield (random.standard_normal((3, 300)), jnp.array([0, 7, 255], jnp.uint8)), {}


def _nan_outside(logits, labels):
    """One where the label is a class, NaN elsewhere, so that a wrong label never gives a plausible number."""
    is_class = (labels >= 0) & (labels.astype(jnp.int32) < logits.shape[-1])  # an int8 cannot count 300 classes
    return jnp.where(is_class, 1, jnp.nan).astype(logits.dtype)


def binary_cross_entropy(logits: Float[Array, "batch"], labels: Integer[Array, "batch"]) -> Float[Array, "batch"]:
    r"""The cross-entropy $L_n = \log(1 + e^{-s_n z_n})$ of the logistic function and a label, in nats.

    $s = 2k - 1$ is the sign of the label $k \in \{0, 1\}$: $L = -\log \sigma(z)$ for 1 and $-\log \sigma(-z)$ for 0.
    Any other label makes the example's loss and gradient NaN. Raises where shapes or dtypes are not as annotated.
    Bishop, *Pattern Recognition and Machine Learning* (2006), section 4.3.2.
    """
    as_annotated(binary_cross_entropy, logits, labels)
    return jnp.logaddexp(-_sign(logits, labels) * logits, 0.0)


def binary_cross_entropy_vjp(g, logits, labels):
    r"""Pull $g$ back to the logits.

    With $u = -s z$, $\partial \log(1 + e^u) / \partial u = e^u / (1 + e^u) = \sigma(u)$ and
    $\partial u / \partial z = -s$, hence $\bar z = -g\,s\,\sigma(-s z)$, which is $g\,(\sigma(z) - k)$.
    """
    s = _sign(logits, labels)
    return (-g * s * sigmoid(-s * logits),)


def binary_cross_entropy_examples(random):
    """Both classes, on the boundary, near it and far from it, where only tails count, and labels that are no class."""
    logits = random.standard_normal(9)
    yield (logits, random.integers(0, 2, 9)), {}
    yield (60 * logits, random.integers(0, 2, 9)), {}
    yield (0 * logits, random.integers(0, 2, 9)), {}
    yield (jnp.array([-30.0, 30.0, 25.0]), jnp.array([0, 1, 1])), {}
    yield (logits, jnp.array([0, 1, 0, 1, 0, 1, 2, -1, 0])), {}
    yield (logits, jnp.array([0, 1, 0, 1, 0, 1, 2, 255, 0], jnp.uint8)), {}


def _sign(logits, labels):
    """-1 for the label 0, 1 for the label 1, NaN for anything else."""
    return jnp.where(labels == 1, 1, jnp.where(labels == 0, -1, jnp.nan)).astype(logits.dtype)
