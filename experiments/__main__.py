"""List, run and report the experiments: `python -m experiments list | run | report | keep | table | welcome`.

`jaxdl claims` is the same command, also where jaxdl is installed without this folder.
"""

import importlib

from jaxdl.cli.entry import exit_with, run_command_line
from jaxdl.cli.settings import ClaimCommand

PACKAGE = importlib.import_module(str(__package__))


def every_experiment() -> dict:
    """Return the experiments of this directory, by name."""
    from jaxdl.cli import claims

    return claims.every_experiment(PACKAGE)


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit status."""
    return run_command_line(ClaimCommand, _run, prog="python -m experiments", description=__doc__, arguments=arguments)


def _run(command) -> int:
    from rich.console import Console

    from jaxdl.cli.claims import claims_command
    from jaxdl.system import startup

    startup.prepare()
    return claims_command(command, Console(), PACKAGE)


if __name__ == "__main__":
    exit_with(main)
