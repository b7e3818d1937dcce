"""Choose the fastest configuration of a competitor with a short trial run of each."""

import os
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax

from benchmarks.harness.measure import PreparedCompetitor
from benchmarks.harness.requirements import MissingRequirementError

TRIALS = 2
LONG_TRIAL = 2.0  # seconds; a trial that takes as long is not repeated


class Configuration(NamedTuple):
    """A competitor in one configuration.

    Attributes:
        trial: Does a short part of the work.
        run: Does all of the work.
    """

    trial: Callable[[], Any]
    run: Callable[[], Any]


def fastest_configuration(configurations: Mapping[str, Callable[[], Configuration]]) -> PreparedCompetitor:
    """Try every configuration and return the fastest one.

    Each configuration is built, its trial is run once to compile it and then timed at most TRIALS times; the shortest
    time counts. The trials of all configurations must do the same work, and enough of it that the overhead of the call
    does not matter.

    Args:
        configurations: Functions that build the configurations, by name.

    Returns:
        The run of the fastest configuration, with the time of every trial in `tried`.

    Raises:
        ValueError: If there are no configurations.
    """
    best, seconds = None, {}
    for name, build in configurations.items():
        prepared, seconds[name] = _try(name, build)
        if best is None or seconds[name] < seconds[best.configuration]:
            best = prepared
    if best is None:
        raise ValueError("configurations must contain at least one configuration, got none.")
    return best._replace(tried=tuple(seconds.items()))


def _try(name: str, build: Callable[[], Configuration]) -> tuple[PreparedCompetitor, float]:
    """Build one configuration; return it ready to run, and the shortest time of its trials in seconds."""
    start = time.perf_counter()
    configuration = build()
    configuration.trial()
    compile_seconds = time.perf_counter() - start
    seconds = [_seconds(configuration.trial)]
    while len(seconds) < TRIALS and seconds[0] < LONG_TRIAL:
        seconds.append(_seconds(configuration.trial))
    return PreparedCompetitor(configuration.run, name, compile_seconds), min(seconds)


def _seconds(function) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def core_counts() -> list[int]:
    """Return the powers of two up to the number of cores, and that number."""
    cores = os.cpu_count() or 1
    return sorted({2**power for power in range(cores.bit_length()) if 2**power <= cores} | {cores})


def require_cpu_backend() -> None:
    """Raise MissingRequirementError if jax runs on an accelerator, for competitors that run on the CPU only."""
    if jax.default_backend() != "cpu":
        raise MissingRequirementError(f"it runs on the CPU only, but jax runs on {jax.default_backend()}")


def counted(count: int, noun: str) -> str:
    """Return a number with its noun, such as "1 thread" or "2 threads"."""
    return f"{count} {noun}{'s' if count > 1 else ''}"
