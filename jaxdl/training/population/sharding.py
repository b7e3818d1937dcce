"""Where a population lies: its members divided among devices, some of them at a time, and batches among what is left.

A layout names the devices by two axes, `member` and `batch`. Every device along `member` has members of its own and
knows nothing of the others; devices along `batch` share each batch of the same members, and add up their gradients.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding
from jaxtyping import Array, Int, PyTree

from jaxdl.system.multihost import keys_of, to_host, words_of
from jaxdl.training.checkpoints.serialization import is_key

MEMBER, BATCH = "member", "batch"


class Layout(NamedTuple):
    """How a population is divided.

    Its members among so many devices `by_member`; each of their batches among so many `by_batch`. A device computes so
    many members `at_once` by `vmap`, and one such chunk after another: 1 is `lax.map`, and gives each member the bits
    that it has alone.
    """

    by_member: int = 1
    by_batch: int = 1
    at_once: int = 1

    def padded(self, members: int) -> int:
        """How many members fill all chunks of all devices."""
        chunk = self.by_member * self.at_once
        return -(-members // chunk) * chunk


def mesh_of(layout: Layout, devices: Sequence[jax.Device] | None = None) -> Mesh:
    """The devices of a layout, the first of those that are given, or of all."""
    count = layout.by_member * layout.by_batch
    chosen = np.asarray((devices or jax.devices())[:count]).reshape(layout.by_member, layout.by_batch)
    return Mesh(chosen, (MEMBER, BATCH), axis_types=(AxisType.Auto, AxisType.Auto))


def on_all(mesh: Mesh) -> NamedSharding:
    """A copy on every device."""
    return NamedSharding(mesh, jax.P())


def by_member(mesh: Mesh) -> NamedSharding:
    """The first axis divided among the devices, whose members it counts."""
    return NamedSharding(mesh, jax.P(MEMBER))


def over_members(of_chunk: Callable, layout: Layout, mesh: Mesh) -> Callable:
    """The function of (shared, mapped, out, first, last) that puts in its place in `out` what comes of every member.

    `of_chunk(shared, mapped, out)` gets the members of one chunk and what stands in their place. Of each device's
    chunks those from `first` to before `last` are computed, one after another.
    """

    def of_device(shared, mapped, out, first, last):
        same, words = words_of((shared, mapped))  # in a loop a key would count as used again and again

        def one(number, done):
            at = number * layout.at_once
            part = lambda leaf: jax.lax.dynamic_slice_in_dim(leaf, at, layout.at_once, 0)  # noqa: E731
            of_mapped, of_out = (jax.tree.map(part, tree) for tree in (words, done))
            new = words_of(of_chunk(keys_of(same, shared), keys_of(of_mapped, mapped), keys_of(of_out, out)))
            put = lambda leaf, part: jax.lax.dynamic_update_slice_in_dim(leaf, part, at, 0)  # noqa: E731
            return jax.tree.map(put, done, new)

        if _count(out) == layout.at_once:
            return of_chunk(shared, mapped, out)
        return keys_of(jax.lax.fori_loop(first, last, one, words_of(out)), out)

    if mesh.size == 1:
        return of_device
    divided = jax.P(MEMBER)
    specs = {"in_specs": (jax.P(), divided, divided, jax.P(), jax.P()), "out_specs": divided}
    return jax.shard_map(of_device, mesh=mesh, axis_names={MEMBER}, check_vma=False, **specs)


def together(one: Callable, at_once: int) -> Callable:
    """The function for a chunk of so many members: of several by `vmap`, of one as it is."""
    if at_once > 1:
        return jax.vmap(one)
    return lambda *chunk: jax.tree.map(
        lambda leaf: jnp.asarray(leaf)[None], one(*jax.tree.map(lambda leaf: leaf[0], chunk))
    )


def among_devices(rows: Int[Array, "batch"]) -> Int[Array, "batch"]:
    """The rows of a batch, of which each device along `batch` is to take its part, where there are several."""
    mesh = jax.sharding.get_abstract_mesh()
    if BATCH not in mesh.axis_names or mesh.shape[BATCH] == 1:
        return rows
    return jax.lax.with_sharding_constraint(rows, NamedSharding(mesh, jax.P(BATCH)))


def count_members(mapped: PyTree) -> int:
    """How many members there are. Raises ValueError where the arguments do not have one first axis of one length."""
    members = {leaf.shape[0] if leaf.ndim else 0 for leaf in jax.tree.leaves(mapped)}
    if len(members) != 1 or 0 in members:
        raise ValueError(
            f"mapped arguments must share a first axis, one entry for each member, but have {sorted(members)} entries: "
            "pass what all members share in shared."
        )
    return members.pop()


def pad_members(members: PyTree, count: int) -> PyTree:
    """As many members as that; the last one again for those that are not there, and all then on the host."""
    there = _count(members)
    if there == count:
        return members
    return jax.tree.map(lambda leaf: leaf[np.arange(count).clip(max=there - 1)], to_host(members))


def placed(tree: PyTree, sharding: NamedSharding) -> PyTree:
    """The tree on the devices of the sharding, of whatever process they are; every process has all of it."""
    if sharding.is_fully_addressable:
        return jax.device_put(tree, sharding)

    def place(leaf):
        leaf = np.asarray(leaf)
        return jax.make_array_from_callback(leaf.shape, sharding, lambda index: leaf[index])

    return keys_of(jax.tree.map(place, words_of(tree)), tree)


def gathered(members: PyTree, count: int, mesh: Mesh) -> PyTree:
    """So many members, without their filling, on the default device, where all else can be computed with them."""
    if mesh.size == 1 and _count(members) == count:
        return members
    return jax.tree.map(lambda leaf: jax.device_put(leaf[:count]), to_host(members))


def shapes_on(tree: PyTree, sharding: NamedSharding, count: int | None = None) -> PyTree:
    """The shapes of a tree that lies there, or of so many members like those that it has."""

    def shape(leaf):
        like = jax.typeof(leaf) if not hasattr(leaf, "dtype") else leaf
        shape = like.shape if count is None else (count, *like.shape[1:])
        return jax.ShapeDtypeStruct(shape, like.dtype, sharding=sharding)

    return jax.tree.map(shape, tree)


def blank(shapes: PyTree, sharding: NamedSharding) -> PyTree:
    """Zeros of these shapes, to be written over."""

    def zeros(leaf):
        nothing = jax.lax.full(leaf.shape, 0, leaf.dtype) if is_key(leaf) else np.zeros(leaf.shape, leaf.dtype)
        return placed(nothing, sharding)

    return jax.tree.map(zeros, shapes)


def _count(members) -> int:
    return jax.tree.leaves(members)[0].shape[0]
