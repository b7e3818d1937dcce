import signal

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import data
from jaxdl.training import fit
from tests.training.streams import SIZE, TASK, assert_bit_identical, streamed, threads_end, weighted_digits

pytest.importorskip("grain", reason="grain is not installed: it is in the extra `data`")
pytestmark = pytest.mark.usefixtures("shared_programs", "one_step_at_a_time")


@pytest.fixture(scope="module")
def digits():
    return weighted_digits()


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert threads_end()


def fitted(train, digits, task=TASK, **settings):
    settings = {"epochs": 3, "dev": digits} | settings
    return fit(task, train, jax.random.split(jax.random.key(1), 3), **settings)


def test_members_on_a_stream_are_bit_identical_to_members_in_memory_that_share_an_order(digits):
    """In chunks of two batches with one left over, and in one chunk per epoch."""
    in_memory = fitted(digits, digits, order=jax.random.key(9))
    for batches_per_chunk in (2, 100):
        stream = fitted(streamed(digits, batches_per_chunk), digits, order=jax.random.key(9))
        assert_bit_identical(in_memory.state, stream.state)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-6), in_memory.history, stream.history)
        assert stream.history.loss.shape == (3, 3)
        assert not stream.interrupted
        assert stream.seconds.compile > 0
        assert stream.seconds.run > 0


def test_without_an_order_all_members_see_the_order_of_the_first_key(digits):
    first_key = jax.random.split(jax.random.key(1), 3)[0]
    assert_bit_identical(fitted(streamed(digits), digits).state, fitted(digits, digits, order=first_key).state)


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        (lambda d: d, {"epochs": 0}, "epochs must be at least 1, got 0"),
        (lambda d: d, {"task": TASK._replace(batch_size=0)}, "between 1 and the number of examples, 300, got 0"),
        (lambda d: data.take(d, np.arange(20)), {}, "between 1 and the number of examples, 20, got 32"),
        (lambda d: d._replace(labels=d.labels + 5), {}, "labels of data must be less than .* 10 outputs, got 14"),
        (lambda d: d._replace(labels=d.labels.at[250].set(12)), {}, "labels of data must be less than .* got 12"),
        (
            lambda d: d._replace(inputs=d.inputs[:, :4]),
            {},
            r"inputs of dev must have the shape \(4, 8, 1\), got \(8, 8",
        ),
    ],
    ids=["epochs", "empty batch", "too few examples", "all labels", "one label", "shape of dev"],
)
def test_mistakes_in_a_stream_raise(digits, change, settings, message):
    with pytest.raises(ValueError, match=message):
        fitted(streamed(change(digits)), digits, **settings)


def test_watch_reports_every_chunk_and_ctrl_c_returns_the_result_so_far(digits):
    reports = []

    def watch(progress):
        reports.append((progress.step, progress.epoch, progress.rows.loss.shape))
        if progress.epoch == 2:
            raise KeyboardInterrupt

    result = fitted(streamed(digits), digits, watch=watch)
    assert reports == [(3 * n, n // 3, (3, int(n % 3 == 0))) for n in range(1, 7)]
    assert result.interrupted
    assert result.history.loss.shape == result.history.observed["accuracy"].shape == (3, 2)
    assert (int(result.state.epoch), int(result.state.step)) == (2, 18)


@pytest.mark.parametrize(("chunk", "epochs", "steps"), [(1, 0, 3), (5, 1, 15)])
def test_ctrl_c_within_an_epoch_keeps_its_steps_but_adds_no_row(digits, chunk, epochs, steps):
    def watch(progress):
        if progress.step == 3 * chunk:
            signal.raise_signal(signal.SIGINT)

    result = fitted(streamed(digits), digits, watch=watch)
    assert result.interrupted
    assert (int(result.state.epoch), int(result.state.step)) == (epochs, steps)
    assert result.history.loss.shape == result.history.observed["accuracy"].shape == (3, epochs)
    assert result.state.params["Dense_0"]["bias"].shape == (3, 8)


def test_ctrl_c_in_the_first_chunk_raises_keyboard_interrupt(digits, monkeypatch):
    def interrupt(arrays):
        raise KeyboardInterrupt

    monkeypatch.setattr("jax.block_until_ready", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fitted(streamed(digits), digits)


def test_an_exception_of_watch_ends_the_threads(digits):
    with pytest.raises(ZeroDivisionError) as raised:
        fitted(streamed(digits), digits, watch=lambda progress: 1 / 0)
    assert threads_end()
    assert raised.tb is not None


def test_the_first_batch_may_have_weight_0(digits):
    weighted = digits._replace(weights=jnp.arange(SIZE) >= 100.0)
    assert not fitted(streamed(weighted), digits).interrupted
