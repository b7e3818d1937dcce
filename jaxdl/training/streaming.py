"""Training on a stream: the same steps in the same order, a chunk of batches at a time that host threads read ahead."""

import contextlib
import functools
import threading
import time
from collections.abc import Callable, Generator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.stages import Compiled
from jaxtyping import Array, Key

from jaxdl.data import Dataset
from jaxdl.data.stream import Stream, first_rows, read_rows
from jaxdl.training.fit import Cost, Fit, check, check_labels, members_of, output_shapes, state_of
from jaxdl.training.loop import History, State, Task, batches, check_counts, start, step
from jaxdl.training.population import population

MEMBERS = State._make((0, None, None, 0, 0, 0))  # the axis of the members in each part of a state


class Programs(NamedTuple):
    """What a fold runs, compiled: the chunks of an epoch as slices of its batches, their steps, the row of an epoch.

    There is one `advance(state, chunk) -> state, losses` for each number of batches in a chunk, and one
    `report(state, losses, shared) -> history`.
    """

    chunks: list[slice]
    advance: dict[int, Compiled]
    report: Compiled
    shared: tuple


def alone(f: Callable, in_axes: Any, out_axes: Any) -> Callable:  # noqa: ARG001
    """The function itself, where `jax.vmap` would map it over the members of a population."""
    return f


def compile_programs(
    task: Task,
    data: Stream,
    state: State,
    *,
    observe: Callable[..., dict[str, Array]],
    shared: tuple = (),
    every: Callable[[Callable, Any, Any], Callable] = alone,
) -> Programs:
    """Compile the fold from such a state; with `every=jax.vmap` its members share each batch.

    `observe(state, *shared)` is part of the row of an epoch.
    """
    _grain()  # what is missing is told before anything is compiled
    example = read_rows(data, np.arange(1))

    def advance(state, chunk):
        def transform_and_step(state, batch):
            return step(task, batch._replace(inputs=data.transform(batch.inputs)), state)

        return jax.lax.scan(transform_and_step, state, chunk)

    def report(state, losses, shared):
        row = History(jnp.concatenate(losses).mean(), observe(state, *shared))
        return jax.tree.map(lambda column: jnp.asarray(column)[None], row)

    def compile_advance(length):
        shape = (length, task.batch_size)
        chunk = jax.tree.map(lambda array: jax.ShapeDtypeStruct(shape + array.shape[1:], array.dtype), example)
        return jax.jit(every(advance, (MEMBERS, None), (MEMBERS, 0))).lower(state, chunk).compile()

    batch_bytes = task.batch_size * sum(array.nbytes for array in jax.tree.leaves(example))
    chunks = _chunks(data.size // task.batch_size, max(1, data.chunk_bytes // batch_bytes))
    programs = {length: compile_advance(length) for length in {chunk.stop - chunk.start for chunk in chunks}}
    losses = [programs[chunk.stop - chunk.start].out_info[1] for chunk in chunks]
    reporting = jax.jit(every(report, (MEMBERS, 0, None), 0)).lower(state, losses, shared).compile()
    return Programs(chunks, programs, reporting, shared)


def fold(
    task: Task, data: Stream, state: State, programs: Programs, *, epochs: int, order: Key[Array, ""]
) -> Generator[tuple[State, History | None]]:
    """The state after each chunk of so many epochs, with the row of the history after the last chunk of each.

    Close it to end its threads before it has ended itself.
    """
    feed = read_ahead(task, data, programs.chunks, begin=int(state.epoch), epochs=epochs, order=order)
    with contextlib.closing(feed):
        for _ in range(epochs):
            losses = []
            for _ in programs.chunks:
                chunk = jax.device_put(next(feed))  # on its way while the one before is trained on
                jax.block_until_ready(state)  # and no more than these two are ever on the device
                state, loss = programs.advance[chunk.weights.shape[0]](state, chunk)
                losses.append(loss)
                if len(losses) < len(programs.chunks):
                    yield state, None
            state = state._replace(epoch=state.epoch + 1)
            yield state, programs.report(state, losses, programs.shared)


def read_ahead(task: Task, data: Stream, chunks: list[slice], *, begin: int, epochs: int, order: Key[Array, ""]) -> Any:
    """An iterator over the chunks of so many epochs, of numpy, that grain reads ahead on threads; to be closed."""
    grain = _grain()
    draw, one_at_a_time = functools.lru_cache(maxsize=2)(_order_on_host(task, data.size, order)), threading.Lock()

    def read(number):
        epoch, chunk = divmod(number, len(chunks))
        with one_at_a_time:  # else every thread draws the same order
            rows = draw(begin + epoch)
        return read_rows(data, rows[chunks[chunk]])

    options = grain.ReadOptions(num_threads=data.threads, prefetch_buffer_size=data.threads)
    return iter(grain.MapDataset.range(epochs * len(chunks)).map(read).to_iter_dataset(options))


def resume_stream(
    task: Task,
    data: Stream,
    state: State,
    *,
    epochs: int,
    observe: Callable[[State], dict[str, Array]],
    order: Key[Array, ""] | None,
) -> tuple[State, History]:
    """Go on from a state, as `resume` does."""
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(state)):
        raise TypeError(
            "data must be a Dataset inside of jit, vmap and population, but was a Stream, which Python reads: train on "
            "it outside of them, or a population with fit."
        )
    programs = compile_programs(task, data, state, observe=observe)
    rows = []
    for after, row in fold(task, data, state, programs, epochs=epochs, order=state.key if order is None else order):
        state, rows = after, rows + ([] if row is None else [row])
    return state, jax.tree.map(lambda *columns: jnp.concatenate(columns), *rows)


