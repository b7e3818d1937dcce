"""A run directory: what was asked for, where it ran, what came of it. Written once, never over another."""

import contextlib
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import shlex
import shutil
import sys
from collections.abc import Collection, Generator, Iterable, Mapping
from typing import Any

import jax
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import PyTree

from jaxdl.storage import LOCK, PARTIAL, cannot_be_written, locked, whole_file
from jaxdl.training.checkpoint import MANIFEST
from jaxdl.training.continuation import differences

SETTINGS, CHECKPOINTS, WRITABLE = "settings.json", "checkpoints", ".writable"
LEFT_BEHIND = (  # by one killed early, or in which all experiments failed
    *(LOCK, WRITABLE, SETTINGS, "environment.json", "preparation.json", "quality.json"),
    *("report.html", "figures", "experiments"),
)
NOT_NEW = "out must be a new or an empty directory, but {} is not: name another."


def next_free(path: pathlib.Path) -> pathlib.Path:
    """The path itself where nothing is there, else the first free of path-2, path-3 and so on."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free


@contextlib.contextmanager
def new_run(path: pathlib.Path) -> Generator[pathlib.Path]:
    """Make a run directory; leave none behind where what runs inside it fails before it has measured anything.

    Raises FileExistsError where something is there already, and OSError where it cannot be written.
    """
    path = pathlib.Path(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise FileExistsError(NOT_NEW.format(path))
    _make(path)
    with _gone_if_unmeasured(path):
        yield path


@contextlib.contextmanager
def resumable_run(
    path: pathlib.Path, settings: Mapping[str, Any], *, left_open: Collection[str] = ()
) -> Generator[pathlib.Path]:
    """A new run directory, or one that a run with the same settings.json has begun, for this process alone.

    Settings that are None and `left_open` are not compared. Raises FileExistsError where something else is there,
    ValueError where it is of other settings, BlockingIOError where another process is at it, and OSError where it
    cannot be written. Of a new one that fails before it has measured anything none is left.
    """
    path = pathlib.Path(path)
    new = not path.exists() or (path.is_dir() and not any(path.iterdir()))
    if not new and not (path.is_dir() and _is_a_run(path, settings)):
        raise FileExistsError(NOT_NEW.format(path))
    _make(path)
    with locked(path):
        if measured(path):
            check_same(path, {k: v for k, v in settings.items() if v is not None or k not in left_open})
        else:
            write_json(path / SETTINGS, settings)
        for partial in path.rglob(f".*{PARTIAL}"):
            partial.unlink() if partial.is_file() else shutil.rmtree(partial, ignore_errors=True)
        with _gone_if_unmeasured(path) if new else contextlib.nullcontext():
            yield path


def _is_a_run(path, settings) -> bool:
    """Is it what a run has left? Where one has measured something, its settings.json says that it has."""
    has_settings = (path / SETTINGS).is_file()
    if has_settings and not _has_settings(path / SETTINGS, settings):
        return False
    return has_settings if measured(path) else all(_is_left_behind(inside) for inside in path.iterdir())


def _is_left_behind(inside) -> bool:
    """Can a run have left it that was killed before it had measured anything?"""
    if inside.name == CHECKPOINTS:
        return all(path.name.isdigit() or path.suffix == PARTIAL or path.name == LOCK for path in inside.iterdir())
    return inside.name in LEFT_BEHIND or (inside.name.startswith(".") and inside.suffix == PARTIAL)


def _has_settings(path, settings) -> bool:
    try:
        there = json.loads(path.read_bytes())
    except ValueError:
        return False
    return isinstance(there, dict) and settings.keys() <= there.keys()


def _make(path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
        (path / WRITABLE).touch()
        (path / WRITABLE).unlink(missing_ok=True)
    except OSError as error:
        raise OSError(f"out must be a directory that can be written, but {path} is not: {error.strerror}.") from error


@contextlib.contextmanager
def _gone_if_unmeasured(path) -> Generator[None]:
    try:
        yield
    except BaseException:
        if not measured(path):
            shutil.rmtree(path, ignore_errors=True)
        raise


def check_same(path: pathlib.Path, settings: Mapping[str, Any]) -> None:
    """Refuse, with ValueError, a run directory whose settings.json has other settings than these."""
    there = read_json(path / SETTINGS)
    differing = differences({name: there[name] for name in settings if name in there}, settings)
    if differing:
        raise ValueError(
            f"out must be a new directory, or one of the same training, but {path} is of another, which differs in "
            f"{differing}: name another, or give the settings of that one."
        )


def measured(path: pathlib.Path) -> bool:
    """Has a run kept anything that it has measured or trained?"""
    kept = ("*.jsonl", "*.parquet", f"{CHECKPOINTS}/*/{MANIFEST}")
    return any(True for pattern in kept for _ in path.rglob(pattern))


def environment() -> dict[str, Any]:
    """The machine and the versions that a run depends on, and the command that reproduces it."""
    packages = ("jax", "jaxlib", "flax", "optax", "numpy")
    device = jax.devices()[0]
    return {
        "command": command(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "device": f"{jax.device_count()} × {device.platform} ({device.device_kind})",
        "cores": os.cpu_count(),
        "machine": f"{platform.machine()}, {platform.system()}",
        "python": platform.python_version(),
        "jaxdl": importlib.metadata.version("jaxdl-lab"),
        **{package: importlib.metadata.version(package) for package in packages},
    }


def command() -> str:
    """What was typed to start this process."""
    module = getattr(sys.modules["__main__"], "__spec__", None)
    name = f"python -m {module.name.removesuffix('.__main__')}" if module else pathlib.Path(sys.argv[0]).name
    return shlex.join([*name.split(), *sys.argv[1:]])


def write_text(path: pathlib.Path, text: str) -> None:
    """Write the whole file or none of it."""
    write_bytes(path, text.encode())


def write_bytes(path: pathlib.Path, content: bytes) -> None:
    """Write the whole file or none of it."""
    with whole_file(path) as file:
        file.write(content)


def write_json(path: pathlib.Path, content: Any) -> None:
    """Write what JSON can hold."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n")


