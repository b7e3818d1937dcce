"""A population: one training, many members, one compiled program on all devices."""

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import Mesh
from jax.stages import Compiled, Lowered
from jaxtyping import PyTree

from jaxdl.system.interruption import run_interruptibly
from jaxdl.system.multihost import broadcast_from_first
from jaxdl.training.population.autotune import compiled_to_fit, fastest, layouts_for, smaller_for
from jaxdl.training.population.sharding import (
    Layout,
    blank,
    by_member,
    count_members,
    gathered,
    mesh_of,
    on_all,
    over_members,
    pad_members,
    placed,
    shapes_on,
    together,
)

ONE_BY_ONE = Layout()
ENOUGH = 8  # members on each device, so that what is measured is a small part of it


class Program(NamedTuple):
    """A compiled population, to be called as `program(shared, mapped)` with the shapes that it was compiled for."""

    layout: Layout
    mesh: Mesh
    out: PyTree
    compiled: Compiled

    def __call__(self, shared: tuple, mapped: tuple, chunks: int | None = None) -> PyTree:
        """What comes of every member, its first axis the members; or of the first chunks of each device alone."""
        count, members = count_members(self.out), count_members(mapped)
        last = count // (self.layout.by_member * self.layout.at_once) if chunks is None else chunks
        shared = placed(shared, on_all(self.mesh))
        mapped = placed(pad_members(mapped, count), by_member(self.mesh))
        out = blank(self.out, by_member(self.mesh))
        out = self.compiled(shared, mapped, out, jnp.int32(0), jnp.int32(last))
        return gathered(out, members, self.mesh)


def population(
    train_one: Callable, *mapped: Any, shared: tuple = (), devices: Sequence[jax.Device] | None = None
) -> PyTree:
    """`train_one(*shared, *member)` for every member of the mapped arguments, in one compiled program.

    Seeds, rates, penalties and bootstrap weights are axes: `population(train_one, keys, rates, shared=(data,))`. Data
    travels in `shared`, never in a closure, where it would be compiled into the program. What comes back has the
    members as its first axis. It compiles each time, and is not itself traceable.

    The members are divided among the devices, by default all that jax has (`use_all_cores` makes every core one). On
    each they follow one another, or are computed several at once by `vmap`: where a population of at least 8 members a
    device takes long, a few of them are timed either way, and what was faster is remembered on disk. One after another,
    members have the bits that they have alone; at once, they differ from them by rounding. As many are computed at once
    as the memory holds. What comes back lies on the default device, whatever the members were divided among. Raises
    ValueError where the mapped arguments do not have one first axis of the same length.
    """
    program = compile_population(train_one, *mapped, shared=shared, devices=devices)
    while True:
        try:
            return finished(program, shared, mapped)
        except jax.errors.JaxRuntimeError as error:
            layout = smaller_for(error, program.layout)
        program = _compiled(_lowering(train_one, mapped, shared, devices), layout, devices)


def compile_population(
    train_one: Callable,
    *mapped: Any,
    shared: tuple = (),
    devices: Sequence[jax.Device] | None = None,
    layout: Layout | None = None,
) -> Program:
    """The program that `population` compiles and runs, to be called as `program(shared, mapped)`, and not only once.

    With a layout it is that one. Raises ValueError where the mapped arguments do not have one first axis of the same
    length.
    """
    members = count_members(mapped)
    layouts = [layout] if layout else _measurable(layouts_for(members, devices=devices), members)

    def seconds(program) -> float:
        return -(-members // program.layout.by_member) * _seconds_of_a_member(program, shared, mapped)

    lower = _lowering(train_one, mapped, shared, devices)
    return fastest(lower, layouts, lambda layout: _compiled(lower, layout, devices), seconds)


def lower_population(
    train_one: Callable,
    *mapped: Any,
    shared: tuple = (),
    layout: Layout = ONE_BY_ONE,
    devices: Sequence[jax.Device] | None = None,
) -> Lowered:
    """The program of `population` before it is compiled, for arguments of these shapes, which may stand for others.

    It takes (shared, mapped, out, first, last), as `over_members` says, and `out` is donated to it.
    """
    mesh, count = mesh_of(layout, devices), layout.padded(count_members(mapped))

    def of_chunk(shared, mapped, out):  # noqa: ARG001
        return together(lambda *member: train_one(*shared, *member), layout.at_once)(*mapped)

    zero = jax.ShapeDtypeStruct((), jnp.int32)
    return jax.jit(over_members(of_chunk, layout, mesh), donate_argnums=2).lower(
        shapes_on(shared, on_all(mesh)),
        shapes_on(mapped, by_member(mesh), count),
        shapes_on(_out_of(train_one, mapped, shared), by_member(mesh), count),
        zero,
        zero,
    )


def _out_of(train_one, mapped, shared) -> PyTree:
    """The shapes of what comes of all members, without any filling."""
    every = jax.vmap(lambda shared, mapped: train_one(*shared, *mapped), in_axes=(None, 0))
    return jax.eval_shape(every, shared, mapped)


def _lowering(train_one, mapped, shared, devices) -> Callable[[Layout], Lowered]:
    """What lowers the program for any layout, each once."""
    one = jax.jit(train_one)  # traced once, whatever the layout
    lower = lambda layout: lower_population(one, *mapped, shared=shared, layout=layout, devices=devices)  # noqa: E731
    return functools.lru_cache(lower)


def _compiled(lower, layout, devices) -> Program:
    compiled, layout = compiled_to_fit(lower, layout)
    return Program(layout, mesh_of(layout, devices), compiled.out_info, compiled)


def _measurable(layouts, members) -> list[Layout]:
    """Those whose chunk is a small part of a device's members, to be measured beside the first; or the first alone."""
    local = -(-members // layouts[0].by_member)
    if layouts[0].at_once > 1 or local < ENOUGH:
        return layouts[:1]
    return [layouts[0], *(layout for layout in layouts[1:] if 2 * layout.at_once <= local)]


def _seconds_of_a_member(program, shared, mapped) -> float:
    """How long a member takes on its device, measured on the first chunk of each."""
    began = time.perf_counter()
    finished(program, shared, mapped, 1)
    return broadcast_from_first(time.perf_counter() - began) / program.layout.at_once


def finished(f: Callable, *arguments: Any) -> PyTree:
    """`f(*arguments)` when it is computed; Ctrl-C is met at once."""
    return run_interruptibly(lambda: jax.block_until_ready(f(*arguments)))
