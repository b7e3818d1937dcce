"""Several jax processes that run one program: agree on values, and run a function once for all of them."""

import builtins
import json
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jaxtyping import PyTree

from jaxdl.system.keys import keys_of, words_of


def is_first() -> bool:
    """Return whether this is the process that writes files and prints."""
    return jax.process_index() == 0


def broadcast_from_first(number: Any) -> Any:
    """Return the number of the first process, with its type; clocks, for example, differ between processes."""
    if jax.process_count() == 1:
        return number
    return type(number)(multihost_utils.broadcast_one_to_all(np.asarray(number)))


def max_over_processes(number: int) -> int:
    """Return the largest of the processes' numbers."""
    if jax.process_count() == 1:
        return number
    return int(multihost_utils.process_allgather(np.asarray(number)).max())


def run_on_first(f: Callable[[], Any]) -> Any:
    """Run `f()` in the first process and return its result, which JSON must be able to hold, in all processes.

    An exception in the first process is raised in all of them.
    """
    if jax.process_count() == 1:
        return f()
    raised, text = None, ""
    if is_first():
        try:
            text = json.dumps([None, f()])
        except Exception as error:  # raised below, after the other processes have received it
            raised, text = error, json.dumps([type(error).__name__, str(error)])
    letters = np.zeros(broadcast_from_first(len(text.encode())), np.uint8)
    letters[:] = np.frombuffer(text.encode(), np.uint8) if text else 0
    name, content = json.loads(bytes(multihost_utils.broadcast_one_to_all(letters)))
    if raised is not None:
        raise raised
    if name is not None:
        kind = getattr(builtins, name, RuntimeError)
        raise (kind if issubclass(kind, Exception) else RuntimeError)(content)
    return content


def tree_from_first(tree: PyTree | None, like: PyTree) -> PyTree:
    """Return the tree of the first process in all processes; `like` has its shapes and dtypes."""
    if jax.process_count() == 1:
        return tree
    zeros = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), jax.eval_shape(words_of, like))
    words = multihost_utils.broadcast_one_to_all(zeros if tree is None else jax.tree.map(np.asarray, words_of(tree)))
    return keys_of(words, like)


def to_host(tree: PyTree) -> PyTree:
    """Copy a tree into host memory as NumPy arrays, in every process; keys stay keys.

    The copy is safe if the arrays are donated to a program afterwards.
    """
    return keys_of(jax.tree.map(_copy_to_host, words_of(tree)), tree)


def _copy_to_host(leaf):
    if not isinstance(leaf, jax.Array):
        return leaf
    return np.array(leaf) if leaf.is_fully_addressable else multihost_utils.process_allgather(leaf, tiled=True)
