"""Resume a training from its checkpoints: recognize the training they belong to, and save regularly."""

import contextlib
import hashlib
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import time
import warnings
from collections.abc import Callable, Generator, Mapping
from typing import Any, NamedTuple

import jax
from jaxtyping import PyTree

from jaxdl.system import schema as schemas
from jaxdl.system.multihost import run_on_first, tree_from_first
from jaxdl.system.storage import locked
from jaxdl.training.checkpoints.checkpoint import Checkpoint, CheckpointWriter, checkpoint_numbers, load_newest

INTERVAL = 10.0  # seconds between two saves, if saving takes little of them
MIN_RATIO, EARLY_RATIO = 50, 10  # least time between two saves, as a multiple of the time of a save; in the beginning
ABSENT = "nothing"
NOTE = {
    "identity": {
        "settings": schemas.Mapping(object),
        "training": schemas.Mapping(object),
        "epochs": schemas.Integer(1),
        "program": schemas.Text(64),
        "compilers": schemas.Mapping(schemas.Text()),
        "machine": schemas.Mapping((schemas.Text(), schemas.Integer())),
    },
    "seconds": schemas.Number(0),
    "layout": [schemas.Integer(1)] * 3,
}
MAX_TEXT = 64  # characters of a setting in an error
COMPILERS = ("jax", "jaxlib", "flax", "optax", "jaxdl-lab")  # packages that determine the text of a program


class Checkpoints(NamedTuple):
    """The place and frequency of the checkpoints of `fit`.

    Attributes:
        directory: A directory for this training only.
        seconds: Seconds between two checkpoints. By default 10, or 50 times the time that saving takes if that is
            longer; in the beginning, and after every resumption, saves are more frequent, so that a training that is
            killed again and again still proceeds.
        settings: Settings that the result depends on, as JSON; `fit` refuses to resume from checkpoints with other
            settings.

    Example:
        >>> from jaxdl import training
        >>> training.Checkpoints("runs/mine", seconds=60.0).directory
        'runs/mine'
    """

    directory: str | pathlib.Path
    seconds: float | None = None
    settings: Mapping[str, Any] = {}


class CheckpointManager:
    """Save the members regularly, and hold the checkpoint that training resumes from."""

    def __init__(
        self, restored: Checkpoint | None, writer: CheckpointWriter | None, seconds: float | None, identity: Any
    ) -> None:
        self._restored, self._writer, self._seconds, self._identity = restored, writer, seconds, identity
        self._started = time.perf_counter()
        self._last_save = -float("inf")  # the first save shows early that it works
        self._saved = restored.number if restored else None

    def is_due(self) -> bool:
        """Return whether it is time for the next checkpoint.

        Without a number of seconds, the first saves come each time the training has lasted twice as long, so that a
        kill loses at most half of it.
        """
        if self._writer is None or self._writer.is_busy():
            return False
        now, cost = time.perf_counter(), self._writer.seconds
        interval = self._seconds
        if interval is None:
            early = max((now - self._started) / 2, EARLY_RATIO * cost)
            interval = min(early, max(INTERVAL, MIN_RATIO * cost))
        return now - self._last_save >= interval

    def is_unsaved(self, number: int) -> bool:
        """Return whether checkpoints are kept and this number is not saved yet."""
        return self._writer is not None and number != self._saved

    def save(self, number: int, tree: PyTree, note: Mapping[str, Any]) -> None:
        """Start to save, unless this number is saved already."""
        if self._writer is None or not self.is_unsaved(number):
            return
        self._writer.save(number, tree, note={"identity": self._identity, **note})
        self._last_save, self._saved = time.perf_counter(), number

    def wait(self) -> None:
        """Wait until everything is written. Raises the exception of a failed save."""
        if self._writer is not None:
            self._writer.wait()

    def take_restored(self) -> Checkpoint | None:
        """Return the checkpoint to resume from, and release it: it is as large as the population."""
        restored, self._restored = self._restored, None
        return restored


@contextlib.contextmanager
def managed_checkpoints(
    checkpoints: Checkpoints | None, like_of: Callable[[int], PyTree], identity: Mapping[str, Any]
) -> Generator[CheckpointManager]:
    """Load the newest checkpoint and manage further ones; without `checkpoints` the manager does nothing.

    `like_of(epochs)` has the shapes and dtypes of a checkpoint of a training with this number of epochs.

    Raises ValueError, with the differences, if the newest checkpoint belongs to another training; OSError if the
    directory cannot be written; BlockingIOError if another process uses it.
    """
    if checkpoints is None:
        yield CheckpointManager(None, None, None, identity)
        return
    with contextlib.ExitStack() as stack:
        trees, writers = [], []

        def open_directory() -> dict[str, Any] | None:
            directory = _make(pathlib.Path(checkpoints.directory))
            stack.enter_context(locked(directory))
            checkpoint = _newest(directory, like_of, identity)
            writer = CheckpointWriter(directory, newest=checkpoint.number if checkpoint else None)
            writers.append(stack.enter_context(writer))
            if checkpoint is None:
                return None
            trees.append(checkpoint.tree)  # passed on by reference, not as JSON
            return {"number": checkpoint.number, "note": checkpoint.note}

        restored = run_on_first(open_directory)
        if restored is not None:
            like = like_of(restored["note"]["identity"]["epochs"])
            tree = tree_from_first(trees.pop() if trees else None, like)
            restored = Checkpoint(restored["number"], tree, restored["note"])
            del tree
        manager = CheckpointManager(restored, writers[0] if writers else None, checkpoints.seconds, identity)
        del restored
        yield manager


