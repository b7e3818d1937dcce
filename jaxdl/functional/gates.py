"""Gates: one half of a signal decides how much of the other half passes."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxdl.functional._arguments import as_annotated
from jaxdl.functional.sigmoids import sigmoid


def glu(z: Float[Array, "*batch features"]) -> Float[Array, "*batch units"]:
    r"""The gated linear unit $y = a\,\sigma(b)$ of the two halves $z = (a, b)$ of the last axis.

    The units are half the features. Raises where the features are odd, or shapes or dtypes are not as annotated.
    Dauphin et al., *Language modeling with gated convolutional networks* (2017), section 2.
    """
    as_annotated(glu, z)
    a, b = _halves(z)
    return a * sigmoid(b)


def glu_vjp(g, z):
    r"""Pull $g$ back to $z = (a, b)$.

    $\partial y / \partial a = \sigma(b)$ and, with $\sigma'(b) = \sigma(b)\,\sigma(-b)$,
    $\partial y / \partial b = a\,\sigma(b)\,\sigma(-b)$, hence
    $\bar z = (g\,\sigma(b),\; g\,a\,\sigma(b)\,\sigma(-b))$.
    """
    a, b = _halves(z)
    return (jnp.concatenate([g * sigmoid(b), g * a * sigmoid(b) * sigmoid(-b)], axis=-1),)


def glu_examples(random):
    """One row, a table, images; gates that are closed and wide open, and NaN."""
    for shape in [(6,), (9, 6), (1, 2), (2, 3, 4, 6)]:
        yield (random.standard_normal(shape),), {}
    z = random.standard_normal((4, 6))
    yield (z - 20 * (z > 0),), {}
    z[0], z[1], z[2, 0], z[3, 3] = 1e4, -1e4, float("nan"), float("nan")
    yield (z,), {}


def _halves(z):
    """The first and the second half of the last axis."""
    features = z.shape[-1]
    if features % 2:
        raise ValueError(
            f"z must have an even number of features, one half and its gates, but was given with {features}: make the "
            "layer before twice as wide as its units."
        )
    return z[..., : features // 2], z[..., features // 2 :]
