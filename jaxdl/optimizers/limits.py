"""Pieces to put before and after a rule in `optax.chain`: gradients are clipped, parameters brought to exact zeros."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxdl.functional import soft_threshold
from jaxdl.functional._validity import in_range, is_not_negative
from jaxdl.optimizers._rule import Mask, Rate, Scalar, chain, check_not_negative, check_rate, norm, told


def clip_by_value(limit: Scalar) -> optax.GradientTransformation:
    r"""Every entry of the gradient brought to $[-c, c]$, which may turn it; before the rule.

    `optax.chain(clip_by_value(0.1), sgd(0.5))`. The same as `optax.clip` and PyTorch's `clip_grad_value_`. Raises
    ValueError for a negative limit; a traced one gives NaN.
    Goodfellow, Bengio and Courville, *Deep Learning* (2016), section 10.11.1.
    """
    check_not_negative({"limit": limit})

    def clipped(gradient, _):
        bound = in_range(limit, is_not_negative(limit), float)
        return jax.tree.map(lambda g: jnp.clip(g, -bound, bound).astype(g.dtype), gradient)

    return optax.stateless(clipped)


def clip_by_norm(limit: Scalar) -> optax.GradientTransformation:
    r"""The gradient shortened to $g \min(1, c / \lVert g \rVert)$, which keeps its direction; before the rule.

    $\lVert g \rVert$ is the Euclidean norm over all parameters together, and inside a population that of each member
    alone. The same as `optax.clip_by_global_norm`; PyTorch's `clip_grad_norm_` adds $10^{-6}$ to the norm. Raises
    ValueError for a negative limit; a traced one gives NaN.
    Pascanu, Mikolov and Bengio, *On the difficulty of training recurrent neural networks* (2013), algorithm 1.
    """
    check_not_negative({"limit": limit})

    def clipped(gradient, _):
        size, bound = norm(gradient), in_range(limit, is_not_negative(limit), float)
        share = jnp.where(size <= bound, 1, bound / size)
        return jax.tree.map(lambda g: (share * g).astype(g.dtype), gradient)

    return optax.stateless(clipped)


def proximal_l1(learning_rate: Rate, *, strength: Scalar, mask: Mask = None) -> optax.GradientTransformation:
    r"""The penalty $\lambda \lVert w \rVert_1$ by its proximal step: $w \leftarrow S_{\eta\lambda}(w)$ after the rule.

    $S_t(w) = \mathrm{sign}(w) \max(|w| - t, 0)$, so that parameters become exactly zero, which a gradient of $|w|$
    never does. `optax.chain(sgd(0.1), proximal_l1(0.1, strength=1e-3))` is ISTA; the rate must be that of the rule, a
    schedule counted as there, or another penalty is minimized. After a rule that rescales the gradient it is a proximal
    step all the same, for the metric of the rate alone. `mask`, a tree of Booleans or a function of the parameters that
    makes one, such as `weights`, says what is penalized; None is everything. Raises ValueError for a rate or strength
    below 0. Beck and Teboulle, *A fast iterative shrinkage-thresholding algorithm* (2009); Parikh and Boyd, *Proximal
    algorithms* (2014), section 4.2.
    """
    check_rate(learning_rate)
    check_not_negative({"strength": strength})

    def update(updates, state, params=None):
        if params is None:
            raise ValueError("proximal_l1 must be given the parameters: call update(gradient, state, params).")
        rate: Any = learning_rate(state) if callable(learning_rate) else learning_rate
        moved = jax.tree.map(jnp.add, params, updates)
        shrunk = soft_threshold(moved, threshold=rate * strength)
        return jax.tree.map(jnp.subtract, shrunk, params), optax.safe_increment(state)

    piece = optax.GradientTransformation(lambda params: jnp.zeros((), jnp.int32), update)  # noqa: ARG005
    return piece if mask is None else optax.masked(piece, mask)


def on_plateau(
    *,
    factor: float = 0.1,
    patience: int = 10,
    threshold: float = 1e-4,
    cooldown: int = 0,
    every: int = 1,
    least: float = 0.0,
) -> optax.GradientTransformationExtraArgs:
    r"""The rate multiplied by a factor in $(0, 1)$ each time the loss stops improving; after the rule.

    `optax.chain(adam(1e-3), on_plateau(every=100))`. The loss improves where it falls below $1 - \theta$ times its
    least so far, for the threshold $\theta$; more than `patience` losses in a row that do not, and the rate is reduced,
    but to no less than `least` of what it was; the `cooldown` losses that follow do not count. A loss is the mean of
    `every` values that `update(gradient, state, params, value=loss)` is given (`jaxdl.training` gives that of each
    batch, so that `every` is best the number of steps in an epoch).

    `optax.contrib.reduce_on_plateau`, whose `patience` is one more; PyTorch's `ReduceLROnPlateau` with
    `min_lr` as a share of the rate and its `eps` 0. These settings are plain numbers and cannot be traced; the rule's
    rate can. Raises ValueError for settings out of range, and without `value`.
    """
    if not (0 < factor < 1 and 0 <= threshold < 1 and 0 <= least <= 1 and min(patience, cooldown) >= 0 and every >= 1):
        raise ValueError(
            "factor must be between 0 and 1, threshold and least from 0 to 1, patience and cooldown at least 0 and "
            f"every at least 1, but were {factor}, {threshold}, {least}, {patience}, {cooldown} and {every}."
        )
    reduced = optax.contrib.reduce_on_plateau(
        factor=factor,
        patience=patience + 1,
        rtol=max(threshold, 1e-30),  # optax wants it positive; 1 - 1e-30 is 1
        cooldown=cooldown,
        accumulation_size=every,
        min_scale=least,
    )
    whole = chain(reduced)

    def init(params):  # in bfloat16 a mean of many losses would stand still
        return whole.init(jax.tree.map(lambda w: jnp.zeros((), jnp.promote_types(w.dtype, jnp.float32)), params))

    def update(updates, state, params=None, *, value=None, **extra):  # noqa: ARG001
        return whole.update(updates, state, params, value=told(value, "on_plateau"))

    return optax.GradientTransformationExtraArgs(init, update)
