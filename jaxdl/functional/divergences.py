"""How far one distribution is from another, one number per example."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxdl.functional._arguments import as_annotated
from jaxdl.functional._validity import in_range, is_fraction, one_or_nan
from jaxdl.functional.sigmoids import sigmoid
from jaxdl.functional.softmaxes import log_softmax, softmax


def soft_cross_entropy(
    logits: Float[Array, "batch classes"], targets: Float[Array, "batch classes"]
) -> Float[Array, "batch"]:
    r"""The cross-entropy $L_n = -\sum_c t_{nc} \log p_{nc}$ of the softmax $p$ of logits $z$ and targets $t$, in nats.

    The targets may be any numbers; they need not sum to one. A class with the logit $-\infty$ of which nothing is
    wanted ($t = 0$) costs nothing: $0 \log 0 = 0$, and there $\bar t$ is taken to be 0.
    Raises where shapes or dtypes are not as annotated.
    Hinton, Vinyals and Dean, *Distilling the knowledge in a neural network* (2015), section 2.
    """
    as_annotated(soft_cross_entropy, logits, targets)
    return (targets * -_log_softmax(logits, targets)).sum(axis=-1)


def soft_cross_entropy_vjp(g, logits, targets):
    r"""Pull $g$ back to $(z, t)$.

    $\log p_c = z_c - \log \sum_j e^{z_j}$ gives $\partial \log p_c / \partial z_k = [c = k] - p_k$, hence
    $\bar z_k = -g \sum_c t_c ([c = k] - p_k) = g\,(p_k \sum_c t_c - t_k)$; and $L$ is linear in $t$, hence
    $\bar t = -g \log p$.
    """
    total = targets.sum(axis=-1, keepdims=True)
    return g[:, None] * (softmax(logits) * total - targets), -g[:, None] * _log_softmax(logits, targets)


def soft_cross_entropy_examples(random):
    """Distributions and other targets, zeros among them, logits far apart, and classes that are ruled out."""
    logits, targets = random.standard_normal((7, 4)), random.dirichlet([0.5] * 4, 7)
    targets[:3, 1] = 0
    yield (logits, targets), {}
    yield (logits[:1], 3 * targets[:1]), {}
    yield (logits, random.standard_normal((7, 4))), {}
    yield (30 * logits, targets), {}
    yield (jnp.asarray(logits).at[:3, 1].set(-jnp.inf), targets), {}


def _log_softmax(logits, targets):
    """The logarithms of the softmax, as they enter a sum weighted with the targets."""
    return _finite_where_unwanted(log_softmax(logits), targets)


def _finite_where_unwanted(logarithms, targets):
    """The logarithms, but 0 in the place of those that are -∞ and count nothing, since 0 log 0 is 0."""
    return jnp.where((targets == 0) & (logarithms == -jnp.inf), 0, logarithms)


def sigmoid_cross_entropy(
    logits: Float[Array, "batch outputs"], targets: Float[Array, "batch outputs"]
) -> Float[Array, "batch"]:
    r"""The cross-entropy $L_n = -\sum_o (t_{no} \log \sigma(z_{no}) + (1 - t_{no}) \log \sigma(-z_{no}))$ in nats.

    Each output is a yes-or-no question of its own, answered yes with probability $\sigma(z)$; the targets are numbers
    in $[0, 1]$, and any other gives NaN, in the loss and in its gradients. It is the sum over the outputs of optax's
    `sigmoid_binary_cross_entropy`, and of PyTorch's `binary_cross_entropy_with_logits`.
    Raises where shapes or dtypes are not as annotated.
    Nielsen, *Neural Networks and Deep Learning* (2015), chapter 3.
    """
    as_annotated(sigmoid_cross_entropy, logits, targets)
    yes, no = _share(targets), _share(1 - targets)
    return (yes * jnp.logaddexp(-logits, 0.0) + no * jnp.logaddexp(logits, 0.0)).sum(axis=-1)


def sigmoid_cross_entropy_vjp(g, logits, targets):
    r"""Pull $g$ back to $(z, t)$.

    $-\log \sigma(z) = \log(1 + e^{-z})$ has the derivative $-e^{-z} / (1 + e^{-z}) = -\sigma(-z)$ and, likewise,
    $-\log \sigma(-z)$ has $\sigma(z)$, hence $\bar z = g\,((1 - t)\,\sigma(z) - t\,\sigma(-z))$, which is
    $g\,(\sigma(z) - t)$. $L$ is linear in $t$, with $\log(1 + e^{-z}) - \log(1 + e^z) = -z$, hence $\bar t = -g z$.
    """
    yes, no = _share(targets), _share(1 - targets)
    wanted = one_or_nan(is_fraction(targets), logits.dtype)
    return g[:, None] * (no * sigmoid(logits) - yes * sigmoid(-logits)), -g[:, None] * wanted * logits


def sigmoid_cross_entropy_examples(random):
    """Targets inside, in the middle and at both ends, logits far out on both sides, and targets that are none."""
    logits, targets = random.standard_normal((7, 4)), random.uniform(0.1, 0.9, (7, 4))
    yield (logits, targets), {}
    yield (logits[:1], targets[:1]), {}
    targets = targets.copy()
    targets[:3, 0], targets[2:5, 1], targets[3:, 2] = 0, 1, 0.5
    yield (logits, targets), {}
    yield (100 * logits, targets.round()), {}
    yield (30 * logits, targets), {}
    yield (logits, 1.5 * targets - 0.2), {}


def _share(part):
    """The part of one, NaN where it is outside [0, 1]."""
    return in_range(part, is_fraction(part), part.dtype)


def kl_divergence(
    log_predictions: Float[Array, "batch classes"], targets: Float[Array, "batch classes"]
) -> Float[Array, "batch"]:
    r"""The Kullback–Leibler divergence $L_n = \sum_c t_{nc} (\log t_{nc} - \log q_{nc})$, in nats; $0 \log 0 = 0$.

    Given are $\log q$ (so that small probabilities keep their digits) and $t$, as in PyTorch's `kl_div`. At $t = 0$
    the true derivative with respect to $t$ is $-\infty$; there the one of $t \log t$ is taken to be 0, which leaves
    $-\log q$. Where $t$ and $q$ both are 0 it is 0. A negative target gives NaN, in the loss and in its own gradients.
    Raises where shapes or dtypes are not as annotated.
    Kullback and Leibler, *On information and sufficiency* (1951).
    """
    as_annotated(kl_divergence, log_predictions, targets)
    targets = _not_negative(targets)
    log_t = jnp.log(jnp.where(targets == 0, 1, targets))
    return (targets * (log_t - _finite_where_unwanted(log_predictions, targets))).sum(axis=-1)


def kl_divergence_vjp(g, log_predictions, targets):
    r"""Pull $g$ back to $(\log q, t)$.

    $L$ is linear in $\log q$, hence $\overline{\log q} = -g\,t$. By the product rule
    $\partial (t \log t) / \partial t = \log t + 1$, hence $\bar t = g\,(\log t + 1 - \log q)$, and
    $\bar t = -g \log q$ at $t = 0$.
    """
    targets = _not_negative(targets)
    slope = jnp.where(targets == 0, 0, jnp.log(targets) + 1)
    t_bar = g[:, None] * (slope - _finite_where_unwanted(log_predictions, targets))
    return -g[:, None] * targets, t_bar


def kl_divergence_examples(random):
    """Distributions with zeros, targets that are none, far tails, and zeros on both sides."""
    targets = random.dirichlet([0.5] * 4, 7)
    targets[:3, 1] = 0
    log_predictions = jnp.log(random.dirichlet([1.0] * 4, 7))
    yield (log_predictions, targets), {}
    yield (log_predictions[:1], 3 * targets[:1]), {}
    yield (100 * log_predictions, targets), {}
    yield (log_predictions.at[:3, 1].set(-jnp.inf), targets), {}
    yield (log_predictions, -targets), {}


def _not_negative(targets):
    """The targets, NaN where they are negative."""
    return one_or_nan(targets >= 0, targets.dtype) * targets
