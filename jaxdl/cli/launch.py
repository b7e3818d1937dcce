"""The command `jaxdl launch`: run a command in several processes of this machine, or join those of a cluster."""

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

from jaxdl.system.interruption import handled_signals
from jaxdl.system.startup import DETECT, PLACE

POLL = 0.1  # seconds between checks of the processes
TERM_AFTER, KILL_AFTER = 3.0, 30.0  # seconds after the first failure until the others get SIGTERM, then SIGKILL


@dataclass(frozen=True)
class Launch:
    """Run a command in several processes that train one population together.

    On one machine: jaxdl launch -n 2 train --seeds 32. Without -n, this process joins those of a cluster that jax
    detects (SLURM, Open MPI, Kubernetes): srun jaxdl launch train --seeds 4096

    Attributes:
        processes: number of processes to start on this machine
    """

    processes: Annotated[
        int | None,
        tyro.conf.arg(aliases=["-n"], metavar="INT", help_behavior_hint="(default: join the processes of a cluster)"),
    ] = None


def split_arguments(arguments: Sequence[str], commands: Collection[str]) -> tuple[list[str], list[str]]:
    """Split into the arguments of `launch` itself and the command that follows them."""
    first = next((number for number, word in enumerate(arguments) if word in commands), len(arguments))
    return list(arguments[:first]), list(arguments[first:])


def check_launch(settings: Launch, command: Sequence[str]) -> None:
    """Raise ValueError for fewer than one process, or if no command follows."""
    if settings.processes is not None and settings.processes < 1:
        raise ValueError(f"--processes must be at least 1, got {settings.processes}.")
    if not command:
        raise ValueError("launch needs a command to run, for example: jaxdl launch -n 2 train --seeds 32.")


def launch(processes: int, command: Sequence[str]) -> int:
    """Run a jaxdl command in several processes of this machine as one training.

    Each process gets an equal share of the cores as its devices. The first one prints and writes files. If a process
    fails, the others are stopped and its error output is printed.

    Returns the exit status of the first process that failed, or 0.
    """
    address, cores = f"127.0.0.1:{_free_port()}", os.cpu_count() or 1
    signals: list[int] = []
    before = {number: signal.signal(number, lambda number, _: signals.append(number)) for number in handled_signals()}
    try:
        with contextlib.ExitStack() as stack:
            errors = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(processes - 1)]
            started = []
            for number in range(processes):
                environment = {"JAX_NUM_CPU_DEVICES": str(max(1, cores // processes)), **os.environ}
                environment[PLACE] = f"{address},{processes},{number}"
                words = [sys.executable, "-m", "jaxdl", *command]
                stdout, stderr = (subprocess.DEVNULL, errors[number - 1]) if number else (None, None)
                started.append(
                    subprocess.Popen(words, env=environment, start_new_session=True, stdout=stdout, stderr=stderr)
                )
            failed = _wait_for_all(started, signals)
            if failed:
                errors[failed - 1].seek(0)
                sys.stderr.write(errors[failed - 1].read().decode(errors="replace"))
            status = started[failed or 0].returncode
            return status if status >= 0 else 128 - status
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait_for_all(started, signals) -> int | None:
    """Wait for all processes, forward signals to them, and return the number of the first that failed, if any.

    After a failure the others are stopped. If process 0 failed by itself, it is returned: its error explains most.
    """
    failed, since = None, float("inf")
    while [process for process in started if process.poll() is None]:  # polls every process
        while signals:
            _send_signal(started, signals.pop(0))
        ended = [number for number, process in enumerate(started) if process.returncode]
        if ended and failed is None:
            failed, since = ended[0], time.monotonic()
        if failed is not None and time.monotonic() - since > TERM_AFTER:
            _send_signal(started, signal.SIGKILL if time.monotonic() - since > KILL_AFTER else signal.SIGTERM)
        time.sleep(POLL)
    first_failed = started[0].returncode not in (0, -signal.SIGTERM, -signal.SIGKILL, 128 + signal.SIGTERM)
    ended = [number for number, process in enumerate(started) if process.returncode]
    return 0 if first_failed else failed if failed is not None else next(iter(ended), None)


def _send_signal(started, number) -> None:
    for process in started:
        if process.poll() is None:
            process.send_signal(number)


def join_cluster() -> None:
    """Make this process one of those that jax detects under SLURM, Open MPI or Kubernetes."""
    os.environ[PLACE] = DETECT


def _free_port() -> int:
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return any_port.getsockname()[1]
