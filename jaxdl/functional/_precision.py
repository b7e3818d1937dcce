"""Sufficient precision for statistics."""

import jax
import jax.numpy as jnp


def widened(x: jax.Array) -> jax.Array:
    """Convert half precision to float32, so that a sum of squares neither overflows nor loses its digits."""
    return x.astype(jnp.float32) if jnp.finfo(x.dtype).bits < 32 else x
