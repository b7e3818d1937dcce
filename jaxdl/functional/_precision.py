"""Statistics in enough precision."""

import jax
import jax.numpy as jnp


def widened(x: jax.Array) -> jax.Array:
    """The numbers in float32 at least: in half precision a sum of squares overflows, or loses its digits."""
    return x.astype(jnp.float32) if jnp.finfo(x.dtype).bits < 32 else x
