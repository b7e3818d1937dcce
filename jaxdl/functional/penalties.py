"""Penalties on the size of the parameters, added to the loss."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree


def l1(params: PyTree[Float[Array, "..."]]) -> Float[Array, ""]:
    r"""The sum of magnitudes $\sum_i |w_i|$ over all leaves of a tree.

    The kink is at $w = 0$; there the derivative is taken to be 0, the middle of the subgradients $[-1, 1]$
    (of `jnp.abs` it is 1 in jax, hence $w\,\mathrm{sign}(w)$).
    Tibshirani, *Regression shrinkage and selection via the lasso* (1996).
    """
    return sum((w * jnp.sign(w)).sum() for w in jax.tree.leaves(params))


def l1_vjp(g, params):
    r"""Pull $g$ back to $w$: $\partial |w| / \partial w = \mathrm{sign}(w)$, hence $\bar w = g\,\mathrm{sign}(w)$."""
    return (jax.tree.map(lambda w: g * jnp.sign(w), params),)


def l1_examples(random):
    """A tree of parameters, some of them exactly zero."""
    weights = random.standard_normal((5, 4))
    weights[1:3] = 0.0
    yield ({"weights": weights, "bias": random.standard_normal(3)},), {}


def l2(params: PyTree[Float[Array, "..."]]) -> Float[Array, ""]:
    r"""Half the sum of squares $\tfrac12 \sum_i w_i^2$ over all leaves of a tree, so that the gradient is $w$ itself.

    Hoerl and Kennard, *Ridge regression* (1970).
    """
    return sum((w**2).sum() for w in jax.tree.leaves(params)) / 2


def l2_vjp(g, params):
    r"""Pull $g$ back to the parameters: $\partial \tfrac12 w^2 / \partial w = w$, hence $\bar w = g\,w$."""
    return (jax.tree.map(lambda w: g * w, params),)


def l2_examples(random):
    """A tree of parameters."""
    yield ({"weights": random.standard_normal((5, 4)), "bias": random.standard_normal(3)},), {}
