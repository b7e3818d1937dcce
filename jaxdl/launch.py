"""Several processes that train one population: those of this machine are started, those of a cluster join."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated

import tyro

from jaxdl.startup import DETECT, PLACE

LOOK, TOGETHER, GRACE = 0.1, 3.0, 30.0  # seconds between looks; until others are told to end; until they are killed
ENDING = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class Launch:
    """Run a command in several processes, as one training: jaxdl launch -n 2 train --seeds 32.

    Without a number this process joins those that a cluster has started: srun jaxdl launch train --seeds 4096
    """

    processes: Annotated[int | None, tyro.conf.arg(aliases=["-n"])] = None
    """how many to start on this machine"""


def divided(arguments: Sequence[str], commands: Collection[str]) -> tuple[list[str], list[str]]:
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

    Each has its share of the cores as its devices. The first tells and writes; where one fails, the others are ended,
    and what it says of that is told.
    """
    address, cores = f"127.0.0.1:{_free_port()}", os.cpu_count() or 1
    signals: list[int] = []
    before = {number: signal.signal(number, lambda number, _: signals.append(number)) for number in ENDING}
    try:
        with contextlib.ExitStack() as stack:
            errors = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(processes - 1)]
            started = []
            for number in range(processes):
                environment = {"JAX_NUM_CPU_DEVICES": str(max(1, cores // processes)), **os.environ}
                environment[PLACE] = f"{address},{processes},{number}"
                words = [sys.executable, "-m", "jaxdl", *command]
                told, said = (subprocess.DEVNULL, errors[number - 1]) if number else (None, None)
                started.append(
                    subprocess.Popen(words, env=environment, start_new_session=True, stdout=told, stderr=said)
                )
            failed = _outlast(started, signals)
            if failed:
                errors[failed - 1].seek(0)
                sys.stderr.write(errors[failed - 1].read().decode(errors="replace"))
            status = started[failed or 0].returncode
            return status if status >= 0 else 128 - status
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _outlast(started, signals) -> int | None:
    """Wait until all have ended, and pass on what signals there are; which was the first to fail, if any.

    The others are then ended. Where the first process fails at the same time, it is that one.
    """
    failed, told = None, float("inf")
    while [process for process in started if process.poll() is None]:  # each is looked at
        while signals:
            _tell(started, signals.pop(0))
        ended = [number for number, process in enumerate(started) if process.returncode]
        if ended and failed is None:
            failed, told = ended[0], time.monotonic()
        if failed is not None and time.monotonic() - told > TOGETHER:
            _tell(started, signal.SIGKILL if time.monotonic() - told > GRACE else signal.SIGTERM)
        time.sleep(LOOK)
    mistaken = started[0].returncode not in (0, -signal.SIGTERM, -signal.SIGKILL, 128 + signal.SIGTERM)
    ended = [number for number, process in enumerate(started) if process.returncode]
    return 0 if mistaken else failed if failed is not None else next(iter(ended), None)


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
