"""Ctrl-C, SIGTERM and SIGHUP: defer signals until a safe point, and stay responsive while compiled code runs."""

import concurrent.futures
import contextlib
import signal
import threading
import time
from collections.abc import Callable, Generator
from typing import Any

THREAD_NAME, POLL = "interruptible", 0.1  # POLL: seconds between two checks for signals
GRACE = 3.0  # seconds that the block gets to reach its end after the first signal
HANGUP = getattr(signal, "SIGHUP", None)  # a terminal was closed; Windows has no such signal
MAX_SIGNALS = 3  # after this many signals the block is left at once
SETTINGS = (  # of jax, which a context manager sets for one thread only
    "debug_infs",
    "debug_key_reuse",
    "debug_nans",
    "default_device",
    "default_matmul_precision",
    "default_prng_impl",
    "enable_x64",
    "numpy_dtype_promotion",
    "numpy_rank_promotion",
)


class DeferredSignals:
    """The signals received inside `defer_signals`."""

    def __init__(self) -> None:
        self.signals: list[int] = []
        self._first = float("inf")

    def add(self, number: int) -> None:
        """Record a signal."""
        self.signals.append(number)
        self._first = min(self._first, time.monotonic())

    def is_overdue(self) -> bool:
        """Return whether the first signal arrived more than GRACE seconds ago."""
        return time.monotonic() - self._first > GRACE


@contextlib.contextmanager
def defer_signals() -> Generator[DeferredSignals]:
    """Record Ctrl-C and SIGTERM instead of raising, so that the block can stop at a safe point.

    SIGHUP is recorded as SIGTERM. A signal that is ignored stays ignored, as with nohup and in the background of a
    shell script. The third signal raises KeyboardInterrupt at once. Python delivers signals to the main thread only; in
    any other thread this does nothing.
    """
    received = DeferredSignals()
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    def record(number, frame):  # noqa: ARG001
        received.add(signal.SIGTERM if number == HANGUP else number)
        if len(received.signals) >= MAX_SIGNALS:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, record) for number in handled_signals()}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def handled_signals() -> list[int]:
    """Return Ctrl-C, SIGTERM and SIGHUP, without those that this process ignores."""
    signals = [signal.SIGINT, signal.SIGTERM, *([] if HANGUP is None else [HANGUP])]
    return [number for number in signals if signal.getsignal(number) not in (signal.SIG_IGN, None)]


def run_interruptibly(f: Callable[[], Any], abandon: Callable[[], bool] | None = None) -> Any:
    """Return `f()`, computed in a thread so that Ctrl-C works even while `f` runs compiled code for a long time.

    Raises KeyboardInterrupt also if `abandon()` returns True; the thread then runs to its end unobserved. The thread
    uses the jax settings of the caller.
    """
    if threading.current_thread() is not threading.main_thread():
        return f()
    done: concurrent.futures.Future = concurrent.futures.Future()
    settings = _jax_settings()

    def work():
        try:
            with _with_jax_settings(settings):
                done.set_result(f())
        except BaseException as error:  # raised again by done.result() below
            done.set_exception(error)

    thread = threading.Thread(target=work, daemon=True, name=THREAD_NAME)
    thread.start()
    while thread.is_alive():
        thread.join(POLL)  # wakes up regularly: a signal delivered to another thread does not end the join
        if abandon is not None and abandon() and not done.done():
            raise KeyboardInterrupt
    return done.result()


def has_abandoned_threads() -> bool:
    """Return whether a thread of `run_interruptibly` still runs."""
    return any(thread.name == THREAD_NAME for thread in threading.enumerate())


def _jax_settings() -> dict[str, Any]:
    """Return the jax settings of this thread."""
    import jax  # imported here because deferring signals must not wait for it

    return {name: getattr(jax.config, f"jax_{name}") for name in SETTINGS}


@contextlib.contextmanager
def _with_jax_settings(settings: dict[str, Any]) -> Generator[None]:
    """Apply the settings that differ from those of this thread."""
    import jax

    with contextlib.ExitStack() as stack:
        for name, here in _jax_settings().items():
            if settings[name] != here:
                stack.enter_context(getattr(jax, name)(settings[name]))
        yield