def _make(directory) -> pathlib.Path:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise type(error)(f"cannot write checkpoints to {directory}: {error.strerror}.") from error
    return directory


def _newest(directory, like_of, identity) -> Checkpoint | None:
    if not checkpoint_numbers(directory):
        return None

    def choose_like(note):
        _accept(directory, note, identity)
        return like_of(note["identity"]["epochs"])

    return load_newest(directory, choose_like)


def _accept(directory, note, here) -> None:
    """Raise ValueError if a checkpoint belongs to a different training; warn about other packages or hardware."""
    try:
        schemas.check_content(note, NOTE, "their note")
        saved = note["identity"]
        different = differences(saved["settings"], here["settings"]) or differences(saved["training"], here["training"])
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"the checkpoints below {directory} were not written by fit ({error}): choose another directory."
        ) from error
    comparable = saved["compilers"] == here["compilers"]
    if not different and comparable and saved["program"] != here["program"]:
        different = "its program (model, objective, optimizer or observed metrics)"
        if saved["epochs"] != here["epochs"]:
            different += (
                f"; it had {saved['epochs']} epochs, and here it has {here['epochs']}, which a learning rate schedule "
                "over all epochs would explain: only a schedule that does not depend on their number continues"
            )
    if different:
        raise ValueError(
            f"the checkpoints below {directory} belong to another training, which differs in {different}. Choose "
            "another directory, or repeat the settings of that training to resume it."
        )
    elsewhere = ", ".join(filter(None, (differences(saved[part], here[part]) for part in ("compilers", "machine"))))
    if elsewhere:
        unchecked = "" if comparable else "; jaxdl cannot check that model, objective and optimizer are the same"
        warnings.warn(
            f"the checkpoints below {directory} were made with {elsewhere}: training resumes, but the result may not "
            f"be bit-identical to an uninterrupted one{unchecked}",
            stacklevel=2,
        )


def differences(saved: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """Describe which settings differ, compared as JSON, without digests; the empty string if none do."""
    saved, here = (dict(_flat(_as_json(settings))) for settings in (saved, here))
    names = [name for name in dict.fromkeys((*saved, *here)) if saved.get(name, ABSENT) != here.get(name, ABSENT)]
    return ", ".join(f"{name} ({_compared(saved.get(name, ABSENT), here.get(name, ABSENT))})" for name in names)


def _compared(there, here) -> str:
    if all(isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) for value in (there, here)):
        return "other values"
    if isinstance(there, list) and isinstance(here, list) and max(len(str(there)), len(str(here))) > MAX_TEXT:
        if len(there) != len(here):
            return f"{len(there)} values there, {len(here)} here"
        position = next(n for n, pair in enumerate(zip(there, here, strict=True)) if pair[0] != pair[1])
        return f"value {position + 1} of {len(here)}: {_short(there[position])} there, {_short(here[position])} here"
    return f"{_short(there)} there, {_short(here)} here"


def _short(value) -> str:
    text = str(value)
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"


def _as_json(settings) -> dict[str, Any]:
    return json.loads(json.dumps(dict(settings), default=str))


def _flat(settings, prefix="") -> Generator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def identity_of(
    training: Mapping[str, Any], program: str, settings: Mapping[str, Any], *, epochs: int
) -> dict[str, Any]:
    """Return what identifies a training in its checkpoints: settings, data, program text, packages and machine.

    The number of epochs is noted, but may differ: more epochs continue a training.
    """
    device = jax.devices()[0]
    return {
        "settings": _as_json(settings),
        "training": dict(training),
        "epochs": epochs,
        "program": hashlib.sha256(program.encode()).hexdigest(),
        "compilers": {
            **{package: importlib.metadata.version(package) for package in COMPILERS},
            "platform": device.platform,
        },
        "machine": {
            "device": device.device_kind,
            "devices": jax.device_count(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "XLA_FLAGS": os.environ.get("XLA_FLAGS", ""),
        },
    }


def _processor() -> str:
    """Return the model of the CPU; different models round differently."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
