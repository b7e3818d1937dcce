"""Many examples through a model, in memory that their number does not bound."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

ROWS = 2048  # examples that are computed at a time


def in_batches(f: Callable[[PyTree], PyTree], inputs: PyTree, *, rows: int = ROWS) -> PyTree:
    """`f(inputs)`, computed for at most so many examples at a time, each exactly once.

    For an f that gives every example its own row, whatever else is in the batch: a model as it is when not training.
    The batches are of one size, so that f is compiled once; what the last of them lacks is filled up with the last
    example, and masked out of the result.
    """
    size = jax.tree.leaves(inputs)[0].shape[0]
    if size <= rows:
        return f(inputs)
    batches = -(-size // rows)
    length = -(-size // batches)

    def divided(array):
        filling = jnp.broadcast_to(array[-1:], (batches * length - size, *array.shape[1:]))
        whole = jnp.concatenate([array, filling]) if len(filling) else array
        return whole.reshape(batches, length, *array.shape[1:])

    done = jax.lax.map(f, jax.tree.map(divided, inputs))
    return jax.tree.map(lambda array: array.reshape(batches * length, *array.shape[2:])[:size], done)
