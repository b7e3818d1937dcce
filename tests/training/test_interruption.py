"""Ctrl-C and SIGTERM, in a fit and around what takes long."""

import signal
import sys
import threading
import time

import jax
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import data, models, optimizers
from jaxdl.system import interruption
from jaxdl.training import Checkpoints, Task, classification, fit, supervised
from jaxdl.training.checkpoints import checkpoint
from jaxdl.training.checkpoints.checkpoint import checkpoint_numbers

FIT = sys.modules["jaxdl.training.population.in_memory"]  # the package's `fit` is the function
MODEL = models.mlp((8,), 10)
TASK = Task(MODEL, supervised(MODEL, F.cross_entropy), optimizers.sgd(0.1), 32)


@pytest.fixture(scope="module")
def digits():
    return data.take(data.load_digits(), np.arange(100))


def fitted(digits, watch, below=None):
    keys = jax.random.split(jax.random.key(0), 2)
    checkpoints = None if below is None else Checkpoints(below, 0.0)
    observe = classification(MODEL)
    return fit(TASK, digits, keys, epochs=6, dev=digits, observe=observe, watch=watch, checkpoints=checkpoints)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(FIT, "PACE", 0.0)
    monkeypatch.setattr(FIT, "FIRST_STEPS", 1)


@pytest.mark.parametrize("signals", [(signal.SIGINT,), (signal.SIGINT, signal.SIGINT)])
def test_ctrl_c_ends_it_saved_however_often_it_is_pressed(digits, tmp_path, signals):
    def press(progress):
        if progress.step == 11:
            for number in signals:
                signal.raise_signal(number)

    before = signal.getsignal(signal.SIGINT)
    result = fitted(digits, press, tmp_path)
    assert result.interrupted
    assert checkpoint_numbers(tmp_path)[-1] == int(result.state.step) == 11
    assert signal.getsignal(signal.SIGINT) is before


def test_sigterm_ends_the_process_once_all_is_saved(digits, tmp_path):
    def press(progress):
        if progress.step == 11:
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(SystemExit) as end:
        fitted(digits, press, tmp_path)
    assert end.value.code == 143
    assert checkpoint_numbers(tmp_path)[-1] == 11
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_another_signal_while_it_is_saved_changes_nothing(digits, tmp_path, monkeypatch):
    write, written = checkpoint._write, []

    def slow(place, number, leaves, note):
        if number == 11:  # and not the one before, which may still be on its way
            signal.raise_signal(signal.SIGTERM)
            time.sleep(0.3)
        write(place, number, leaves, note)
        written.append(number)

    def press(progress):
        if progress.step == 11:
            monkeypatch.setattr(checkpoint, "_write", slow)
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(SystemExit):
        fitted(digits, press, tmp_path)
    assert written[-1] == 11
    assert checkpoint_numbers(tmp_path)[-1] == 11


def test_the_third_ctrl_c_is_met_at_once(digits):
    def press(progress):
        for _ in range(3):
            signal.raise_signal(signal.SIGINT)
        raise AssertionError("it goes through")

    assert fitted(digits, press).interrupted


def test_a_signal_is_held_back_until_what_is_inside_is_done():
    done = []
    with interruption.defer_signals() as received:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        done.append("all of it")
    assert received.signals == [signal.SIGINT, signal.SIGTERM]
    assert done
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_on_another_thread_nothing_is_held_back():
    found = []

    def work():
        with interruption.defer_signals() as received:
            found.append((received.signals, signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [([], signal.default_int_handler)]


def test_what_takes_long_can_be_left():
    ended = threading.Event()

    def long():
        threading.Timer(0.1, signal.raise_signal, [signal.SIGINT]).start()
        ended.wait(30)

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        interruption.run_interruptibly(long)
    assert time.monotonic() - began < 10
    assert interruption.has_abandoned_threads()
    ended.set()
    while interruption.has_abandoned_threads():
        time.sleep(0.01)


def test_a_piece_that_does_not_end_in_time_is_left_and_what_was_saved_before_it_is_there(digits, tmp_path, monkeypatch):
    """The one after ten steps; it would have taken a minute. The members have gone into it, and are not to be had."""
    monkeypatch.setattr(interruption, "GRACE", 0.2)
    ended, original, whole = threading.Event(), jax.block_until_ready, fitted(digits, lambda progress: None)

    def slow(members):
        if slow.next:
            signal.raise_signal(signal.SIGINT)
            ended.wait(60)
        return original(members)

    def watch(progress):
        slow.next = progress.step == 10

    slow.next = False
    began = time.monotonic()
    with monkeypatch.context() as patch:
        patch.setattr("jax.block_until_ready", slow)
        with pytest.raises(KeyboardInterrupt):
            fitted(digits, watch, tmp_path)
    assert time.monotonic() - began < 30
    ended.set()
    assert 1 <= checkpoint_numbers(tmp_path)[-1] <= 10
    rest = fitted(digits, lambda progress: None, tmp_path)
    jax.tree.map(np.testing.assert_array_equal, rest.state.params, whole.state.params)


def test_what_it_gives_or_raises_is_passed_on():
    assert interruption.run_interruptibly(lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        interruption.run_interruptibly(lambda: 1 / 0)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("enable_x64", True),
        ("default_matmul_precision", "float32"),
        ("default_device", jax.devices()[1]),
        ("debug_nans", True),
        ("debug_infs", True),
        ("debug_key_reuse", False),
        ("default_prng_impl", "rbg"),
        ("numpy_dtype_promotion", "strict"),
        ("numpy_rank_promotion", "raise"),
    ],
)
def test_it_is_computed_under_the_settings_of_who_asks(setting, value):
    """Those of a `with`, which jax keeps for each thread."""
    of_jax = lambda: getattr(jax.config, f"jax_{setting}")
    before = interruption.run_interruptibly(of_jax)
    with getattr(jax, setting)(value):
        assert interruption.run_interruptibly(of_jax) == of_jax() != before
    assert interruption.run_interruptibly(of_jax) == before
