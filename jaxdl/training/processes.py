"""Several processes that train one population: what all must agree on, and what one of them does for all."""

import builtins
import json
from collections.abc import Callable
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


def greatest(number: int) -> int:
    """The greatest of the numbers that the processes have."""
    if jax.process_count() == 1:
        return number
    return int(multihost_utils.process_allgather(np.asarray(number)).max())


def by_first(f: Callable[[], Any]) -> Any:
    """What `f()` gives in the first process, which JSON can hold, in all; an error there is raised in all of them."""
    if jax.process_count() == 1:
        return f()
    raised, text = None, ""
    if is_first():
        try:
            text = json.dumps([None, f()])
        except Exception as error:  # it is raised below, where no other process waits in vain
            raised, text = error, json.dumps([type(error).__name__, str(error)])
    letters = np.zeros(agreed(len(text.encode())), np.uint8)
    letters[:] = np.frombuffer(text.encode(), np.uint8) if text else 0
    name, given = json.loads(bytes(multihost_utils.broadcast_one_to_all(letters)))
    if raised is not None:
        raise raised
    if name is not None:
        kind = getattr(builtins, name, RuntimeError)
        raise (kind if issubclass(kind, Exception) else RuntimeError)(given)
    return given


def from_first(tree: PyTree | None, like: PyTree) -> PyTree:
    """The tree that the first process has, of the shapes of the other, in all of them."""
    if jax.process_count() == 1:
        return tree
    blank = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), jax.eval_shape(words_of, like))
    words = multihost_utils.broadcast_one_to_all(blank if tree is None else jax.tree.map(np.asarray, words_of(tree)))
    return keys_of(words, like)


def on_host(tree: PyTree) -> PyTree:
    """A copy of all in the memory of the host, as arrays of numpy, on every process; keys stay keys.

    Nothing of it is lost where the arrays are donated to a program afterwards.
    """

    def copied(leaf):
        if not isinstance(leaf, jax.Array):
            return leaf
        if leaf.is_fully_addressable:
            return np.array(leaf)
        return multihost_utils.process_allgather(leaf, tiled=True)

    return keys_of(jax.tree.map(copied, words_of(tree)), tree)


def words_of(tree: PyTree) -> PyTree:
    """The tree with the words of its keys in their place."""
    return jax.tree.map(lambda leaf: jax.random.key_data(leaf) if is_key(leaf) else leaf, tree)


def keys_of(words: PyTree, like: PyTree) -> PyTree:
    """Keys from their words, where the other tree has keys."""
    return jax.tree.map(_as_keys, words, like)


def _as_keys(words, leaf) -> Any:
    if not is_key(leaf):
        return words
    key = leaf if isinstance(leaf, jax.Array) else jax.lax.full((), 0, leaf.dtype)  # of a shape nobody tells the kind
    return jax.random.wrap_key_data(words, impl=jax.random.key_impl(key))