def read_json(path: pathlib.Path) -> Any:
    """Read it back. Raises ValueError, naming the file, where it holds no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} must hold what a run has written, but is damaged: {error}.") from error


def append_lines(path: pathlib.Path, rows: Iterable[dict[str, Any]]) -> None:
    """Add rows as JSON lines, NaN as null; what stands there stays."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(_lines(rows))
    except OSError as error:
        raise cannot_be_written(path, error) from error


def write_lines(path: pathlib.Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write rows as JSON lines, as `append_lines` adds them, in the place of what stands there."""
    write_text(path, _lines(rows))


def _lines(rows) -> str:
    plain = ({name: None if value != value else value for name, value in row.items()} for row in rows)
    return "".join(json.dumps(row) + "\n" for row in plain)


def read_lines(path: pathlib.Path) -> dict[str, list]:
    """Rows of JSON lines as columns, null as NaN; a last line that is half written is left out.

    Raises ValueError, naming the file, where another line is damaged.
    """
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    try:
        rows = [json.loads(line) for line in lines if line.endswith("\n")]
    except ValueError as error:
        raise ValueError(f"{path} must hold what a run has written, but is damaged: {error}.") from error
    return {name: [np.nan if row[name] is None else row[name] for row in rows] for name in (rows[0] if rows else ())}


def write_table(path: pathlib.Path, columns: dict[str, Any]) -> None:
    """Write columns of equal length as Parquet."""
    table = pa.table({name: pa.array(column) for name, column in columns.items()})
    with whole_file(path) as file:
        pq.write_table(table, file, compression="zstd")


def write_arrays(path: pathlib.Path, tree: PyTree) -> None:
    """Write the arrays of a tree as .npz, each under its path in the tree."""
    leaves = jax.tree.leaves_with_path(tree)
    named = {jax.tree_util.keystr(place, simple=True, separator="/"): leaf for place, leaf in leaves}
    with whole_file(path) as file:
        np.savez(file, **named)


def read_table(path: pathlib.Path) -> dict[str, list]:
    """Read the columns back. Raises ValueError, naming the file, where it holds no table."""
    try:
        return pq.read_table(path).to_pydict()
    except (pa.ArrowInvalid, FileNotFoundError) as error:
        raise ValueError(f"{path} must hold a table that a run has written, but is missing or damaged.") from error
