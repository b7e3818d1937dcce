"""Mixed precision: computing in 16 bits while parameters are kept in 32."""

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from jaxdl._formatting import format_argument
from jaxdl.models.model import Model, check_model


def mixed_precision(model: Model, *, dtype: jnp.dtype | type = jnp.bfloat16) -> Model:
    """Return the model computing in `dtype`, with parameters, statistics and outputs in their own precision.

    `apply` rounds parameters and inputs to `dtype` and converts the outputs back, so that the loss is computed in full
    precision. The gradient of the rounding is the identity: the optimizer updates the parameters in full precision.
    bfloat16 has the range of float32 with 8 bits of precision, so no loss scaling is needed.

    Args:
        model: The model.
        dtype: The floating dtype to compute in.

    Returns:
        A model with the same `init`.

    Raises:
        ValueError: If `dtype` has 16 bits or fewer and is not bfloat16; small gradients would underflow to 0.

    References:
        Micikevicius et al., *Mixed precision training* (2018).

    Example:
        >>> from jaxdl import models
        >>> model = models.mixed_precision(models.mlp((8,), 2))
        >>> params, stats = model.init(jax.random.key(0), jnp.ones((1, 4)))
        >>> outputs, _ = model.apply(params, stats, jnp.ones((1, 4)))
        >>> str(params["Dense_0"]["kernel"].dtype), str(outputs.dtype)
        ('float32', 'float32')
        >>> bool((outputs == outputs.astype(jnp.bfloat16)).all())  # the numbers were computed in bfloat16
        True
    """
    check_model(model)
    if not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(f"dtype must be a floating dtype, got {format_argument(dtype)}: use jnp.bfloat16.")
    if jnp.finfo(dtype).bits <= 16 and jnp.dtype(dtype) != jnp.bfloat16:
        raise ValueError(
            f"dtype must have the range of float32, got {jnp.dtype(dtype)}, in which small gradients underflow to 0. "
            "Use jnp.bfloat16."
        )

    def apply(params, stats, inputs, *, key=None):
        outputs, updated = model.apply(_cast(dtype, params), stats, _cast(dtype, inputs), key=key)
        widest = jnp.result_type(jnp.float32, *(leaf for leaf in jax.tree.leaves(params) if _is_floating(leaf)))
        updated = jax.tree.map(lambda new, old: new.astype(old.dtype) if _is_floating(old) else new, updated, stats)
        return _cast(widest, outputs), updated

    return Model(model.init, apply)


def _cast(dtype, tree: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf: leaf.astype(dtype) if _is_floating(leaf) else leaf, tree)


def _is_floating(leaf) -> bool:
    return jnp.issubdtype(leaf.dtype, jnp.floating)
