"""What lets a fit go on where it ended: its checkpoints, and how it knows that they are its own."""

import contextlib
import hashlib
import importlib.metadata
import json
import os
import pathlib
import platform
import time
import warnings
from collections.abc import Generator, Mapping
from typing import Any, NamedTuple

import jax
from jaxtyping import PyTree

from jaxdl.system.multihost import run_on_first, tree_from_first
from jaxdl.system.storage import locked
from jaxdl.training.checkpoints.checkpoint import Checkpoint, Writer, load_checkpoint, numbers
from jaxdl.training.checkpoints.serialization import to_leaves, told
from jaxdl.training.population.sharding import Layout

SHARE = 50  # saving takes at most one part in so many of the time
ABSENT = "nothing"
COMPILERS = ("jax", "jaxlib", "flax", "optax", "jaxdl-lab")  # each writes programs in its own way


class Checkpoints(NamedTuple):
    """Where a fit keeps what it can go on from, below a directory of its own: each member's latest and its best.

    At most so many seconds of work are lost, or fifty times what saving takes, where that is more. `settings` are what
    the training depends on, as JSON can hold them: where they differ, a fit is told which, and does not go on.
    """

    directory: str | pathlib.Path
    seconds: float = 10.0
    settings: Mapping[str, Any] = {}


class Keeper:
    """Saves what a fit has come to, now and then; and has the checkpoint that it goes on from."""

    def __init__(self, found: Checkpoint | None, writer: Writer | None, seconds: float, identity: Any) -> None:
        self._found, self._writer, self._seconds, self._identity = found, writer, seconds, identity
        self._begun = time.perf_counter() if found else -float("inf")  # the first is to show at once that it can be
        self._saved = found.number if found else None

    def due(self) -> bool:
        """Is it time to save again?"""
        if self._writer is None or self._writer.busy():
            return False
        since = time.perf_counter() - self._begun
        return since >= max(self._seconds, SHARE * self._writer.took)

    def wants(self, number: int) -> bool:
        """Is it kept, and not saved already?"""
        return self._writer is not None and number != self._saved

    def save(self, number: int, tree: PyTree, *, seconds: float, layout: Layout) -> None:
        """Begin to save, unless it is saved already."""
        if self._writer is None or not self.wants(number):
            return
        self._writer.save(number, tree, note={"identity": self._identity, "seconds": seconds, "layout": layout})
        self._begun, self._saved = time.perf_counter(), number

    def wait(self) -> None:
        """Wait until all is written. Raises what that failed with."""
        if self._writer is not None:
            self._writer.wait()

    def take(self) -> Checkpoint | None:
        """The checkpoint that is gone on from, which the keeper then forgets: it is as large as the population."""
        found, self._found = self._found, None
        return found


@contextlib.contextmanager
def keeping(checkpoints: Checkpoints | None, like: PyTree, identity: Mapping[str, Any]) -> Generator[Keeper]:
    """Find the newest checkpoint, and keep others; without any all of it does nothing.

    Raises ValueError where the newest is of another training, with what differs, OSError where the directory cannot be
    written, and BlockingIOError where another process writes into it.
    """
    if checkpoints is None:
        yield Keeper(None, None, 0.0, identity)
        return
    with contextlib.ExitStack() as stack:
        found, writers = [], []

        def look() -> dict[str, Any] | None:
            directory = _made(pathlib.Path(checkpoints.directory))
            stack.enter_context(locked(directory))
            checkpoint = _found(directory, like, identity)
            writer = Writer(directory, newest=checkpoint.number if checkpoint else None)
            writers.append(stack.enter_context(writer))
            if checkpoint is None:
                return None
            found.append(checkpoint.tree)  # handed on, and not kept here
            return {"number": checkpoint.number, "note": checkpoint.note}

        told = run_on_first(look)
        if told is not None:
            told = Checkpoint(told["number"], tree_from_first(found.pop() if found else None, like), told["note"])
        keeper = Keeper(told, writers[0] if writers else None, checkpoints.seconds, identity)
        del told
        yield keeper


def _made(directory) -> pathlib.Path:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise type(error)(
            f"checkpoints must be kept in a directory that can be written, but {directory} is not: {error.strerror}."
        ) from error
    return directory


def _found(directory, like, identity) -> Checkpoint | None:
    if not numbers(directory):
        return None
    return load_checkpoint(directory, like, accept=lambda note: _accept(directory, note.get("identity"), identity))


def _accept(directory, there, here) -> None:
    """Refuse what is of another training; what was made elsewhere is told."""
    if there is None:
        raise ValueError(
            f"checkpoints must be those of a fit to go on from, but {directory} holds others: name another."
        )
    told = differences(there["settings"], here["settings"]) or differences(there["training"], here["training"])
    comparable = there["compilers"] == here["compilers"]
    if not told and comparable and there["program"] != here["program"]:
        told = "its program, and so the model, the objective, the optimizer or what is observed"
    if told:
        raise ValueError(
            f"checkpoints must be of the same training to go on from, but those below {directory} differ in {told}: "
            "name another directory for this one, or give it the settings of that one."
        )
    elsewhere = ", ".join(filter(None, (differences(there[of], here[of]) for of in ("compilers", "machine"))))
    if elsewhere:
        blind = "" if comparable else "; whether model, objective and optimizer are the same could not be compared"
        warnings.warn(
            f"the checkpoints below {directory} were made with {elsewhere}: the training goes on, but no longer to the "
            f"last bit as it would have gone on there{blind}",
            stacklevel=2,
        )


def differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """What differs between settings, by name, as JSON holds them; nothing where they are the same."""
    there, here = (dict(_flat(_as_json(settings))) for settings in (there, here))
    names = [name for name in dict.fromkeys((*there, *here)) if there.get(name, ABSENT) != here.get(name, ABSENT)]
    return ", ".join(f"{name} ({there.get(name, ABSENT)} there, {here.get(name, ABSENT)} here)" for name in names)


def _as_json(settings) -> dict[str, Any]:
    return json.loads(json.dumps(dict(settings), default=str))


def _flat(settings, before="") -> Generator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def identity_of(training: Mapping[str, Any], program: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a checkpoint says of the training that it is of; `program` is its text, whose digest is kept."""
    device = jax.devices()[0]
    return {
        "settings": _as_json(settings),
        "training": dict(training),
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
    """The model of the CPU, whose kinds differ in the last bits."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def digest_of(tree: PyTree) -> str:
    """One SHA-256 of all leaves of a tree, and of their names."""
    return hashlib.sha256(json.dumps([told(leaf) for leaf in to_leaves(tree)]).encode()).hexdigest()
