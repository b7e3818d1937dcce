"""Ctrl-C and SIGTERM during a fit."""

import signal
import threading
import time

import jax
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import models, optimizers
from jaxdl.system import interruption
from jaxdl.training import Checkpoints, Task, fit
from jaxdl.training.checkpoints import checkpoint
from jaxdl.training.checkpoints.checkpoint import checkpoint_numbers
from jaxdl.training.population import in_memory

MODEL = models.mlp((8,), 10)
TASK = Task(MODEL, F.cross_entropy, optimizers.sgd(0.1), 32)
pytestmark = pytest.mark.usefixtures("shared_programs", "one_step_at_a_time")


def fitted(digits, watch, directory=None, epochs=6):
    keys = jax.random.split(jax.random.key(0), 2)
    checkpoints = None if directory is None else Checkpoints(directory, 0.0)
    return fit(TASK, digits, keys, epochs=epochs, dev=digits, watch=watch, checkpoints=checkpoints)


def ignore(progress):
    pass


def test_ctrl_c_before_training_raises_keyboard_interrupt(digits, monkeypatch):
    def interrupt(lower, layout):
        raise KeyboardInterrupt

    monkeypatch.setattr(in_memory, "compile_within_memory", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fitted(digits, ignore)


def test_ctrl_c_returns_the_result_so_far(digits):
    def watch(progress):
        if progress.epoch >= 2:
            raise KeyboardInterrupt

    result = fitted(digits, watch)
    assert result.interrupted
    epochs = int(result.state.epoch)
    assert 2 <= epochs < 6
    assert result.history.loss.shape == (2, epochs)
    assert np.isfinite(result.history.loss).all()


@pytest.mark.parametrize("signals", [(signal.SIGINT,), (signal.SIGINT, signal.SIGINT)], ids=["once", "twice"])
def test_after_ctrl_c_the_result_is_saved_and_returned(digits, tmp_path, signals):
    def watch(progress):
        if progress.step == 11:
            for number in signals:
                signal.raise_signal(number)

    before = signal.getsignal(signal.SIGINT)
    result = fitted(digits, watch, tmp_path)
    assert result.interrupted
    assert checkpoint_numbers(tmp_path)[-1] == int(result.state.step) == 11
    assert signal.getsignal(signal.SIGINT) is before


def test_sigterm_saves_and_ends_the_process(digits, tmp_path):
    def watch(progress):
        if progress.step == 11:
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as end:
        fitted(digits, watch, tmp_path)
    assert end.value.code == 143
    assert checkpoint_numbers(tmp_path)[-1] == 11
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_second_signal_does_not_interrupt_the_last_save(digits, tmp_path, monkeypatch):
    write, written = checkpoint._write, []

    def slow_write(path, number, leaves, note):
        if number == 11:  # not an earlier one, which may still be written
            signal.raise_signal(signal.SIGTERM)
            time.sleep(0.3)
        write(path, number, leaves, note)
        written.append(number)

    def watch(progress):
        if progress.step == 11:
            monkeypatch.setattr(checkpoint, "_write", slow_write)
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(SystemExit):
        fitted(digits, watch, tmp_path)
    assert written[-1] == 11
    assert checkpoint_numbers(tmp_path)[-1] == 11


def test_the_third_ctrl_c_interrupts_at_once(digits):
    def watch(progress):
        for _ in range(3):
            signal.raise_signal(signal.SIGINT)
        raise AssertionError("the third signal did not interrupt")

    assert fitted(digits, watch).interrupted


def test_a_chunk_that_does_not_end_is_abandoned_and_training_resumes_from_the_last_checkpoint(
    digits, tmp_path, monkeypatch
):
    """The chunk after step 10 takes a minute. It owns the donated members, so only the checkpoint is left."""
    monkeypatch.setattr(interruption, "GRACE", 0.2)
    uninterrupted = fitted(digits, ignore)
    ended, original = threading.Event(), jax.block_until_ready

    def slow(members):
        if slow.next:
            signal.raise_signal(signal.SIGINT)
            ended.wait(60)
        return original(members)

    def watch(progress):
        slow.next = progress.step == 10

    slow.next = False
    started = time.monotonic()
    with monkeypatch.context() as patch:
        patch.setattr("jax.block_until_ready", slow)
        with pytest.raises(KeyboardInterrupt):
            fitted(digits, watch, tmp_path)
    assert time.monotonic() - started < 30
    ended.set()
    assert 1 <= checkpoint_numbers(tmp_path)[-1] <= 10
    resumed = fitted(digits, ignore, tmp_path)
    jax.tree.map(np.testing.assert_array_equal, resumed.state.params, uninterrupted.state.params)
