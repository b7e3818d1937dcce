"""What all command lines here share: parsing, choosing by name, and how a mistake is answered. Free of jax."""

import importlib
import os
import pkgutil
import signal
import sys
import types
from collections.abc import Callable, Iterable
from typing import Any

import tyro

from jaxdl import interruption


def answer(commands: Any, run: Callable[[Any], int], *, prog: str, description: str | None, arguments: Any) -> int:
    """Parse the arguments and run what they say; the exit status.

    A mistake in what was given is answered in one sentence, and with the exit status 2; Ctrl-C with 130.
    """
    config = (tyro.conf.OmitArgPrefixes,)
    settings = tyro.cli(commands, prog=prog, description=description, args=arguments, config=config)
    try:
        return run(settings)
    except KeyboardInterrupt:
        with interruption.held():
            print("interrupted", file=sys.stderr)
        return 128 + signal.SIGINT
    except (ValueError, TypeError, OSError, ModuleNotFoundError) as error:
        if os.environ.get("JAXDL_TRACEBACK"):
            raise
        print(f"error: {error}", file=sys.stderr)
        return 2


def leave(main: Callable[[], int]) -> None:
    """End the process with the status of its main function; Ctrl-C then changes nothing, and nobody is waited for."""
    try:
        status = main()
    except KeyboardInterrupt:  # another one, while the first was answered
        status = 128 + signal.SIGINT
    except SystemExit as end:  # of SIGTERM, which a training has answered
        status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status) if interruption.left_behind() else sys.exit(status)


def catalogue(package: types.ModuleType, kind: type) -> dict[str, Any]:
    """Everything of one kind that the modules of a package define, by its name: each file one experiment, say."""
    names = [info.name for info in pkgutil.iter_modules(package.__path__) if info.name != "__main__"]
    modules = [importlib.import_module(f"{package.__name__}.{name}") for name in names]
    return {value.name: value for module in modules for value in vars(module).values() if isinstance(value, kind)}


def chosen(known: dict[str, Any], names: Iterable[str], kind: str) -> list[Any]:
    """The named ones, or all. Raises ValueError for a name that is none."""
    for name in names:
        if name not in known:
            raise ValueError(f"names must be {kind} ({', '.join(known)}), but {name!r} is none.")
    return [known[name] for name in names or known]
