"""Put a population on devices: members divided among them, computed chunk by chunk, gathered again."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jaxtyping import PyTree

from jaxdl.system.keys import is_key, keys_of, words_of
from jaxdl.system.multihost import to_host
from jaxdl.training.layout import MEMBER, Layout


def replicated(mesh: Mesh) -> NamedSharding:
    """Return the sharding with a full copy on every device."""
    return NamedSharding(mesh, jax.P())


def sharded(mesh: Mesh) -> NamedSharding:
    """Return the sharding that divides the first axis, the members, among the devices."""
    return NamedSharding(mesh, jax.P(MEMBER))


def map_chunks(compute_chunk: Callable, layout: Layout, mesh: Mesh) -> Callable:
    """Return a function of (shared, mapped, out, first, last) that computes chunks of members on every device.

    `compute_chunk(shared, mapped, out)` gets one chunk of the members and the part of `out` that its result replaces.
    Each device computes its chunks from `first` up to `last`, one after another.
    """

    def on_device(shared, mapped, out, first, last):
        shared_words, mapped_words = words_of((shared, mapped))  # in a loop, a key would count as reused

        def one_chunk(number, done):
            begin = number * layout.at_once
            cut = lambda leaf: jax.lax.dynamic_slice_in_dim(leaf, begin, layout.at_once, 0)  # noqa: E731
            chunk, out_chunk = (jax.tree.map(cut, tree) for tree in (mapped_words, done))
            new = compute_chunk(keys_of(shared_words, shared), keys_of(chunk, mapped), keys_of(out_chunk, out))
            paste = lambda leaf, part: jax.lax.dynamic_update_slice_in_dim(leaf, part, begin, 0)  # noqa: E731
            return jax.tree.map(paste, done, words_of(new))

        if _length(out) == layout.at_once:
            return compute_chunk(shared, mapped, out)
        return keys_of(jax.lax.fori_loop(first, last, one_chunk, words_of(out)), out)

    if mesh.size == 1:
        return on_device
    by_member = jax.P(MEMBER)
    specs = {"in_specs": (jax.P(), by_member, by_member, jax.P(), jax.P()), "out_specs": by_member}
    return jax.shard_map(on_device, mesh=mesh, axis_names={MEMBER}, check_vma=False, **specs)


def map_members(compute_one: Callable, at_once: int) -> Callable:
    """Lift a function of one member to a chunk of members: by `vmap`, or without it for a chunk of one."""
    if at_once > 1:
        return jax.vmap(compute_one)
    return lambda *chunk: jax.tree.map(
        lambda leaf: jnp.asarray(leaf)[None], compute_one(*jax.tree.map(lambda leaf: leaf[0], chunk))
    )


def count_members(mapped: PyTree) -> int:
    """Return the length of the first axes. Raises ValueError if they differ, or if there are no members."""
    lengths = {leaf.shape[0] if leaf.ndim else 0 for leaf in jax.tree.leaves(mapped)}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(
            "mapped arguments must have a first axis of equal length, one entry for each member, got lengths "
            f"{sorted(lengths)}: pass what all members share in `shared`."
        )
    return lengths.pop()


def pad_members(members: PyTree, count: int) -> PyTree:
    """Repeat the last member up to `count` members; a padded tree is in host memory."""
    length = _length(members)
    if length == count:
        return members
    return jax.tree.map(lambda leaf: leaf[np.arange(count).clip(max=length - 1)], to_host(members))


def put(tree: PyTree, sharding: NamedSharding) -> PyTree:
    """Put a tree on the devices of a sharding, also those of other processes; every process passes the whole tree."""
    if sharding.is_fully_addressable:
        return jax.device_put(tree, sharding)

    def put_leaf(leaf):
        leaf = np.asarray(leaf)
        return jax.make_array_from_callback(leaf.shape, sharding, lambda index: leaf[index])

    return keys_of(jax.tree.map(put_leaf, words_of(tree)), tree)


def gather(members: PyTree, count: int, mesh: Mesh) -> PyTree:
    """Return the first `count` members, without padding, on the default device."""
    if mesh.size == 1 and _length(members) == count:
        return members
    return jax.tree.map(lambda leaf: jax.device_put(leaf[:count]), to_host(members))


def shapes_on(tree: PyTree, sharding: NamedSharding, count: int | None = None) -> PyTree:
    """Return the shapes of a tree with this sharding; with `count`, those of that many members."""

    def shape(leaf):
        like = jax.typeof(leaf) if not hasattr(leaf, "dtype") else leaf
        shape = like.shape if count is None else (count, *like.shape[1:])
        return jax.ShapeDtypeStruct(shape, like.dtype, sharding=sharding)

    return jax.tree.map(shape, tree)


def zeros_like(shapes: PyTree, sharding: NamedSharding) -> PyTree:
    """Return zeros of these shapes on the devices of a sharding."""

    def zeros(leaf):
        on_host = jax.lax.full(leaf.shape, 0, leaf.dtype) if is_key(leaf) else np.zeros(leaf.shape, leaf.dtype)
        return put(on_host, sharding)

    return jax.tree.map(zeros, shapes)


def _length(members) -> int:
    return jax.tree.leaves(members)[0].shape[0]
