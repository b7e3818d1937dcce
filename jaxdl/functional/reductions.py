"""Reduction of one number per example to one number."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxdl.functional._arguments import check_annotations
from jaxdl.functional._validity import one_or_nan


def weighted_mean(values: Float[Array, "batch"], weights: Float[Array, "batch"]) -> Float[Array, ""]:
    r"""Weighted mean $m = \sum_n w_n v_n / \sum_n w_n$.

    Weights of 0 and 1 mask exactly: a value of weight 0 that is NaN or infinite counts as 0, in the value and in both
    gradients, and does not affect the other examples.

    Args:
        values: Values $v$ of shape (batch,).
        weights: Weights $w \ge 0$ of shape (batch,). The sign is not checked.

    Returns:
        The mean, a scalar; NaN if all weights are 0 or the batch is empty.

    Raises:
        TypeError: If an argument is not floating.
        ValueError: If the shapes differ.

    Example:
        >>> losses, mask = jnp.array([1.0, jnp.nan, 2.0]), jnp.array([1.0, 0.0, 1.0])
        >>> float(F.weighted_mean(losses, mask))
        1.5
    """
    check_annotations(weighted_mean, values, weights)
    total = weights.sum()
    return (weights * _zero_masked(one_or_nan(total != 0, values.dtype) * values, values, weights)).sum() / total


def weighted_mean_vjp(g, values, weights):
    r"""Pull $g$ back to $(v, w)$.

    With the sum $S = \sum_n w_n$ of the weights, $m = \sum_n w_n v_n / S$. A value is in one term of the numerator. A
    weight is in the numerator and in $S$, so the quotient rule applies:

    $$
    \begin{aligned}
    \frac{\partial m}{\partial v_n} &= \frac{w_n}{S} \\
    \frac{\partial m}{\partial w_n} &= \frac{v_n}{S} - \frac{\sum_k w_k v_k}{S^2} = \frac{v_n - m}{S}
    \end{aligned}
    $$

    Times $g$, these are $\bar v_n$ and $\bar w_n$. For a value that counts as 0 they are 0 and $-g\,m / S$.
    """
    total = weights.sum()
    share = g / total
    values_bar = one_or_nan(total != 0, values.dtype) * _zero_masked(share * weights, values, weights)
    return values_bar, share * (_zero_masked(values, values, weights) - weighted_mean(values, weights))


def weighted_mean_examples(random):
    """Positive weights, some zero weights, only zero weights, and NaN and infinity with weight zero."""
    values, weights = random.standard_normal(9), random.uniform(0.5, 2.0, 9)
    yield (values, weights), {}
    yield (random.standard_normal(9), weights * (random.uniform(size=9) > 0.4)), {}
    yield (values, 0 * weights), {}
    values = jnp.asarray(values).at[1:4].set([jnp.nan, jnp.inf, -jnp.inf])
    yield (values, jnp.asarray(weights).at[1:5].set(0)), {}
    yield (values, 0 * weights), {}


def _zero_masked(numbers, values, weights):
    """Return the numbers, with 0 at examples of weight 0 whose value is NaN or infinite."""
    return jnp.where((weights == 0) & ~jnp.isfinite(values), 0, numbers)
