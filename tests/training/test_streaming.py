import functools
import sys

import jax
import numpy as np
import pytest

from jaxdl.data.stream import stream_arrays, stream_examples
from jaxdl.training import fit, population, resume, train
from jaxdl.training.batching import permutation
from jaxdl.training.streaming import _chunks, plan_chunks, read_ahead, train_on_chunks
from tests.training.streams import (
    BATCH,
    PLAIN,
    SIZE,
    TASK,
    Source,
    assert_bit_identical,
    streamed,
    threads_end,
    weighted_digits,
)

pytest.importorskip("grain", reason="grain is not installed: it is in the extra `data`")


@pytest.fixture(scope="module")
def digits():
    return weighted_digits()


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert threads_end()


@pytest.fixture(scope="module")
def three_epochs(digits):
    return train(TASK, streamed(digits), jax.random.key(3), epochs=3)


def observe(state, dev):
    return {"step": state.step, "bias": state.params["Dense_0"]["bias"].sum()}


@functools.cache
def trained_in_memory(order):
    order = None if order is None else jax.random.key(order)
    return train(TASK, weighted_digits(), jax.random.key(3), epochs=3, observe=observe, order=order)


@pytest.mark.parametrize(("batches_per_chunk", "order"), [(1, None), (2, 9), (100, None)])
def test_training_on_a_stream_is_bit_identical_to_training_in_memory(digits, batches_per_chunk, order):
    """In chunks of one batch, of two batches with one left over, and of all batches."""
    in_memory, history = trained_in_memory(order)
    settings = {"epochs": 3, "observe": observe, "order": order and jax.random.key(order)}
    state, streamed_history = train(TASK, streamed(digits, batches_per_chunk), jax.random.key(3), **settings)
    assert_bit_identical(in_memory, state)
    assert (int(state.epoch), int(state.step)) == (3, 27)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), history, streamed_history)


def test_batches_of_a_stream_whose_weights_are_0_change_nothing(digits):
    """Of 300 examples 3 have weight, so that most of the nine batches have none."""
    rare, settings = digits._replace(weights=digits.weights * (np.arange(SIZE) % 100 == 0)), {"epochs": 1}
    state, history = train(PLAIN, streamed(rare), jax.random.key(3), **settings)
    assert np.isfinite(history.loss).all()
    assert np.isfinite(state.params["Dense_0"]["kernel"]).all()
    fitted = fit(PLAIN, streamed(rare), jax.random.key(3)[None], dev=digits, **settings)
    np.testing.assert_allclose(fitted.history.loss[0], history.loss, rtol=1e-5)


def test_a_resumed_training_on_a_stream_is_bit_identical_to_an_uninterrupted_one(digits, three_epochs):
    whole, history = three_epochs
    state, _ = train(TASK, streamed(digits), jax.random.key(3), epochs=1)
    state, rest = resume(TASK, streamed(digits), state, epochs=2)
    assert_bit_identical(whole, state)
    assert history.loss[1:].tolist() == rest.loss.tolist()


def test_the_order_does_not_depend_on_whether_jax_has_a_cpu_besides_the_device(digits, three_epochs, monkeypatch):
    def no_cpu(backend):
        raise RuntimeError("Unknown backend cpu")

    monkeypatch.setattr("jax.local_devices", no_cpu)
    again, _ = train(TASK, streamed(digits), jax.random.key(3), epochs=3)
    assert_bit_identical(three_epochs[0], again)


def test_arrays_of_double_precision_can_be_streamed(digits, double):
    stream = stream_arrays(np.asarray(digits.inputs, float), np.asarray(digits.labels, int))
    state, _ = train(TASK, stream, jax.random.key(3), epochs=1)
    assert int(state.step) == 9


def test_the_transform_is_applied_on_the_device(digits):
    pixels = np.asarray(digits.inputs * 16).astype(np.uint8)
    stream = stream_arrays(pixels, digits.labels, weights=digits.weights)
    task = TASK._replace(transform=lambda inputs: inputs / 16)
    state, history = train(task, stream, jax.random.key(3), epochs=3)
    expected, expected_history = trained_in_memory(None)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), state.params, expected.params)
    np.testing.assert_allclose(history.loss, expected_history.loss, rtol=1e-5)


