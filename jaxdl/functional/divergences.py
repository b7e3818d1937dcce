"""Losses that compare two distributions, one number per example."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxdl.functional._arguments import check_annotations
from jaxdl.functional._validity import one_or_nan
from jaxdl.functional.softmaxes import log_softmax, softmax


def soft_cross_entropy(
    logits: Float[Array, "batch classes"], targets: Float[Array, "batch classes"]
) -> Float[Array, "batch"]:
    r"""Softmax cross-entropy with target distributions, in nats.

    With the softmax $p$ of the logits $z$ and the targets $t$ it is

    $$
    L_n = -\sum_c t_{nc} \log p_{nc} .
    $$

    A class with the logit $-\infty$ and the target $t = 0$ costs nothing: $0 \log 0 = 0$, and there $\bar t$ is taken
    to be 0.

    Args:
        logits: Logits $z$ of shape (batch, classes).
        targets: Targets $t$ of shape (batch, classes), usually distributions. Any numbers are accepted; they need not
            sum to one.

    Returns:
        One loss per example, of shape (batch,).

    Raises:
        TypeError: If a dtype differs from the annotation.
        ValueError: If a shape differs from the annotation.

    References:
        Hinton, Vinyals and Dean, *Distilling the knowledge in a neural network* (2015), section 2.

    Example:
        >>> logits, targets = jnp.log(jnp.array([[0.25, 0.75]])), jnp.array([[0.25, 0.75]])
        >>> round(float(F.soft_cross_entropy(logits, targets)[0]), 3)  # the entropy of the targets
        0.562
        >>> F.soft_cross_entropy_vjp(jnp.ones(1), logits, targets)[0].round(3).tolist()  # no gradient at the minimum
        [[0.0, 0.0]]
    """
    check_annotations(soft_cross_entropy, logits, targets)
    return (targets * -_log_softmax_or_zero(logits, targets)).sum(axis=-1)


def soft_cross_entropy_vjp(g, logits, targets):
    r"""Pull $g$ back to $(z, t)$.

    The logarithm of the softmax is $\log p_c = z_c - \log \sum_i e^{z_i}$. The derivative of its second term is
    $e^{z_k} / \sum_i e^{z_i} = p_k$, so that

    $$
    \frac{\partial \log p_c}{\partial z_k} = [c = k] - p_k .
    $$

    The chain rule sums over the classes $c$:

    $$
    \bar z_k = -g \sum_c t_c \left([c = k] - p_k\right) = g \left(p_k \sum_c t_c - t_k\right) .
    $$

    If the targets sum to 1, this is the predicted minus the target distribution. The loss is linear in $t$, hence
    $\bar t = -g \log p$.
    """
    total = targets.sum(axis=-1, keepdims=True)
    return g[:, None] * (softmax(logits) * total - targets), -g[:, None] * _log_softmax_or_zero(logits, targets)


def soft_cross_entropy_examples(random):
    """Distributions and other targets, some of them 0; large logits; classes of probability 0."""
    logits, targets = random.standard_normal((7, 4)), random.dirichlet([0.5] * 4, 7)
    targets[:3, 1] = 0
    yield (logits, targets), {}
    yield (logits[:1], 3 * targets[:1]), {}
    yield (logits, random.standard_normal((7, 4))), {}
    yield (30 * logits, targets), {}
    yield (jnp.asarray(logits).at[:3, 1].set(-jnp.inf), targets), {}


def _log_softmax_or_zero(logits, targets):
    """Return the log-softmax for use in a sum weighted with the targets."""
    return _zero_where_no_target(log_softmax(logits), targets)


def _zero_where_no_target(logarithms, targets):
    """Replace a logarithm of -∞ whose target is 0 by 0, since 0 log 0 is 0."""
    return jnp.where((targets == 0) & (logarithms == -jnp.inf), 0, logarithms)


def kl_divergence(
    log_predictions: Float[Array, "batch classes"], targets: Float[Array, "batch classes"]
) -> Float[Array, "batch"]:
    r"""Kullback–Leibler divergence of target distributions from predicted ones, in nats.

    With $0 \log 0 = 0$ it is

    $$
    L_n = \sum_c t_{nc} \left(\log t_{nc} - \log q_{nc}\right) .
    $$

    At $t = 0$ the true derivative with respect to $t$ is $-\infty$; there the derivative of $t \log t$ is taken to be
    0, which leaves $-\log q$. Where both $t$ and $q$ are 0, the derivative is 0.

    Args:
        log_predictions: Logarithms $\log q$ of the predicted probabilities, of shape (batch, classes), as in PyTorch's
            `kl_div`; the logarithm keeps the precision of small probabilities.
        targets: Target probabilities $t$ of shape (batch, classes). A negative one gives NaN in the loss and in its own
            gradients.

    Returns:
        One divergence per example, of shape (batch,).

    Raises:
        TypeError: If a dtype differs from the annotation.
        ValueError: If a shape differs from the annotation.

    References:
        Kullback and Leibler, *On information and sufficiency* (1951).

    Example:
        >>> targets, predictions = jnp.array([[0.5, 0.5], [1.0, 0.0]]), jnp.array([[0.5, 0.5], [0.25, 0.75]])
        >>> [round(loss, 3) for loss in F.kl_divergence(jnp.log(predictions), targets).tolist()]  # 0 and log 4
        [0.0, 1.386]
    """
    check_annotations(kl_divergence, log_predictions, targets)
    targets = _not_negative(targets)
    log_t = jnp.log(jnp.where(targets == 0, 1, targets))
    return (targets * (log_t - _zero_where_no_target(log_predictions, targets))).sum(axis=-1)


def kl_divergence_vjp(g, log_predictions, targets):
    r"""Pull $g$ back to $(\log q, t)$.

    The loss is linear in $\log q$, hence $\overline{\log q} = -g\,t$. In $t$, the product rule gives

    $$
    \frac{\partial (t \log t)}{\partial t} = \log t + t \cdot \frac1t = \log t + 1 .
    $$

    Hence

    $$
    \bar t = g \left(\log t + 1 - \log q\right) ,
    $$

    and $\bar t = -g \log q$ at $t = 0$, as the function defines.
    """
    targets = _not_negative(targets)
    slope = jnp.where(targets == 0, 0, jnp.log(targets) + 1)
    t_bar = g[:, None] * (slope - _zero_where_no_target(log_predictions, targets))
    return -g[:, None] * targets, t_bar


def kl_divergence_examples(random):
    """Distributions with zeros, negative targets, very small probabilities, and zeros on both sides."""
    targets = random.dirichlet([0.5] * 4, 7)
    targets[:3, 1] = 0
    log_predictions = jnp.log(random.dirichlet([1.0] * 4, 7))
    yield (log_predictions, targets), {}
    yield (log_predictions[:1], 3 * targets[:1]), {}
    yield (100 * log_predictions, targets), {}
    yield (log_predictions.at[:3, 1].set(-jnp.inf), targets), {}
    yield (log_predictions, -targets), {}


def _not_negative(targets):
    """Return the targets, or NaN where they are negative."""
    return one_or_nan(targets >= 0, targets.dtype) * targets
