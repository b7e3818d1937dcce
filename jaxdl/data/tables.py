"""Tables of a user: CSV and Parquet files as columns of numpy, whole or a piece at a time. Nothing is fitted here."""

import contextlib
import os
import pathlib
import re
from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

Columns = dict[str, np.ndarray]
SUFFIXES = (".csv", ".tsv", ".parquet")
MISSING = ("", "?", "#N/A", "N/A", "NA", "NULL", "NaN", "n/a", "nan", "null", "None", "<NA>")
BLOCK = 1 << 24  # bytes of a CSV file that are parsed at a time
ROWS = 1 << 16  # rows of a Parquet file that are read at a time
DATE = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}\.\d{1,2}\.\d{4}")
FORMATS = ("%Y/%m/%d", "%Y/%m/%d %H:%M:%S", "%d.%m.%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S")


def read_table(path: str | os.PathLike, *, ignore: Sequence[str] = (), categories: Sequence[str] = ()) -> Columns:
    """Every column of a table but those to ignore: numbers as float64, dates as datetime64, all else as text.

    What is missing is NaN, NaT or None. Numbers in the columns of `categories` are names, and stay text. A CSV file is
    UTF-8 with one line of headings; its separator is the comma, semicolon, tab or bar that the headings hold most of.
    Dates are ISO 8601, YYYY/MM/DD or DD.MM.YYYY. Raises FileNotFoundError, and ValueError that names the column or the
    row, for what is no table.
    """
    path = pathlib.Path(path)
    names = column_names(path)
    _check_names(path, "ignore", ignore, names)
    _check_names(path, "categories", categories, names)
    wanted = [name for name in names if name not in ignore]
    with _told(path):
        if path.suffix.lower() == ".parquet":
            table = pq.read_table(path, columns=wanted)
        else:
            options = _csv_options(path, {name: pa.string() for name in categories}, wanted)
            table = pa.csv.read_csv(path, **options)
    if table.num_rows == 0:
        raise ValueError(f"{path} must hold at least one row below its headings, but holds none.")
    return {name: _array(path, name, table[name], text=name in categories) for name in wanted}


def table_chunks(
    path: str | os.PathLike, *, numbers: Sequence[str], dates: Sequence[str], texts: Sequence[str]
) -> Generator[Columns]:
    """The named columns a piece at a time, each read as what it is said to be, in memory that the file does not bound.

    Raises what `read_table` raises, ValueError for a column that is not there or holds something else.
    """
    path = pathlib.Path(path)
    wanted = [*numbers, *dates, *texts]
    _check_names(path, "columns", wanted, column_names(path))
    with _told(path):
        row = 0
        for batch in _batches(path, numbers, wanted):
            yield {
                **{name: _numbers(path, name, batch[name], row) for name in numbers},
                **{name: _dates(path, name, batch[name]) for name in dates},
                **{name: _texts(batch[name]) for name in texts},
            }
            row += batch.num_rows


def column_names(path: str | os.PathLike) -> list[str]:
    """The headings of a table. Raises FileNotFoundError, and ValueError where they do not tell columns apart."""
    path = pathlib.Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"a table must be a file {', '.join(SUFFIXES)}, but was {path}.")
    if not path.is_file():
        raise FileNotFoundError(f"a table must be a file, but {path} is none.")
    with _told(path):
        if path.suffix.lower() == ".parquet":
            names = pq.read_schema(path).names
        else:
            reader = pa.csv.open_csv(path, **_csv_options(path, {}, None))
            names = reader.schema.names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{path} must have headings that differ, but {twice[0]!r} is there more than once: rename it.")
    return names


