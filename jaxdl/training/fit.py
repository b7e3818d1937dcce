"""The driver around the pure loop: it trains a population chunk by chunk, and says how far it is."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key, PyTree

from jaxdl.data import Dataset
from jaxdl.data.stream import Stream
from jaxdl.models import check_rows
from jaxdl.training.loop import History, State, Task, check_counts, resume, start
from jaxdl.training.population import compile_population, population

CHUNKS = 10  # about so many times a run says how far it is, and can be stopped


class Cost(NamedTuple):
    """Seconds spent compiling and running."""

    compile: float
    run: float


class Fit(NamedTuple):
    """What came of it; the members are the first axis of the state and of the history's columns."""

    state: State
    history: History
    cost: Cost
    interrupted: bool


def silent(epochs_done: int, chunk: History) -> None:
    """Watch without a word."""


def fit(
    task: Task,
    data: Dataset | Stream,
    keys: Key[Array, "members"],
    *,
    epochs: int,
    dev: Dataset,
    observe: Callable[[State, Dataset], dict[str, Array]],
    order: Key[Array, ""] | None = None,
    watch: Callable[[int, History], None] = silent,
) -> Fit:
    """Train one model for each key, as `train` would, in chunks of epochs that are one compiled program.

    `observe(state, dev)` is recorded after every epoch, and `watch(epochs_done, chunk)` is called after every chunk.
    Ctrl-C ends the run after the chunk it met and returns what was computed, `interrupted`; before the first chunk it
    is raised. Raises ValueError or TypeError, before anything is compiled, for data that the task cannot be trained on.

    A Stream is read while it is trained on; every member takes each batch, in the order of the first key where no other
    is given. Its chunks are of batches: `watch` is called after every epoch, Ctrl-C may end the run within one, whose
    row the history then lacks, and of the data what lies beyond the first batch is checked as it is read.
    """
    if isinstance(data, Stream):
        from jaxdl.training.streaming import fit_stream  # it is built on this file

        return fit_stream(task, data, keys, epochs=epochs, dev=dev, observe=observe, order=order, watch=watch)
    check(task, data, dev, epochs=epochs)
    length = _chunk_length(epochs)
    steps = length * (data.size // task.batch_size)

    def advance(data, dev, order, epoch, step, members):
        state, chunk = resume(
            task,
            data,
            state_of(epoch, step, members),
            epochs=length,
            observe=lambda state: observe(state, dev),
            order=order,
        )
        return members_of(state), chunk

    began = time.perf_counter()
    members = population(lambda data, key: members_of(start(task, data, key)), keys, shared=(data,))
    shared = (data, dev, order, jnp.int32(0), jnp.int32(0))
    program = compile_population(advance, members, shared=shared)
    compiled = time.perf_counter()
    chunks: list[History] = []
    try:
        for done in range(0, epochs, length):
            shared = (data, dev, order, jnp.int32(done), jnp.int32(done // length * steps))
            after, chunk = program(shared, (members,))
            chunk = jax.device_get(chunk)  # Ctrl-C is met here, where the program is waited for
            members, chunks = after, [*chunks, chunk]
            watch(done + length, chunk)
    except KeyboardInterrupt:
        if not chunks:
            raise
    cost = Cost(compiled - began, time.perf_counter() - compiled)
    state = state_of(jnp.int32(len(chunks) * length), jnp.int32(len(chunks) * steps), members)
    history = jax.tree.map(lambda *columns: np.concatenate(columns, axis=1), *chunks)
    return Fit(state, history, cost, interrupted=len(chunks) * length < epochs)


def members_of(state) -> tuple:
    """What differs between members; the counters are the same for all, and are never mapped."""
    return state.key, state.params, state.stats, state.optimizer_state


def state_of(epoch, step, members) -> State:
    """A state again, of what differs between members and the counters."""
    key, params, stats, optimizer_state = members
    return State(key, epoch, step, params, stats, optimizer_state)


def check(task: Task, data: Dataset, dev: Dataset, *, epochs: int) -> None:
    """Refuse data that the task cannot be trained on, before anything is compiled."""
    check_counts(task, data, epochs=epochs)
    key = jax.random.key(0)
    params, stats = jax.eval_shape(task.model.init, key, data.inputs[:1])
    outputs = output_shapes(task, data)
    for name, part in [("data", data), ("dev", dev)]:
        if part.size == 0:
            raise ValueError(f"{name} must hold at least one example, but is empty.")
        if not part.weights.sum() > 0:
            raise ValueError(f"weights of {name} must not all be 0: the mean of nothing is NaN.")
        if part.inputs.shape[1:] != data.inputs.shape[1:]:
            raise ValueError(
                f"{name} must have inputs of the shape {data.inputs.shape[1:]}, but has {part.inputs.shape[1:]}."
            )
        if not (jnp.isfinite(part.inputs).all() and jnp.isfinite(part.labels).all()):
            raise ValueError(f"{name} must be finite, but holds NaN or infinity: make it with data.from_arrays.")
        check_labels(name, part.labels, outputs)
    batch = jax.tree.map(lambda array: array[: task.batch_size], data)
    check_rows(task.model, batch.inputs)
    loss, _ = jax.eval_shape(task.objective, params, stats, batch, key)
    if loss.shape != ():
        raise ValueError(f"objective must give one number for a batch, but gives the shape {loss.shape}: take a mean.")


def output_shapes(task: Task, data: Dataset) -> PyTree:
    """What the model gives for one example."""
    params, stats = jax.eval_shape(task.model.init, jax.random.key(0), data.inputs[:1])
    return jax.eval_shape(task.model.apply, params, stats, data.inputs[:1])[0]


def check_labels(name: str, labels: Any, outputs: PyTree) -> None:
    """Refuse class numbers that a model with outputs of this shape does not have."""
    if not isinstance(outputs, jax.ShapeDtypeStruct):  # of several tasks nothing is known about the labels
        return
    outputs = outputs.shape
    classes = max(outputs[-1], 2)  # a single logit decides between two
    if labels.ndim == 1 and outputs[1:] > (1,) and labels.min() < 0:
        raise ValueError(f"labels of {name} must be class numbers from 0, but {labels.min()} is among them.")
    if labels.ndim == 1 and len(outputs) == 2 and classes <= int(labels.max()):
        raise ValueError(
            f"labels of {name} must be below the model's {outputs[1]} outputs, but {labels.max()} is among them: give "
            "the model one output for each class."
        )


def _chunk_length(epochs) -> int:
    """The number of epochs in a chunk: it divides them all, so that one program serves, in about CHUNKS parts."""
    return max(length for length in range(1, epochs // min(epochs, CHUNKS) + 1) if epochs % length == 0)
