import signal
import sys
import threading
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import data, models, optimizers
from jaxdl.data.stream import stream_arrays, stream_examples
from jaxdl.training import Task, classification, fit, population, resume, supervised, train
from jaxdl.training.batching import permutation
from jaxdl.training.streaming import _chunks, plan_chunks, read_ahead, train_on_chunks

pytest.importorskip("grain", reason="grain is not installed: it is in the extra data")

MODEL = models.mlp((8,), 10)
BATCH, SIZE = 32, 300  # nine batches, and twelve examples that fill none
ROW_BYTES = 64 * 4 + 4 + 4


def noisy(params, stats, batch, key):
    """A loss that all randomness and all weights go into."""
    of_inputs, of_model = jax.random.split(key)
    noise = 0.1 * jax.random.normal(of_inputs, batch.inputs.shape)
    return supervised(MODEL, F.cross_entropy)(params, stats, batch._replace(inputs=batch.inputs + noise), of_model)


TASK = Task(MODEL, noisy, optimizers.adam(1e-2), BATCH)


@pytest.fixture(scope="module")
def digits():
    some = data.take(data.load_digits(), np.arange(SIZE))
    return some._replace(weights=jnp.linspace(0.5, 1.5, SIZE))


class Source:
    """The examples of a data set, one at a time; it keeps count, and may fail."""

    def __init__(self, examples):
        self.examples, self.read, self.fails = jax.tree.map(np.asarray, examples), [], {}

    def __len__(self):
        return self.examples.size

    def __getitem__(self, row):
        self.read.append(row)
        if row in self.fails:
            raise self.fails[row]
        return tuple(array[row] for array in self.examples)


def streamed(examples, batches_in_a_chunk=3, **settings):
    source = examples if isinstance(examples, Source) else Source(examples)
    return stream_examples(source, chunk_bytes=batches_in_a_chunk * BATCH * ROW_BYTES, **settings)


def counting(stream, epochs=2, train_steps=lambda carry, chunk, done: carry):
    """A train_on_chunks that carries the number of the epochs that are closed."""
    plan, steps = plan_chunks(TASK, stream), stream.size // TASK.batch_size
    feed = read_ahead(TASK, stream, plan.chunks, numbers=range(epochs * len(plan.chunks)), order=jax.random.key(9))
    end_epoch = lambda carry, epoch: carry + 1
    return train_on_chunks(feed, 0, train_steps, end_epoch, done=0, total=epochs * steps, steps_per_epoch=steps)


def equal(one, other):
    """To the last bit; a state without its key."""
    return jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), one[1:], other[1:]))


def readers():
    return [thread for thread in threading.enumerate() if "grain" in thread.name]


def no_reader_is_left():
    deadline = time.monotonic() + 5
    while readers() and time.monotonic() < deadline:
        time.sleep(0.01)
    return not readers()


@pytest.fixture(autouse=True)
def threads_end(monkeypatch):
    """Every chunk is looked at, and in the end no thread is left."""
    monkeypatch.setattr("jaxdl.training.population.streamed.PACE", 0.0)
    yield
    assert no_reader_is_left()


@pytest.mark.parametrize(("batches_in_a_chunk", "order"), [(1, None), (2, 9), (100, None)])
def test_a_streamed_run_is_the_run_in_memory(digits, batches_in_a_chunk, order):
    """To the last bit of every parameter, in chunks of one batch, of two (and one that is left), and of all."""
    observe = lambda state: {"step": state.step, "bias": state.params["Dense_0"]["bias"].sum()}
    settings = lambda: {"epochs": 3, "observe": observe, "order": order and jax.random.key(order)}
    state, history = train(TASK, digits, jax.random.key(3), **settings())
    other, others_history = train(TASK, streamed(digits, batches_in_a_chunk), jax.random.key(3), **settings())
    assert equal(state, other)
    assert (int(other.epoch), int(other.step)) == (3, 27)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), history, others_history)


@pytest.mark.parametrize("batches_in_a_chunk", [2, 100])
def test_a_streamed_population_is_the_population_in_memory_that_shares_an_order(digits, batches_in_a_chunk):
    settings = {"epochs": 3, "dev": digits, "observe": classification(MODEL)}
    keys = lambda: jax.random.split(jax.random.key(1), 3)
    inside = fit(TASK, digits, keys(), order=jax.random.key(9), **settings)
    outside = fit(TASK, streamed(digits, batches_in_a_chunk), keys(), order=jax.random.key(9), **settings)
    assert equal(inside.state, outside.state)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-6), inside.history, outside.history)
    assert outside.history.loss.shape == (3, 3)
    assert not outside.interrupted
    assert outside.seconds.compile > 0
    assert outside.seconds.run > 0


