"""Files on disk: the cache folder, atomic writes, and directory locks."""

import contextlib
import errno
import functools
import os
import pathlib
import socket
import stat
import sys
import warnings
from collections.abc import Callable, Generator
from typing import BinaryIO

PARTIAL, LOCK = ".partial", ".jaxdl.lock"
FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO)


def cache_dir() -> pathlib.Path:
    """Return the folder for files that can be recreated: JAXDL_CACHE if set, else the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(os.environ.get("JAXDL_CACHE") or pathlib.Path(home) / "jaxdl")


def private_cache(name: str) -> pathlib.Path | None:
    """Return a folder of the cache, created if necessary, that no other user but root can write.

    Programs and scripts are only read from such a folder, because whoever writes them runs code as this user. Returns
    None, with a warning, if others can write to the folder, to a file in it, or to the cache; and None if the folder is
    absent and cannot be created.
    """
    with contextlib.suppress(OSError):  # absent or read-only
        cache_dir().parent.mkdir(parents=True, exist_ok=True)
        for folder in (cache_dir(), cache_dir() / name):
            folder.mkdir(mode=0o700, exist_ok=True)
    try:
        private = _is_private(cache_dir(), cache_dir() / name)
    except OSError:
        return None
    if not private:
        _warn_not_private(cache_dir())
    return cache_dir() / name if private else None


def _is_private(*folders) -> bool:
    """Return whether only this user and root can write to nested folders and the files in them."""
    if not hasattr(os, "geteuid"):  # Windows, where the folder of a user is private
        return True
    outer = [parent.stat().st_mode for parent in folders[0].resolve().parents]
    if any(mode & stat.S_IWOTH and not mode & stat.S_ISVTX for mode in outer):
        return False
    found = [status for folder in folders for status in _statuses(folder)]
    hidden = not found[0].st_mode & 0o077  # then permissions inside do not matter
    return all(
        status.st_uid in (0, os.geteuid()) and (hidden or stat.S_ISLNK(status.st_mode) or not status.st_mode & 0o022)
        for status in found
    )


def _statuses(folder) -> list[os.stat_result]:
    """Return the status of a folder and of everything directly in it, without following links in it."""
    with os.scandir(folder) as entries:
        return [folder.stat(), *(entry.stat(follow_symlinks=False) for entry in entries)]


@functools.cache
def _warn_not_private(directory) -> None:
    warnings.warn(
        f"other users can write to the cache {directory}, so jaxdl reads no programs from it, and only data with a "
        "known SHA-256: set JAXDL_CACHE to a folder of your own, or delete this one if it is yours",
        stacklevel=3,
    )


def limit_size(directory: pathlib.Path, max_bytes: int) -> None:
    """Delete the least recently used files until the rest take at most `max_bytes`."""
    with contextlib.suppress(OSError):  # another process may delete the same files
        used = [(file.stat(), file.path) for file in os.scandir(directory) if file.is_file()]
        total = sum(status.st_size for status, _ in used)
        for status, path in sorted(used, key=lambda each: max(each[0].st_atime, each[0].st_mtime)):
            if total <= max_bytes:
                return
            pathlib.Path(path).unlink(missing_ok=True)
            total -= status.st_size


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


def announce_reading(path: pathlib.Path) -> None:
    """Report to audit hooks that a library reads a file without Python, as Python reports each file that it opens."""
    sys.audit("open", str(path), "r", os.O_RDONLY)


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
