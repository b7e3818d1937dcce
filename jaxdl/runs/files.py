"""Read and write the files of a run: text, JSON, JSON lines, Parquet tables and arrays."""

import json
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import PyTree

from jaxdl.system import schema as schemas
from jaxdl.system.schema import check_content
from jaxdl.system.storage import cannot_be_written, whole_file

MAX_BYTES = 1 << 28  # of a JSON file
MAX_VALUES = 10**8  # of a table
MAX_NAMED = 20  # columns named in an error
KINDS = {  # kinds of columns, as tests of the type of an Arrow column
    "integer": (pa.types.is_integer,),
    "number": (pa.types.is_integer, pa.types.is_floating),
    "class": (pa.types.is_integer, pa.types.is_string, pa.types.is_large_string),
    "image": (pa.types.is_binary, pa.types.is_large_binary),
}
ROW = schemas.Mapping((None, float))  # of a file of JSON lines


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


def read_json(path: pathlib.Path, schema: Any = object) -> Any:
    """Read a JSON file. Raises ValueError, naming the file, if it is not valid JSON or does not fit the schema."""
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path} is damaged: it must have at most {MAX_BYTES:,} bytes, got {path.stat().st_size:,}.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: it is not the JSON that a run writes ({error}).") from error
    try:
        check_content(content, schema)
    except ValueError as error:
        raise ValueError(f"{path} is damaged or was written by another version of jaxdl: {error}.") from error
    return content


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


def read_lines(path: pathlib.Path, schema: Any = ROW) -> dict[str, list]:
    """Read JSON lines as columns, by default of numbers, with null as NaN; a half-written last line is skipped.

    Raises ValueError, naming the file, if any other line is damaged.
    """
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    try:
        rows = [json.loads(line) for line in lines if line.endswith("\n")]
        for row in rows:
            check_content(row, schema, "a line")
        return {
            name: [np.nan if row[name] is None else row[name] for row in rows] for name in (rows[0] if rows else ())
        }
    except KeyError as error:
        raise ValueError(f"{path} is damaged: a line has no {error}, unlike the first one.") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: a line is not the JSON that a run writes ({error}).") from error


def write_table(path: pathlib.Path, columns: dict[str, Any]) -> None:
    """Write columns of equal length as a Parquet file."""
    table = pa.table({name: pa.array(column) for name, column in columns.items()})
    with whole_file(path) as file:
        pq.write_table(table, file, compression="zstd")


def read_table(
    path: pathlib.Path, kinds: Mapping[str | tuple[str, ...], str] | None = None, others: Mapping[str, str] = {}
) -> dict[str, list]:
    """Read a Parquet file as columns. Raises ValueError, naming the file, if it is missing or damaged.

    `kinds` has the kind of each column that must be present, one of KINDS, or "class or null"; of several names in a
    tuple, one must be present. Any other column must have its kind in `others`, or else hold numbers.
    """
    try:
        with pq.ParquetFile(path) as file:
            values = file.metadata.num_rows * max(1, file.metadata.num_columns)
            if values > MAX_VALUES:
                raise ValueError(f"{path} is damaged: it must have at most {MAX_VALUES:,} values, got {values:,}.")
            table = file.read()
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path} is missing or damaged: expected a Parquet table that a run has written.") from error
    if kinds is not None:
        _check_columns(path, table, kinds, others)
    return table.to_pydict()


def _check_columns(path, table, kinds, others) -> None:
    """Raise ValueError unless a table has the columns that are required, and the kinds of all columns are right."""
    names = {(name,) if isinstance(name, str) else name: kind for name, kind in kinds.items()}
    for alternatives in names:
        if sum(table.column_names.count(name) for name in alternatives) != 1:
            raise ValueError(
                f"{path} is damaged or was written by another version of jaxdl: it must have a column "
                f"{' or '.join(alternatives)}, got {', '.join(table.column_names[:MAX_NAMED])}."
            )
    expected = {name: kind for alternatives, kind in names.items() for name in alternatives}
    for name, column in zip(table.column_names, table.columns, strict=True):
        kind, _, null = expected.get(name, others.get(name, "number")).partition(" or ")
        type_ = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        fits = any(is_kind(type_) for is_kind in KINDS[kind])
        if table.num_rows and (not fits or (column.null_count and not null)):
            raise ValueError(
                f"{path} is damaged or was written by another version of jaxdl: its column {name!r} must hold one "
                f"{kind} in every row, got {column.type}{' with gaps' if column.null_count else ''}."
            )


def write_arrays(path: pathlib.Path, tree: PyTree) -> None:
    """Write the arrays of a tree as an .npz file, each under its path in the tree."""
    with whole_file(path) as file:
        np.savez(file, **{array_name(place): leaf for place, leaf in jax.tree.leaves_with_path(tree)})


def array_name(place: Any) -> str:
    """Return the name of an array in an .npz file: its path in the tree."""
    return jax.tree_util.keystr(place, simple=True, separator="/")
