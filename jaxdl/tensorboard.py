"""Learning curves for TensorBoard, on request."""

import contextlib
import pathlib
import shutil
from collections.abc import Callable, Generator
from typing import Any

from jaxdl.settings import Train


def draw_nothing(rows: list[dict[str, Any]]) -> None:
    """Draw no curve."""


@contextlib.contextmanager
def curves(settings: Train, directory: pathlib.Path) -> Generator[Callable[[list[dict[str, Any]]], None]]:
    """A function that draws rows of the history as they come: a curve for every member, below tensorboard/.

    Without `settings.tensorboard` it draws nothing. Raises ModuleNotFoundError where tensorboardX is not installed.
    """
    if not settings.tensorboard:
        yield draw_nothing
        return
    try:
        from tensorboardX import SummaryWriter
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "tensorboard needs tensorboardX, which is not installed: install the extra `tensorboard` of jaxdl-lab."
        ) from error
    writers: dict[int, Any] = {}

    def draw(rows):
        if not writers:  # of a run that goes on all is drawn again
            shutil.rmtree(directory / "tensorboard", ignore_errors=True)
        for row in rows:
            member = row["member"]
            if member not in writers:
                writers[member] = SummaryWriter(str(directory / "tensorboard" / f"member-{member:03}"))
            for name in row.keys() - {"member", "epoch"}:
                writers[member].add_scalar(name.replace("_", "/", 1), row[name], row["epoch"])

    try:
        yield draw
    finally:
        for writer in writers.values():
            writer.close()
