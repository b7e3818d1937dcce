"""Save and load checkpoints: trees of arrays that are written atomically and verified before use.

A checkpoint is a folder, named by its number, with the files of Orbax (state/) and a manifest with the SHA-256 of every
leaf and every file. It is written under a temporary name, flushed to disk, and renamed, so a folder with a number is
complete. Loading verifies every file before it is read and every leaf before it is used. Leaves are stored under
numbers; their paths are only compared. Nothing that is read is ever executed.
"""

import concurrent.futures
import contextlib
import hashlib
import json
import logging
import multiprocessing
import os
import pathlib
import re
import shutil
import stat
import time
import warnings
from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import PyTree

from jaxdl._display import short_repr
from jaxdl._formatting import format_argument, is_integer
from jaxdl.system.multihost import to_host
from jaxdl.system.startup import without_accelerators
from jaxdl.system.storage import PARTIAL
from jaxdl.training.checkpoints.manifest import MANIFEST, DamagedError, read_manifest, write_manifest
from jaxdl.training.checkpoints.serialization import (
    AlteredError,
    Leaf,
    check_same_structure,
    manifest_of,
    to_leaves,
    to_nested,
    to_tree,
)

STATE, DAMAGED = "state", ".damaged"
# Errors of the kinds, shapes and paths of leaves that no tree has.
NO_TREE = ArithmeticError, AttributeError, KeyError, MemoryError, RecursionError, SyntaxError, TypeError, ValueError


class Checkpoint(NamedTuple):
    """A saved tree.

    Attributes:
        number: The number it was saved under.
        tree: The tree.
        note: Additional information, as JSON.
    """

    number: int
    tree: PyTree
    note: dict[str, Any]

    __repr__ = short_repr


def save_checkpoint(
    directory: str | pathlib.Path, number: int, tree: PyTree, *, note: dict[str, Any] | None = None
) -> None:
    """Write a checkpoint atomically.

    Args:
        directory: Folder of the checkpoints; created if missing.
        number: Number of the checkpoint, at least 0 and not in use.
        tree: A tree of jax or NumPy arrays, typed keys and Python numbers.
        note: Additional information that JSON can hold.

    Raises:
        TypeError: A leaf or the note cannot be saved, or the number is not an integer.
        ValueError: The number is negative.
        FileExistsError: A checkpoint with this number exists.
        OSError: The disk cannot be written; earlier checkpoints are intact.

    Example:
        >>> import tempfile
        >>> from jaxdl import training
        >>> folder = tempfile.mkdtemp()
        >>> training.save_checkpoint(folder, 1, {"w": np.arange(3)}, note={"loss": 0.5})
        >>> checkpoint = training.load_checkpoint(folder, {"w": np.zeros(3, int)})
        >>> checkpoint.tree["w"].tolist(), checkpoint.note
        ([0, 1, 2], {'loss': 0.5})
    """
    if not is_integer(number):
        raise TypeError(
            f"the number of a checkpoint must be an integer, got {format_argument(number)}: write "
            "save_checkpoint(directory, number, tree)."
        )
    if number < 0:
        raise ValueError(f"the number of a checkpoint must be at least 0, got {number}.")
    directory = pathlib.Path(directory).absolute()
    leaves, note = to_leaves(tree), json.loads(json.dumps(note or {}))
    path = directory / str(number)
    if path.exists():
        raise FileExistsError(f"{directory} already has a checkpoint {number}: use a higher number.")
    partial = directory / f".{number}{PARTIAL}"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _write(partial, number, leaves, note)
        os.replace(partial, path)
        _flush(directory)
    except Exception as error:  # Orbax raises exceptions of many types
        shutil.rmtree(partial, ignore_errors=True)
        reason = getattr(error, "strerror", None) or _first_line(error).split(": ")[-1].split(" [")[0]
        raise OSError(
            f"cannot write checkpoint {number} below {directory}: {reason}. Earlier checkpoints are intact: free some "
            "space or choose another directory, then repeat the command to resume."
        ) from error


