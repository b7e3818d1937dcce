"""From one number per example to one number."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxdl.functional._arguments import as_annotated
from jaxdl.functional._validity import one_or_nan


def weighted_mean(values: Float[Array, "batch"], weights: Float[Array, "batch"]) -> Float[Array, ""]:
    r"""The mean $m = \sum_n w_n v_n / \sum_n w_n$, for weights $w \ge 0$ (not checked); the mean of nothing is NaN.

    A mask is exact: a value of weight 0 that is NaN or infinite stands for 0, here and in both derivatives, and all
    other examples are what they would be without it. Raises where shapes or dtypes are not as annotated.
    """
    as_annotated(weighted_mean, values, weights)
    total = weights.sum()
    return (weights * _counted(one_or_nan(total != 0, values.dtype) * values, values, weights)).sum() / total


def weighted_mean_vjp(g, values, weights):
    r"""Pull $g$ back to $(v, w)$.

    With $S = \sum_n w_n$: $\partial m / \partial v_n = w_n / S$, and by the quotient rule
    $\partial m / \partial w_n = v_n / S - \sum_k w_k v_k / S^2 = (v_n - m) / S$. For a value that stands for 0 these
    are 0 and $-m / S$.
    """
    share = g / weights.sum()
    return share * weights, share * (_counted(values, values, weights) - weighted_mean(values, weights))


def weighted_mean_examples(random):
    """Positive weights, some that are zero, all zero, and values that only a weight of zero makes harmless."""
    values, weights = random.standard_normal(9), random.uniform(0.5, 2.0, 9)
    yield (values, weights), {}
    yield (random.standard_normal(9), weights * (random.uniform(size=9) > 0.4)), {}
    yield (values, 0 * weights), {}
    values = jnp.asarray(values).at[1:4].set([jnp.nan, jnp.inf, -jnp.inf])
    yield (values, jnp.asarray(weights).at[1:5].set(0)), {}
    yield (values, 0 * weights), {}


def _counted(counting, values, weights):
    """What counts, and 0 in the place of values that have no weight and are not finite."""
    return jnp.where((weights == 0) & ~jnp.isfinite(values), 0, counting)
