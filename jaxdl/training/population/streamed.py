"""Train a population on a Stream: all members share each batch, a chunk of batches at a time."""

import functools
import time
from collections.abc import Callable, Generator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.stages import Lowered

from jaxdl.data import Dataset
from jaxdl.data.stream import Stream, first_rows
from jaxdl.system.interruption import run_interruptibly
from jaxdl.training.checkpoints.serialization import digest_of
from jaxdl.training.data_checks import check_counts, may_lack_weight, stream_with_checked_labels
from jaxdl.training.input_checks import check_inputs
from jaxdl.training.layout import Layout, LayoutOption, mesh_of
from jaxdl.training.population.layout_choice import avoid_deadlock, choose_layout
from jaxdl.training.population.member import FitConfig, Member, end_epoch, init_member, keep_inactive, train_step
from jaxdl.training.population.population import trace_member
from jaxdl.training.population.runner import (
    CHUNK_SECONDS,
    PlacedMembers,
    init_members,
    lower_members,
    place_members,
    shapes_of_members,
    text_of_program,
)
from jaxdl.training.population.sharding import put, replicated
from jaxdl.training.streaming import plan_chunks, read_ahead, train_on_chunks
from jaxdl.training.sweep import first_task
from jaxdl.training.task import Task


class StreamedRunner:
    """A Runner for data that is read during training.

    One program trains on each length of chunk, and one ends the epochs. Without an `order`, all members see the batches
    in the order of the first key.
    """

    def __init__(
        self,
        config: FitConfig,
        data: Stream,
        dev: Dataset,
        mapped: tuple,
        order: Any,
        devices: Sequence[jax.Device] | None,
    ) -> None:
        keys, settings = mapped
        self._task = task = first_task(config.task, settings)
        self._stream, self._first = checked_stream(task, data, dev)
        config = config._replace(skip_unweighted=may_lack_weight(data, task.batch_size))
        self._config, self._dev, self._mapped, self._devices = config, dev, mapped, devices
        self._order = keys[0] if order is None else order
        self._steps_per_epoch = data.size // task.batch_size
        self._total = config.epochs * self._steps_per_epoch
        self._plan = plan_chunks(task, self._stream)
        train, end = functools.partial(train_chunk, config), jax.jit(functools.partial(end_epoch, config))
        chunks = [(train, (self._plan.like(length), np.int32(0))) for length in self._plan.lengths()]
        self._programs = [(end, (dev, np.int32(0))), *chunks]
        like, arguments = self.like_of(config.epochs), chunks[0][1]
        trace = lambda: trace_member(jax.jit(train), arguments, (like,))  # noqa: E731
        self._layout = choose_layout(trace, keys.shape[0], task.batch_size // task.microbatches, devices)
        lower = functools.partial(_lower_all, self._programs, like, devices)
        self._lower = functools.lru_cache(lower)  # not of a method: a cycle would keep the members in memory
        self._running: Generator[tuple[PlacedMembers, int]] | None = None

    def like_of(self, epochs: int) -> Member:
        """Return shapes and dtypes of all members of a training with this number of epochs."""
        return shapes_of_members(self._init(epochs), (self._first, self._dev), self._mapped)

    def program_text(self) -> str:
        """Return the text of all programs, for one epoch."""
        first, like = text_of_program(self._init(1), (self._first, self._dev), self._mapped), self.like_of(1)
        return first + "".join(text_of_program(*program, (like,)) for program in self._programs)

    def data_digest(self) -> str:
        """Return a digest of the first batch."""
        return digest_of(self._first)

    def init(self) -> Member:
        """Return all members before their first step."""
        return init_members(
            self._init(self._config.epochs), (self._first, self._dev), self._mapped, self._layout, self._devices
        )

    def compile(self, members: Member, *, steps_left: int, layout: LayoutOption) -> Layout:  # noqa: ARG002
        """Compile for a layout, and place a copy of the members. "measured" is the chosen one: reading takes longer."""
        chosen = layout if isinstance(layout, Layout) else self._layout
        (layout,) = avoid_deadlock(lambda layout: self._lower(layout)[-1], [chosen])
        self._end_epoch, *chunks = (run_interruptibly(program.compile) for program in self._lower(layout))
        self._train_chunk = dict(zip(self._plan.lengths(), chunks, strict=True))
        self._mesh = mesh_of(layout, self._devices)
        self._placed = place_members(members, layout, self._mesh)
        return layout

    def run_chunk(self, step: int, wait: Callable[[Any], Any]) -> tuple[PlacedMembers, int]:
        """Train on at least one chunk of the stream, and on further ones for about CHUNK_SECONDS."""
        if self._running is None:
            self._running = self._run(step, wait)
        started = time.perf_counter()
        while True:
            placed, step = next(self._running)
            if step == self._total or time.perf_counter() - started >= CHUNK_SECONDS:
                return wait(placed), step

    def close(self) -> None:
        """Stop the threads that read the stream."""
        if self._running is not None:
            self._running.close()

    def _init(self, epochs):
        return functools.partial(init_member, self._config._replace(epochs=epochs), steps=self._steps_per_epoch)

    def _run(self, step, wait) -> Generator[tuple[PlacedMembers, int]]:
        on_devices = replicated(self._mesh)
        dev = put(self._dev, on_devices)

        def train(placed, chunk, done):
            program = self._train_chunk[chunk.weights.shape[0]]
            return placed._replace(members=program((chunk, np.int32(done)), placed.members))

        def end(placed, epoch):
            return placed._replace(members=self._end_epoch((dev, np.int32(epoch)), placed.members))

        steps, epochs = self._steps_per_epoch, self._config.epochs
        numbers = range(self._plan.chunk_after(step, steps), epochs * len(self._plan.chunks))
        feed = read_ahead(
            self._task,
            self._stream,
            self._plan.chunks,
            numbers=numbers,
            order=self._order,
            put=lambda chunk: put(chunk, on_devices),
        )
        return train_on_chunks(
            feed, self._placed, train, end, done=step, total=self._total, steps_per_epoch=steps, wait=wait
        )


def _lower_all(programs, like, devices, layout) -> list[Lowered]:
    return [lower_members(*program, like, layout, devices) for program in programs]


def train_chunk(config: FitConfig, chunk: Dataset, done: Any, member: Member) -> Member:
    """Take the steps of a chunk of batches of a member that has done `done` steps."""

    def one_step(carry, batch):
        done, member = carry
        return (done + 1, train_step(config, batch, done, member)), None

    return keep_inactive(member, jax.lax.scan(one_step, (done, member), chunk)[0][1])


def checked_stream(task: Task, data: Stream, dev: Dataset) -> tuple[Stream, Dataset]:
    """Check the first batch and dev; return the stream, which checks the labels of later batches, and the batch."""
    check_counts(task, data)
    first = first_rows(data, task.batch_size)
    weighted = first._replace(weights=jnp.ones_like(first.weights))  # the first batch may have weight 0
    check_inputs(task, weighted, dev)
    return stream_with_checked_labels(task, data, first), first
