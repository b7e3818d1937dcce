"""The `jaxdl` command: `train`, `check`, `predict`, `claims` and others. Parsing the arguments imports no jax."""

import functools
import importlib.metadata
import operator
import sys
from typing import Annotated, Any

import tyro

import jaxdl
from jaxdl._printable import printable
from jaxdl.cli.entry import exit_with, run_command_line
from jaxdl.cli.launch import Launch, check_launch, join_cluster, launch, split_arguments
from jaxdl.cli.settings import Check, Claims, Export, Predict, Report, Shapes, Trace
from jaxdl.cli.usage import usage_advice
from jaxdl.runs.settings import Train

DESCRIPTION = (
    "Deep learning as pure functions: check gradients, train populations of networks, report, predict and test "
    "claims.\n\njaxdl COMMAND --help describes a command. jaxdl --version prints the versions of jaxdl and jax."
)
COMMANDS: dict[str, Any] = {  # every one of them can be launched in several processes
    "train": Train,
    "check": Check,
    "predict": Predict,
    "export": Export,
    "report": Report,
    "shapes": Shapes,
    "trace": Trace,
}
ALONE: dict[str, Any] = {"claims": Claims, "launch": Launch}  # commands that are not launched


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments == ["--version"]:
        print(f"jaxdl {jaxdl.__version__} (jax {importlib.metadata.version('jax')})")
        return 0
    commands = functools.reduce(
        operator.or_,
        (
            Annotated[kind, tyro.conf.subcommand(name, description=None if name in arguments[:1] else _summary(kind))]
            for name, kind in (COMMANDS | ALONE).items()
        ),
    )
    command: list[str] = []
    if arguments[:1] == ["check"]:  # its options have no values, so that names may follow them
        arguments = sorted(arguments, key=lambda word: word.startswith("-"))
    if arguments[:1] == ["launch"]:
        arguments, command = split_arguments(arguments, COMMANDS)
    run = lambda settings: _launch(settings, command) if isinstance(settings, Launch) else _run(settings)  # noqa: E731
    try:
        return run_command_line(commands, run, prog="jaxdl", description=DESCRIPTION, arguments=arguments)
    except SystemExit as end:
        if end.code == 2:  # the arguments cannot be parsed
            for sentence in usage_advice(arguments, [*COMMANDS, *ALONE]):
                print(printable(f"hint: {sentence}"), file=sys.stderr)
        raise


def _summary(kind) -> str:
    """Return the first line of a docstring, which is enough for the list of all commands."""
    return kind.__doc__.partition("\n")[0]


def _launch(settings, command) -> int:
    check_launch(settings, command)
    if settings.processes is not None:
        return launch(settings.processes, command)
    join_cluster()
    return main(command)


def _run(settings) -> int:
    from rich.console import Console

    from jaxdl.system import startup

    startup.prepare()
    import jax

    console = Console(quiet=jax.distributed.is_initialized() and jax.process_index() > 0)
    return _command_of(settings)(settings, console)


def _command_of(settings) -> Any:
    """Import the function that runs a command."""
    match settings:
        case Train():
            from jaxdl.cli.train import train_command as command
        case Check():
            from jaxdl.cli.check import check_command as command
        case Predict():
            from jaxdl.cli.predict import predict_command as command
        case Export():
            from jaxdl.cli.export import export_command as command
        case Shapes():
            from jaxdl.cli.shapes import shapes_command as command
        case Trace():
            from jaxdl.cli.trace import trace_command as command
        case Claims():
            return _claims
        case Report():
            from jaxdl.cli.report import report_command as command
    return command


def _claims(settings, console) -> int:
    from jaxdl.cli.claims import claims_command

    return claims_command(settings.command, console)


def script() -> None:
    """Run one command and exit with its status."""
    exit_with(main)


if __name__ == "__main__":
    script()
