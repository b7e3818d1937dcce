"""Write learning curves for TensorBoard."""

import contextlib
import pathlib
import shutil
from collections.abc import Callable, Generator
from typing import Any


@contextlib.contextmanager
def tensorboard_curves(directory: pathlib.Path, *, enabled: bool) -> Generator[Callable[[list[dict[str, Any]]], None]]:
    """Yield a function that draws rows of the history, one curve for each member, below DIRECTORY/tensorboard.

    If not enabled, the function does nothing. Raises ModuleNotFoundError if tensorboardX is not installed.
    """
    if not enabled:
        yield lambda rows: None  # noqa: ARG005
        return
    try:
        from tensorboardX import SummaryWriter
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "--tensorboard needs tensorboardX, which is not installed: install the extra `tensorboard` of jaxdl-lab."
        ) from error
    writers: dict[int, Any] = {}

    def draw(rows):
        if not writers:  # a resumed run draws all its rows again
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
