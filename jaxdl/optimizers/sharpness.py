"""Looking around before the step: the gradient where the loss is worst nearby."""

import jax
import jax.numpy as jnp
import optax
from jaxtyping import PyTree

from jaxdl.optimizers._rule import Scalar, check_not_negative, norm, told


def sam(optimizer: optax.GradientTransformation, *, radius: Scalar = 0.05) -> optax.GradientTransformationExtraArgs:
    r"""Sharpness-aware minimization: a step with $\nabla L(w + \rho\, g_t / \lVert g_t \rVert)$ for $g_t$.

    That is, to first order, the gradient of the largest loss within the radius $\rho$ of $w$. A step takes two
    gradients: `update(gradient, state, params, value_fn=f)` takes the second of `f`, the loss as a function of the
    parameters (`jaxdl.training` gives it the loss of the same batch). `optax.contrib.sam` in its opaque mode; where the
    gradient is zero it stays there, instead of becoming NaN. The inner optimizer gets no further arguments. What is to
    act on the gradient of the step, such as clipping or an L2 penalty, goes inside, and so does `grouped`:
    `sam(optax.chain(clip_by_norm(1.0), sgd(0.1)))`. Raises ValueError without `value_fn`. Foret et al.,
    *Sharpness-aware minimization for efficiently improving generalization* (2021).
    """
    check_not_negative({"radius": radius})
    ascent = optax.chain(optax.stateless(lambda gradient, _: _unit(gradient)), optax.sgd(radius))
    whole = optax.contrib.sam(optimizer, ascent, opaque_mode=True)

    def update(updates, state, params=None, *, value_fn=None, **extra):  # noqa: ARG001
        gradient_of = jax.grad(told(value_fn, "sam"))
        return whole.update(updates, state, params, grad_fn=lambda nearby, _: gradient_of(nearby))

    return optax.GradientTransformationExtraArgs(whole.init, update)


def _unit(gradient: PyTree) -> PyTree:
    """The gradient at length 1, or 0 where it is 0."""
    length = norm(gradient)
    return jax.tree.map(lambda g: (g / jnp.where(length > 0, length, 1)).astype(g.dtype), gradient)
