"""Apply a function to many examples in batches, so that memory does not grow with their number."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from jaxdl._formatting import format_argument, is_integer

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

    Raises:
        TypeError: `f` is not a function, or the inputs are not arrays.
        ValueError: `rows` is not an integer from 1 on.

    Example:
        >>> from jaxdl.training import in_batches
        >>> in_batches(lambda x: 2 * x, jnp.arange(5), rows=2).tolist()
        [0, 2, 4, 6, 8]
    """
    _check(f, inputs, rows)
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


def _check(f: Any, inputs: Any, rows: Any) -> None:
    """Raise TypeError or ValueError for wrong arguments of `in_batches`."""
    if not callable(f):
        raise TypeError(f"f must be a function, got {format_argument(f)}: pass a function of a batch of inputs.")
    leaves = jax.tree.leaves(inputs)
    wrong = [format_argument(leaf) for leaf in leaves if not getattr(leaf, "shape", ())]
    if wrong or not leaves:
        raise TypeError(
            "inputs must be a tree of arrays with the examples as their first axis, but contain "
            f"{wrong[0] if wrong else 'none'}: convert them with jnp.asarray."
        )
    if not is_integer(rows) or rows < 1:
        raise ValueError(f"rows must be an integer from 1 on, got {format_argument(rows)}.")
