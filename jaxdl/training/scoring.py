"""Apply a function to many examples in batches, so that memory does not grow with their number."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

ROWS = 2048  # examples computed at a time


def in_batches(f: Callable[[PyTree], PyTree], inputs: PyTree, *, rows: int = ROWS) -> PyTree:
    """Compute `f(inputs)` for at most `rows` examples at a time.

    `f` must treat each example independently of the others, as a model does when it is not training. All batches have
    the same size, so `f` is compiled once; the last one is padded and the padding is removed from the result.

    Args:
        f: A function from inputs (batch, ...) to outputs (batch, ...).
        inputs: A tree of arrays with the examples as their first axis.
        rows: Examples per batch, at least 1.

    Returns:
        `f(inputs)`.

    Example:
        >>> from jaxdl.training import in_batches
        >>> in_batches(lambda x: 2 * x, jnp.arange(5), rows=2).tolist()
        [0, 2, 4, 6, 8]
    """
    size = jax.tree.leaves(inputs)[0].shape[0]
    if size <= rows:
        return f(inputs)
    batches = -(-size // rows)
    length = -(-size // batches)

    def divided(array):
        padding = jnp.broadcast_to(array[-1:], (batches * length - size, *array.shape[1:]))
        padded = jnp.concatenate([array, padding]) if len(padding) else array
        return padded.reshape(batches, length, *array.shape[1:])

    outputs = jax.lax.map(f, jax.tree.map(divided, inputs))
    return jax.tree.map(lambda array: array.reshape(batches * length, *array.shape[2:])[:size], outputs)
