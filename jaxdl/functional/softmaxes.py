"""The softmax and its logarithm: scores become a distribution."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from jaxdl.functional._arguments import as_annotated
from jaxdl.functional._validity import in_range, is_positive


def softmax(
    logits: Float[Array, "*batch classes"], *, temperature: Float[ArrayLike, ""] = 1.0
) -> Float[Array, "*batch classes"]:
    r"""The distribution $p_k = e^{z_k / T} / \sum_j e^{z_j / T}$ over the last axis, for a temperature $T > 0$.

    Any other temperature gives NaN. The largest logit is subtracted first, which leaves $p$ as it is and lets nothing
    overflow.
    Bridle, *Probabilistic interpretation of feedforward classification network outputs* (1990).
    """
    as_annotated(softmax, logits)
    z = logits / _tempered(temperature, logits)
    powers = jnp.exp(z - jax.lax.stop_gradient(z.max(axis=-1, keepdims=True)))
    return powers / powers.sum(axis=-1, keepdims=True)


def softmax_vjp(g, logits, *, temperature=1.0):
    r"""Pull $g$ back to $z$.

    With $S = \sum_i e^{z_i / T}$ the quotient rule gives $\partial p_k / \partial z_j = \left([k = j]\, e^{z_k / T} / S
    - e^{z_k / T} e^{z_j / T} / S^2\right) / T = p_k ([k = j] - p_j) / T$, hence $\bar z_j = \sum_k g_k\, \partial p_k /
    \partial z_j = p_j (g_j - \sum_k g_k p_k) / T$: what is pulled back sums to zero, for adding a number to all logits
    changes nothing.
    """
    p = softmax(logits, temperature=temperature)
    return (p * (g - (g * p).sum(axis=-1, keepdims=True)) / _tempered(temperature, logits),)


def softmax_examples(random):
    """Temperatures beside the default, and logits far apart."""
    logits = random.standard_normal((6, 5, 4))
    yield (logits,), {}
    yield (logits,), {"temperature": 2.5}
    yield (40 * logits,), {"temperature": 0.5}
    for temperature in (0.0, -1.0):
        yield (logits,), {"temperature": temperature}


def log_softmax(
    logits: Float[Array, "*batch classes"], *, temperature: Float[ArrayLike, ""] = 1.0
) -> Float[Array, "*batch classes"]:
    r"""The logarithm of the softmax, $y_k = z_k / T - \log \sum_j e^{z_j / T}$, in nats, for a temperature $T > 0$.

    Any other temperature gives NaN. Taken in one step it is finite where a probability is rounded to 0.
    Blanchard, Higham and Higham, *Accurately computing the log-sum-exp and softmax functions* (2021).
    """
    as_annotated(log_softmax, logits)
    z = logits / _tempered(temperature, logits)
    z = z - jax.lax.stop_gradient(z.max(axis=-1, keepdims=True))
    return z - jnp.log(jnp.exp(z).sum(axis=-1, keepdims=True))


def log_softmax_vjp(g, logits, *, temperature=1.0):
    r"""Pull $g$ back to $z$.

    $\partial \log \sum_k e^{z_k / T} / \partial z_j = p_j / T$ with the softmax $p$, so that
    $\partial y_k / \partial z_j = ([k = j] - p_j) / T$, hence $\bar z_j = (g_j - p_j \sum_k g_k) / T$.
    """
    p = softmax(logits, temperature=temperature)
    return ((g - p * g.sum(axis=-1, keepdims=True)) / _tempered(temperature, logits),)


def log_softmax_examples(random):
    """What the softmax is tried on."""
    yield from softmax_examples(random)


def _tempered(temperature, logits):
    """The temperature, NaN where it is none."""
    return in_range(temperature, is_positive(temperature), logits.dtype)
