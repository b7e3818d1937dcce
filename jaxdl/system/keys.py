"""Typed random keys among the leaves of a tree: recognize them, and convert them to words and back."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree


def is_key(leaf: Any) -> bool:
    """Return whether a leaf of a tree is a typed key of `jax.random`, an array of them, or the shape of one.

    Args:
        leaf: Anything.

    Returns:
        True for arrays of `jax.random.key`; False for all others, also for legacy uint32 keys.

    Example:
        >>> from jaxdl import derivation
        >>> derivation.is_key(jax.random.key(0)), derivation.is_key(jnp.zeros(2))
        (True, False)
    """
    return jnp.issubdtype(getattr(leaf, "dtype", np.float32), jax.dtypes.prng_key)


def words_of(tree: PyTree) -> PyTree:
    """Replace the keys of a tree by their words, arrays of uint32."""
    return jax.tree.map(lambda leaf: jax.random.key_data(leaf) if is_key(leaf) else leaf, tree)


def keys_of(words: PyTree, like: PyTree) -> PyTree:
    """Convert words back to keys at the places where `like` has keys."""
    return jax.tree.map(_as_keys, words, like)


def _as_keys(words, leaf) -> Any:
    if not is_key(leaf):
        return words
    key = leaf if isinstance(leaf, jax.Array) else jax.lax.full((), 0, leaf.dtype)  # a ShapeDtypeStruct has no key_impl
    return jax.random.wrap_key_data(words, impl=jax.random.key_impl(key))
