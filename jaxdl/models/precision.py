"""Mixed precision: a model that computes in fewer bits than its parameters have."""

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from jaxdl.models.model import Model


def mixed_precision(model: Model, *, dtype: jnp.dtype | type = jnp.bfloat16) -> Model:
    r"""The model, computed in `dtype`, while parameters, statistics and outputs are as wide as they were.

    Parameters and inputs are rounded on the way in, and outputs widened on the way out, so that the loss is computed in
    full; a gradient goes back through the rounding as if it were none, and is added to the parameters in full. bfloat16
    has the range of float32 and 8 bits of precision, so that no loss needs to be scaled. Raises ValueError for another
    dtype of 16 bits or fewer, whose gradients would become 0.
    Micikevicius et al., *Mixed precision training* (2018).
    """
    if jnp.finfo(dtype).bits <= 16 and jnp.dtype(dtype) != jnp.bfloat16:
        raise ValueError(
            f"dtype must have the range of float32, but {jnp.dtype(dtype)} has not, and small gradients would become 0 "
            "in it: take jnp.bfloat16."
        )

    def apply(params, stats, inputs, *, key=None):
        outputs, moved = model.apply(_as(dtype, params), stats, _as(dtype, inputs), key=key)
        widest = jnp.result_type(jnp.float32, *(leaf for leaf in jax.tree.leaves(params) if _is_floating(leaf)))
        moved = jax.tree.map(lambda new, old: new.astype(old.dtype) if _is_floating(old) else new, moved, stats)
        return _as(widest, outputs), moved

    return Model(model.init, apply)


def _as(dtype, tree: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf: leaf.astype(dtype) if _is_floating(leaf) else leaf, tree)


def _is_floating(leaf) -> bool:
    return jnp.issubdtype(leaf.dtype, jnp.floating)
