"""Files on disk: where jaxdl keeps what it can make again, and how a file is written whole or not at all."""

import contextlib
import os
import pathlib
from collections.abc import Generator
from typing import BinaryIO


def cache_dir() -> pathlib.Path:
    """Where jaxdl keeps what it can make again: JAXDL_CACHE, else the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(os.environ.get("JAXDL_CACHE") or pathlib.Path(home) / "jaxdl")


@contextlib.contextmanager
def whole_file(path: pathlib.Path) -> Generator[BinaryIO]:
    """A file to write into; it takes its place at the path when all is written, and is gone where that fails."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = partial.open("wb")
    except OSError as error:
        raise type(error)(f"{path} must be a file that can be written, but is not: {error.strerror}.") from error
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
