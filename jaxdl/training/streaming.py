"""Train on a stream: the same steps in the same order as on a Dataset, on chunks of batches that threads read ahead."""

import collections
import contextlib
import functools
import threading
from collections.abc import Callable, Generator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Key

from jaxdl.data import Dataset
from jaxdl.data.stream import Stream, read_rows
from jaxdl.training.batching import batches
from jaxdl.training.step import mean_loss, step
from jaxdl.training.supervised import observed
from jaxdl.training.task import History, Observe, State, Task


class ChunkPlan(NamedTuple):
    """The division of an epoch of a stream into chunks of batches.

    Attributes:
        chunks: The batches of each chunk.
        example: One example, for shapes and dtypes.
        batch_size: Examples per batch.
    """

    chunks: list[slice]
    example: Dataset
    batch_size: int

    def like(self, length: int) -> Dataset:
        """Return the shapes and dtypes of a chunk of `length` batches."""
        shape = (length, self.batch_size)
        return jax.tree.map(lambda array: jax.ShapeDtypeStruct(shape + array.shape[1:], array.dtype), self.example)

    def lengths(self) -> list[int]:
        """Return the distinct lengths of the chunks, at most two."""
        return sorted({chunk.stop - chunk.start for chunk in self.chunks})

    def chunk_after(self, steps_done: int, steps_per_epoch: int) -> int:
        """Return the number of the chunk, counted over all epochs, that begins after this number of steps."""
        epoch, done = divmod(steps_done, steps_per_epoch)
        return epoch * len(self.chunks) + [chunk.start for chunk in self.chunks].index(done)


def plan_chunks(task: Task, data: Stream) -> ChunkPlan:
    """Divide each epoch into chunks of as many batches as `chunk_bytes` of the stream hold."""
    _grain()  # raises now, before anything is compiled, if grain is missing
    example = read_rows(data, np.arange(1))
    batch_bytes = task.batch_size * sum(array.nbytes for array in jax.tree.leaves(example))
    chunks = _chunks(data.size // task.batch_size, max(1, data.chunk_bytes // batch_bytes))
    return ChunkPlan(chunks, example, task.batch_size)


def train_on_chunks(
    feed: Any,
    carry: Any,
    train_chunk: Callable[[Any, Dataset, int], Any],
    end_epoch: Callable[[Any, int], Any],
    *,
    done: int,
    total: int,
    steps_per_epoch: int,
    wait: Callable[[Any], Any] = jax.block_until_ready,
) -> Generator[tuple[Any, int]]:
    """Train on the chunks of a feed; yield the carry and the number of finished steps after each chunk.

    `train_chunk(carry, chunk, done)` takes the steps of a chunk; `end_epoch(carry, epoch)` follows the last chunk of an
    epoch. Closing the generator stops the threads of the feed.
    """
    with contextlib.closing(feed):
        while done < total:
            chunk = next(feed)  # transferred while the chunk before is trained on
            wait(carry)  # so that at most two chunks are on the device
            carry = train_chunk(carry, chunk, done)
            done += chunk.weights.shape[0]
            if done % steps_per_epoch == 0:
                carry = end_epoch(carry, done // steps_per_epoch - 1)
            yield carry, done


def read_ahead(
    task: Task,
    data: Stream,
    chunks: list[slice],
    *,
    numbers: range,
    order: Key[Array, ""],
    first_epoch: int = 0,
    put: Callable[[Dataset], Dataset] = jax.device_put,
) -> Generator[Dataset]:
    """Yield the chunks with these numbers, counted over all epochs, read ahead by threads and put on the device."""
    grain = _grain()
    draw, one_at_a_time = functools.lru_cache(maxsize=2)(_order_on_host(task, data.size, order)), threading.Lock()

    def read(position):
        epoch, chunk = divmod(numbers[position], len(chunks))
        with one_at_a_time:  # else every thread would draw the same order
            rows = draw(first_epoch + epoch)
        return read_rows(data, rows[chunks[chunk]])

    options = grain.ReadOptions(num_threads=data.threads, prefetch_buffer_size=data.threads)
    with contextlib.closing(iter(grain.MapDataset.range(len(numbers)).map(read).to_iter_dataset(options))) as feed:
        for chunk in feed:
            yield put(chunk)


def resume_stream(
    task: Task,
    data: Stream,
    state: State,
    dev: Dataset | None,
    *,
    epochs: int,
    observe: Observe | None,
    order: Key[Array, ""] | None,
) -> tuple[State, History]:
    """Train for more epochs on a stream, as `resume` does on a Dataset. Raises TypeError inside `jit` or `vmap`."""
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(state)):
        raise TypeError(
            "a Stream cannot be used inside jit, vmap or population, because Python reads it: call train outside of "
            "them, or train a population on it with fit."
        )
    plan, steps, skip = plan_chunks(task, data), data.size // task.batch_size, {"skip_unweighted": data.weighted}

    @jax.jit
    def train_steps(state, chunk):
        return jax.lax.scan(lambda state, batch: step(task, batch, state, **skip), state, chunk)

    @jax.jit
    def row_of_epoch(state, losses, dev):
        state = state._replace(epoch=state.epoch + 1)
        row = History(mean_loss(jnp.concatenate(losses), **skip), observed(task, state, dev, observe))
        return state, jax.tree.map(jnp.asarray, row)

    def train_chunk(carry, chunk, done):  # noqa: ARG001
        state, losses, rows = carry
        state, more = train_steps(state, chunk)
        return state, [*losses, more], rows

    def end_epoch(carry, epoch):  # noqa: ARG001
        state, losses, rows = carry
        state, row = row_of_epoch(state, losses, dev)
        return state, [], [*rows, row]

    feed = read_ahead(
        task,
        data,
        plan.chunks,
        numbers=range(epochs * len(plan.chunks)),
        order=state.key if order is None else order,
        first_epoch=int(state.epoch),
    )
    trained = train_on_chunks(
        feed, (state, [], []), train_chunk, end_epoch, done=0, total=epochs * steps, steps_per_epoch=steps
    )
    (state, _, rows), _ = collections.deque(trained, maxlen=1).pop()
    return state, jax.tree.map(lambda *cells: jnp.stack(cells), *rows)


def _chunks(steps, most) -> list[slice]:
    """Cut steps into chunks of at most `most`, of equal length if a divisor is near, so that one program serves all."""
    near = [length for length in range(most // 2 + 1, min(most, steps) + 1) if steps % length == 0]
    length = max(near, default=-(-steps // -(-steps // most)))
    return [slice(begin, min(begin + length, steps)) for begin in range(0, steps, length)]


def _order_on_host(task, size, order) -> Callable[[int], np.ndarray]:
    """Return a thread-safe function that draws the batches of an epoch, in the order that a Dataset would have."""
    bits, kind = np.asarray(jax.random.key_data(order)), jax.random.key_impl(order)

    def draw(bits, epoch):
        return batches(task, size, jax.random.wrap_key_data(bits, impl=kind), epoch)

    with jax.default_device(_host()):
        program = jax.jit(draw).lower(bits, np.int32(0)).compile()
    return lambda epoch: np.asarray(program(bits, np.int32(epoch)))


def _host() -> Any:
    """Return the CPU, or None (the default device) if JAX_PLATFORMS excludes it."""
    try:
        return jax.local_devices(backend="cpu")[0]
    except RuntimeError:
        return None


def _grain() -> Any:
    try:
        import grain  # slow to import, and only needed here
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "training on a Stream needs grain, which is not installed: install the extra `data` of jaxdl-lab, or "
            "train on a Dataset."
        ) from error
    return grain
