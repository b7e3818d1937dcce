"""Training on a stream: the same steps in the same order, a chunk of batches at a time that host threads read ahead."""

import collections
import contextlib
import functools
import threading
import time
from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Key

from jaxdl.data import Dataset
from jaxdl.data.stream import Stream, first_rows, read_rows
from jaxdl.system.interruption import run_interruptibly
from jaxdl.training.checkpoints.resume import digest_of
from jaxdl.training.input_checks import check, check_labels, output_shapes
from jaxdl.training.population.autotune import layouts_for, without_waiting
from jaxdl.training.population.in_memory import (
    PACE,
    Crew,
    Engine,
    begun,
    crew_of,
    lower_crew,
    shapes_of_members,
    text_of,
)
from jaxdl.training.population.member import Course, Member, begin, close_epoch, if_going_on, take_step
from jaxdl.training.population.sharding import mesh_of, on_all, placed
from jaxdl.training.step import History, State, Task, batches, check_counts, step


class Plan(NamedTuple):
    """How the batches of an epoch are divided into chunks, and what one of so many batches looks like."""

    chunks: list[slice]
    example: Dataset
    batch_size: int

    def like(self, length: int) -> Dataset:
        """The shapes of a chunk of so many batches."""
        shape = (length, self.batch_size)
        return jax.tree.map(lambda array: jax.ShapeDtypeStruct(shape + array.shape[1:], array.dtype), self.example)

    def lengths(self) -> list[int]:
        """The different lengths of its chunks, at most two."""
        return sorted({chunk.stop - chunk.start for chunk in self.chunks})


