"""Checkpoints: trees of arrays on disk, whole or not at all, and never with other values than were saved.

A checkpoint is a folder, named by its number, of what Orbax writes (state/) and a manifest with the SHA-256 of every
leaf and of every file. It is written beside its place, flushed to disk, and renamed: what has its name is whole. On
load the files are verified before anything reads them, and the leaves before anything computes with them. Leaves lie
under numbers and not under their names, which are only compared; nothing that is read is ever executed.
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
import time
import warnings
from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import PyTree

from jaxdl.system.multihost import to_host
from jaxdl.system.startup import without_accelerators
from jaxdl.system.storage import PARTIAL
from jaxdl.training.checkpoints.serialization import AlteredError, Leaf, check_alike, to_leaves, to_tree, told

MANIFEST, STATE, ASIDE = "manifest.txt", "state", ".damaged"
FORMAT = 1


class Checkpoint(NamedTuple):
    """What was saved: the number it was saved under, the tree, and a note of what JSON can hold."""

    number: int
    tree: PyTree
    note: dict[str, Any]


class DamagedError(ValueError):
    """A checkpoint is not what was written."""


def save_checkpoint(
    directory: str | pathlib.Path, number: int, tree: PyTree, *, note: dict[str, Any] | None = None
) -> None:
    """Write a checkpoint of that number, 0 or more, below a directory, whole or not at all.

    Leaves are arrays of jax or numpy, typed keys, or numbers of Python. Raises TypeError for others and for a note that
    is no JSON, ValueError for a number below 0, FileExistsError for one that is taken, and OSError where it cannot be
    written: what was there before is then still there.
    """
    if number < 0:
        raise ValueError(f"number must be at least 0, but was {number}: checkpoints are counted up.")
    directory = pathlib.Path(directory).absolute()
    leaves, note = to_leaves(tree), json.loads(json.dumps(note or {}))
    place = directory / str(number)
    if place.exists():
        raise FileExistsError(f"number must be a new one below {directory}, but {number} is taken: count on.")
    partial = directory / f".{number}{PARTIAL}"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _write(partial, number, leaves, note)
        os.replace(partial, place)
        _flush(directory)
    except Exception as error:  # Orbax passes on what its parts raise, of many kinds
        shutil.rmtree(partial, ignore_errors=True)
        reason = getattr(error, "strerror", None) or _first_line(error).split(": ")[-1].split(" [")[0]
        raise OSError(
            f"checkpoint {number} must be written below {directory}, but cannot: {reason}. Those before it are whole: "
            "make room, or name another directory, and go on."
        ) from error


def anything(note: dict[str, Any]) -> None:
    """Accept every checkpoint."""


def load_checkpoint(
    directory: str | pathlib.Path, like: PyTree, *, accept: Callable[[dict[str, Any]], None] = anything
) -> Checkpoint:
    """The newest checkpoint below a directory that is as it was written, as a tree like the given one.

    `like` has arrays, or `jax.ShapeDtypeStruct`s, of the shapes and dtypes that are expected; where it has numpy's
    arrays or numbers of Python, these come back. `accept(note)` may raise what refuses it.

    Warns of each newer checkpoint that is damaged, by what is wrong with it. Raises FileNotFoundError where there is
    none, DamagedError (a ValueError) where none is whole, and ValueError where the tree is another.
    """
    directory = pathlib.Path(directory).absolute()
    found = numbers(directory)
    if not found:
        raise FileNotFoundError(f"directory must hold a checkpoint, but {directory} holds none.")
    damages = []
    for number in reversed(found):
        try:
            checkpoint = _read(directory / str(number), number, like, accept)
        except DamagedError as damage:
            damages.append(f"checkpoint {number} of {directory} is damaged: {damage}")
            continue
        for damage in damages:
            warnings.warn(f"{damage}; checkpoint {number}, before it, is used", stacklevel=2)
        return checkpoint
    raise DamagedError(f"{'; '.join(damages)}. None is left: remove {directory} to begin anew.")


def numbers(directory: str | pathlib.Path) -> list[int]:
    """The numbers of the checkpoints below a directory, ascending; whatever else lies there is none."""
    directory = pathlib.Path(directory)
    names = [path.name for path in directory.iterdir()] if directory.is_dir() else []
    return sorted(int(name) for name in names if re.fullmatch(r"0|[1-9]\d{0,18}", name))


class Writer:
    """Saves checkpoints one after another while the program goes on, and keeps the newest; a context manager.

    Whoever goes on from a checkpoint names it as the newest; those after it, which are damaged, are put aside.
    """

    def __init__(self, directory: str | pathlib.Path, *, newest: int | None = None, keep: int = 2) -> None:
        self.directory, self.keep = pathlib.Path(directory), keep
        self._thread = concurrent.futures.ThreadPoolExecutor(1, "checkpoint")
        self._saving: concurrent.futures.Future | None = None
        self.took = 0.0  # seconds, the last time
        for path in self.directory.glob(f".*{PARTIAL}"):
            shutil.rmtree(path, ignore_errors=True)
        for number in numbers(self.directory):
            if newest is not None and number > newest:
                aside = self.directory / f"{number}{ASIDE}"
                shutil.rmtree(aside, ignore_errors=True)
                os.replace(self.directory / str(number), aside)

    def busy(self) -> bool:
        """Is one being written? Raises what it failed with, once."""
        if self._saving is not None and not self._saving.done():
            return True
        self.wait()
        return False

    def save(self, number: int, tree: PyTree, *, note: dict[str, Any] | None = None) -> None:
        """Begin to save, after the one before is written. Raises what that failed with."""
        self.wait()
        self._saving = self._thread.submit(self._save, number, to_host(tree), note)

    def wait(self) -> None:
        """Wait for what is being written. Raises what it failed with, once."""
        saving, self._saving = self._saving, None
        if saving is not None:
            saving.result()

    def _save(self, number, tree, note):
        _orbax()  # half a second the first time, while others compute; that is not what saving takes
        began = time.perf_counter()
        save_checkpoint(self.directory, number, tree, note=note)
        self.took = time.perf_counter() - began
        for old in [other for other in numbers(self.directory) if other <= number][: -self.keep]:
            shutil.rmtree(self.directory / str(old), ignore_errors=True)

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *raised: object) -> None:
        try:
            self.wait()
        finally:
            self._thread.shutdown()


def _write(place: pathlib.Path, number: int, leaves: Sequence[Leaf], note: dict[str, Any]) -> None:
    """All files of a checkpoint, flushed to disk."""
    written = {str(index): leaf.array for index, leaf in enumerate(leaves) if leaf.array.size}
    if written:
        _apart(_save_arrays, str(place / STATE), written)
    files = {str(path.relative_to(place)): _file_digest(path, flush=True) for path in _files(place)}
    content = {"format": FORMAT, "number": number, "leaves": [told(leaf) for leaf in leaves], "files": files}
    text = json.dumps({**content, "note": note})
    manifest = place / MANIFEST
    manifest.write_text(f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}", encoding="utf-8")
    for path in (manifest, *(folder for folder in place.rglob("*") if folder.is_dir()), place):
        _flush(path)


def _first_line(error) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _orbax() -> Any:
    """Its first version, imported where something is kept."""
    from orbax.checkpoint import v1

    return v1


def _apart(f, *arguments) -> Any:
    """`f(*arguments)`; of several processes, in one that belongs to none, since Orbax would wait for them all."""
    if jax.process_count() == 1:
        return f(*arguments)
    spawning = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, spawning, initializer=without_accelerators) as pool:
        return pool.submit(f, *arguments).result()


def _save_arrays(place: str, arrays: dict[str, Any]) -> None:
    with _without_logs():
        _orbax().save(place, arrays)


def _load_arrays(place: str) -> dict[str, Any]:
    with _without_logs():
        return jax.tree.map(np.asarray, _orbax().load(place))


@contextlib.contextmanager
def _without_logs() -> Generator[None]:
    """Errors of Orbax are told once, where they are raised."""
    log = logging.getLogger("absl")
    before = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(before)


def _files(place) -> list[pathlib.Path]:
    return sorted(path for path in place.rglob("*") if path.is_file())


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


def _read(place, number, like, accept) -> Checkpoint:
    """A checkpoint, verified; raises DamagedError where it is not what was written."""
    manifest = _manifest(place, number)
    for name, expected in manifest["files"].items():
        try:
            found = _file_digest(place / name)
        except OSError as error:
            raise DamagedError(f"{name} cannot be read ({error.strerror})") from error
        if found != expected:
            raise DamagedError(f"{name} holds other bytes than were written")
    accept(manifest["note"])
    check_alike(manifest["leaves"], like)
    try:
        arrays = _arrays(place) if any(0 not in leaf["shape"] for leaf in manifest["leaves"]) else {}
        return Checkpoint(number, to_tree(arrays, manifest["leaves"], like), manifest["note"])
    except AlteredError as altered:
        raise DamagedError(str(altered)) from altered


def _arrays(place) -> dict[str, Any]:
    try:
        return _apart(_load_arrays, str(place / STATE))
    except Exception as error:  # whatever its parts raise
        raise DamagedError(f"Orbax cannot read it ({_first_line(error)})") from error


def _manifest(place, number) -> dict[str, Any]:
    try:
        written, _, text = (place / MANIFEST).read_bytes().partition(b"\n")
    except OSError as error:
        raise DamagedError(f"{MANIFEST} cannot be read ({error.strerror})") from error
    if hashlib.sha256(text).hexdigest().encode() != written:
        raise DamagedError(f"{MANIFEST} holds other bytes than were written")
    manifest = json.loads(text)
    if manifest["format"] != FORMAT:
        raise ValueError(
            f"{place} must be of format {FORMAT}, but is of {manifest['format']}: another version wrote it."
        )
    if manifest["number"] != number:
        raise DamagedError(f"it was written as checkpoint {manifest['number']}")
    return manifest
