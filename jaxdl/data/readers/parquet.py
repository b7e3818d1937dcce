"""Columns of Parquet files, whose memory is checked before they are decoded."""

import pathlib
from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jaxdl.data.readers import memory
from jaxdl.data.readers.memory import check_expansion
from jaxdl.system.storage import announce_reading

MAX_CELLS = 1 << 25  # of a Parquet file read at a time
NUMBER_BYTES, TEXT_BYTES = 16, 48  # memory of a cell while a column is converted
ROWS = 1 << 16  # rows of a Parquet file read at a time
DELTA = ("DELTA_BYTE_ARRAY",)  # an encoding of texts by what differs from the text before
UNLIKE_DICTIONARIES = (*DELTA, "DELTA_LENGTH_BYTE_ARRAY")  # encodings that Arrow cannot decode to dictionaries


def read_parquet(path: pathlib.Path, columns: Sequence[str]) -> pa.Table:
    """Read columns, with texts as dictionaries. Raises ValueError if they need too much memory."""
    _check_metadata(path, columns)
    announce_reading(path)
    table = pq.read_table(path, columns=columns, read_dictionary=_text_columns(path))
    _check_texts(path, table.columns)
    return pa.table([_as_text(column) for column in table.columns], names=table.column_names)


def parquet_batches(path: pathlib.Path, columns: Sequence[str]) -> Generator[pa.RecordBatch]:
    """Yield columns in batches of rows. Raises ValueError if a batch needs too much memory."""
    announce_reading(path)
    rows = min(ROWS, max(1, MAX_CELLS // max(1, len(columns))), _rows_of_texts(pq.read_metadata(path), columns))
    for batch in pq.ParquetFile(path, read_dictionary=_text_columns(path)).iter_batches(rows, columns=columns):
        _check_texts(path, batch.columns)
        yield pa.record_batch([_as_text(column) for column in batch.columns], names=batch.schema.names)


def _as_text(column) -> Any:
    """Return a column of bytes as text if it is UTF-8: some programs do not mark their texts as such."""
    try:
        return column.cast(pa.large_string()) if pa.types.is_binary(column.type) else column
    except pa.ArrowInvalid:
        return column


def _check_metadata(path, columns) -> None:
    """Raise ValueError if the columns of a Parquet file need too much memory, by its metadata."""
    metadata, schema = pq.read_metadata(path), pq.read_schema(path)
    pages = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
    cells = sum(NUMBER_BYTES if pa.types.is_primitive(schema.field(name).type) else TEXT_BYTES for name in columns)
    check_expansion(path, pages + metadata.num_rows * cells)
    rows = _rows_of_texts(metadata, columns)
    if rows < metadata.num_rows:
        file, needed = pq.ParquetFile(path), pages
        for batch in file.iter_batches(rows, columns=list(_columns_with(metadata, columns, DELTA))):
            needed += batch.nbytes
            check_expansion(path, needed)


def _columns_with(metadata, columns, encodings) -> dict[str, int]:
    """Return the columns with one of these encodings, and for each the most bytes that a row group stores of it."""
    found: dict[str, int] = {}
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for column in map(group.column, range(group.num_columns)):
            if column.path_in_schema in columns and not set(encodings).isdisjoint(column.encodings):
                found[column.path_in_schema] = max(found.get(column.path_in_schema, 1), column.total_uncompressed_size)
    return found


def _rows_of_texts(metadata, columns) -> int:
    """Return how many rows can be decoded at a time.

    The metadata do not hold the length of texts that are nearly equal to those before them. One is at most as long as
    all that a row group stores of its column.
    """
    longest = sum(_columns_with(metadata, columns, DELTA).values())
    return max(1, memory.UNSUSPICIOUS // longest) if longest else max(1, metadata.num_rows)


def _text_columns(path) -> list[str]:
    """Return the columns to keep as a dictionary of their distinct texts: one of them may be long and frequent."""
    schema = pq.read_schema(path)
    texts = [field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)]
    other = _columns_with(pq.read_metadata(path), texts, UNLIKE_DICTIONARIES)
    return [name for name in texts if name not in other]


def _check_texts(path, columns) -> None:
    """Raise ValueError if the texts of columns need too much memory when each row has its own."""
    needed = 0
    for column in columns:
        for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
            if pa.types.is_dictionary(chunk.type) and not pa.types.is_nested(chunk.type.value_type):
                lengths = np.asarray(pc.fill_null(pc.binary_length(chunk.dictionary.cast(pa.large_string())), 0))
                counts = np.bincount(np.asarray(chunk.indices.drop_null()), minlength=len(lengths))
                needed += int(lengths.astype(np.int64) @ counts)
    check_expansion(path, needed)