def plan_of(task: Task, data: Stream) -> Plan:
    """The division of the epochs of a stream, which has as many batches in a chunk as its chunk_bytes hold."""
    _grain()  # what is missing is told before anything is compiled
    example = read_rows(data, np.arange(1))
    batch_bytes = task.batch_size * sum(array.nbytes for array in jax.tree.leaves(example))
    chunks = _chunks(data.size // task.batch_size, max(1, data.chunk_bytes // batch_bytes))
    return Plan(chunks, example, task.batch_size)


def fold(
    task: Task,
    data: Stream,
    carry: Any,
    plan: Plan,
    advance: Callable[[Any, Dataset, int], Any],
    close: Callable[[Any, int], Any],
    *,
    done: int,
    epochs: int,
    order: Key[Array, ""],
    epoch: int = 0,
    wait: Callable[[Any], Any] = jax.block_until_ready,
    place: Callable[[Dataset], Dataset] = jax.device_put,
) -> Generator[tuple[Any, int]]:
    """What is carried, and the steps that are done, after each chunk up to the end of so many epochs.

    It goes on after the chunk that ends with so many `done`; the order of the data is that of the epochs from `epoch`
    on. `advance(carry, chunk, done)` takes the steps of a chunk, `close(carry, epoch)` comes after the last of an
    epoch. Close it to end its threads before it has ended itself.
    """
    steps = data.size // task.batch_size
    begin = done // steps * len(plan.chunks) + [chunk.start for chunk in plan.chunks].index(done % steps)
    feed = read_ahead(task, data, plan.chunks, begin=begin, end=epochs * len(plan.chunks), order=order, epoch=epoch)
    with contextlib.closing(feed):
        while done < epochs * steps:
            chunk = place(next(feed))  # on its way while the one before is trained on
            wait(carry)  # and no more than these two are ever on the device
            carry = advance(carry, chunk, done)
            done += chunk.weights.shape[0]
            if done % steps == 0:
                carry = close(carry, done // steps - 1)
            yield carry, done


def read_ahead(
    task: Task, data: Stream, chunks: list[slice], *, begin: int, end: int, order: Key[Array, ""], epoch: int
) -> Any:
    """An iterator over chunks of numpy, from one number to another, that grain reads ahead on threads; to be closed."""
    grain = _grain()
    draw, one_at_a_time = functools.lru_cache(maxsize=2)(_order_on_host(task, data.size, order)), threading.Lock()

    def read(number):
        of, chunk = divmod(begin + number, len(chunks))
        with one_at_a_time:  # else every thread draws the same order
            rows = draw(epoch + of)
        return read_rows(data, rows[chunks[chunk]])

    options = grain.ReadOptions(num_threads=data.threads, prefetch_buffer_size=data.threads)
    return iter(grain.MapDataset.range(end - begin).map(read).to_iter_dataset(options))


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
    plan = plan_of(task, data)

    @jax.jit
    def advance(state, chunk):
        return jax.lax.scan(lambda state, batch: step(task, batch, state), state, chunk)

    @jax.jit
    def close(state, losses):
        state = state._replace(epoch=state.epoch + 1)
        return state, jax.tree.map(jnp.asarray, History(jnp.concatenate(losses).mean(), observe(state)))

    def take(carry, chunk, done):  # noqa: ARG001
        state, losses, rows = carry
        state, more = advance(state, chunk)
        return state, [*losses, more], rows

    def end(carry, epoch):  # noqa: ARG001
        state, losses, rows = carry
        state, row = close(state, losses)
        return state, [], [*rows, row]

    begun = int(state.epoch)
    order = state.key if order is None else order
    carried = fold(task, data, (state, [], []), plan, take, end, done=0, epochs=epochs, order=order, epoch=begun)
    (state, _, rows), _ = collections.deque(carried, maxlen=1).pop()
    return state, jax.tree.map(lambda *cells: jnp.stack(cells), *rows)


def engine_of_stream(
    course: Course, data: Stream, dev: Dataset, keys: Any, order: Any, devices: Sequence[jax.Device] | None
) -> Engine:
    """Members that share each batch of a stream, a chunk of them at a time."""
    data, first = _checked(course, data, dev)
    plan, order = plan_of(course.task, data), keys[0] if order is None else order
    start = functools.partial(begin, course, steps=data.size // course.task.batch_size)
    like, zero = shapes_of_members(start, (first, dev), keys), np.int32(0)
    close, take = jax.jit(functools.partial(close_epoch, course)), functools.partial(_take_chunk, course)
    programs = [(close, (dev, zero)), *((take, (plan.like(length), zero)) for length in plan.lengths())]
    layouts = layouts_for(keys.shape[0], course.task.batch_size // course.task.microbatches, devices)
    lower = functools.lru_cache(lambda layout: [lower_crew(*each, like, layout, devices) for each in programs])

    def compiled(members, left, layout):  # noqa: ARG001
        (layout,) = without_waiting(lambda layout: lower(layout)[-1], [layout or layouts[0]])
        closing, *taking = (run_interruptibly(each.compile) for each in lower(layout))
        of_length = dict(zip(plan.lengths(), taking, strict=True))
        mesh = mesh_of(layout, devices)
        crew = crew_of(members, layout, mesh)
        of_dev = placed(dev, on_all(mesh))

        def advance(crew, chunk, done):
            return crew._replace(members=of_length[chunk.weights.shape[0]]((chunk, np.int32(done)), crew.members))

        def end(crew, epoch):
            return crew._replace(members=closing((of_dev, np.int32(epoch)), crew.members))

        def go_on(step, wait):
            settings: dict[str, Any] = {"done": step, "epochs": course.epochs, "order": order, "wait": wait}
            chunks = fold(
                course.task, data, crew, plan, advance, end, **settings, place=lambda chunk: placed(chunk, on_all(mesh))
            )
            return _now_and_then(chunks, wait)

        return layout, go_on

    return Engine(
        text=lambda: text_of(start, (first, dev), keys) + "".join(text_of(*program, like) for program in programs),
        data=lambda: digest_of(first),
        like=like,
        begin=lambda: begun(start, (first, dev), keys, layouts[0], devices),
        compile=compiled,
    )


def _take_chunk(course, chunk, done, member) -> Member:
    """The steps of a chunk, of a member that has done so many."""

    def one(carry, batch):
        done, member = carry
        return (done + 1, take_step(course, batch, done, member)), None

    return if_going_on(member, jax.lax.scan(one, (done, member), chunk)[0][1])


def _now_and_then(chunks, wait) -> Generator[tuple[Crew, int]]:
    """The crew and its step after PACE seconds each, and after the last chunk."""
    looked, members, done = time.perf_counter(), None, 0
    with contextlib.closing(chunks):
        for members, done in chunks:
            if time.perf_counter() - looked >= PACE:
                yield wait(members), done
                looked, members = time.perf_counter(), None
    if members is not None:
        yield wait(members), done


def _checked(course, data, dev) -> tuple[Stream, Dataset]:
    """The stream, that refuses class numbers that the model does not have, and its first batch."""
    task = course.task
    check_counts(task, data, epochs=course.epochs)
    first = first_rows(data, task.batch_size)
    counted = first._replace(weights=jnp.ones_like(first.weights))  # a batch may weigh nothing where others do
    check(task, counted, dev, epochs=course.epochs)
    outputs = output_shapes(task, first)

    def fetch(rows):
        examples = data.fetch(rows)
        check_labels("data", examples.labels, outputs)
        return examples

    return data._replace(fetch=fetch), first


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
