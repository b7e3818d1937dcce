"""The files that this process has read, which Python reports to an audit hook, and whether they are still the same.

The record begins when this module is imported and never ends, because a function with a cache may have read a file
before the measurement. Programs that run in other processes, and libraries that open files without Python, are not
seen.
"""

import contextlib
import hashlib
import importlib
import os
import pathlib
import sys
import sysconfig
from collections.abc import Generator, Iterable
from typing import NamedTuple

import jax

from jaxdl.runs.manifest import digest_of_file
from jaxdl.system.storage import cache_dir

_OTHERS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "socket.connect")
_SYSTEM = ("/proc", "/sys", "/dev", "/etc", "/usr/lib", "/usr/share")
_earlier: dict[str, None] = {}  # absolute paths, in the order of the first reading
_read: dict[str, None] = {}  # by the present measurement
_written: dict[str, None] = {}  # by the present measurement
_changed: dict[str, None] = {}  # by the present measurement after they were read
_started: dict[str, None] = {}  # programs and connections of the present measurement, whose files are not seen
_measuring: list[bool] = []
_paused: list[bool] = []


class Inputs(NamedTuple):
    """The inputs of a measurement.

    Attributes:
        files: Path, relative to the current directory, and SHA-256 of each file and directory.
        unknown: What the measurement does that leaves its inputs unknown, such as to start a program.
    """

    files: list[dict[str, str]]
    unknown: list[str]


def begin() -> None:
    """Begin a measurement: what it writes from now on is no input of it."""
    _earlier.update(_read)
    for record in (_read, _written, _changed, _started):
        record.clear()
    _measuring[:] = [True]


def add(path: str) -> None:
    """Add a file that the measurement depends on."""
    _read.setdefault(os.path.abspath(path))


def end(results: pathlib.Path, *, has_cache: bool) -> Inputs:
    """Return the inputs of the measurement: the files that it read, and if it has a cache, all that were read earlier.

    Not among them are Python, installed packages, compiled programs, files of the system, the directory of results,
    and files that the measurement wrote before it read them. The SHA-256 of a file that does not exist is empty.
    """
    excluded = [*map(os.path.abspath, (results, *_folders_of_software())), *_SYSTEM]
    counts = lambda path: not _is_in(path, excluded) and not path.endswith(".pyc")  # noqa: E731
    _measuring.clear()
    paths = {**_earlier, **_read} if has_cache else _read
    with unrecorded():
        digests = {os.path.relpath(path): _digest(path) for path in filter(counts, paths)}
    changed = [f"it changes {os.path.relpath(path)}, which was read" for path in filter(counts, _changed)]
    files = [{"path": path, "sha256": digest} for path, digest in digests.items()]
    return Inputs(files, [*changed, *(f"it calls {call}" for call in _started)])


def are_unchanged(files: Iterable[dict[str, str]]) -> bool:
    """Return whether every file of an earlier measurement still has its SHA-256."""
    with unrecorded():
        return all(_digest(file["path"]) == file["sha256"] for file in files)


@contextlib.contextmanager
def unrecorded() -> Generator[None]:
    """Leave the files that are read and written in this context out of the record."""
    _paused.append(True)
    try:
        yield
    finally:
        _paused.pop()


def _digest(path) -> str:
    """Return the SHA-256 of a file, or of the names in a directory; an empty text if neither exists."""
    try:
        if os.path.isdir(path):
            return hashlib.sha256("\0".join(sorted(os.listdir(path))).encode(errors="surrogateescape")).hexdigest()
        return digest_of_file(pathlib.Path(path))
    except OSError:
        return ""


def _is_in(path, folders) -> bool:
    return any(path == folder or path.startswith(folder + os.sep) for folder in folders)


def _folders_of_software() -> list[str]:
    """Return the folders of Python, installed packages and compiled programs."""
    compiled = jax.config.values["jax_compilation_cache_dir"]
    installed = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return [*installed, str(cache_dir()), *([str(compiled)] if compiled else [])]


def _record(event, arguments):
    """Record a file that Python opens, a directory that it lists, or a program that it starts."""
    if _paused:
        return
    if event in _OTHERS:
        _started.setdefault(event)
    if event not in ("open", "os.listdir", "os.scandir") or _is_import(sys._getframe(1)):
        return
    name = "." if arguments[0] is None else arguments[0]
    if not isinstance(name, str | bytes | os.PathLike):  # the number of an open file
        return
    path, flags = os.path.abspath(os.fsdecode(name)), arguments[2] if event == "open" else 0
    if not flags & (os.O_WRONLY | os.O_RDWR):
        if path not in _written:
            _read.setdefault(path)
    elif not _measuring:
        return
    elif path in _read or (flags & os.O_RDWR and not flags & os.O_TRUNC and path not in _written):
        _changed.setdefault(path)
    else:
        _written.setdefault(path)


def _is_import(frame) -> bool:
    """Return whether Python looks for a module or a package."""
    return frame.f_code.co_filename.startswith(("<frozen importlib", importlib.__path__[0]))


sys.addaudithook(_record)
