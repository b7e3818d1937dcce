"""Train a population on a Dataset that lies on the devices."""

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.stages import Lowered

from jaxdl.data import Dataset
from jaxdl.system.multihost import broadcast_from_first, to_host
from jaxdl.training.checkpoints.serialization import digest_of
from jaxdl.training.data_checks import may_lack_weight
from jaxdl.training.input_checks import check_inputs
from jaxdl.training.layout import Layout, LayoutOption, mesh_of
from jaxdl.training.population.layout_choice import avoid_deadlock, choose_layout, fastest, possible_layouts
from jaxdl.training.population.member import FitConfig, Member, init_member, train_steps
from jaxdl.training.population.memory import compile_within_memory, smaller_after
from jaxdl.training.population.population import CompiledPopulation, finished, trace_member
from jaxdl.training.population.runner import (
    CHUNK_SECONDS,
    PlacedMembers,
    init_members,
    lower_members,
    place_members,
    shapes_of_members,
    text_of_program,
)
from jaxdl.training.population.sharding import put, replicated, sharded
from jaxdl.training.sweep import first_task

FIRST_STEPS, GROWTH = 1, 8  # steps of the first chunk; largest growth from one chunk to the next
MIN_MEASURED = 0.2  # seconds that steps must take together for an estimate of the time of one


class InMemoryRunner:
    """A Runner for data on the devices: one program takes any number of steps."""

    def __init__(
        self,
        config: FitConfig,
        data: Dataset,
        dev: Dataset,
        mapped: tuple,
        order: Any,
        devices: Sequence[jax.Device] | None,
    ) -> None:
        keys, settings = mapped
        task = first_task(config.task, settings)
        check_inputs(task, data, dev)
        config = config._replace(skip_unweighted=may_lack_weight(data, task.batch_size))
        self._steps_per_epoch = data.size // task.batch_size
        self._data, self._dev, self._mapped, self._devices = data, dev, mapped, devices
        self._total = config.epochs * self._steps_per_epoch
        self._config = config
        self._train_steps = jax.jit(functools.partial(train_steps, config))
        self._shared = (data, dev, order)
        self._divided = (keys.shape[0], task.batch_size // task.microbatches, devices)
        self._program_arguments = (*self._shared, np.int32(0), np.int32(0))
        like = self.like_of(config.epochs)
        lower = functools.partial(lower_members, self._train_steps, self._program_arguments, like, devices=devices)
        self._lower = functools.lru_cache(lower)  # not of a method: a cycle would keep the members in memory
        self._layout = choose_layout(lambda: self._trace(like), *self._divided)
        self._chunk_steps = FIRST_STEPS

    def like_of(self, epochs: int) -> Member:
        """Return shapes and dtypes of all members of a training with this number of epochs."""
        return shapes_of_members(self._init(epochs), (self._data, self._dev), self._mapped)

    def program_text(self) -> str:
        """Return the text of both programs, for one epoch."""
        first = text_of_program(self._init(1), (self._data, self._dev), self._mapped)
        return first + text_of_program(self._train_steps, self._program_arguments, (self.like_of(1),))

    def data_digest(self) -> str:
        """Return a digest of all training data."""
        return digest_of(self._data)

    def init(self) -> Member:
        """Return all members before their first step."""
        return init_members(
            self._init(self._config.epochs), (self._data, self._dev), self._mapped, self._layout, self._devices
        )

    def compile(self, members: Member, *, steps_left: int, layout: LayoutOption) -> Layout:
        """Compile for a layout, and place a copy of the members."""
        build = functools.partial(compile_members, self._lower, self._shared, members, devices=self._devices)
        layouts = possible_layouts(*self._divided) if layout == "measured" else [layout or self._layout]
        layouts = avoid_deadlock(self._lower, layouts)
        self._program = fastest(layouts, build, lambda program: seconds_per_step(program, members, steps_left))
        self._placed = place_members(members, self._program.layout, self._program.mesh)
        return self._program.layout

    def run_chunk(self, step: int, wait: Callable[[Any], Any]) -> tuple[PlacedMembers, int]:
        """Take a chunk of steps, about CHUNK_SECONDS long, up to the end of an epoch if one is near."""
        placed = rebalance(self._placed, self._program)
        count = min(_near_epoch_end(step, self._chunk_steps, self._steps_per_epoch), self._total - step)
        started = time.perf_counter()
        self._placed = wait(placed._replace(members=self._program.run(placed.members, step, count)))
        seconds = broadcast_from_first(time.perf_counter() - started)
        self._chunk_steps = max(1, int(count * min(CHUNK_SECONDS / seconds, GROWTH)))
        return self._placed, step + count

    def close(self) -> None:
        """Do nothing: no threads read data."""

    def _trace(self, like):
        return trace_member(self._train_steps, self._program_arguments, (like,))

    def _init(self, epochs):
        return functools.partial(init_member, self._config._replace(epochs=epochs), steps=self._steps_per_epoch)


def compile_members(
    lower: Callable[[Layout], Lowered],
    shared: tuple,
    members: Member,
    layout: Layout,
    *,
    devices: Sequence[jax.Device] | None,
) -> CompiledPopulation:
    """Compile for a layout, or one with fewer members at once if the memory is too small.

    The shared arguments are put on the devices, and the program runs once for no step.
    """
    while True:
        program, layout = compile_within_memory(lower, layout)
        mesh = mesh_of(layout, devices)
        on_devices = put(shared, replicated(mesh))

        def run(members, *counts, program=program, on_devices=on_devices):
            return program((*on_devices, *map(np.int32, counts)), members)

        try:
            finished(run, place_members(members, layout, mesh).members, 0, 0)
            return CompiledPopulation(layout, mesh, run)
        except jax.errors.JaxRuntimeError as error:
            layout = smaller_after(error, layout)


def seconds_per_step(program: CompiledPopulation, members: Member, steps_left: int) -> float:
    """Measure one step of all members on a copy of them."""
    copy, count = place_members(members, program.layout, program.mesh).members, 1
    while True:
        started = time.perf_counter()
        copy = finished(program.run, copy, 0, count)
        seconds = broadcast_from_first(time.perf_counter() - started)
        if seconds >= MIN_MEASURED or count >= steps_left:
            return seconds / count
        count = min(steps_left, 2 * count)


def rebalance(placed: PlacedMembers, program: CompiledPopulation) -> PlacedMembers:
    """Reorder members so that active ones come first on every device, if that lets whole chunks be skipped."""
    layout, mesh, _ = program
    stopped, diverged = to_host((placed.members.stopped, placed.members.diverged))
    active = (stopped == 0) & (diverged == 0)
    chunks = active.reshape(layout.by_member, -1, layout.at_once).any(axis=2).sum(axis=1)
    if chunks.max() <= -(-active.sum() // (layout.by_member * layout.at_once)):
        return placed
    order = np.argsort(~active, kind="stable").reshape(-1, layout.by_member).T.ravel()
    return placed._replace(members=_reorder(mesh)(placed.members, order), indices=placed.indices[order])


@functools.lru_cache
def _reorder(mesh) -> Callable[[Member, np.ndarray], Member]:
    """Return the program that reorders members, compiled once for all orders."""
    reorder = lambda members, order: jax.tree.map(lambda leaf: leaf[order], members)  # noqa: E731
    return jax.jit(reorder, out_shardings=sharded(mesh))


def _near_epoch_end(step: int, count: int, steps: int) -> int:
    """Return about `count` steps that end with an epoch if one ends near, else at most the rest of the epoch."""
    end = round((step + count) / steps) * steps
    return end - step if abs(end - step - count) <= count // 2 else min(count, steps - step % steps)
