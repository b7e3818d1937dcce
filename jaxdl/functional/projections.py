"""Proximal maps and projections of the parameters, applied after an optimizer step."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from jaxdl.functional._arguments import check_annotations, check_leaves
from jaxdl.functional._precision import power_of_two
from jaxdl.functional._types import Scalar
from jaxdl.functional._validity import in_range, is_not_negative
from jaxdl.functional.shrinkage import soft_shrink, soft_shrink_vjp


def soft_threshold(params: PyTree[Float[Array, "..."]], *, threshold: Scalar = 1e-3) -> PyTree[Float[Array, "..."]]:
    r"""Soft thresholding $y = \mathrm{sign}(w) \max(|w| - t, 0)$ of every parameter in a tree, for $t \ge 0$.

    It is `soft_shrink` of each leaf, and the proximal map of $t$ times the `l1` penalty: $y$ minimizes
    $\tfrac12 (y - w)^2 + t |y|$. For a penalty $\lambda$, apply it with $t = \eta \lambda$ after each gradient step
    with the learning rate $\eta$; parameters then become exactly zero. The kink is at $|w| = t$; there the derivative
    is taken to be 0.

    Args:
        params: Tree of floating arrays $w$.
        threshold: Threshold $t \ge 0$; may be traced. A negative one gives NaN.

    Returns:
        Tree of the same structure, shapes and dtypes.

    Raises:
        TypeError: If a leaf is not floating.

    References:
        Donoho and Johnstone, *Ideal spatial adaptation by wavelet shrinkage* (1994).
        Parikh and Boyd, *Proximal algorithms* (2014), section 6.5.2.

    Example:
        >>> params = {"bias": jnp.array([-1.0]), "weights": jnp.array([2.0, -0.25])}
        >>> jax.tree.map(lambda leaf: leaf.tolist(), F.soft_threshold(params, threshold=0.5))
        {'bias': [-0.5], 'weights': [1.5, 0.0]}
    """
    check_leaves("params", params)
    return jax.tree.map(lambda w: soft_shrink(w, threshold=threshold), params)


def soft_threshold_vjp(g, params, *, threshold=1e-3):
    r"""Pull $g$ back to $w$.

    The three pieces of $y$ have constant slopes:

    $$
    y = \begin{cases}
    w - t & w > t \\
    0 & |w| \le t \\
    w + t & w < -t
    \end{cases}
    \qquad
    \frac{\partial y}{\partial w} = \begin{cases}
    1 & w > t \\
    0 & |w| \le t \\
    1 & w < -t
    \end{cases}
    $$

    At the kinks $|w| = t$ the derivative is that of the middle piece. Hence $\bar w = g\,[|w| > t]$: parameters that
    were set to zero get no gradient, and all others get $g$ unchanged.
    """
    return (jax.tree.map(lambda g, w: soft_shrink_vjp(g, w, threshold=threshold)[0], g, params),)


def soft_threshold_examples(random):
    """A tree with parameters on both sides of the threshold, on it and at zero; an invalid threshold."""
    weights = random.standard_normal((5, 4))
    weights[0], weights[1] = [0.5, -0.5, 0.0, 1.0], [0.25, -0.25, -0.0, -1.0]
    for threshold in (1e-3, 0.5, 0.25, 0.0, 1.0, -0.5):
        yield ({"weights": weights, "bias": random.standard_normal(3)},), {"threshold": threshold}


def max_norm(weights: Float[Array, "*inputs units"], *, limit: Scalar = 1.0) -> Float[Array, "*inputs units"]:
    r"""Projection $y = w \min(1, c / \lVert w \rVert)$ of the weights $w$ of each unit onto the ball of radius $c$.

    $\lVert w \rVert$ is the Euclidean norm over all axes but the last, so kernels of a convolution work as well. The
    kink is at $\lVert w \rVert = c$; there the derivative is that inside the ball, the identity.

    Args:
        weights: Weights of shape (..., units); each unit has its own norm.
        limit: Radius $c \ge 0$; may be traced. A negative one gives NaN.

    Returns:
        Projected weights in the shape and dtype of `weights`.

    Raises:
        TypeError: If `weights` is not floating.
        ValueError: If `weights` has no axis.

    References:
        Srivastava et al., *Dropout* (2014), section 5.1.

    Example:
        The first unit has the norm 10 and is scaled down, the second has the norm 1.25 and is kept:

        >>> F.max_norm(jnp.array([[6.0, 0.75], [8.0, 1.0]]), limit=5.0).tolist()
        [[3.0, 0.75], [4.0, 1.0]]
    """
    check_annotations(max_norm, weights)
    scale, scaled, squares, limit = _scaled(weights, limit)
    inside = squares <= (limit / scale) ** 2
    return jnp.where(inside, weights, scaled * (limit / jnp.sqrt(jnp.where(inside, 1, squares))))


def max_norm_vjp(g, weights, *, limit=1.0):
    r"""Pull $g$ back to $w$.

    Inside the ball $y = w$ and $\bar w = g$. Outside $y = c\,u$ with the unit vector $u = w / \lVert w \rVert$. The
    norm has the derivative $\partial \lVert w \rVert / \partial w_j = w_j / \lVert w \rVert = u_j$, and the quotient
    rule gives

    $$
    \frac{\partial u_i}{\partial w_j}
    = \frac{[i = j]}{\lVert w \rVert} - \frac{w_i}{\lVert w \rVert^2}\, u_j
    = \frac{[i = j] - u_i u_j}{\lVert w \rVert} .
    $$

    A change of $w$ along $u$ does not turn $u$. The chain rule multiplies by $c\,g_i$ and sums over $i$:

    $$
    \bar w = \frac{c}{\lVert w \rVert} \left(g - u\,(u \cdot g)\right) .
    $$
    """
    scale, scaled, squares, limit = _scaled(weights, limit)
    u = scaled / jnp.sqrt(squares)
    turned = limit / (scale * jnp.sqrt(squares)) * (g - u * (u * g).sum(axis=tuple(range(g.ndim - 1))))
    return (jnp.where(squares <= (limit / scale) ** 2, g, turned),)


def max_norm_examples(random):
    """Weights inside, outside and on the sphere, and zero; dense and convolutional; an invalid limit."""
    weights = random.standard_normal((2, 5))
    weights[:, 0], weights[:, 1], weights[:, 2] = 0, [3, 4], [0.3, 0.1]
    for limit in (1.0, 5.0, 0.5, 0.0, -1.0):
        yield (weights,), {"limit": limit}
    yield (random.standard_normal((3, 3, 2, 4)),), {"limit": 4.0}
    yield (1e4 * random.standard_normal((3, 5)),), {}


def _scaled(weights, limit):
    """Return a power of two for each unit, its weights divided by it, their sum of squares, and the valid limit."""
    axes = tuple(range(weights.ndim - 1))
    scale = power_of_two(jnp.abs(weights).max(axis=axes, initial=0))
    scaled = weights * (1 / scale)
    return scale, scaled, (scaled**2).sum(axis=axes), in_range(limit, is_not_negative(limit), weights.dtype)
