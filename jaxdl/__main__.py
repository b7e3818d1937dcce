"""The command line: `jaxdl check`, `train`, `predict`, `export` and others. jax is imported only where it is needed."""

import functools
import operator
import sys
from typing import Annotated, Any

import tyro

from jaxdl.command_line import answer, leave
from jaxdl.launch import Launch, check_launch, divided, join_cluster, launch
from jaxdl.settings import Check, Export, Predict, Report, Shapes, Trace, Train


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status."""
    kinds = (COMMANDS | {"launch": Launch}).items()
    commands = functools.reduce(operator.or_, (Annotated[kind, tyro.conf.subcommand(name)] for name, kind in kinds))
    arguments = sys.argv[1:] if arguments is None else arguments
    command: list[str] = []
    if arguments[:1] == ["launch"]:
        arguments, command = divided(arguments, COMMANDS)
    run = lambda settings: _launched(settings, command) if isinstance(settings, Launch) else _run(settings)  # noqa: E731
    return answer(commands, run, prog="jaxdl", description=DESCRIPTION, arguments=arguments)


DESCRIPTION = "Deep learning as pure functions: prove their derivations, train a population, show what came of it."
COMMANDS: dict[str, Any] = {  # each may be launched
    "train": Train,
    "check": Check,
    "predict": Predict,
    "export": Export,
    "report": Report,
    "shapes": Shapes,
    "trace": Trace,
}


def _launched(settings, command) -> int:
    check_launch(settings, command)
    if settings.processes is not None:
        return launch(settings.processes, command)
    join_cluster()
    return main(command)


def _run(settings) -> int:
    from rich.console import Console

    from jaxdl import startup

    startup.prepare()
    import jax

    console = Console(quiet=jax.distributed.is_initialized() and jax.process_index() > 0)
    match settings:
        case Check():
            from jaxdl.proofs import check_command

            return check_command(settings, console)
        case Train():
            from jaxdl.trainer import train_command

            return train_command(settings, console)
        case Predict():
            from jaxdl.prediction import predict_command

            return predict_command(settings, console)
        case Export():
            from jaxdl.export import export_command

            return export_command(settings, console)
        case Shapes():
            from jaxdl.blackboard import shapes_command

            return shapes_command(settings, console)
        case Trace():
            from jaxdl.blackboard import trace_command

            return trace_command(settings, console)
        case Report():
            from jaxdl import report

            console.print(f"page: {report.write(settings.run)}", markup=False, highlight=False, soft_wrap=True)
    return 0


def script() -> None:
    """Run one command, and end the process with its status."""
    leave(main)


if __name__ == "__main__":
    script()
