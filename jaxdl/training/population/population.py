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
from jaxdl.training.layout import Layout, LayoutOption, check_layout, mesh_of
from jaxdl.training.population.layout_choice import avoid_deadlock, choose_layout, fastest, possible_layouts
from jaxdl.training.population.memory import compile_within_memory, smaller_after
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
from jaxdl.training.population_checks import check_population, warn_of_constants
from jaxdl.training.sweep import shapes_of_member

ONE_AT_A_TIME = Layout()


class CompiledPopulation(NamedTuple):
    """A program compiled for one layout.

    Attributes:
        layout: The division of the members among devices.
        mesh: The devices.
        run: `run(shared, mapped, chunks=None)` from `compile_population`, `run(members, step, count)` inside `fit`.
    """

    layout: Layout
    mesh: Mesh
    run: Callable[..., PyTree]


def population(
    train_one: Callable,
    *mapped: Any,
    shared: tuple = (),
    devices: Sequence[jax.Device] | None = None,
    layout: LayoutOption = None,
) -> PyTree:
    """Compute `train_one(*shared, *member)` for every member of the mapped arguments, in one compiled program.

    This computes what `jax.vmap` would, but divides the members among all devices (`use_all_cores` makes every CPU core
    a device). On each device members run one after another, in which case they are bit-identical to members trained
    alone, or several at once by `vmap`, in which case they differ by rounding. Which of the two it is depends on the
    shapes, the kind of device and the number of devices alone, so that the same call gives the same bits. The number of
    members at once is limited to what the memory holds. The function compiles at every call and is itself not
    traceable.

    Args:
        train_one: A traceable function of the shared arguments and of one member's arguments.
        *mapped: Trees of arrays with the members as their first axis: keys, learning rates, bootstrap weights.
        shared: Arguments that all members share, such as data. Pass data here, not in a closure, which would compile it
            into the program.
        devices: Devices to use; all by default.
        layout: A Layout, or "measured" to time the possible layouts and take the fastest. Measured layouts may differ
            from call to call, and the results by rounding.

    Returns:
        The results, with the members as first axis, on the default device.

    Raises:
        ValueError: The mapped arguments do not have a first axis of the same length, or the devices cannot take the
            layout.
        TypeError: An argument has the wrong type.

    Example:
        >>> from jaxdl import training
        >>> scaled_sum = lambda data, scale: scale * data.sum()
        >>> training.population(scaled_sum, jnp.array([1.0, 2.0]), shared=(jnp.ones(3),)).tolist()
        [3.0, 6.0]
    """
    check_population(train_one, mapped, shared, devices)
    check_layout(layout, devices)
    count_members(mapped)
    warn_of_constants(train_one, mapped, shared)
    program = compile_population(train_one, *mapped, shared=shared, devices=devices, layout=layout)
    while True:
        try:
            return finished(program.run, shared, mapped)
        except jax.errors.JaxRuntimeError as error:
            smaller = smaller_after(error, program.layout)
        program = _compile(_lowering(jax.jit(train_one), mapped, shared, devices), smaller, devices)


def compile_population(
    train_one: Callable,
    *mapped: Any,
    shared: tuple = (),
    devices: Sequence[jax.Device] | None = None,
    layout: LayoutOption = None,
) -> CompiledPopulation:
    """Compile the program of `population`, to run it several times as `program.run(shared, mapped)`.

    Raises ValueError if the mapped arguments do not have a first axis of the same length.
    """
    members = count_members(mapped)
    one = jax.jit(train_one)  # traced once for all layouts
    if layout == "measured":
        layouts = possible_layouts(members, devices=devices)
    else:
        layouts = [layout or choose_layout(lambda: trace_member(one, shared, mapped), members, devices=devices)]
    lower = _lowering(one, mapped, shared, devices)
    layouts = avoid_deadlock(lower, layouts)
    return fastest(
        layouts,
        lambda layout: _compile(lower, layout, devices),
        lambda program: _seconds_per_member(program, shared, mapped),
    )


def trace_member(one: Any, shared: tuple, mapped: tuple) -> Any:
    """Return the jaxpr of `one(*shared, *member)`, a jitted function, for one member of `mapped`."""
    return one.trace(*shared, *shapes_of_member(mapped)).jaxpr.jaxpr


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


def _lowering(one, mapped, shared, devices) -> Callable[[Layout], Lowered]:
    """Return a cached function that lowers the program for a layout."""
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


def _seconds_per_member(program, shared, mapped) -> float:
    """Measure the time of one member on its device, from the first chunk of each device."""
    started = time.perf_counter()
    finished(program.run, shared, mapped, 1)
    return broadcast_from_first(time.perf_counter() - started) / program.layout.at_once
