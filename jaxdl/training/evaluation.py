"""Many examples through a model, in memory that their number does not bound."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

ROWS = 2048  # examples that are computed at a time


def in_batches(f: Callable[[PyTree], PyTree], inputs: PyTree, *, rows: int = ROWS) -> PyTree:
    """`f(inputs)`, computed for so many examples at a time, each exactly once.

    For an f that gives every example its own row, whatever else is in the batch: a model as it is when not training.
    """
    size = jax.tree.leaves(inputs)[0].shape[0]
    if size <= rows:
        return f(inputs)
    whole = size // rows * rows
    batches = jax.tree.map(lambda array: array[:whole].reshape(-1, rows, *array.shape[1:]), inputs)
    done = jax.tree.map(lambda array: array.reshape(whole, *array.shape[2:]), jax.lax.map(f, batches))
    if whole == size:
        return done
    rest = f(jax.tree.map(lambda array: array[whole:], inputs))
    return jax.tree.map(lambda *parts: jnp.concatenate(parts), done, rest)