def fit_stream(
    task: Task,
    data: Stream,
    keys: Key[Array, "members"],
    *,
    epochs: int,
    dev: Dataset,
    observe: Callable[[State, Dataset], dict[str, Array]],
    order: Key[Array, ""] | None,
    watch: Callable[[int, History], None],
) -> Fit:
    """Train one model for each key, as `fit` does."""
    check_counts(task, data, epochs=epochs)
    first = first_rows(data, task.batch_size)
    counted = first._replace(weights=jnp.ones_like(first.weights))  # a batch may weigh nothing where others do
    check(task, counted, dev, epochs=epochs)
    data = _labels_checked(task, data, first)
    began = time.perf_counter()
    members = population(lambda first, key: members_of(start(task, first, key)), keys, shared=(first,))
    state = state_of(jnp.int32(0), jnp.int32(0), members)
    programs = compile_programs(task, data, state, observe=observe, shared=(dev,), every=jax.vmap)
    compiled = time.perf_counter()
    states = fold(task, data, state, programs, epochs=epochs, order=keys[0] if order is None else order)
    rows = [jax.tree.map(lambda column: np.zeros(column.shape, column.dtype)[:, :0], programs.report.out_info)]
    try:
        with contextlib.closing(states):
            for after, row in states:
                row = jax.device_get(row)  # Ctrl-C is met here, or where the fold waits for a chunk
                state, rows = after, rows + ([] if row is None else [row])
                if row is not None:
                    watch(len(rows) - 1, row)
    except KeyboardInterrupt:
        if int(state.step) == 0:
            raise
    cost = Cost(compiled - began, time.perf_counter() - compiled)
    history = jax.tree.map(lambda *columns: np.concatenate(columns, axis=1), *rows)
    return Fit(state, history, cost, interrupted=int(state.epoch) < epochs)


def _labels_checked(task, data, first) -> Stream:
    """The stream, that refuses class numbers that the model does not have."""
    outputs = output_shapes(task, first)

    def fetch(rows):
        examples = data.fetch(rows)
        check_labels("data", examples.labels, outputs)
        return examples

    return data._replace(fetch=fetch)


def _chunks(steps, most) -> list[slice]:
    """At most so many batches each, all the same number where a divisor is near, so that one program serves."""
    near = [length for length in range(most // 2 + 1, min(most, steps) + 1) if steps % length == 0]
    length = max(near, default=-(-steps // -(-steps // most)))
    return [slice(begin, min(begin + length, steps)) for begin in range(0, steps, length)]


def _order_on_host(task, size, order) -> Callable[[int], np.ndarray]:
    """What gives the batches of an epoch, in the order that is drawn on the device for a Dataset; for any thread."""
    bits, kind = np.asarray(jax.random.key_data(order)), jax.random.key_impl(order)

    def draw(bits, epoch):
        return batches(task, size, jax.random.wrap_key_data(bits, impl=kind), epoch)

    with jax.default_device(_host()):
        program = jax.jit(draw).lower(bits, np.int32(0)).compile()
    return lambda epoch: np.asarray(program(bits, np.int32(epoch)))


def _host() -> Any:
    """The CPU, or the default device where JAX_PLATFORMS leaves no CPU."""
    try:
        return jax.local_devices(backend="cpu")[0]
    except RuntimeError:
        return None


def _grain() -> Any:
    try:
        import grain  # slow to import, and only needed here
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "a Stream is read with grain, which is not installed: install the extra data of jaxdl-lab, or train on a "
            "Dataset."
        ) from error
    return grain
