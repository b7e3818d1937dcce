"""Tables of a user: CSV and Parquet files as columns of numpy, whole or a piece at a time. Nothing is fitted here."""

import contextlib
import os
import pathlib
import re
import unicodedata
import warnings
from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from jaxdl.data.readers.cells import MISSING, as_written, dates, names, nearly, numbers

Columns = dict[str, np.ndarray]
SUFFIXES = (".csv", ".tsv", ".parquet")
BLOCK = 1 << 24  # bytes of a CSV file that are parsed at a time
ROWS = 1 << 16  # rows of a Parquet file that are read at a time
ANY, NUMBERS, DATES, TEXT = "numbers, dates or text", "numbers, as in training,", "dates, as in training,", "text"
READERS = {ANY: as_written, DATES: dates, TEXT: names}


def read_table(path: str | os.PathLike, *, ignore: Sequence[str] = (), categories: Sequence[str] = ()) -> Columns:
    """Every column of a table but those to ignore: numbers as float64, dates as datetime64, all else as text.

    What is missing is NaN, NaT or None. The columns of `categories` are text as it is written. A CSV file is UTF-8 with
    one line of headings; its separator is the comma, semicolon, tab or bar that the headings hold most of. Dates are
    ISO 8601, YYYY/MM/DD or DD.MM.YYYY; times of day become seconds. A column that is nearly all numbers or dates, but
    is text for a few cells, is told by a warning. Raises FileNotFoundError, and ValueError that names the column or the
    row, for what is no table.
    """
    path = pathlib.Path(path)
    headings = _headings(path)
    _check_names(path, "ignore", ignore, headings)
    _check_names(path, "categories", categories, headings)
    wanted = {name: written for name, written in headings.items() if name not in ignore}
    with _told(path):
        if path.suffix.lower() == ".parquet":
            table = pq.read_table(path, columns=list(wanted.values()))
        else:
            table = pa.csv.read_csv(path, **_csv_options(path, list(wanted.values())))
    if table.num_rows == 0:
        raise ValueError(f"{path} must hold at least one row below its headings, but holds none.")
    columns = {}
    for name, written in wanted.items():
        columns[name] = _read(path, name, table[written], TEXT if name in categories else ANY)
        doubt = nearly(columns[name]) if columns[name].dtype == object and name not in categories else None
        if doubt:
            warnings.warn(f"column {name!r} {doubt}", stacklevel=2)
    return columns


def table_chunks(
    path: str | os.PathLike, *, numbers: Sequence[str], dates: Sequence[str], texts: Sequence[str]
) -> Generator[Columns]:
    """The named columns a piece at a time, each read as what it is said to be, in memory that the file does not bound.

    Raises what `read_table` raises, ValueError for a column that is not there, and for a cell that is something else.
    """
    path = pathlib.Path(path)
    headings = _headings(path)
    wanted = [*numbers, *dates, *texts]
    absent = [name for name in wanted if name not in headings]
    if absent:
        raise ValueError(
            f"{path} must have the columns of training, but {', '.join(map(repr, absent))} is not among its columns "
            f"({', '.join(headings)})."
        )
    with _told(path):
        row = 0
        for batch in _batches(path, [headings[name] for name in wanted]):
            column = {name: batch[headings[name]] for name in wanted}
            yield {
                **{name: _read(path, name, column[name], NUMBERS, row) for name in numbers},
                **{name: _read(path, name, column[name], DATES, row) for name in dates},
                **{name: _read(path, name, column[name], TEXT) for name in texts},
            }
            row += batch.num_rows


def column_names(path: str | os.PathLike) -> list[str]:
    """The headings of a table, without space around them. Raises FileNotFoundError, and ValueError for equal ones."""
    return list(_headings(pathlib.Path(path)))


def _headings(path) -> dict[str, str]:
    """What columns are called, and what is written for it in the file."""
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"a table must be a file {', '.join(SUFFIXES)}, but was {path}.")
    if not path.is_file():
        raise FileNotFoundError(f"a table must be a file, but {path} is none.")
    with _told(path):
        if path.suffix.lower() == ".parquet":
            written = pq.read_schema(path).names
        else:
            written = pa.csv.open_csv(path, **_csv_options(path)).schema.names
    called = [unicodedata.normalize("NFC", name).strip() for name in written]
    twice = sorted({name for name in called if called.count(name) > 1})
    if twice:
        raise ValueError(f"{path} must have headings that differ, but {twice[0]!r} is there more than once: rename it.")
    return dict(zip(called, written, strict=True))


def _csv_options(path, wanted: Sequence[str] = ()) -> dict[str, Any]:
    """How a CSV file is read: every cell as text, of these columns."""
    with path.open("rb") as file:
        blank = 0
        while (headings := file.readline(BLOCK)).isspace():
            blank += 1
    if headings.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise pa.ArrowInvalid("it is UTF-16, where UTF-8 was expected: save it as UTF-8")
    outside = re.sub(rb'"[^"]*"', b"", headings)
    separator = max(b",;\t|", key=lambda byte: (outside.count(byte), byte == ord(",")))
    return {
        "read_options": pa.csv.ReadOptions(block_size=BLOCK, skip_rows=blank),
        "parse_options": pa.csv.ParseOptions(
            delimiter="\t" if path.suffix.lower() == ".tsv" else chr(separator), newlines_in_values=True
        ),
        "convert_options": pa.csv.ConvertOptions(
            column_types=dict.fromkeys(wanted, pa.large_string()),
            include_columns=list(wanted),
            null_values=MISSING,
            strings_can_be_null=True,
        ),
    }


def _batches(path, wanted) -> Any:
    """Pieces of a table, with these columns."""
    if path.suffix.lower() == ".parquet":
        return pq.ParquetFile(path).iter_batches(batch_size=ROWS, columns=wanted)
    return pa.csv.open_csv(path, **_csv_options(path, wanted))


@contextlib.contextmanager
def _told(path) -> Generator[None]:
    """What Arrow cannot read becomes a sentence that names the file."""
    try:
        yield
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        reason = " ".join(str(error).split())[:300]
        if isinstance(error, UnicodeDecodeError) or "invalid UTF8" in reason:
            reason = f"it is not UTF-8 ({reason}): save it as UTF-8"
        raise ValueError(f"{path} must be a table that can be read, but is damaged or none: {reason}") from error


def _read(path, name, column, expected: str, row: int = 0) -> np.ndarray:
    """A column as what is expected of it; a cell that is something else becomes a sentence that says in which row."""
    try:
        values, strange = numbers(column) if expected == NUMBERS else (READERS[expected](column), None)
        if strange is not None and strange.any():
            at = int(strange.argmax())
            raise ValueError(f"holds {names(column[at : at + 1])[0]!r} in row {row + at}")
        if values.dtype.kind == "f" and np.isinf(values).any():
            raise ValueError(f"is infinite in row {row + int(np.isinf(values).argmax())}")
    except ValueError as error:
        raise ValueError(
            f"column {name!r} of {path} must hold {expected} in every cell, but {error} (rows are counted from 0): "
            "correct these cells or leave them empty."
        ) from error
    return values


def _check_names(path, setting, called, known) -> None:
    for name in called:
        if name not in known:
            raise ValueError(f"{setting} must name columns of {path} ({', '.join(known)}), but {name!r} is none.")