def test_without_an_order_all_members_take_that_of_the_first_key(digits):
    settings = {"epochs": 2, "dev": digits, "observe": lambda state, dev: {}}
    keys = lambda: jax.random.split(jax.random.key(1), 2)
    streams = fit(TASK, streamed(digits), keys(), **settings)
    inside = fit(TASK, digits, keys(), order=keys()[0], **settings)
    assert equal(streams.state, inside.state)


def test_a_run_goes_on_from_where_another_ended(digits):
    whole, history = train(TASK, streamed(digits), jax.random.key(3), epochs=3)
    state, _ = train(TASK, streamed(digits), jax.random.key(3), epochs=1)
    state, rest = resume(TASK, streamed(digits), state, epochs=2)
    assert equal(whole, state)
    assert history.loss[1:].tolist() == rest.loss.tolist()


def test_in_double_precision_examples_are_read_as_they_are_else(digits, double):
    stream = stream_arrays(np.asarray(digits.inputs, float), np.asarray(digits.labels, int))
    state, _ = train(TASK, stream, jax.random.key(3), epochs=1)
    assert int(state.step) == 9


def test_bytes_become_numbers_on_the_device(digits):
    pixels = np.asarray(digits.inputs * 16).astype(np.uint8)
    stream = stream_arrays(pixels, digits.labels, weights=digits.weights)
    key = jax.random.key(3)
    state, history = train(TASK._replace(transform=lambda inputs: inputs / 16), stream, key, epochs=2)
    expected, expected_history = train(TASK, digits, jax.random.clone(key), epochs=2)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), state.params, expected.params)
    np.testing.assert_allclose(history.loss, expected_history.loss, rtol=1e-5)


@pytest.mark.parametrize("threads", [1, 3])
def test_only_a_few_chunks_are_read_ahead_and_each_epoch_reads_its_batches_once(digits, threads):
    source, chunk = Source(digits), 3 * BATCH
    stream = streamed(source, threads=threads)
    plan_chunks(TASK, stream)
    first = len(source.read)
    states = counting(stream)
    for done, (closed, steps) in enumerate(states, start=1):
        if done == 1:
            del source.read[: 2 * first]  # what was looked at to make the plan
        assert steps == 3 * done
        assert closed == done // 3
        assert done * chunk <= len(source.read) <= min(done + threads, 6) * chunk
    keys = [jax.random.fold_in(jax.random.fold_in(jax.random.key(9), 1), epoch) for epoch in range(2)]
    rows = [permutation(key, SIZE)[: 3 * chunk] for key in keys]
    assert sorted(source.read) == sorted(np.concatenate(rows).tolist())


def test_no_more_than_two_chunks_are_on_the_device(digits):
    seen = []

    def count(carry, chunk, done):
        seen.append(sum(array.shape == chunk.inputs.shape for array in jax.live_arrays()))
        return carry

    for _ in counting(streamed(digits), epochs=3, train_steps=count):
        pass
    assert len(seen) == 9
    assert max(seen) <= 2


def test_what_a_source_raises_reaches_the_user_as_it_is(digits):
    source = Source(digits)
    source.fails[250] = error = OSError("the disk is gone")
    with pytest.raises(OSError, match="the disk is gone") as raised:
        train(TASK, stream_examples(source, chunk_bytes=1), jax.random.key(3), epochs=2)
    assert raised.value is error


def test_what_is_not_finite_is_told_where_it_is(digits):
    inputs = np.array(digits.inputs)
    inputs[250, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="inputs must be finite .* 1 of .* the first of them row 250"):
        train(TASK, stream_arrays(inputs, digits.labels), jax.random.key(3), epochs=2)


def fitted(stream, digits, task=TASK, **settings):
    settings = {"epochs": 4, "dev": digits, "observe": classification(MODEL)} | settings
    return fit(task, stream, jax.random.split(jax.random.key(1), 2), **settings)


