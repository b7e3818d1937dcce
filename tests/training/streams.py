"""Streams over a data set in memory, and a task on them, for the tests of training on streams."""

import threading
import time

import jax
import jax.numpy as jnp
import numpy as np

import jaxdl.functional as F
from jaxdl import data, metrics, models, optimizers
from jaxdl.data.stream import stream_examples
from jaxdl.training import Task, objective_of

MODEL = models.mlp((8,), 10)
BATCH, SIZE = 32, 300  # nine batches, and twelve examples that fill no batch
ROW_BYTES = 64 * 4 + 4 + 4


PLAIN = Task(MODEL, F.cross_entropy, optimizers.momentum(0.05), BATCH)


def noisy(params, stats, batch, key):
    """Return a loss that depends on the noise of each step and on the weights of the examples."""
    input_key, model_key = jax.random.split(key)
    noise = 0.1 * jax.random.normal(input_key, batch.inputs.shape)
    return objective_of(PLAIN)(params, stats, batch._replace(inputs=batch.inputs + noise), model_key)


TASK = PLAIN._replace(objective=noisy, metrics={"accuracy": metrics.accuracy})


def weighted_digits():
    some = data.take(data.load_digits(), np.arange(SIZE))
    return some._replace(weights=jnp.linspace(0.5, 1.5, SIZE))


class Source:
    """The examples of a data set, one at a time; records the rows that are read, and raises the errors in `fails`."""

    def __init__(self, examples):
        self.examples, self.read, self.fails = jax.tree.map(np.asarray, examples), [], {}

    def __len__(self):
        return self.examples.size

    def __getitem__(self, row):
        self.read.append(row)
        if row in self.fails:
            raise self.fails[row]
        return tuple(array[row] for array in self.examples)


def streamed(examples, batches_per_chunk=3, **settings):
    source = examples if isinstance(examples, Source) else Source(examples)
    return stream_examples(source, chunk_bytes=batches_per_chunk * BATCH * ROW_BYTES, **settings)


def assert_bit_identical(state, other):
    """Compare two states without their keys."""
    jax.tree.map(np.testing.assert_array_equal, state[1:], other[1:])


def threads_end():
    """Wait up to five seconds until no thread reads data any more; return whether that is so."""
    reading = lambda: [thread for thread in threading.enumerate() if "grain" in thread.name]
    deadline = time.monotonic() + 5
    while reading() and time.monotonic() < deadline:
        time.sleep(0.01)
    return not reading()
