"""Read and write the files of a run: text, JSON, JSON lines, Parquet tables and arrays."""

import json
import pathlib
from collections.abc import Iterable
from typing import Any

import jax
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import PyTree

from jaxdl.system.storage import cannot_be_written, whole_file


def write_text(path: pathlib.Path, text: str) -> None:
    """Write a text file atomically."""
    write_bytes(path, text.encode())


def write_bytes(path: pathlib.Path, content: bytes) -> None:
    """Write a binary file atomically."""
    with whole_file(path) as file:
        file.write(content)


def write_json(path: pathlib.Path, content: Any) -> None:
    """Write a JSON file atomically; values that JSON cannot hold are written as their `str`."""
    write_text(path, json_text(content))


def json_text(content: Any) -> str:
    """Return the text of a JSON file; values that JSON cannot hold become their `str`."""
    return json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n"


def read_json(path: pathlib.Path) -> Any:
    """Read a JSON file. Raises ValueError, naming the file, if it is not valid JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged: it is not the JSON that a run writes ({error}).") from error


def append_lines(path: pathlib.Path, rows: Iterable[dict[str, Any]]) -> None:
    """Append rows to a file of JSON lines, with NaN as null."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(_lines(rows))
    except OSError as error:
        raise cannot_be_written(path, error) from error


def write_lines(path: pathlib.Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write rows as JSON lines, with NaN as null, and replace the file if it exists."""
    write_text(path, _lines(rows))


def _lines(rows) -> str:
    plain = ({name: None if value != value else value for name, value in row.items()} for row in rows)
    return "".join(json.dumps(row) + "\n" for row in plain)


def read_lines(path: pathlib.Path) -> dict[str, list]:
    """Read JSON lines as columns, with null as NaN; a half-written last line is skipped.

    Raises ValueError, naming the file, if any other line is damaged.
    """
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    try:
        rows = [json.loads(line) for line in lines if line.endswith("\n")]
    except ValueError as error:
        raise ValueError(f"{path} is damaged: a line is not the JSON that a run writes ({error}).") from error
    return {name: [np.nan if row[name] is None else row[name] for row in rows] for name in (rows[0] if rows else ())}


def write_table(path: pathlib.Path, columns: dict[str, Any]) -> None:
    """Write columns of equal length as a Parquet file."""
    table = pa.table({name: pa.array(column) for name, column in columns.items()})
    with whole_file(path) as file:
        pq.write_table(table, file, compression="zstd")


def read_table(path: pathlib.Path) -> dict[str, list]:
    """Read a Parquet file as columns. Raises ValueError, naming the file, if it is missing or damaged."""
    try:
        return pq.read_table(path).to_pydict()
    except (pa.ArrowInvalid, FileNotFoundError) as error:
        raise ValueError(f"{path} is missing or damaged: expected a Parquet table that a run has written.") from error


def write_arrays(path: pathlib.Path, tree: PyTree) -> None:
    """Write the arrays of a tree as an .npz file, each under its path in the tree."""
    leaves = jax.tree.leaves_with_path(tree)
    named = {jax.tree_util.keystr(place, simple=True, separator="/"): leaf for place, leaf in leaves}
    with whole_file(path) as file:
        np.savez(file, **named)
