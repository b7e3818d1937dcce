"""Sufficient precision and range for statistics."""

import jax
import jax.numpy as jnp


def widened(x: jax.Array) -> jax.Array:
    """Convert half precision to float32, so that a sum of squares does not lose its digits."""
    return x.astype(jnp.float32) if jnp.finfo(x.dtype).bits < 32 else x


def power_of_two(largest: jax.Array) -> jax.Array:
    """Return a power of two near this magnitude, as a constant; 1 if the magnitude is 0 or not finite.

    Numbers that are divided by it can be squared without overflow or underflow. The division is exact, as is the
    multiplication by the inverse, so that results have the same bits as without it wherever neither occurs.
    """
    rounded = jax.lax.reduce_precision(jax.lax.stop_gradient(largest) / 4, jnp.finfo(largest.dtype).nexp, 0)
    return jnp.where((rounded > 0) & (rounded < jnp.inf), rounded, 1)
