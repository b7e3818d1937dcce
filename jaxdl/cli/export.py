"""The command `jaxdl export`."""

from rich.console import Console

from jaxdl import runs
from jaxdl.cli.console import print_line, printed_warnings
from jaxdl.cli.settings import Export
from jaxdl.runs.directory import checked_folder, new_run
from jaxdl.runs.export import export_onnx, export_pytorch, export_stablehlo

FORMATS = {"torch": export_pytorch, "stablehlo": export_stablehlo, "onnx": export_onnx}


def export_command(settings: Export, console: Console) -> int:
    """Write the networks of a run for use outside jaxdl; return the exit status."""
    with printed_warnings(console):
        run = runs.load_run(settings.run)
    if settings.member is not None and not 0 <= settings.member < run.members:
        raise ValueError(f"--member must be between 0 and {run.members - 1}, got {settings.member}.")
    with new_run(settings.out or checked_folder(settings.run, f"export/{settings.to}")) as directory:
        file = FORMATS[settings.to](directory, run, settings.member)
    print_line(f"wrote {file.name}, and model.json, which describes its inputs and outputs, to {directory}", console)
    return 0
