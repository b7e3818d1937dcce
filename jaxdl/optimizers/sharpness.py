"""Sharpness-aware minimization: use the gradient at a nearby point where the loss is larger."""

import jax
import optax
from jaxtyping import PyTree

from jaxdl.optimizers._base import Scalar, check_not_negative, direction_and_norm, require_loss


def sam(optimizer: optax.GradientTransformation, *, radius: Scalar = 0.05) -> optax.GradientTransformationExtraArgs:
    r"""Sharpness-aware minimization: replace $g_t$ by $\nabla L(w + \rho\, g_t / \lVert g_t \rVert)$.

    To first order, this is the gradient of the largest loss within a distance of $\rho$ from $w$. The loss near $w$ is
    $L(w + d) \approx L(w) + d \cdot g_t$, and among all $d$ of this length the product is largest in the direction of
    the gradient:

    $$
    \mathrm{argmax}_{\lVert d \rVert \le \rho} \; d \cdot g_t = \rho\, \frac{g_t}{\lVert g_t \rVert} .
    $$

    Each step evaluates two gradients: `update(gradient, state, params, value_fn=f)` computes the second one from `f`,
    the loss as a function of the parameters. `jaxdl.training` passes the loss of the same batch.

    Clipping, an L2 penalty and `partition` belong inside, where they act on the second gradient:
    `sam(optax.chain(clip_by_global_norm(1.0), sgd(0.1)))`. The inner optimizer gets no additional arguments. It is
    `optax.contrib.sam` in opaque mode, except that a zero gradient gives a zero step instead of NaN.

    Args:
        optimizer: Inner optimizer, which receives the second gradient.
        radius: $\rho \ge 0$.

    Raises:
        ValueError: If the radius is negative, or `update` is called without `value_fn`.

    References:
        Foret et al., *Sharpness-aware minimization for efficiently improving generalization* (2021).

    Example:
        For the loss $w^2$ at $w = 1$, the gradient is evaluated at $w = 1.5$:

        >>> from jaxdl import optimizers
        >>> optimizer = optimizers.sam(optimizers.sgd(0.5), radius=0.5)
        >>> loss, params = lambda w: w**2, jnp.array(1.0)
        >>> update, state = optimizer.update(jax.grad(loss)(params), optimizer.init(params), params, value_fn=loss)
        >>> float(update)
        -1.5
    """
    check_not_negative({"radius": radius})
    ascent = optax.chain(optax.stateless(lambda gradient, _: _normalize(gradient)), optax.sgd(radius))
    wrapped = optax.contrib.sam(optimizer, ascent, opaque_mode=True)

    def update(updates, state, params=None, *, value_fn=None, **extra):  # noqa: ARG001
        gradient_of = jax.grad(require_loss(value_fn, "sam"))
        return wrapped.update(updates, state, params, grad_fn=lambda nearby, _: gradient_of(nearby))

    return optax.GradientTransformationExtraArgs(wrapped.init, update)


def _normalize(gradient: PyTree) -> PyTree:
    """Scale the gradient to norm 1; a zero gradient stays zero."""
    direction, _ = direction_and_norm(gradient)
    return jax.tree.map(lambda g, unit: unit.astype(g.dtype), gradient, direction)
