"""Several processes that train one population: those of this machine are started, those of a cluster join."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import tyro

from jaxdl.startup import DETECT, PLACE

LOOK, GRACE = 0.1, 30.0  # seconds between two looks at the processes; and until one that was told to end is killed
ENDING = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class Launch:
    """Run a command in several processes, as one training: jaxdl launch -n 2 train --seeds 32.

    Without a number this process joins those that a cluster has started: srun jaxdl launch train --seeds 4096
    """

    processes: Annotated[int | None, tyro.conf.arg(aliases=["-n"])] = None
    """how many to start on this machine"""


def divided(arguments: Sequence[str], commands: Sequence[str]) -> tuple[list[str], list[str]]:
    """The arguments of `launch` itself, and the command that follows them."""
    first = next((number for number, word in enumerate(arguments) if word in commands), len(arguments))
    return list(arguments[:first]), list(arguments[first:])


def check_launch(settings: Launch, command: Sequence[str]) -> None:
    """Raise ValueError for fewer than one process, and for nothing to do."""
    if settings.processes is not None and settings.processes < 1:
        raise ValueError(f"processes must be at least 1, but was {settings.processes}: say --processes 2, say.")
    if not command:
        raise ValueError("launch must be followed by what to do, but nothing is: jaxdl launch -n 2 train --seeds 32.")


def launch(processes: int, command: Sequence[str]) -> int:
    """Run a command of jaxdl in so many processes of this machine, as one training; the status of the first to fail.

    Each has its share of the cores as its devices. The first tells and writes; where one fails, the others are ended.
    """
    address, cores = f"127.0.0.1:{_free_port()}", os.cpu_count() or 1
    started = []
    for number in range(processes):
        environment = {"JAX_NUM_CPU_DEVICES": str(max(1, cores // processes)), **os.environ}
        environment[PLACE] = f"{address},{processes},{number}"
        output = None if number == 0 else subprocess.DEVNULL
        words = [sys.executable, "-m", "jaxdl", *command]
        started.append(subprocess.Popen(words, env=environment, stdout=output, start_new_session=True))
    signals: list[int] = []
    before = {number: signal.signal(number, lambda number, _: signals.append(number)) for number in ENDING}
    try:
        return _outlast(started, signals)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _outlast(started, signals) -> int:
    """Wait until all have ended, and pass on what signals there are; where one has failed, the others are ended."""
    status, told = 0, float("inf")
    while any(process.poll() is None for process in started):
        while signals:
            _tell(started, signals.pop(0))
        failed = [process.returncode for process in started if process.returncode]
        if failed and not status:
            status, told = failed[0], time.monotonic()
            _tell(started, signal.SIGTERM)
        if time.monotonic() - told > GRACE:
            _tell(started, signal.SIGKILL)
        time.sleep(LOOK)
    status = status or next((process.returncode for process in started if process.returncode), 0)
    return status if status >= 0 else 128 - status


def _tell(started, number) -> None:
    for process in started:
        if process.poll() is None:
            process.send_signal(number)


def join_cluster() -> None:
    """Have this process become one of those that jax detects: of SLURM, Open MPI or Kubernetes."""
    os.environ[PLACE] = DETECT


def _free_port() -> int:
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return any_port.getsockname()[1]
