"""Files on disk: what jaxdl can make again, files that are whole or not there, and folders with one writer."""

import contextlib
import errno
import os
import pathlib
import socket
from collections.abc import Generator
from typing import BinaryIO

PARTIAL, LOCK = ".partial", ".jaxdl.lock"
FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO)


def cache_dir() -> pathlib.Path:
    """Where jaxdl keeps what it can make again: JAXDL_CACHE, else the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(os.environ.get("JAXDL_CACHE") or pathlib.Path(home) / "jaxdl")


def keep_within(directory: pathlib.Path, most: int) -> None:
    """Take the files away that were not used for the longest time, until the others are no more than so many bytes."""
    with contextlib.suppress(OSError):  # another process takes them away, too
        used = [(file.stat(), file.path) for file in os.scandir(directory) if file.is_file()]
        total = sum(stat.st_size for stat, _ in used)
        for stat, path in sorted(used, key=lambda each: max(each[0].st_atime, each[0].st_mtime)):
            if total <= most:
                return
            pathlib.Path(path).unlink(missing_ok=True)
            total -= stat.st_size


@contextlib.contextmanager
def whole_file(path: pathlib.Path) -> Generator[BinaryIO]:
    """A file to write into; it takes its place at the path when all is written, and is gone where that fails."""
    partial = path.with_name(f".{path.name}.{os.getpid()}{PARTIAL}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = partial.open("wb")
    except OSError as error:
        raise cannot_be_written(path, error) from error
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in FULL:
            raise cannot_be_written(path, error) from error
        raise


def cannot_be_written(path: pathlib.Path, error: OSError) -> OSError:
    """The error as a sentence about the file."""
    return type(error)(f"{path} must be a file that can be written, but is not: {error.strerror}.")


@contextlib.contextmanager
def locked(directory: pathlib.Path) -> Generator[None]:
    """Be the only one who writes into a directory, which is there.

    The system lets go of the lock when its process ends, however that ends: a lock is never left behind, though its
    file may be. Raises BlockingIOError, with who holds it, where another does.
    """
    try:
        import fcntl
    except ModuleNotFoundError:  # as on Windows, where nobody is refused
        yield
        return
    path = directory / LOCK
    while True:
        file = path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            with file:
                holder = file.read().strip() or "another process"
            raise BlockingIOError(
                f"{directory} must have one writer, but {holder} writes into it: wait for it, or name another."
            ) from error
        if _is(file, path):
            break
        file.close()  # its last holder has just taken it away
    try:
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        yield
    finally:
        if _is(file, path):  # and not another's, made where the directory was removed
            path.unlink()
        file.close()


def _is(file, path) -> bool:
    """Is it the file that lies at the path?"""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
