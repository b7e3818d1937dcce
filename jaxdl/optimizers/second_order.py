"""Curvature of the loss: products with the Hessian, and L-BFGS, which estimates the Hessian from past gradients."""

from collections.abc import Callable

import jax
import optax
from jaxtyping import Array, PyTree

from jaxdl.optimizers._base import chain, require_loss


def hessian_vector_product(loss: Callable[[PyTree], Array], params: PyTree, vector: PyTree) -> PyTree:
    r"""Compute $H v$ for the Hessian $H = \partial^2 L / \partial w\, \partial w^\top$ of a loss, without forming $H$.

    The chain rule shows that the product is the derivative of the gradient in one direction:

    $$
    \left.\frac{\partial}{\partial t} \nabla L(w + t v)\right|_{t = 0} = H v .
    $$

    It costs a few gradients, whereas $H$ itself costs one for each parameter.

    Args:
        loss: Scalar loss as a function of the parameters.
        params: Parameters $w$ at which to evaluate the Hessian.
        vector: $v$, with the structure, shapes and dtypes of `params`.

    Returns:
        $H v$, with the structure, shapes and dtypes of `params`.

    References:
        Pearlmutter, *Fast exact multiplication by the Hessian* (1994).

    Example:
        The Hessian of $w_0^2 w_1$ at $(1, 3)$ is [[6, 2], [2, 0]]:

        >>> from jaxdl import optimizers
        >>> loss = lambda w: w[0] ** 2 * w[1]
        >>> optimizers.hessian_vector_product(loss, jnp.array([1.0, 3.0]), jnp.array([1.0, 0.0])).tolist()
        [6.0, 2.0]
    """
    return jax.jvp(jax.grad(loss), (params,), (vector,))[1]


def lbfgs(*, memory: int = 10, line_search_steps: int = 20) -> optax.GradientTransformationExtraArgs:
    r"""Limited-memory BFGS: $w \leftarrow w - \eta_t P_t g_t$, where $P_t$ approximates the inverse Hessian.

    $P_t$ is built from the most recent changes of the parameters and of the gradient, so that it satisfies the secant
    equation

    $$
    P_t\,(g_t - g_{t-1}) = w_t - w_{t-1} .
    $$

    A line search chooses $\eta_t$ such that the Wolfe conditions hold.

    Use it for losses without noise: all data in one batch, and no dropout. It updates all parameters together and
    cannot be one of the optimizers of `partition`. `update(gradient, state, params, value=l, value_fn=f)` needs the
    loss, and the loss as a function of the parameters; `jaxdl.training` passes both.

    It is `optax.lbfgs`. By default, PyTorch's L-BFGS takes $\eta_t = 1$ (less at first) instead of searching, and
    several steps in one call.

    Args:
        memory: Number of past steps to keep.
        line_search_steps: Maximum number of evaluations in a line search.

    Raises:
        ValueError: If `update` is called without `value` or `value_fn`.

    References:
        Nocedal and Wright, *Numerical optimization* (2006), algorithms 7.4, 7.5 and 3.5.

    Example:
        >>> import optax
        >>> from jaxdl import optimizers
        >>> loss = lambda w: (w[0] - 1.0) ** 2 + 100 * (w[1] + 2.0) ** 2
        >>> optimizer, params = optimizers.lbfgs(), jnp.zeros(2)
        >>> state = optimizer.init(params)
        >>> for _ in range(6):
        ...     value, gradient = jax.value_and_grad(loss)(params)
        ...     updates, state = optimizer.update(gradient, state, params, value=value, value_fn=loss)
        ...     params = optax.apply_updates(params, updates)
        >>> print(np.asarray(params).round(2))
        [ 1. -2.]
    """
    line_search = optax.scale_by_zoom_linesearch(max_linesearch_steps=line_search_steps, initial_guess_strategy="one")
    chained = chain(optax.lbfgs(memory_size=memory, linesearch=line_search))

    def update(updates, state, params=None, *, value=None, value_fn=None, **extra):  # noqa: ARG001
        value, value_fn = require_loss(value, "lbfgs"), require_loss(value_fn, "lbfgs")
        return chained.update(updates, state, params, value=value, grad=updates, value_fn=value_fn)

    return optax.GradientTransformationExtraArgs(chained.init, update)
