"""Ctrl-C and SIGTERM: what must not be left half done is done first, and what takes long can be left."""

import concurrent.futures
import contextlib
import signal
import threading
from collections.abc import Callable, Generator
from typing import Any

LEAVABLE, LOOK = "leavable", 0.1  # seconds
PATIENCE = 3  # so many signals, and what is inside is left where it is


@contextlib.contextmanager
def held() -> Generator[list[int]]:
    """Hold back Ctrl-C and SIGTERM, of which the list then tells, while what is inside goes on to where it can end.

    The third of them goes through, as KeyboardInterrupt: for what never ends. Only the main thread gets signals; in
    another nothing is held back.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    def note(number, frame):  # noqa: ARG001
        received.append(number)
        if len(received) >= PATIENCE:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def leavable(f: Callable[[], Any]) -> Any:
    """`f()`, on a thread of its own, so that Ctrl-C is met at once although f may be long outside of Python.

    It then goes on to its end, which nobody waits for.
    """
    if threading.current_thread() is not threading.main_thread():
        return f()
    done: concurrent.futures.Future = concurrent.futures.Future()

    def work():
        try:
            done.set_result(f())
        except BaseException as error:  # it is raised where it is waited for
            done.set_exception(error)

    thread = threading.Thread(target=work, daemon=True, name=LEAVABLE)
    thread.start()
    while thread.is_alive():
        thread.join(LOOK)  # a signal that another thread got wakes nobody
    return done.result()


def left_behind() -> bool:
    """Does anything go on that nobody waits for?"""
    return any(thread.name == LEAVABLE for thread in threading.enumerate())
