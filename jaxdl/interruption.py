"""Ctrl-C and SIGTERM: what must not be left half done is done first, and what takes long can be left."""

import concurrent.futures
import contextlib
import signal
import threading
import time
from collections.abc import Callable, Generator
from typing import Any

LEAVABLE, LOOK = "leavable", 0.1  # seconds between two looks at what takes long
GRACE = 3.0  # seconds for what is inside to come to where it can end
PATIENCE = 3  # so many signals, and what is inside is left where it is
SETTINGS = (  # of jax, which a `with` sets for its thread alone
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


class Held:
    """The signals that were held back, and whether what takes long is to be left for them."""

    def __init__(self) -> None:
        self.signals: list[int] = []
        self._first = float("inf")

    def add(self, number: int) -> None:
        """Another signal."""
        self.signals.append(number)
        self._first = min(self._first, time.monotonic())

    def overdue(self) -> bool:
        """Was the first of them GRACE seconds ago?"""
        return time.monotonic() - self._first > GRACE


@contextlib.contextmanager
def held() -> Generator[Held]:
    """Hold back Ctrl-C and SIGTERM while what is inside goes on to where it can end.

    The third of them goes through, as KeyboardInterrupt: for what never ends. Only the main thread gets signals; in
    another nothing is held back.
    """
    received = Held()
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    def note(number, frame):  # noqa: ARG001
        received.add(number)
        if len(received.signals) >= PATIENCE:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def never() -> bool:
    """It is not to be left."""
    return False


def leavable(f: Callable[[], Any], leave: Callable[[], bool] = never) -> Any:
    """`f()`, on a thread of its own, so that Ctrl-C is met at once although f may be long outside of Python.

    KeyboardInterrupt is raised where it is to be left, too. It then goes on to its end, which nobody waits for. The
    settings of jax are those of who asks.
    """
    if threading.current_thread() is not threading.main_thread():
        return f()
    done: concurrent.futures.Future = concurrent.futures.Future()
    settings = _settings()

    def work():
        try:
            with _under(settings):
                done.set_result(f())
        except BaseException as error:  # it is raised where it is waited for
            done.set_exception(error)

    thread = threading.Thread(target=work, daemon=True, name=LEAVABLE)
    thread.start()
    while thread.is_alive():
        thread.join(LOOK)  # a signal that another thread got wakes nobody
        if leave() and not done.done():
            raise KeyboardInterrupt
    return done.result()


def left_behind() -> bool:
    """Does anything go on that nobody waits for?"""
    return any(thread.name == LEAVABLE for thread in threading.enumerate())


def _settings() -> dict[str, Any]:
    """Of jax, as they are on this thread."""
    import jax  # whoever only holds back signals need not wait for it

    return {name: getattr(jax.config, f"jax_{name}") for name in SETTINGS}


@contextlib.contextmanager
def _under(settings: dict[str, Any]) -> Generator[None]:
    """Those of another thread, where they are others here."""
    import jax

    with contextlib.ExitStack() as stack:
        for name, here in _settings().items():
            if settings[name] != here:
                stack.enter_context(getattr(jax, name)(settings[name]))
        yield
