"""Parse arguments, run a command, and turn exceptions into messages and exit codes. Imports no jax.

`jaxdl`, `python -m experiments` and `python -m benchmarks` share this file.
"""

import importlib
import os
import pkgutil
import signal
import sys
import types
from collections.abc import Callable, Iterable
from typing import Any

import tyro

from jaxdl._printable import printable
from jaxdl.system import interruption


def run_command_line(
    commands: Any, run: Callable[[Any], int], *, prog: str, description: str | None, arguments: list[str] | None
) -> int:
    """Parse the arguments, run the command and return the exit status.

    An error in the arguments or the data is printed in one sentence, with exit status 2 (the environment variable
    JAXDL_TRACEBACK=1 shows the traceback instead); Ctrl-C gives 130.
    """
    config = (tyro.conf.OmitArgPrefixes,)
    settings = tyro.cli(commands, prog=prog, description=description, args=arguments, config=config)
    try:
        return run(settings)
    except KeyboardInterrupt:
        with interruption.defer_signals():
            print("interrupted", file=sys.stderr)
        return 128 + signal.SIGINT
    except (ValueError, TypeError, OSError, ModuleNotFoundError) as error:
        if os.environ.get("JAXDL_TRACEBACK"):
            raise
        print(printable(f"error: {error}"), file=sys.stderr)
        return 2


def exit_with(main: Callable[[], int]) -> None:
    """Exit with the status of `main()`. Afterwards Ctrl-C is ignored, and abandoned threads are not waited for."""
    try:
        status = main()
    except KeyboardInterrupt:  # a second Ctrl-C, while the first was handled
        status = 128 + signal.SIGINT
    except SystemExit as end:  # raised for SIGTERM during training
        status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status) if interruption.has_abandoned_threads() else sys.exit(status)


def find_instances(package: types.ModuleType, kind: type) -> dict[str, Any]:
    """Return every object of one type that the modules of a package define, by its `name`."""
    names = [info.name for info in pkgutil.iter_modules(package.__path__) if info.name != "__main__"]
    modules = [importlib.import_module(f"{package.__name__}.{name}") for name in names]
    return {value.name: value for module in modules for value in vars(module).values() if isinstance(value, kind)}


def select(known: dict[str, Any], names: Iterable[str], kind: str) -> list[Any]:
    """Return the named objects, or all if no name is given. Raises ValueError for an unknown name."""
    for name in names:
        if name not in known:
            raise ValueError(f"unknown {kind} {name!r}. Available: {', '.join(known)}.")
    return [known[name] for name in names or known]
