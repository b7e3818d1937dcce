"""Run directories on disk: create one, resume one, and never overwrite another run."""

import contextlib
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Collection, Generator, Mapping
from types import MappingProxyType
from typing import Any

import jax

from jaxdl.runs.contents import RESUMED
from jaxdl.runs.files import read_json, write_json
from jaxdl.runs.manifest import is_complete, verify_files
from jaxdl.system.storage import LOCK, PARTIAL, locked, watched_directory
from jaxdl.training.checkpoints.manifest import MANIFEST
from jaxdl.training.checkpoints.resume import differences

SETTINGS, ENVIRONMENT, CHECKPOINTS, WRITABLE = "settings.json", "environment.json", "checkpoints", ".writable"
UNMEASURED = (  # files of a run that was killed before it measured anything, or in which every experiment failed
    *(LOCK, WRITABLE, SETTINGS, ENVIRONMENT, "preparation.json", "quality.json"),
    *("report.html", "figures", "experiments"),
)


def is_file_name(name: Any) -> bool:
    """Return whether a name that was read from a file is safe as the name of a file, on every operating system."""
    return isinstance(name, str) and re.fullmatch(r"(?!\.)[^/\\:\x00-\x1f]+", name) is not None


def checked_folder(directory: pathlib.Path, name: str) -> pathlib.Path:
    """Return the path of a folder in a run directory. Raises ValueError if a link leads out of the run directory."""
    folder = directory / name
    if not folder.resolve().is_relative_to(directory.resolve()):
        raise ValueError(f"{folder} is a link to {folder.resolve()}, outside the run directory: delete the link.")
    return folder


def run_name(data: str) -> str:
    """Return the name of the run directory for a data set: that of the set, file or folder without its suffix."""
    return pathlib.Path(os.path.abspath(pathlib.Path(data).expanduser())).stem or "data"