def _csv_options(path, types, columns) -> dict[str, Any]:
    """How a CSV file is read; true and false are two names, as yes and no are."""
    with path.open("rb") as file:
        headings = file.readline(BLOCK)
    separator = max(b",;\t|", key=lambda byte: (headings.count(byte), byte == ord(",")))
    return {
        "read_options": pa.csv.ReadOptions(block_size=BLOCK),
        "parse_options": pa.csv.ParseOptions(delimiter=chr(separator), newlines_in_values=True),
        "convert_options": pa.csv.ConvertOptions(
            column_types=types,
            include_columns=columns or [],
            null_values=MISSING,
            strings_can_be_null=True,
            true_values=[],
            false_values=[],
        ),
    }


def _batches(path, numbers, wanted) -> Any:
    """Pieces of a table, with these columns."""
    if path.suffix.lower() == ".parquet":
        return pq.ParquetFile(path).iter_batches(batch_size=ROWS, columns=list(wanted))
    types = {name: pa.float64() if name in numbers else pa.string() for name in wanted}
    return pa.csv.open_csv(path, **_csv_options(path, types, wanted))


@contextlib.contextmanager
def _told(path) -> Generator[None]:
    """What Arrow cannot read becomes a sentence that names the file."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ValueError(f"{path} must be a table that can be read, but is damaged or none: {reason}") from error


def _array(path, name, column, *, text) -> np.ndarray:
    """A column as numbers, dates or text, by its type and, where it is text, by what is written."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if text or pa.types.is_boolean(kind):
        return _texts(column)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        texts = _texts(column)
        first = next((value for value in texts if value is not None), "")
        parsed = _parsed(column) if DATE.match(first) else None
        return texts if parsed is None else _datetimes(parsed)
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return _dates(path, name, column)
    return _numbers(path, name, column)


def _numbers(path, name, column, row=0) -> np.ndarray:
    """As float64, NaN where missing; times of day and durations in seconds."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_time(kind) or pa.types.is_duration(kind):
        whole = column.cast(pa.int64() if kind.bit_width == 64 else pa.int32()).cast(pa.float64())
        scale = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[kind.unit]
        column = pc.divide(whole, scale)
    try:
        array = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        held = "text that is not UTF-8" if pa.types.is_binary(kind) else kind
        raise ValueError(
            f"column {name!r} of {path} must hold a number, a date or a text in every cell, but holds {held}: convert "
            "it, or leave it out (ignore)."
        ) from error
    if np.isinf(array).any():
        row += int(np.isinf(array).argmax())
        raise ValueError(
            f"column {name!r} of {path} must be finite, but is infinite in row {row} (rows are counted from 0): drop "
            "that row, or leave its cell empty."
        )
    return np.array(array, np.float64)


def _texts(column) -> np.ndarray:
    """As text without space around it, None where missing."""
    values = pc.utf8_trim_whitespace(column.cast(pa.large_string()))
    values = pc.if_else(pc.is_in(values, value_set=pa.array(MISSING, pa.large_string())), None, values)
    return np.asarray(values.to_numpy(zero_copy_only=False), object)


def _dates(path, name, column) -> np.ndarray:
    """As datetime64 in microseconds, UTC where a zone is told, NaT where missing."""
    parsed = _parsed(column)
    if parsed is None:
        raise ValueError(
            f"column {name!r} of {path} must hold dates, as in training, but holds something else: write them as "
            "YYYY-MM-DD."
        )
    return _datetimes(parsed)


def _datetimes(stamps) -> np.ndarray:
    return stamps.cast(pa.timestamp("us"), safe=False).to_numpy(zero_copy_only=False).astype("datetime64[us]")


def _parsed(column) -> Any:
    """The column as time stamps, or None where it holds something else."""
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        try:
            return column.cast(pa.timestamp("us"), safe=False)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return None
    texts = pa.array(_texts(column), pa.string())
    for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            return texts.cast(kind)
        except pa.ArrowInvalid:
            continue
    for written in FORMATS:
        try:
            return pc.strptime(texts, format=written, unit="us")
        except pa.ArrowInvalid:
            continue
    return None


def _check_names(path, setting, names, known) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"{setting} must name columns of {path} ({', '.join(known)}), but {name!r} is none.")