def epochs_counted(stream, epochs=2, train_chunk=lambda carry, chunk, done: carry):
    """Train on all chunks of a stream with a carry that counts the finished epochs."""
    plan, steps = plan_chunks(TASK, stream), stream.size // TASK.batch_size
    feed = read_ahead(TASK, stream, plan.chunks, numbers=range(epochs * len(plan.chunks)), order=jax.random.key(9))
    end_epoch = lambda carry, epoch: carry + 1
    return train_on_chunks(feed, 0, train_chunk, end_epoch, done=0, total=epochs * steps, steps_per_epoch=steps)


@pytest.mark.parametrize("threads", [1, 3])
def test_few_chunks_are_read_ahead_and_each_epoch_reads_each_batch_once(digits, threads):
    source, chunk = Source(digits), 3 * BATCH
    stream = streamed(source, threads=threads)
    plan_chunks(TASK, stream)
    read_for_plan = len(source.read)
    for number, (epochs, steps) in enumerate(epochs_counted(stream), start=1):
        if number == 1:
            del source.read[: 2 * read_for_plan]
        assert steps == 3 * number
        assert epochs == number // 3
        assert number * chunk <= len(source.read) <= min(number + threads, 6) * chunk
    keys = [jax.random.fold_in(jax.random.fold_in(jax.random.key(9), 1), epoch) for epoch in range(2)]
    rows = [permutation(key, SIZE)[: 3 * chunk] for key in keys]
    assert sorted(source.read) == sorted(np.concatenate(rows).tolist())


def test_at_most_two_chunks_are_on_the_device(digits):
    on_device, others = [], jax.live_arrays()

    def train_chunk(carry, chunk, done):
        new = [array for array in jax.live_arrays() if all(array is not other for other in others)]
        on_device.append(sum(array.shape == chunk.inputs.shape for array in new))
        return carry

    for _ in epochs_counted(streamed(digits), epochs=3, train_chunk=train_chunk):
        pass
    assert len(on_device) == 9
    assert max(on_device) <= 2


def test_an_exception_of_the_source_reaches_the_user_unchanged(digits):
    source = Source(digits)
    source.fails[250] = error = OSError("the disk is gone")
    with pytest.raises(OSError, match="the disk is gone") as raised:
        train(TASK, stream_examples(source, chunk_bytes=1), jax.random.key(3), epochs=2)
    assert raised.value is error


def test_a_value_that_is_not_finite_raises_with_its_row(digits):
    inputs = np.array(digits.inputs)
    inputs[250, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="inputs must be finite .* 1 of .* the first of them row 250"):
        train(TASK, stream_arrays(inputs, digits.labels), jax.random.key(3), epochs=2)


def test_a_stream_inside_a_transformation_raises(digits):
    stream = streamed(digits)
    run = lambda key: train(TASK, stream, key, epochs=1)
    message = "a Stream cannot be used inside jit, vmap or population, because Python reads it"
    with pytest.raises(TypeError, match=message):
        jax.jit(run)(jax.random.key(0))
    with pytest.raises(TypeError, match=message):
        population(run, jax.random.split(jax.random.key(0), 2))


def test_without_grain_the_error_says_what_to_install(digits, monkeypatch):
    monkeypatch.setitem(sys.modules, "grain", None)
    message = "needs grain, which is not installed: install the extra `data` of jaxdl-lab"
    with pytest.raises(ModuleNotFoundError, match=message):
        plan_chunks(TASK, streamed(digits))


@pytest.mark.parametrize(
    ("steps", "most", "lengths"),
    [(9, 3, [3] * 3), (9, 4, [3] * 3), (8, 100, [8]), (7, 3, [3, 3, 1]), (13, 6, [5, 5, 3]), (12, 5, [4] * 3)],
)
def test_chunks_have_equal_lengths_where_possible(steps, most, lengths):
    chunks = _chunks(steps, most)
    assert [chunk.stop - chunk.start for chunk in chunks] == lengths
    assert [row for chunk in chunks for row in range(steps)[chunk]] == list(range(steps))


def test_a_plan_knows_the_lengths_of_its_chunks_and_the_chunk_after_a_step(digits):
    plan = plan_chunks(TASK, streamed(digits, batches_per_chunk=5))
    assert [(chunk.start, chunk.stop) for chunk in plan.chunks] == [(0, 3), (3, 6), (6, 9)]
    assert plan.lengths() == [3]
    assert plan.like(3).inputs.shape == (3, BATCH, 8, 8, 1)
    assert [plan.chunk_after(steps, 9) for steps in (0, 3, 9, 24)] == [0, 1, 3, 8]
