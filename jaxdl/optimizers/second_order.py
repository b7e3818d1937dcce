"""The curvature of the loss, one direction at a time, and a rule that learns it from the gradients it has seen."""

from collections.abc import Callable

import jax
import optax
from jaxtyping import Array, PyTree

from jaxdl.optimizers._rule import chain, told


def hessian_vector_product(loss: Callable[[PyTree], Array], params: PyTree, vector: PyTree) -> PyTree:
    r"""$H v$ for the Hessian $H = \partial^2 L / \partial w\, \partial w^\top$ of a loss, which is never formed.

    $H v = \frac{\partial}{\partial t} \nabla L(w + t v)$ at $t = 0$, the derivative of the gradient in one direction:
    it costs a few gradients, where $H$ itself would cost one for each parameter. `vector` has the tree, shapes and
    dtypes of the parameters.
    Pearlmutter, *Fast exact multiplication by the Hessian* (1994).
    """
    return jax.jvp(jax.grad(loss), (params,), (vector,))[1]


def lbfgs(*, memory: int = 10, line_search_steps: int = 20) -> optax.GradientTransformationExtraArgs:
    r"""Limited-memory BFGS: $w \leftarrow w - \eta_t P_t g_t$ with an approximation $P_t$ of the inverse Hessian.

    $P_t$ is made of the last changes of the parameters and of the gradient, as many as `memory`, so that $P_t (g_t -
    g_{t-1}) = w_t - w_{t-1}$; $\eta_t$ is found by a line search that ends where Wolfe's conditions hold. For losses
    without noise: all data in one batch, and no dropout. `optax.lbfgs`; PyTorch's takes $\eta_t = 1$ (less at first)
    unless told to search, and several steps at a time. It holds all parameters: not one of several rules in `grouped`.

    `update(gradient, state, params, value=l, value_fn=f)` needs the loss and the loss as a function of the parameters
    (`jaxdl.training` gives both), and raises ValueError without.
    Nocedal and Wright, *Numerical optimization* (2006), algorithms 7.4, 7.5 and 3.5.
    """
    search = optax.scale_by_zoom_linesearch(max_linesearch_steps=line_search_steps, initial_guess_strategy="one")
    whole = chain(optax.lbfgs(memory_size=memory, linesearch=search))

    def update(updates, state, params=None, *, value=None, value_fn=None, **extra):  # noqa: ARG001
        value, value_fn = told(value, "lbfgs"), told(value_fn, "lbfgs")
        return whole.update(updates, state, params, value=value, grad=updates, value_fn=value_fn)

    return optax.GradientTransformationExtraArgs(whole.init, update)
