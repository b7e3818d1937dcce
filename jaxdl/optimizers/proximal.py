"""The proximal step of an L1 penalty: chain it after an optimizer."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxdl.functional import soft_threshold
from jaxdl.optimizers._base import LearningRate, Mask, Scalar, check_learning_rate, check_not_negative


def proximal_l1(learning_rate: LearningRate, *, l1: Scalar, mask: Mask = None) -> optax.GradientTransformation:
    r"""Minimize the penalty $\lambda \lVert w \rVert_1$ by a proximal step, $w \leftarrow S_{\eta\lambda}(w)$.

    The soft threshold is the proximal map of the penalty: for each parameter

    $$
    S_t(w) = \mathrm{argmin}_y \left(\tfrac12 (y - w)^2 + t\,|y|\right) = \mathrm{sign}(w) \max(|w| - t,\; 0) .
    $$

    For $y > 0$ the derivative $y - w + t$ is 0 at $y = w - t$, which is positive for $w > t$ only; likewise for
    $y < 0$. In between, for $|w| \le t$, the minimum is at the kink $y = 0$. So the step makes parameters exactly zero,
    which gradient steps on $|w|$ do not.

    Chain it after the optimizer: `optax.chain(sgd(0.1), proximal_l1(0.1, l1=1e-3))` is the iterative
    shrinkage-thresholding algorithm (ISTA). After an optimizer that rescales the gradient, such as Adam, the proximal
    step still uses $\eta$ alone.

    Args:
        learning_rate: $\eta$. It must be the learning rate of the optimizer, or a different penalty is minimized.
        l1: Coefficient $\lambda \ge 0$ of the penalty.
        mask: Parameters to penalize: a pytree of Booleans, or a function that returns one for the parameters, such as
            `decay_mask`. By default all are penalized.

    Raises:
        ValueError: If a hyperparameter is negative, or `update` is called without the parameters.

    References:
        Beck and Teboulle, *A fast iterative shrinkage-thresholding algorithm for linear inverse problems* (2009).
        Parikh and Boyd, *Proximal algorithms* (2014), section 4.2.

    Example:
        >>> from jaxdl import optimizers
        >>> proximal = optimizers.proximal_l1(0.5, l1=1.0)
        >>> params = jnp.array([2.0, 0.25, -1.0])
        >>> updates, state = proximal.update(jnp.zeros(3), proximal.init(params), params)
        >>> (params + updates).tolist()
        [1.5, 0.0, -0.5]
    """
    check_learning_rate(learning_rate)
    check_not_negative({"l1": l1})

    def update(updates, state, params=None):
        if params is None:
            raise ValueError("proximal_l1 needs the parameters: call update(gradient, state, params).")
        eta: Any = learning_rate(state) if callable(learning_rate) else learning_rate
        moved = jax.tree.map(jnp.add, params, updates)
        shrunk = soft_threshold(moved, threshold=eta * l1)
        return jax.tree.map(jnp.subtract, shrunk, params), optax.safe_increment(state)

    transformation = optax.GradientTransformation(lambda params: jnp.zeros((), jnp.int32), update)  # noqa: ARG005
    return transformation if mask is None else optax.masked(transformation, mask)
