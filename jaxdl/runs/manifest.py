"""The manifest of a finished run: the SHA-256 of every file that is read back, verified before the file is used.

A run is completed in this order: all files, the manifest, cost.json. A process that is killed in between leaves a run
without cost.json, which the same command resumes. The manifest contains its own digest, and that of the cost.json that
follows it. The settings and the digest of the data are among the files, so the files of another run are detected too.

An unfinished run has no manifest, because its files still change: its checkpoints contain their own digests, and only
the page of the unfinished run shows metrics.jsonl, which a resumed training writes again from the last checkpoint.
The result of an experiment contains its own digest and that of its numbers.
"""

import hashlib
import json
import pathlib
from collections.abc import Iterable
from typing import Any

from jaxdl.runs.files import json_text, read_json, write_json, write_text
from jaxdl.system.schema import Integer, Mapping, Text
from jaxdl.system.storage import flush_directory

MANIFEST, COMPLETE = "manifest.json", "cost.json"
FORMAT = 1
CONTENT = {"format": Integer(), "files": Mapping(Text()), "sha256": Text()}
FOR_PREDICTIONS = ("settings.json", "preparation.json", "params.npz", "dev_residuals.parquet")
FOR_REPORT = (
    *("settings.json", "environment.json", "quality.json", "proofs.json", "pages.json", "splits.json"),
    *("metrics.parquet", "members.parquet", "confusion.parquet", "mistakes.parquet", "predicted.parquet"),
)
READ_BACK = tuple(dict.fromkeys((*FOR_PREDICTIONS, *FOR_REPORT, COMPLETE)))


def complete_run(directory: pathlib.Path, cost: dict[str, Any]) -> None:
    """Write the manifest of the files that are in a run directory, then cost.json, which marks the run as complete."""
    reopen_run(directory)
    cost = {**cost, "manifest": True}  # a run of an earlier version has none; a missing one is damage
    names = [name for name in READ_BACK if name != COMPLETE and (directory / name).is_file()]
    digests = {name: digest_of_file(directory / name) for name in names}
    content = {"format": FORMAT, "files": {**digests, COMPLETE: _digest(json_text(cost).encode())}}
    flush_directory(directory)
    write_json(directory / MANIFEST, with_digest(content))
    flush_directory(directory)
    write_text(directory / COMPLETE, json_text(cost))
    flush_directory(directory)


def reopen_run(directory: pathlib.Path) -> None:
    """Make a complete run an unfinished one, whose files may change."""
    for name in (COMPLETE, MANIFEST):
        (directory / name).unlink(missing_ok=True)


def is_complete(directory: pathlib.Path) -> bool:
    """Return whether a run directory holds all results of its training."""
    return (directory / COMPLETE).is_file()


def verify_files(directory: pathlib.Path, names: Iterable[str]) -> bool:
    """Compare files of a run with its manifest; names that neither the manifest nor the directory has are skipped.

    Returns False if there is no manifest, as in unfinished runs and in runs of earlier versions. Raises ValueError,
    which names the file, if a file is damaged, missing or of another run.
    """
    digests = _read_manifest(directory)
    if digests is None:
        return False
    for name in names:
        path = directory / name
        if not path.is_file():
            if name in digests:
                raise _missing(path)
        elif name not in digests or digest_of_file(path) != digests[name]:
            raise ValueError(
                f"{path} is damaged or belongs to another run: its SHA-256 is not that of {MANIFEST}. {_remedy(path)}"
            )
    return True


def _read_manifest(directory) -> dict[str, str] | None:
    """Return the digests by file name, or None if the run has no manifest."""
    path = directory / MANIFEST
    if not path.is_file():
        if is_complete(directory) and read_json(directory / COMPLETE, {}).get("manifest"):
            raise _missing(path)
        return None
    try:
        content = read_json(path, CONTENT)
        intact = has_right_digest(content)
    except (ValueError, RecursionError):  # no JSON, or not that of a manifest
        intact = False
    if not intact:
        raise ValueError(f"{path} is damaged: its content does not have the SHA-256 in it. {_remedy(path)}")
    if content["format"] != FORMAT:
        raise ValueError(
            f"{path} has format {content['format']}, but this version of jaxdl reads format {FORMAT}: use the version "
            "that has written the run."
        )
    return content["files"]


def _missing(path) -> ValueError:
    return ValueError(f"{path} is missing, although the run has written it. {_remedy(path)}")


def _remedy(path) -> str:
    """Return what to do about a damaged or missing file."""
    if path.name == "settings.json":
        return "Restore it from a copy of the run, or train again into another directory."
    deleted = f"it and {COMPLETE}" if path.is_file() and path.name != COMPLETE else COMPLETE
    return (
        f"Restore it from a copy of the run; or delete {deleted} and repeat the command of the training, which writes "
        "the results again from the last checkpoint."
    )


def with_digest(content: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a JSON file with its own SHA-256 under the key sha256."""
    return {**content, "sha256": _digest(json.dumps(content, sort_keys=True, default=str).encode())}


def has_right_digest(content: dict[str, Any]) -> bool:
    """Return whether content that was read from a JSON file has the SHA-256 in it."""
    return content == with_digest({name: value for name, value in content.items() if name != "sha256"})


def digest_of_file(path: pathlib.Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(content) -> str:
    return hashlib.sha256(content).hexdigest()
