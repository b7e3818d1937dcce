"""Penalties on the size of the parameters, added to the loss."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from jaxdl.functional._arguments import check_leaves
from jaxdl.functional._types import Scalar
from jaxdl.functional._validity import in_range, is_fraction


def l1(params: PyTree[Float[Array, "..."]]) -> Float[Array, ""]:
    r"""L1 penalty: the sum of the absolute values of all parameters.

    $\sum_i |w_i|$ over all leaves of a tree.

    The kink is at $w = 0$; there the derivative is taken to be 0, the middle of the subgradients $[-1, 1]$. (The code
    computes $w\,\mathrm{sign}(w)$, because jax's derivative of `jnp.abs` at 0 is 1.)

    Args:
        params: A tree of parameters $w$.

    Returns:
        The penalty, one number.

    Raises:
        TypeError: If a leaf is not a floating array.

    References:
        Tibshirani, *Regression shrinkage and selection via the lasso* (1996).

    Example:
        >>> F.l1({"weights": jnp.array([[3.0, -4.0]]), "bias": jnp.array([-2.0])}).tolist()
        9.0
    """
    check_leaves("params", params)
    return sum((w * jnp.sign(w)).sum() for w in jax.tree.leaves(params))


def l1_vjp(g, params):
    r"""Pull $g$ back to $w$.

    Each parameter is in one term of the sum. The derivative of $|w|$ is 1 for $w > 0$ and $-1$ for $w < 0$, and it is
    taken to be 0 at the kink, which is $\mathrm{sign}(w)$ in all cases:

    $$
    \frac{\partial}{\partial w_i} \sum_j |w_j| = \mathrm{sign}(w_i) ,
    \qquad
    \bar w = g\,\mathrm{sign}(w) .
    $$

    The gradient does not depend on the size of a parameter.
    """
    return (jax.tree.map(lambda w: g * jnp.sign(w), params),)


def l1_examples(random):
    """A tree of parameters, some of them exactly zero."""
    weights = random.standard_normal((5, 4))
    weights[1:3] = 0.0
    yield ({"weights": weights, "bias": random.standard_normal(3)},), {}


def l2(params: PyTree[Float[Array, "..."]]) -> Float[Array, ""]:
    r"""L2 penalty: half the sum of the squares of all parameters.

    $\tfrac12 \sum_i w_i^2$ over all leaves of a tree, so that the gradient is $w$ itself.

    Args:
        params: A tree of parameters $w$.

    Returns:
        The penalty, one number.

    Raises:
        TypeError: If a leaf is not a floating array.

    References:
        Hoerl and Kennard, *Ridge regression* (1970).

    Example:
        >>> F.l2({"weights": jnp.array([[3.0, -4.0]])}).tolist()
        12.5
        >>> jax.grad(F.l2)({"weights": jnp.array([[3.0, -4.0]])})["weights"].tolist()
        [[3.0, -4.0]]
    """
    check_leaves("params", params)
    return sum((w**2).sum() for w in jax.tree.leaves(params)) / 2


def l2_vjp(g, params):
    r"""Pull $g$ back to $w$.

    Each parameter is in one term of the sum, and the factor $\tfrac12$ cancels the 2 of the derivative of a square:

    $$
    \frac{\partial}{\partial w_i} \frac12 \sum_j w_j^2 = w_i ,
    \qquad
    \bar w = g\,w .
    $$

    The gradient is proportional to the parameter.
    """
    return (jax.tree.map(lambda w: g * w, params),)


def l2_examples(random):
    """A tree of parameters."""
    yield ({"weights": random.standard_normal((5, 4)), "bias": random.standard_normal(3)},), {}


def elastic_net(params: PyTree[Float[Array, "..."]], *, ratio: Scalar = 0.5) -> Float[Array, ""]:
    r"""Elastic net penalty: a mixture of the L1 and the L2 penalty.

    $$
    \rho \sum_i |w_i| + \frac{1 - \rho}{2} \sum_i w_i^2
    $$

    over all leaves of a tree: $\rho$ times `l1` plus $1 - \rho$ times `l2`, as in scikit-learn.

    The kink is at $w = 0$; there the derivative is taken to be 0, the middle of the subgradients $[-\rho, \rho]$.

    Args:
        params: A tree of parameters $w$.
        ratio: Fraction $0 \le \rho \le 1$ of the L1 penalty, scikit-learn's `l1_ratio`; NaN if out of range.

    Returns:
        The penalty, one number.

    Raises:
        TypeError: If a leaf is not a floating array.

    References:
        Zou and Hastie, *Regularization and variable selection via the elastic net* (2005).

    Example:
        >>> params = {"weights": jnp.array([[3.0, -4.0]])}  # L1 penalty 7, L2 penalty 12.5
        >>> F.elastic_net(params, ratio=0.5).tolist()
        9.75
    """
    penalty = l2(params)
    ratio = _valid_ratio(ratio, jnp.result_type(penalty))
    return ratio * l1(params) + (1 - ratio) * penalty


def elastic_net_vjp(g, params, *, ratio=0.5):
    r"""Pull $g$ back to $w$.

    The derivative of $|w|$ is $\mathrm{sign}(w)$, and that of $\tfrac12 w^2$ is $w$. The sum rule gives

    $$
    \bar w = g \left(\rho\,\mathrm{sign}(w) + (1 - \rho)\,w\right) .
    $$
    """
    ratio = _valid_ratio(ratio, g.dtype)
    return (jax.tree.map(lambda w: g * (ratio * jnp.sign(w) + (1 - ratio) * w), params),)


def elastic_net_examples(random):
    """A tree with some exact zeros; several ratios, among them 0 and 1; and two invalid ratios."""
    (arguments, _), *_ = l1_examples(random)
    for ratio in (0.5, 0.0, 0.2, 1.0, -0.1, 1.1):
        yield arguments, {"ratio": ratio}


def _valid_ratio(ratio, dtype):
    """Return the ratio, or NaN if it is outside [0, 1]."""
    return in_range(ratio, is_fraction(ratio), dtype)
