"""Early stopping: a fold over the epochs that keeps the best parameters and knows when patience ends.

It is pure, and every member of a `vmap` keeps its own: `better` after every epoch, `out_of_patience` to ask.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree


class Best(NamedTuple):
    """The best so far: its value, infinite before there is one; its epoch, counted from 1; its parameters."""

    value: Float[Array, ""]
    epoch: Int[Array, ""]
    params: PyTree
    stats: PyTree


def lowest_loss(row: Any) -> Array:
    """What is to be low in a row of the history: the loss on dev where that is observed, else the one in training."""
    return row.observed.get("loss", row.loss)


def highest(name: str) -> Callable[[Any], Array]:
    """What is to be low in a row of the history, where something observed is to be high: `highest("accuracy")`."""
    return lambda row: -row.observed[name]


def nothing_yet(params: PyTree, stats: PyTree) -> Best:
    """What a fold begins with: the first parameters, until an epoch is better than none."""
    return Best(jnp.float32(jnp.inf), jnp.int32(0), params, stats)


def better(best: Best, value: Float[Array, ""], epoch: Int[Array, ""], params: PyTree, stats: PyTree) -> Best:
    """The best of what was and what is now; of equals the first, and never NaN."""
    new = Best(jnp.asarray(value, best.value.dtype), jnp.asarray(epoch, best.epoch.dtype), params, stats)
    return jax.tree.map(lambda now, before: jnp.where(new.value < best.value, now, before), new, best)


def out_of_patience(best: Best, epoch: Int[Array, ""], *, patience: int | Int[Array, ""]) -> Bool[Array, ""]:
    """Have so many epochs passed since the best?"""
    return epoch - best.epoch >= patience