def load_checkpoint(
    directory: str | pathlib.Path, like: PyTree = None, *, accept: Callable[[dict[str, Any]], None] | None = None
) -> Checkpoint:
    """Load the newest checkpoint that is undamaged; warn about each damaged one that is newer.

    Args:
        directory: Folder of the checkpoints.
        like: A tree of arrays or `jax.ShapeDtypeStruct`s with the expected shapes and dtypes. NumPy arrays and Python
            numbers in it are returned as such. Without it, dictionaries stand for dictionaries and for classes with
            fields, and tuples for lists and tuples.
        accept: Called with the note of the checkpoint; may raise to reject it.

    Returns:
        The checkpoint.

    Raises:
        FileNotFoundError: There is no checkpoint.
        DamagedError: All checkpoints are damaged.
        ValueError: The checkpoint holds a tree of another structure.

    Example:
        >>> import tempfile
        >>> from jaxdl import training
        >>> folder = tempfile.mkdtemp()
        >>> for number in (1, 2):
        ...     training.save_checkpoint(folder, number, {"step": number})
        >>> training.load_checkpoint(folder).tree
        {'step': 2}
    """

    def choose_like(note):
        if accept is not None:
            accept(note)
        return like

    return load_newest(directory, choose_like)


def load_newest(directory: str | pathlib.Path, choose_like: Callable[[dict[str, Any]], PyTree]) -> Checkpoint:
    """Load the newest checkpoint that is undamaged, as `load_checkpoint`.

    `choose_like(note)` returns the `like` for the note of a checkpoint, or raises to reject it.
    """
    directory = pathlib.Path(directory).absolute()
    found = checkpoint_numbers(directory)
    if not found:
        raise FileNotFoundError(f"{directory} has no checkpoint.")
    damages = []
    for number in reversed(found):
        try:
            checkpoint = _read(directory / str(number), number, choose_like)
        except DamagedError as damage:
            damages.append(f"checkpoint {number} of {directory} is damaged: {damage}")
            continue
        for damage in damages:
            warnings.warn(f"{damage}; using the earlier checkpoint {number}", stacklevel=2)
        return checkpoint
    raise DamagedError(f"{'; '.join(damages)}. No checkpoint is left: remove {directory} to start again.")


def checkpoint_numbers(directory: str | pathlib.Path) -> list[int]:
    """Return the numbers of the checkpoints below a directory, ascending; other files are ignored."""
    directory = pathlib.Path(directory)
    names = [path.name for path in directory.iterdir()] if directory.is_dir() else []
    return sorted(int(name) for name in names if re.fullmatch(r"0|[1-9]\d{0,18}", name))


class CheckpointWriter:
    """Write checkpoints in a background thread and keep the newest ones; a context manager.

    `newest` is the checkpoint that training resumes from. Later ones are damaged and renamed to `<number>.damaged`.
    """

    def __init__(self, directory: str | pathlib.Path, *, newest: int | None = None, keep: int = 2) -> None:
        self.directory, self.keep = pathlib.Path(directory), keep
        self._thread = concurrent.futures.ThreadPoolExecutor(1, "checkpoint")
        self._saving: concurrent.futures.Future | None = None
        self.seconds = 0.0
        """seconds that the last save took"""
        for path in self.directory.glob(f".*{PARTIAL}"):
            shutil.rmtree(path, ignore_errors=True)
        for number in checkpoint_numbers(self.directory):
            if newest is not None and number > newest:
                damaged = self.directory / f"{number}{DAMAGED}"
                shutil.rmtree(damaged, ignore_errors=True)
                os.replace(self.directory / str(number), damaged)

    def is_busy(self) -> bool:
        """Return whether a checkpoint is being written. Raises the exception of a failed save, once."""
        if self._saving is not None and not self._saving.done():
            return True
        self.wait()
        return False

    def save(self, number: int, tree: PyTree, *, note: dict[str, Any] | None = None) -> None:
        """Start to save, after the previous save has ended. Raises the exception of the previous save if it failed."""
        self.wait()
        self._saving = self._thread.submit(self._save, number, to_host(tree), note)

    def wait(self) -> None:
        """Wait until the current save has ended. Raises its exception if it failed, once."""
        saving, self._saving = self._saving, None
        if saving is not None:
            saving.result()

    def _save(self, number, tree, note):
        _orbax()  # takes half a second the first time, which must not count as the time of saving
        started = time.perf_counter()
        save_checkpoint(self.directory, number, tree, note=note)
        self.seconds = time.perf_counter() - started
        for old in [other for other in checkpoint_numbers(self.directory) if other <= number][: -self.keep]:
            shutil.rmtree(self.directory / str(old), ignore_errors=True)

    def __enter__(self) -> "CheckpointWriter":
        return self

    def __exit__(self, *raised: object) -> None:
        try:
            self.wait()
        finally:
            self._thread.shutdown()


