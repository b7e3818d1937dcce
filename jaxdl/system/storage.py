"""Files on disk: the cache folder, atomic writes, and directory locks."""

import contextlib
import errno
import os
import pathlib
import socket
from collections.abc import Callable, Generator
from typing import BinaryIO

PARTIAL, LOCK = ".partial", ".jaxdl.lock"
FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO)


def cache_dir() -> pathlib.Path:
    """Return the folder for files that can be recreated: JAXDL_CACHE if set, else the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(os.environ.get("JAXDL_CACHE") or pathlib.Path(home) / "jaxdl")


def limit_size(directory: pathlib.Path, max_bytes: int) -> None:
    """Delete the least recently used files until the rest take at most `max_bytes`."""
    with contextlib.suppress(OSError):  # another process may delete the same files
        used = [(file.stat(), file.path) for file in os.scandir(directory) if file.is_file()]
        total = sum(stat.st_size for stat, _ in used)
        for stat, path in sorted(used, key=lambda each: max(each[0].st_atime, each[0].st_mtime)):
            if total <= max_bytes:
                return
            pathlib.Path(path).unlink(missing_ok=True)
            total -= stat.st_size


@contextlib.contextmanager
def whole_file(path: pathlib.Path) -> Generator[BinaryIO]:
    """Open a file for atomic writing: it is renamed to `path` when the block ends, or deleted if the block fails."""
    partial = path.with_name(f".{path.name}.{os.getpid()}{PARTIAL}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        file = partial.open("xb")  # never through a link
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


def flush_directory(directory: pathlib.Path) -> None:
    """Flush the names of a directory to disk, so that files renamed before survive a power failure."""
    if os.name == "nt":  # Windows cannot open a directory
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def watched_directory(directory: pathlib.Path) -> Generator[Callable[[], bool]]:
    """Yield a function that returns whether the directory is still in its place: not moved, removed or replaced."""
    if os.name == "nt":  # Windows cannot open a directory
        yield directory.is_dir
        return
    descriptor = os.open(directory, os.O_RDONLY)  # while it is open, no new directory gets the same inode

    def is_in_place() -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), directory.stat())
        except OSError:
            return False

    try:
        yield is_in_place
    finally:
        os.close(descriptor)


def cannot_be_written(path: pathlib.Path, error: OSError) -> OSError:
    """Return the error with a message about the file."""
    return type(error)(f"cannot write {path}: {error.strerror}.")


@contextlib.contextmanager
def locked(directory: pathlib.Path) -> Generator[None]:
    """Hold an exclusive lock on an existing directory.

    The operating system releases the lock when the process ends for any reason, so a lock is never stale even if its
    file remains. Raises BlockingIOError, which names the holder, if another process holds the lock.
    """
    try:
        import fcntl
    except ModuleNotFoundError:  # on Windows there is no lock
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
                f"{directory} is in use by {holder}: wait until it ends, or choose another directory."
            ) from error
        if _is_same(file, path):
            break
        file.close()  # the last holder has just deleted it
    try:
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        yield
    finally:
        if _is_same(file, path):  # not the file of another process, if the directory was removed and made again
            path.unlink()
        file.close()


def _is_same(file, path) -> bool:
    """Return whether an open file is the one at the path."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
