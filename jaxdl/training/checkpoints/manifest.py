"""The manifest of a checkpoint: its number, its leaves, the SHA-256 of its files, and a note, with its own SHA-256."""

import hashlib
import json
import pathlib
from typing import Any

from jaxdl.system import schema as schemas

MANIFEST = "manifest.txt"
FORMAT = 1
MAX_BYTES = 1 << 28  # of a manifest
COUNT = schemas.Integer(0)
ANY = schemas.Mapping(object)
LEAF = {
    "path": schemas.Text(4000),  # whose numbers Python reads
    "kind": schemas.Text(100),
    "shape": schemas.Many(COUNT, most=100),
    "generator": (None, schemas.Text(100)),
    "sha256": schemas.Text(64),
}
ANY_FORMAT = {"format": schemas.Integer()}
CONTENT = {
    **ANY_FORMAT,
    "number": COUNT,
    "leaves": schemas.Many(LEAF),
    "files": schemas.Mapping(schemas.Text(64)),
    "note": ANY,
}


class DamagedError(ValueError):
    """A checkpoint differs from what was written."""


def write_manifest(path: pathlib.Path, content: dict[str, Any]) -> None:
    """Write the manifest of a checkpoint."""
    text = json.dumps({"format": FORMAT, **content})
    digest = hashlib.sha256(text.encode()).hexdigest()
    (path / MANIFEST).write_text(f"{digest}\n{text}", encoding="utf-8")


def read_manifest(path: pathlib.Path, number: int) -> dict[str, Any]:
    """Read and check the manifest of a checkpoint. Raises DamagedError if it differs from what was written."""
    try:
        with (path / MANIFEST).open("rb") as file:
            expected, _, text = file.read(MAX_BYTES + 1).partition(b"\n")
    except OSError as error:
        raise DamagedError(f"{MANIFEST} cannot be read ({error.strerror})") from error
    if hashlib.sha256(text).hexdigest().encode() != expected:
        raise DamagedError(f"{MANIFEST} differs from what was written")
    try:
        manifest = json.loads(text)
        schemas.check_content(manifest, ANY_FORMAT)
        if manifest["format"] == FORMAT:
            schemas.check_content(manifest, CONTENT)
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"{MANIFEST} is not what a checkpoint has: {str(error).splitlines()[0]}") from error
    if manifest["format"] != FORMAT:
        raise ValueError(f"{path} has format {manifest['format']}, but this version of jaxdl reads format {FORMAT}.")
    if manifest["number"] != number:
        raise DamagedError(f"it was written as checkpoint {manifest['number']}")
    return manifest
