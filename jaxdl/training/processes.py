"""Several processes that train one population: what all must agree on, and what one of them does for all."""

from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jaxtyping import PyTree

from jaxdl.training.leaves import is_key


def is_first() -> bool:
    """Is it the process that writes, and tells?"""
    return jax.process_index() == 0


def agreed(number: Any) -> Any:
    """The number that the first process has, of the same type: what is read from a clock differs between them."""
    if jax.process_count() == 1:
        return number
    return type(number)(multihost_utils.broadcast_one_to_all(np.asarray(number)))


def anywhere(condition: bool) -> bool:
    """Is it so in any of the processes?"""
    if jax.process_count() == 1:
        return condition
    return bool(multihost_utils.process_allgather(np.asarray(condition)).any())


def on_host(tree: PyTree) -> PyTree:
    """A copy of all in the memory of the host, as arrays of numpy, on every process; keys stay keys.

    Nothing of it is lost where the arrays are donated to a program afterwards.
    """

    def copied(leaf):
        if is_key(leaf):
            return jax.random.wrap_key_data(copied(jax.random.key_data(leaf)), impl=jax.random.key_impl(leaf))
        if not isinstance(leaf, jax.Array):
            return leaf
        if leaf.is_fully_addressable:
            return np.array(leaf)
        return multihost_utils.process_allgather(leaf, tiled=True)

    return jax.tree.map(copied, tree)