def _write(path: pathlib.Path, number: int, leaves: Sequence[Leaf], note: dict[str, Any]) -> None:
    """Write all files of a checkpoint and flush them to disk."""
    arrays = {str(index): leaf.array for index, leaf in enumerate(leaves) if leaf.array.size}
    if arrays:
        _in_single_process(_save_arrays, str(path / STATE), arrays)
    files = {str(file.relative_to(path)): _file_digest(file, flush=True) for file in _files(path)}
    write_manifest(
        path, {"number": number, "leaves": [manifest_of(leaf) for leaf in leaves], "files": files, "note": note}
    )
    for each in (path / MANIFEST, *(folder for folder in path.rglob("*") if folder.is_dir()), path):
        _flush(each)


def _first_line(error) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _orbax() -> Any:
    """Import Orbax, which is slow, only if a checkpoint is written or read."""
    from orbax.checkpoint import v1

    return v1


def _in_single_process(f, *arguments) -> Any:
    """Call `f`; with several jax processes, call it in a child process, because Orbax would wait for all of them."""
    if jax.process_count() == 1:
        return f(*arguments)
    spawning = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, spawning, initializer=without_accelerators) as pool:
        return pool.submit(f, *arguments).result()


def _save_arrays(path: str, arrays: dict[str, Any]) -> None:
    with _without_logs():
        _orbax().save(path, arrays)


def _load_arrays(path: str) -> dict[str, Any]:
    with _without_logs():
        return jax.tree.map(np.asarray, _orbax().load(path))


@contextlib.contextmanager
def _without_logs() -> Generator[None]:
    """Silence the log of Orbax, whose errors are raised anyway."""
    log = logging.getLogger("absl")
    before = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(before)


def _files(path) -> list[pathlib.Path]:
    return sorted(file for file in path.rglob("*") if file.is_file())


def _file_digest(path, *, flush=False) -> str:
    with path.open("rb") as file:
        if flush:
            os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path, number, choose_like) -> Checkpoint:
    """Read and verify a checkpoint. Raises DamagedError if it differs from what was written."""
    manifest = read_manifest(path, number)
    for name, expected in manifest["files"].items():
        if ".." in pathlib.PurePath(name).parts or not (path / name).is_relative_to(path):
            raise DamagedError(f"{name} is outside of it")
        try:
            if not stat.S_ISREG((path / name).stat().st_mode):
                raise DamagedError(f"{name} is not a file")
            found = _file_digest(path / name)
        except OSError as error:
            raise DamagedError(f"{name} cannot be read ({error.strerror})") from error
        if found != expected:
            raise DamagedError(f"{name} differs from what was written")
    leaves, like = manifest["leaves"], choose_like(manifest["note"])
    if like is not None:
        check_same_structure(leaves, like)
    try:
        arrays = _arrays(path) if any(0 not in leaf["shape"] for leaf in leaves) else {}
        tree = _nested(arrays, leaves) if like is None else to_tree(arrays, leaves, like)
        return Checkpoint(number, tree, manifest["note"])
    except AlteredError as altered:
        raise DamagedError(str(altered)) from altered


def _nested(arrays, leaves) -> PyTree:
    try:
        return to_nested(arrays, leaves)
    except AlteredError:
        raise
    except NO_TREE as error:
        raise DamagedError(f"{MANIFEST} does not describe a tree of arrays ({_first_line(error)})") from error


def _arrays(path) -> dict[str, Any]:
    try:
        return _in_single_process(_load_arrays, str(path / STATE))
    except Exception as error:  # Orbax raises exceptions of many types
        raise DamagedError(f"Orbax cannot read it ({_first_line(error)})") from error
