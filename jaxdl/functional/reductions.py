"""From one number per example to one number."""

from jaxtyping import Array, Float

from jaxdl.functional._arguments import as_annotated


def weighted_mean(values: Float[Array, "batch"], weights: Float[Array, "batch"]) -> Float[Array, ""]:
    r"""The mean $m = \sum_n w_n v_n / \sum_n w_n$, for weights $w \ge 0$; the mean of nothing is NaN.

    Raises where shapes or dtypes are not as annotated.
    """
    as_annotated(weighted_mean, values, weights)
    return (weights * values).sum() / weights.sum()


def weighted_mean_vjp(g, values, weights):
    r"""Pull $g$ back to $(v, w)$.

    With $S = \sum_n w_n$: $\partial m / \partial v_n = w_n / S$, and by the quotient rule
    $\partial m / \partial w_n = v_n / S - \sum_k w_k v_k / S^2 = (v_n - m) / S$.
    """
    share = g / weights.sum()
    return share * weights, share * (values - weighted_mean(values, weights))


def weighted_mean_examples(random):
    """Positive weights, and some that are zero."""
    weights = random.uniform(0.5, 2.0, 9)
    yield (random.standard_normal(9), weights), {}
    yield (random.standard_normal(9), weights * (random.uniform(size=9) > 0.4)), {}
