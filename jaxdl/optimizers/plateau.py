"""Reduce the learning rate when the loss stops improving: chain it after an optimizer."""

import jax
import jax.numpy as jnp
import optax

from jaxdl.optimizers._base import chain, require_loss


def reduce_on_plateau(
    *,
    factor: float = 0.1,
    patience: int = 10,
    threshold: float = 1e-4,
    cooldown: int = 0,
    accumulation_size: int = 1,
    min_scale: float = 0.0,
) -> optax.GradientTransformationExtraArgs:
    r"""Multiply the learning rate by a factor each time the loss has stopped improving.

    The loss improves if it falls below $1 - \theta$ times its minimum so far, where $\theta$ is the threshold. After
    more than `patience` losses in a row without improvement, the learning rate is multiplied by `factor`.

    Chain it after the optimizer, `optax.chain(adam(1e-3), reduce_on_plateau(accumulation_size=100))`, and pass the
    loss to `update(gradient, state, params, value=loss)`. `jaxdl.training` passes the loss of each batch; set
    `accumulation_size` to the number of steps per epoch to compare the mean losses of epochs.

    It is `optax.contrib.reduce_on_plateau`, except that optax counts one more as `patience`. It equals PyTorch's
    `ReduceLROnPlateau` with `eps=0`, except that `min_lr` is given as a share of the learning rate. These settings
    cannot be traced; the learning rate of the optimizer can.

    Args:
        factor: Factor in $(0, 1)$.
        patience: Number of losses without improvement that are tolerated, at least 0.
        threshold: Relative improvement $\theta$ in $[0, 1)$ that counts.
        cooldown: Number of losses to ignore after a reduction, at least 0.
        accumulation_size: Number of values that are averaged to one loss, at least 1.
        min_scale: Smallest share of the initial learning rate, in $[0, 1]$.

    Raises:
        ValueError: If a setting is out of range, or `update` is called without `value`.

    Example:
        >>> from jaxdl import optimizers
        >>> plateau = optimizers.reduce_on_plateau(factor=0.5, patience=1)
        >>> state, scales = plateau.init(jnp.array(0.0)), []
        >>> for loss in (3.0, 2.0, 2.0, 2.0, 1.0):
        ...     update, state = plateau.update(jnp.array(1.0), state, value=jnp.array(loss))
        ...     scales.append(float(update))
        >>> scales
        [1.0, 1.0, 1.0, 0.5, 0.5]
    """
    _check_settings(factor, patience, threshold, cooldown, accumulation_size, min_scale)
    plateau = optax.contrib.reduce_on_plateau(
        factor=factor,
        patience=patience + 1,
        rtol=max(threshold, 1e-30),  # optax requires rtol > 0, and 1 - 1e-30 rounds to 1
        cooldown=cooldown,
        accumulation_size=accumulation_size,
        min_scale=min_scale,
    )
    chained = chain(plateau)

    def init(params):  # in at least float32: a running mean of many losses would stop changing in bfloat16
        return chained.init(jax.tree.map(lambda w: jnp.zeros((), jnp.promote_types(w.dtype, jnp.float32)), params))

    def update(updates, state, params=None, *, value=None, **extra):  # noqa: ARG001
        return chained.update(updates, state, params, value=require_loss(value, "reduce_on_plateau"))

    return optax.GradientTransformationExtraArgs(init, update)


def _check_settings(factor, patience, threshold, cooldown, accumulation_size, min_scale):
    valid = {
        f"factor must be above 0 and below 1, got {factor}": 0 < factor < 1,
        f"patience must be at least 0, got {patience}": patience >= 0,
        f"threshold must be at least 0 and below 1, got {threshold}": 0 <= threshold < 1,
        f"cooldown must be at least 0, got {cooldown}": cooldown >= 0,
        f"accumulation_size must be at least 1, got {accumulation_size}": accumulation_size >= 1,
        f"min_scale must be from 0 to 1, got {min_scale}": 0 <= min_scale <= 1,
    }
    for message, holds in valid.items():
        if not holds:
            raise ValueError(f"{message}.")
