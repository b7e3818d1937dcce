import signal
import threading
import time

import jax
import pytest

from jaxdl.system import interruption
from jaxdl.system.interruption import defer_signals, has_abandoned_threads, run_interruptibly


def test_signals_are_recorded_until_the_block_ends():
    done = []
    with defer_signals() as received:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        done.append("all of it")
    assert received.signals == [signal.SIGINT, signal.SIGTERM]
    assert done
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_a_closed_terminal_counts_as_sigterm_and_an_ignored_signal_stays_ignored():
    with defer_signals() as received:
        signal.raise_signal(signal.SIGHUP)
    assert received.signals == [signal.SIGTERM]
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with defer_signals() as received:
            signal.raise_signal(signal.SIGINT)
            assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert received.signals == []


def test_the_third_signal_raises_keyboard_interrupt_inside_the_block():
    with pytest.raises(KeyboardInterrupt), defer_signals() as received:
        for _ in range(4):
            signal.raise_signal(signal.SIGTERM)
    assert received.signals == [signal.SIGTERM] * 3


def test_the_first_signal_is_overdue_after_the_grace_period(monkeypatch):
    with defer_signals() as received:
        assert not received.is_overdue()
        received.add(signal.SIGINT)
        assert not received.is_overdue()
        now = time.monotonic()
        monkeypatch.setattr("time.monotonic", lambda: now + interruption.GRACE + 1)
        received.add(signal.SIGINT)
        assert received.is_overdue()


def test_other_threads_do_not_defer_signals():
    found = []

    def work():
        with defer_signals() as received:
            found.append((received.signals, signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [([], signal.default_int_handler)]


def wait_for_abandoned_threads():
    while has_abandoned_threads():
        time.sleep(0.01)


def test_ctrl_c_interrupts_a_long_computation():
    ended = threading.Event()

    def long():
        threading.Timer(0.1, signal.raise_signal, [signal.SIGINT]).start()
        ended.wait(30)

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_interruptibly(long)
    assert time.monotonic() - started < 10
    assert has_abandoned_threads()
    ended.set()
    wait_for_abandoned_threads()


def test_a_computation_can_be_abandoned():
    ended = threading.Event()
    with pytest.raises(KeyboardInterrupt):
        run_interruptibly(lambda: ended.wait(30), abandon=lambda: True)
    ended.set()
    wait_for_abandoned_threads()


def test_results_and_exceptions_are_passed_on():
    assert run_interruptibly(lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        run_interruptibly(lambda: 1 / 0)


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
def test_the_computation_uses_the_jax_settings_of_the_caller(setting, value):
    """Settings of a context manager, which jax keeps separately for each thread."""
    read = lambda: getattr(jax.config, f"jax_{setting}")
    before = run_interruptibly(read)
    with getattr(jax, setting)(value):
        assert run_interruptibly(read) == read() != before
    assert run_interruptibly(read) == before
