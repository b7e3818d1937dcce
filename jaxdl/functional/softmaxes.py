"""Softmax and its logarithm: turn logits into a probability distribution."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxdl.functional._arguments import check_annotations
from jaxdl.functional._types import Scalar
from jaxdl.functional._validity import in_range, is_positive, one_or_nan


def softmax(logits: Float[Array, "*batch classes"], *, temperature: Scalar = 1.0) -> Float[Array, "*batch classes"]:
    r"""Softmax $p_k = e^{z_k / T} / \sum_j e^{z_j / T}$ over the last axis, for a temperature $T > 0$.

    The largest logit is subtracted first, which prevents overflow and does not change $p$. Of zero classes the result
    is empty.

    Args:
        logits: Scores $z$ of shape (..., classes).
        temperature: Temperature $T > 0$; may be traced. A higher one gives a flatter distribution. Other values give
            NaN.

    Returns:
        Probabilities in the shape and dtype of `logits`. They sum to 1 over the last axis.

    Raises:
        TypeError: If `logits` is not floating.
        ValueError: If `logits` has no axis.

    References:
        Bridle, *Probabilistic interpretation of feedforward classification network outputs* (1990).

    Example:
        >>> logits = jnp.array([1000.0, 1001.0, 1002.0])
        >>> print(np.asarray(F.softmax(logits)).round(3))
        [0.09  0.245 0.665]
        >>> print(np.asarray(F.softmax(logits, temperature=10.0)).round(3))
        [0.301 0.332 0.367]
    """
    check_annotations(softmax, logits)
    z = logits / _positive_or_nan(temperature, logits)
    powers = jnp.exp(z - _largest(z))
    valid = one_or_nan(is_positive(temperature), z.dtype)  # XLA's exponential of a constant NaN can be a number
    return powers / (valid * powers.sum(axis=-1, keepdims=True))


def softmax_vjp(g, logits, *, temperature=1.0):
    r"""Pull $g$ back to $z$.

    Let $S = \sum_i e^{z_i / T}$, so that $p_k = e^{z_k / T} / S$. A logit $z_j$ is in the numerator of $p_j$ and in the
    denominator $S$ of every $p_k$. Their derivatives are

    $$
    \frac{\partial e^{z_k / T}}{\partial z_j} = [k = j]\, \frac1T e^{z_k / T} ,
    \qquad
    \frac{\partial S}{\partial z_j} = \frac1T e^{z_j / T} .
    $$

    The quotient rule gives, with $e^{z_k / T} / S = p_k$ in the last step,

    $$
    \begin{aligned}
    \frac{\partial p_k}{\partial z_j}
    &= \frac{1}{S^2} \left([k = j]\, \frac1T e^{z_k / T}\, S - e^{z_k / T}\, \frac1T e^{z_j / T}\right) \\
    &= \frac1T\, p_k \left([k = j] - p_j\right) .
    \end{aligned}
    $$

    The chain rule multiplies by $g_k$ and sums over $k$. In the first term only $k = j$ is left:

    $$
    \bar z_j = \sum_k g_k\, \frac{\partial p_k}{\partial z_j}
    = \frac1T\, p_j \left(g_j - \sum_k g_k\, p_k\right) .
    $$

    This gradient sums to zero, because adding the same number to all logits does not change $p$.
    """
    p = softmax(logits, temperature=temperature)
    return (p * (g - (g * p).sum(axis=-1, keepdims=True)) / _positive_or_nan(temperature, logits),)


def softmax_examples(random):
    """Valid and invalid temperatures, logits far apart, and zero classes."""
    logits = random.standard_normal((6, 5, 4))
    yield (logits,), {}
    yield (logits[0],), {"temperature": 0.3}
    yield (logits,), {"temperature": 2.5}
    yield (40 * logits,), {"temperature": 0.5}
    for temperature in (0.0, -1.0):
        yield (logits,), {"temperature": temperature}
    yield (logits[..., :0],), {}


def log_softmax(logits: Float[Array, "*batch classes"], *, temperature: Scalar = 1.0) -> Float[Array, "*batch classes"]:
    r"""Logarithm of the softmax, $y_k = z_k / T - \log \sum_j e^{z_j / T}$, for a temperature $T > 0$.

    Computed in one step, it is finite where a probability is rounded to 0.

    Args:
        logits: Scores $z$ of shape (..., classes).
        temperature: Temperature $T > 0$; may be traced. Other values give NaN.

    Returns:
        Log-probabilities in nats, at most 0, in the shape and dtype of `logits`.

    Raises:
        TypeError: If `logits` is not floating.
        ValueError: If `logits` has no axis.

    References:
        Blanchard, Higham and Higham, *Accurately computing the log-sum-exp and softmax functions* (2021).

    Example:
        >>> logits = jnp.array([0.0, 1000.0])
        >>> jnp.log(F.softmax(logits)).tolist(), F.log_softmax(logits).tolist()
        ([-inf, 0.0], [-1000.0, 0.0])
    """
    check_annotations(log_softmax, logits)
    z = logits / _positive_or_nan(temperature, logits)
    z = z - _largest(z)
    return z - jnp.log(jnp.exp(z).sum(axis=-1, keepdims=True))


def log_softmax_vjp(g, logits, *, temperature=1.0):
    r"""Pull $g$ back to $z$.

    The first term of $y_k = z_k / T - \log \sum_i e^{z_i / T}$ depends on its own logit only. The second depends on
    all. The chain rule for the logarithm gives the softmax $p$ as its derivative:

    $$
    \frac{\partial}{\partial z_j} \log \sum_i e^{z_i / T}
    = \frac{\frac1T e^{z_j / T}}{\sum_i e^{z_i / T}}
    = \frac{p_j}{T} .
    $$

    Both terms together are

    $$
    \frac{\partial y_k}{\partial z_j} = \frac1T \left([k = j] - p_j\right) .
    $$

    The chain rule multiplies by $g_k$ and sums over $k$:

    $$
    \bar z_j = \sum_k g_k\, \frac{\partial y_k}{\partial z_j} = \frac1T \left(g_j - p_j \sum_k g_k\right) .
    $$
    """
    p = softmax(logits, temperature=temperature)
    return ((g - p * g.sum(axis=-1, keepdims=True)) / _positive_or_nan(temperature, logits),)


def log_softmax_examples(random):
    """The examples of the softmax."""
    yield from softmax_examples(random)


def _largest(z):
    """Return the largest entry of each row as a constant; -∞ for a row without entries."""
    return jax.lax.stop_gradient(z.max(axis=-1, keepdims=True, initial=-jnp.inf))


def _positive_or_nan(temperature, logits):
    """Return the temperature, or NaN if it is not positive."""
    return in_range(temperature, is_positive(temperature), logits.dtype)
