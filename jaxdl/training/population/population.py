"""Train many members in one compiled program on all devices."""

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
from jaxdl.training.argument_checks import check_population, warn_of_constants
from jaxdl.training.layout import Layout, mesh_of
from jaxdl.training.population.autotune import compile_within_memory, fastest, layouts_for, smaller_after
from jaxdl.training.population.sharding import (
    count_members,
    gather,
    map_chunks,
    map_members,
    pad_members,
    put,
    replicated,
    shapes_on,
    sharded,
    zeros_like,
)

ONE_AT_A_TIME = Layout()
MIN_MEMBERS = 8  # members per device from which measuring one chunk costs little


class CompiledPopulation(NamedTuple):
    """A program compiled for one layout."""

    layout: Layout
    """the division of the members among devices"""
    mesh: Mesh
    """the devices"""
    run: Callable[..., PyTree]
    """`run(shared, mapped, chunks=None)` from `compile_population`, `run(members, step, count)` inside `fit`"""


def population(
    train_one: Callable, *mapped: Any, shared: tuple = (), devices: Sequence[jax.Device] | None = None
) -> PyTree:
    """Compute `train_one(*shared, *member)` for every member of the mapped arguments, in one compiled program.

    This computes what `jax.vmap` would, but divides the members among all devices (`use_all_cores` makes every CPU core
    a device). On each device members run one after another, in which case they are bit-identical to members trained
    alone, or several at once by `vmap`, in which case they differ by rounding. From 8 members per device on, long
    populations are timed both ways, and the faster choice is remembered on disk. The number of members at once is
    limited to what the memory holds. The function compiles at every call and is itself not traceable.

    Args:
        train_one: A traceable function of the shared arguments and of one member's arguments.
        *mapped: Trees of arrays with the members as their first axis: keys, learning rates, bootstrap weights.
        shared: Arguments that all members share, such as data. Pass data here, not in a closure, which would compile it
            into the program.
        devices: Devices to use; all by default.

    Returns:
        The results, with the members as first axis, on the default device.

    Raises:
        ValueError: The mapped arguments do not have a first axis of the same length.
        TypeError: An argument has the wrong type.

    Example:
        >>> from jaxdl import training
        >>> scaled_sum = lambda data, scale: scale * data.sum()
        >>> training.population(scaled_sum, jnp.array([1.0, 2.0]), shared=(jnp.ones(3),)).tolist()
        [3.0, 6.0]
    """
    check_population(train_one, mapped, shared, devices)
    count_members(mapped)
    warn_of_constants(train_one, mapped, shared)
    program = compile_population(train_one, *mapped, shared=shared, devices=devices)
    while True:
        try:
            return finished(program.run, shared, mapped)
        except jax.errors.JaxRuntimeError as error:
            layout = smaller_after(error, program.layout)
        program = _compile(_lowering(train_one, mapped, shared, devices), layout, devices)


def compile_population(
    train_one: Callable,
    *mapped: Any,
    shared: tuple = (),
    devices: Sequence[jax.Device] | None = None,
    layout: Layout | None = None,
) -> CompiledPopulation:
    """Compile the program of `population`, to run it several times as `program.run(shared, mapped)`.

    Without a layout the fastest one is chosen. Raises ValueError if the mapped arguments do not have a first axis of
    the same length.
    """
    members = count_members(mapped)
    layouts = [layout] if layout else _measurable(layouts_for(members, devices=devices), members)

    def seconds(program) -> float:
        return -(-members // program.layout.by_member) * _seconds_per_member(program, shared, mapped)

    lower = _lowering(train_one, mapped, shared, devices)
    return fastest(lower, layouts, lambda layout: _compile(lower, layout, devices), seconds)


def lower_population(
    train_one: Callable,
    *mapped: Any,
    shared: tuple = (),
    layout: Layout = ONE_AT_A_TIME,
    devices: Sequence[jax.Device] | None = None,
) -> Lowered:
    """Lower the program of `population` for arguments of these shapes, without compiling it.

    The program takes (shared, mapped, out, first, last) as `map_chunks` describes, and `out` is donated.
    """
    mesh, count = mesh_of(layout, devices), layout.padded(count_members(mapped))

    def compute_chunk(shared, mapped, out):  # noqa: ARG001
        return map_members(lambda *member: train_one(*shared, *member), layout.at_once)(*mapped)

    zero = jax.ShapeDtypeStruct((), jnp.int32)
    return jax.jit(map_chunks(compute_chunk, layout, mesh), donate_argnums=2).lower(
        shapes_on(shared, replicated(mesh)),
        shapes_on(mapped, sharded(mesh), count),
        shapes_on(_result_shapes(train_one, mapped, shared), sharded(mesh), count),
        zero,
        zero,
    )


def finished(f: Callable, *arguments: Any) -> PyTree:
    """Return `f(*arguments)` once it is computed; Ctrl-C works meanwhile."""
    return run_interruptibly(lambda: jax.block_until_ready(f(*arguments)))


def _result_shapes(train_one, mapped, shared) -> PyTree:
    """Return the shapes of all members' results, without padding."""
    every = jax.vmap(lambda shared, mapped: train_one(*shared, *mapped), in_axes=(None, 0))
    return jax.eval_shape(every, shared, mapped)


def _lowering(train_one, mapped, shared, devices) -> Callable[[Layout], Lowered]:
    """Return a cached function that lowers the program for a layout."""
    one = jax.jit(train_one)  # traced once for all layouts
    lower = lambda layout: lower_population(one, *mapped, shared=shared, layout=layout, devices=devices)  # noqa: E731
    return functools.lru_cache(lower)


def _compile(lower, layout, devices) -> CompiledPopulation:
    compiled, layout = compile_within_memory(lower, layout)
    mesh = mesh_of(layout, devices)
    return CompiledPopulation(layout, mesh, functools.partial(_run, compiled, layout, mesh))


def _run(compiled: Compiled, layout: Layout, mesh: Mesh, shared: tuple, mapped: tuple, chunks: int | None = None):
    """Compute all members, or only the first chunks of each device."""
    out_info = compiled.out_info
    count, members = count_members(out_info), count_members(mapped)
    last = count // (layout.by_member * layout.at_once) if chunks is None else chunks
    shared = put(shared, replicated(mesh))
    mapped = put(pad_members(mapped, count), sharded(mesh))
    out = zeros_like(out_info, sharded(mesh))
    out = compiled(shared, mapped, out, jnp.int32(0), jnp.int32(last))
    return gather(out, members, mesh)


def _measurable(layouts, members) -> list[Layout]:
    """Return the layouts worth measuring: those with several chunks per device, or only the first."""
    local = -(-members // layouts[0].by_member)
    if layouts[0].at_once > 1 or local < MIN_MEMBERS:
        return layouts[:1]
    return [layouts[0], *(layout for layout in layouts[1:] if 2 * layout.at_once <= local)]


def _seconds_per_member(program, shared, mapped) -> float:
    """Measure the time of one member on its device, from the first chunk of each device."""
    started = time.perf_counter()
    finished(program.run, shared, mapped, 1)
    return broadcast_from_first(time.perf_counter() - started) / program.layout.at_once