@pytest.mark.parametrize(
    ("change", "settings", "sentence"),
    [
        (lambda d: d, {"epochs": 0}, "epochs must be at least 1, but was 0"),
        (lambda d: d, {"task": TASK._replace(batch_size=0)}, "batch_size must be from 1 to the 300 examples"),
        (lambda d: data.take(d, np.arange(20)), {}, "batch_size must be from 1 to the 20 examples"),
        (lambda d: d._replace(labels=d.labels + 5), {}, "labels of data must be below the model's 10 outputs, but 14"),
        (lambda d: d._replace(labels=d.labels.at[250].set(12)), {}, "labels of data must be below .* but 12 is among"),
        (lambda d: d._replace(inputs=d.inputs[:, :4]), {}, r"dev must have inputs of the shape \(4, 8, 1\), but has"),
    ],
)
def test_what_cannot_be_trained_on_is_told(digits, change, settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        fitted(streamed(change(digits)), digits, **settings)


def test_the_watch_is_told_of_every_chunk_and_ctrl_c_then_returns_what_was_computed(digits):
    told = []

    def press(progress):
        told.append((progress.step, progress.epoch, progress.rows.loss.shape))
        if progress.epoch == 2:
            raise KeyboardInterrupt

    result = fitted(streamed(digits), digits, watch=press)
    assert told == [(3 * n, n // 3, (2, int(n % 3 == 0))) for n in range(1, 7)]
    assert result.interrupted
    assert result.history.loss.shape == result.history.observed["accuracy"].shape == (2, 2)
    assert (int(result.state.epoch), int(result.state.step)) == (2, 18)


@pytest.mark.parametrize(("chunk", "epochs", "steps"), [(1, 0, 3), (5, 1, 15)])
def test_ctrl_c_within_an_epoch_keeps_its_steps_but_has_no_row_for_it(digits, chunk, epochs, steps):
    def press(progress):
        if progress.step == 3 * chunk:
            signal.raise_signal(signal.SIGINT)

    result = fitted(streamed(digits), digits, watch=press)
    assert result.interrupted
    assert (int(result.state.epoch), int(result.state.step)) == (epochs, steps)
    assert result.history.loss.shape == result.history.observed["accuracy"].shape == (2, epochs)
    assert result.state.params["Dense_0"]["bias"].shape == (2, 8)


def test_ctrl_c_before_the_first_chunk_is_passed_on(digits, monkeypatch):
    def press(arrays):
        raise KeyboardInterrupt

    monkeypatch.setattr("jax.block_until_ready", press)
    with pytest.raises(KeyboardInterrupt):
        fitted(streamed(digits), digits)


def test_a_stream_inside_of_a_transformation_is_told(digits):
    stream = streamed(digits)
    run = lambda key: train(TASK, stream, key, epochs=1)
    with pytest.raises(TypeError, match="data must be a Dataset inside of jit, vmap and population, but was a Stream"):
        jax.jit(run)(jax.random.key(0))
    with pytest.raises(TypeError, match="data must be a Dataset inside of jit, vmap and population"):
        population(run, jax.random.split(jax.random.key(0), 2))


def test_what_to_install_is_told_where_grain_is_not(digits, monkeypatch):
    monkeypatch.setitem(sys.modules, "grain", None)
    with pytest.raises(ModuleNotFoundError, match="install the extra data of jaxdl-lab"):
        plan_chunks(TASK, streamed(digits))


def test_the_order_is_the_same_where_jax_has_no_cpu_beside_the_device(digits, monkeypatch):
    expected, _ = train(TASK, streamed(digits), jax.random.key(3), epochs=1)

    def none(backend):
        raise RuntimeError("Unknown backend cpu")

    monkeypatch.setattr("jax.local_devices", none)
    again, _ = train(TASK, streamed(digits), jax.random.key(3), epochs=1)
    assert equal(expected, again)


def test_an_error_of_the_watch_ends_the_threads(digits):
    with pytest.raises(ZeroDivisionError) as raised:
        fitted(streamed(digits), digits, watch=lambda progress: 1 / 0)
    assert no_reader_is_left()
    assert raised.tb is not None


def test_a_first_batch_may_weigh_nothing(digits):
    weighted = digits._replace(weights=jnp.arange(SIZE) >= 100.0)
    assert not fitted(streamed(weighted), digits, epochs=1).interrupted


@pytest.mark.parametrize(
    ("steps", "most", "lengths"),
    [(9, 3, [3] * 3), (9, 4, [3] * 3), (8, 100, [8]), (7, 3, [3, 3, 1]), (13, 6, [5, 5, 3]), (12, 5, [4] * 3)],
)
def test_chunks_have_one_length_where_they_can(steps, most, lengths):
    chunks = _chunks(steps, most)
    assert [chunk.stop - chunk.start for chunk in chunks] == lengths
    assert [row for chunk in chunks for row in range(steps)[chunk]] == list(range(steps))
