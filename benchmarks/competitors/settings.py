"""The best setting of a competitor: each is tried on a short piece of the work, and the fastest is kept."""

import os
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax

from benchmarks.absence import AbsentError
from benchmarks.benchmark import Prepared

TRIES, LONG = 2, 2.0  # a piece that takes so many seconds is told apart from others by one try


class Setting(NamedTuple):
    """A piece of the work, and all of it, in one setting."""

    piece: Callable[[], Any]
    run: Callable[[], Any]


def fastest(settings: Mapping[str, Callable[[], Setting]]) -> Prepared:
    """Make each setting, run its piece once to compile and then at most TRIES times, and keep the fastest.

    Pieces of all settings are the same work, and none is so short that what comes before and after it counts.
    """
    best, seconds = None, {}
    for name, make in settings.items():
        prepared, seconds[name] = _tried(name, make)
        if best is None or seconds[name] < seconds[best.setting]:
            best = prepared
    if best is None:
        raise ValueError("settings must hold at least one, but were empty.")
    return best._replace(tried=tuple(seconds.items()))


def _tried(name: str, make: Callable[[], Setting]) -> tuple[Prepared, float]:
    """A setting that is ready to run, and the seconds that its piece took."""
    began = time.perf_counter()
    setting = make()
    setting.piece()
    compiling = time.perf_counter() - began
    seconds = [_seconds(setting.piece)]
    while len(seconds) < TRIES and seconds[0] < LONG:
        seconds.append(_seconds(setting.piece))
    return Prepared(setting.run, name, compiling), min(seconds)


def _seconds(piece) -> float:
    began = time.perf_counter()
    piece()
    return time.perf_counter() - began


def thread_counts() -> list[int]:
    """Powers of two up to the number of cores, and that number."""
    cores = os.cpu_count() or 1
    return sorted({2**power for power in range(cores.bit_length()) if 2**power <= cores} | {cores})


def on_cpus_alone() -> None:
    """Refuse to compare what runs on CPUs with jax on an accelerator: AbsentError."""
    if jax.default_backend() != "cpu":
        raise AbsentError(f"it would run on the CPU, and jax runs on {jax.default_backend()}")


def threads(count: int) -> str:
    """A number of threads, in words."""
    return f"{count} thread{'s' if count > 1 else ''}"
