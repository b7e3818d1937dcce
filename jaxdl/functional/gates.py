"""Gates: one half of a signal controls the part of the other half that passes."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxdl.functional._arguments import check_annotations
from jaxdl.functional.sigmoids import sigmoid


def glu(z: Float[Array, "*batch features"]) -> Float[Array, "*batch units"]:
    r"""Gated linear unit: the first half of the features, times the sigmoid of the second.

    $y = a\,\sigma(b)$ for the two halves $z = (a, b)$ of the last axis.

    Args:
        z: Signals $a$ and gates $b$ of shape (*batch, features), with an even number of features.

    Returns:
        Gated signals of shape (*batch, features / 2).

    Raises:
        TypeError: If the dtype is not floating.
        ValueError: If the number of features is odd, or there is no axis.

    References:
        Dauphin et al., *Language modeling with gated convolutional networks* (2017), section 2.

    Example:
        >>> F.glu(jnp.array([3.0, 3.0, 3.0, -100.0, 0.0, 100.0])).tolist()  # gates closed, half open, open
        [0.0, 1.5, 3.0]
    """
    check_annotations(glu, z)
    a, b = _halves(z)
    return a * sigmoid(b)


def glu_vjp(g, z):
    r"""Pull $g$ back to $z = (a, b)$.

    The signal is multiplied by its gate, so $\partial y / \partial a = \sigma(b)$. The derivative of the logistic
    function is $\sigma'(b) = \sigma(b)\,\sigma(-b)$, so $\partial y / \partial b = a\,\sigma(b)\,\sigma(-b)$. Hence

    $$
    \bar a = g\,\sigma(b), \qquad \bar b = g\,a\,\sigma(b)\,\sigma(-b), \qquad \bar z = (\bar a, \bar b) .
    $$
    """
    a, b = _halves(z)
    return (jnp.concatenate([g * sigmoid(b), g * a * sigmoid(b) * sigmoid(-b)], axis=-1),)


def glu_examples(random):
    """One row, a table, images; gates that are closed or wide open; NaN."""
    for shape in [(4, 6), (6,), (1, 2), (2, 3, 4, 6)]:
        yield (random.standard_normal(shape),), {}
    z = random.standard_normal((4, 6))
    yield (z - 20 * (z > 0),), {}
    z[0], z[1], z[2, 0], z[3, 3] = 1e4, -1e4, float("nan"), float("nan")
    yield (z,), {}


def _halves(z):
    """Split the last axis into its first and second half."""
    features = z.shape[-1]
    if features % 2:
        raise ValueError(
            f"z must have an even number of features, half of them gates, got {features}. "
            "Give the layer before twice as many outputs as units."
        )
    return z[..., : features // 2], z[..., features // 2 :]
