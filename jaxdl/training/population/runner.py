"""The interface between `fit` and the two ways to train a population, and the functions that both share."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import numpy as np
from jax.sharding import Mesh
from jax.stages import Lowered
from jaxtyping import Int

from jaxdl.system.interruption import run_interruptibly
from jaxdl.system.multihost import to_host
from jaxdl.training.layout import Layout, LayoutOption, mesh_of
from jaxdl.training.population.member import Member, is_active
from jaxdl.training.population.population import compile_population
from jaxdl.training.population.sharding import (
    map_chunks,
    map_members,
    pad_members,
    put,
    replicated,
    shapes_on,
    sharded,
)
from jaxdl.training.sweep import shapes_of_member

CHUNK_SECONDS = 0.5  # intended duration of a chunk of steps, after which progress is reported and signals are handled


class PlacedMembers(NamedTuple):
    """Members on the devices, in any order and with padding.

    Attributes:
        members: The members, padded to fill the layout.
        indices: Index of each member in the population; padding has indices from `count` on.
        count: Number of members without padding.
    """

    members: Member
    indices: Int[np.ndarray, "members"]
    count: int

    def in_order(self, tree: Any) -> Any:
        """Sort a tree of per-member arrays by index and remove the padding."""
        where = np.argsort(self.indices)[: self.count]
        if np.array_equal(where, np.arange(len(self.indices))):
            return tree
        return jax.tree.map(lambda leaf: leaf[where], tree)


@runtime_checkable
class Runner(Protocol):
    """One way to train a population.

    `fit` calls `init`, unless it loads a checkpoint, then `compile`, then `run_chunk` until all steps are done.
    """

    def like_of(self, epochs: int) -> Member:
        """Return shapes and dtypes of all members of a training with this number of epochs."""
        ...

    def program_text(self) -> str:
        """Return the text of all programs, which identifies model, objective, optimizer and observed metrics.

        It does not depend on the number of epochs.
        """
        ...

    def data_digest(self) -> str:
        """Return a digest of the training data, as far as it is known without reading all of it."""
        ...

    def init(self) -> Member:
        """Return all members before their first step."""
        ...

    def compile(self, members: Member, *, steps_left: int, layout: LayoutOption) -> Layout:
        """Compile for the layout, the chosen one if it is None; place a copy of the members; return the layout."""
        ...

    def run_chunk(self, step: int, wait: Callable[[Any], Any]) -> tuple[PlacedMembers, int]:
        """Take a chunk of steps from `step` on, about CHUNK_SECONDS long; return the members and the new step.

        `wait(placed)` waits for the computation and may raise KeyboardInterrupt. The next call donates the members that
        this one returned.
        """
        ...

    def close(self) -> None:
        """Stop threads that read data."""
        ...


def shapes_of_members(init: Callable, shared: tuple, mapped: tuple) -> Member:
    """Return the shapes of the members that `init(*shared, *one)` returns for each of the mapped keys and settings."""
    return jax.eval_shape(jax.vmap(lambda *one: init(*shared, *one)), *mapped)


def text_of_program(one: Callable, shared: tuple, mapped: tuple) -> str:
    """Return the text of `one(*shared, *member)` for one member of `mapped`; it does not depend on the layout."""
    return jax.jit(one).lower(*shared, *shapes_of_member(mapped)).as_text()


def init_members(
    init: Callable, shared: tuple, mapped: tuple, layout: Layout, devices: Sequence[jax.Device] | None
) -> Member:
    """Return the members `init(*shared, *one)` of all mapped keys and settings."""
    build = functools.partial(compile_population, init, *mapped, shared=shared, devices=devices, layout=layout)
    return run_interruptibly(build).run(shared, mapped)


def lower_members(
    one: Callable, shared: tuple, like: Member, layout: Layout, devices: Sequence[jax.Device] | None
) -> Lowered:
    """Lower `one(*shared, member)` for placed members; chunks without an active member are skipped."""
    mesh = mesh_of(layout, devices)

    def compute_chunk(shared, mapped, members):  # noqa: ARG001
        every = map_members(lambda member: one(*shared, member), layout.at_once)
        return jax.lax.cond(is_active(members).any(), every, lambda members: members, members)

    count = layout.padded(like.stopped.shape[0])
    placed, on_every_device = shapes_on(like, sharded(mesh), count), shapes_on(shared, replicated(mesh))
    chunks = count // (layout.by_member * layout.at_once)
    program = map_chunks(compute_chunk, layout, mesh)
    run = lambda shared, members: program(shared, (), members, 0, chunks)  # noqa: E731
    return jax.jit(run, donate_argnums=1).lower(on_every_device, placed)


def place_members(members: Member, layout: Layout, mesh: Mesh) -> PlacedMembers:
    """Copy members to the devices of a layout."""
    count = members.stopped.shape[0]
    padded = layout.padded(count)
    return PlacedMembers(put(pad_members(to_host(members), padded), sharded(mesh)), np.arange(padded), count)