def next_free(path: pathlib.Path) -> pathlib.Path:
    """Return the path, or the first of path-2, path-3, … that does not exist if the path exists."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free


@contextlib.contextmanager
def new_run(path: pathlib.Path) -> Generator[pathlib.Path]:
    """Create a run directory; remove it if the block fails before it has measured anything.

    Raises FileExistsError if the directory is not empty, and OSError if it cannot be written.
    """
    path = pathlib.Path(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise _not_new(path)
    _make(path)
    with _removed_if_unmeasured(path):
        yield path


@contextlib.contextmanager
def resumable_run(
    path: pathlib.Path, settings: Mapping[str, Any], *, left_open: Collection[str] = ()
) -> Generator[pathlib.Path]:
    """Create a run directory, or open one of a run with the same settings, and lock it for this process.

    Settings in `left_open` are not compared if they are None. Raises FileExistsError if the directory holds something
    else, ValueError if the run has other or damaged settings, BlockingIOError if another process uses it, and OSError
    if it cannot be written. A new directory is removed if the block fails before it has measured anything.
    """
    path = pathlib.Path(path)
    new = not path.exists() or (path.is_dir() and not any(path.iterdir()))
    if is_complete(path):
        verify_files(path, [SETTINGS])
    if not new and not (path.is_dir() and _is_run(path, settings)):
        raise _not_new(path)
    _make(path)
    with locked(path):
        if has_measurements(path):
            check_same_settings(path, {k: v for k, v in settings.items() if v is not None or k not in left_open})
        else:
            write_json(path / SETTINGS, settings)
        for partial in path.rglob(f".*{PARTIAL}"):
            partial.unlink() if partial.is_file() else shutil.rmtree(partial, ignore_errors=True)
        with _removed_if_unmeasured(path) if new else contextlib.nullcontext():
            yield path


def _not_new(path) -> FileExistsError:
    return FileExistsError(f"{path} is not empty: choose a new or an empty directory with --out.")


def _is_run(path, settings) -> bool:
    """Return whether a directory is a run with comparable settings, or the remains of a run that measured nothing."""
    has_settings = (path / SETTINGS).is_file()
    if has_settings and not _has_settings(path / SETTINGS, settings):
        return False
    return has_settings if has_measurements(path) else all(_is_unmeasured(inside) for inside in path.iterdir())


def _is_unmeasured(inside) -> bool:
    """Return whether a run that was killed before it measured anything can have left this file."""
    if inside.name == CHECKPOINTS:
        return all(path.name.isdigit() or path.suffix == PARTIAL or path.name == LOCK for path in inside.iterdir())
    return inside.name in UNMEASURED or (inside.name.startswith(".") and inside.suffix == PARTIAL)


def _has_settings(path, settings) -> bool:
    try:
        on_disk = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return False
    return isinstance(on_disk, dict) and settings.keys() <= on_disk.keys()


def _make(path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
        (path / WRITABLE).touch()
        (path / WRITABLE).unlink(missing_ok=True)
    except OSError as error:
        raise OSError(
            f"cannot write to the run directory {path}: {error.strerror}. Choose another with --out."
        ) from error


@contextlib.contextmanager
def _removed_if_unmeasured(path) -> Generator[None]:
    with watched_directory(path) as is_in_place:
        try:
            yield
        except BaseException:
            if is_in_place() and not has_measurements(path):
                shutil.rmtree(path, ignore_errors=True)
            raise


@contextlib.contextmanager
def kept_in_place(path: pathlib.Path) -> Generator[Callable[[], None]]:
    """Yield a function that raises FileNotFoundError if the run directory has been moved or removed.

    Checkpoints that were written to its old place afterwards are then deleted.
    """
    with watched_directory(path) as is_in_place:

        def check() -> None:
            if not is_in_place():
                raise FileNotFoundError(
                    f"{path} was moved or removed during the training, which has stopped. Repeat the command with "
                    "--out and the new place to resume from the last checkpoint."
                )

        try:
            yield check
        except BaseException:
            if not is_in_place():
                _remove_remains(path)
            raise


def _remove_remains(path) -> None:
    """Remove a directory that holds checkpoints only, as a thread writes them after the directory was moved."""
    with contextlib.suppress(OSError):
        if [inside.name for inside in path.iterdir()] == [CHECKPOINTS]:
            shutil.rmtree(path, ignore_errors=True)


def check_same_settings(
    path: pathlib.Path, settings: Mapping[str, Any], defaults: Mapping[str, Any] = MappingProxyType({})
) -> None:
    """Raise ValueError if the settings.json of a run directory differs from these settings.

    More epochs are not a difference if the learning rate schedule does not depend on their number. `defaults` has the
    settings that are recorded only if they differ from these values.
    """
    on_disk, settings = ({**defaults, **given} for given in (read_json(path / SETTINGS, RESUMED), settings))
    more_epochs = (settings.get("epochs") or 0) > (on_disk.get("epochs") or 0)
    compared = [name for name in settings if not (name == "epochs" and more_epochs and _is_extendable(on_disk))]
    differing = differences(
        {name: on_disk[name] for name in compared if name in on_disk}, {name: settings[name] for name in compared}
    )
    if differing:
        hint = " Only a run with --schedule constant continues with more epochs." if more_epochs else ""
        raise ValueError(
            f"{path} belongs to a run with other settings: {differing}. Choose another directory with --out, or repeat "
            f"the settings of that run to resume it.{hint}"
        )


def _is_extendable(settings) -> bool:
    """Return whether more epochs leave the earlier ones as they are."""
    return settings.get("schedule") == "constant"


def has_measurements(path: pathlib.Path) -> bool:
    """Return whether a run directory holds any metrics, results or checkpoints."""
    kept = ("*.jsonl", "*.parquet", f"{CHECKPOINTS}/*/{MANIFEST}")
    return any(True for pattern in kept for _ in path.rglob(pattern))


def write_environment(path: pathlib.Path) -> None:
    """Write environment.json into a run directory."""
    write_json(path / ENVIRONMENT, environment())


def environment() -> dict[str, Any]:
    """Return the command, date, device, machine and package versions of this process."""
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
    """Return the command line that started this process."""
    module = getattr(sys.modules["__main__"], "__spec__", None)
    name = f"python -m {module.name.removesuffix('.__main__')}" if module else pathlib.Path(sys.argv[0]).name
    return shlex.join([*name.split(), *sys.argv[1:]])
