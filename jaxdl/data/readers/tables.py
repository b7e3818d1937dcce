"""Reader of tables: CSV and Parquet files as columns of numpy arrays, whole or in chunks."""

import contextlib
import itertools
import json
import os
import pathlib
import re
import unicodedata
import warnings
from collections import Counter
from collections.abc import Generator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from jaxdl.data.readers.cells import MISSING, NUMBER, infer_column, misread_reason, to_dates, to_numbers, to_texts
from jaxdl.data.readers.memory import check_file
from jaxdl.data.readers.parquet import parquet_batches, read_parquet

Columns = dict[str, np.ndarray]
SUFFIXES = (".csv", ".tsv", ".parquet")
BLOCK = 1 << 24  # bytes of a CSV file parsed at a time
MAX_COLUMNS = 100_000
SAMPLE, LINES = 1 << 16, 20  # bytes after the header and lines in which the separator is searched
ANY, NUMBERS, DATES, TEXT = "numbers, dates or text", "numbers, as in training,", "dates, as in training,", "text"
WRITABLE = (  # types that Arrow writes into CSV files
    *(pa.types.is_boolean, pa.types.is_integer, pa.types.is_float32, pa.types.is_float64, pa.types.is_string),
    *(pa.types.is_large_string, pa.types.is_date, pa.types.is_timestamp),
)
CONVERTERS = {ANY: infer_column, DATES: to_dates, TEXT: to_texts}


class TableFormat(NamedTuple):
    """Details of a table that its file does not state.

    Attributes:
        separator: Separator of a CSV file, one character. None: the comma, semicolon, tab or bar that divides the first
            lines of the file into equally many cells, most of them if several do.
        header: Whether the first line of a CSV file holds the names of the columns. Without it, they are column_1, …
        missing: Texts that count as missing values, besides the empty cell.
    """

    separator: str | None = None
    header: bool = True
    missing: tuple[str, ...] = MISSING


PLAIN = TableFormat()


def read_table(
    path: str | os.PathLike,
    *,
    ignore: Sequence[str] = (),
    categories: Sequence[str] = (),
    table_format: TableFormat = PLAIN,
) -> Columns:
    r"""Read the columns of a table: numbers as float64, dates as datetime64, everything else as text.

    Missing cells become NaN, NaT or None. A CSV file is UTF-8. Dates are ISO 8601, YYYY/MM/DD or DD.MM.YYYY; times of
    day become seconds. A warning names columns that are text because of a few cells that are not numbers or dates.

    Args:
        path: A .csv, .tsv or .parquet file.
        ignore: Names of columns to leave out.
        categories: Names of columns to read as text, even if they hold numbers.
        table_format: Separator, header and missing values.

    Returns:
        One array (rows,) for each column, by name.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not a table, has no row, has equal column names, or lacks a named column.

    Example:
        >>> import pathlib, tempfile
        >>> from jaxdl.data.readers import read_table
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "homes.csv")
        ...     _ = path.write_text("rooms,city\n3,Rome\n,Oslo\n")
        ...     columns = read_table(path)
        >>> columns["rooms"].tolist(), columns["city"].tolist()
        ([3.0, nan], ['Rome', 'Oslo'])
    """
    path = pathlib.Path(path)
    names = _written_names(path, table_format)
    _check_known(path, "ignore", ignore, names)
    _check_known(path, "categories", categories, names)
    wanted = {name: written for name, written in names.items() if name not in ignore}
    with _readable(path):
        if path.suffix.lower() == ".parquet":
            table = read_parquet(path, list(wanted.values()))
        else:
            table = pa.csv.read_csv(path, **_csv_options(path, table_format, list(wanted.values())))
    if table.num_rows == 0:
        raise ValueError(f"{path} holds no row below its header.")
    columns = {}
    for name, written in wanted.items():
        expected = TEXT if name in categories else ANY
        columns[name] = _convert(path, name, table[written], expected, missing=table_format.missing)
        reason = misread_reason(columns[name]) if columns[name].dtype == object and name not in categories else None
        if reason:
            warnings.warn(f"column {name!r} {reason}", stacklevel=2)
    return columns


def table_chunks(
    path: str | os.PathLike,
    *,
    numbers: Sequence[str],
    dates: Sequence[str],
    texts: Sequence[str],
    unchanged: Sequence[str] = (),
    table_format: TableFormat = PLAIN,
) -> Generator[tuple[Columns, dict[str, Any]]]:
    """Yield the named columns in chunks of rows, each converted to the given kind; memory does not grow with the file.

    The second item holds the unchanged columns as Arrow arrays: the text of a CSV file, the types of a Parquet file.
    Raises what `read_table` raises, and ValueError if a column is absent or a cell is of another kind.
    """
    path = pathlib.Path(path)
    written, missing = _written_names(path, table_format), table_format.missing
    wanted = list(dict.fromkeys([*numbers, *dates, *texts, *unchanged]))
    absent = [name for name in wanted if name not in written]
    if absent:
        raise ValueError(f"{path} lacks columns: {', '.join(map(repr, absent))}. Its columns: {', '.join(written)}.")
    with _readable(path):
        row = 0
        for batch in _batches(path, table_format, [written[name] for name in wanted]):
            column = {name: batch[written[name]] for name in wanted}
            kinds = {NUMBERS: numbers, DATES: dates, TEXT: texts}
            converted = {
                name: _convert(path, name, column[name], kind, row, missing)
                for kind, names in kinds.items()
                for name in names
            }
            yield converted, {name: _writable(path, name, column[name]) for name in unchanged}
            row += batch.num_rows


def column_names(path: str | os.PathLike, table_format: TableFormat = PLAIN) -> list[str]:
    """Return the column names of a table, stripped. Raises FileNotFoundError, and ValueError for equal names."""
    return list(_written_names(pathlib.Path(path), table_format))


def headless_reason(path: str | os.PathLike, names: Sequence[str]) -> str | None:
    """Return why the first line of a CSV file may be data and not the names of its columns, or None.

    More than half of the names are then numbers, and they do not count up, as years and pixels do.
    """
    numbers = [float(name) for name in names if NUMBER.fullmatch(name)]
    counts_up = len(numbers) > 1 and all(later - earlier == 1 for earlier, later in itertools.pairwise(numbers))
    if pathlib.Path(path).suffix.lower() == ".parquet" or len(numbers) <= len(names) / 2 or counts_up:
        return None
    shown = ", ".join(map(repr, names[:3])) + (", …" if len(names) > 3 else "")
    return f"takes its first line for the names of the columns ({shown}), but they look like data (--header no)"


def saved_index(path: str | os.PathLike) -> list[str]:
    """Return the columns of a Parquet file that pandas has saved as the index of its table; none for other files."""
    path = pathlib.Path(path)
    if path.suffix.lower() != ".parquet":
        return []
    names = _written_names(path, PLAIN)
    with _readable(path):
        metadata = pq.read_schema(path).metadata or {}
    try:
        index = json.loads(metadata[b"pandas"])["index_columns"]
        return [name for name, written in names.items() if written in index]
    except (KeyError, TypeError, ValueError):  # not written by pandas
        return []


def _written_names(path, table_format) -> dict[str, str]:
    """Return the normalized name of each column, and the name as it is written in the file."""
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"a table must be a {', '.join(SUFFIXES)} file, got {path}.")
    check_file(path)
    with _readable(path):
        if path.suffix.lower() == ".parquet":
            written = pq.read_schema(path).names
        else:
            written = pa.csv.open_csv(path, **_csv_options(path, table_format)).schema.names
    if len(written) > MAX_COLUMNS:
        raise ValueError(f"{path} has {len(written):,} columns, and at most {MAX_COLUMNS:,} are read: transpose it.")
    if not (table_format.header or path.suffix.lower() == ".parquet"):
        return {f"column_{number + 1}": name for number, name in enumerate(written)}
    names = [unicodedata.normalize("NFC", name).strip() for name in written]
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise ValueError(
            f"{path} has more than one column with the name {repeated[0]!r}: rename them. If the first line holds no "
            "names, use --header no."
        )
    return dict(zip(names, written, strict=True))


def _csv_options(path, table_format, wanted: Sequence[str] = ()) -> dict[str, Any]:
    """Return Arrow's options for a CSV file: every cell as text, only the wanted columns."""
    with path.open("rb") as file:
        empty_lines = 0
        while (header := file.readline(BLOCK)).isspace():
            empty_lines += 1
        beginning = header + file.read(SAMPLE)
    if header.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise pa.ArrowInvalid("it is UTF-16, and jaxdl reads UTF-8: save it as UTF-8")
    separator = _separator(path, table_format, beginning)
    columns = header.count(separator.encode()) + 1
    if columns > MAX_COLUMNS and not header.count(b'"'):
        raise pa.ArrowInvalid(f"it has {columns:,} columns, and at most {MAX_COLUMNS:,} are read: transpose it")
    return {
        "read_options": pa.csv.ReadOptions(
            block_size=BLOCK, skip_rows=empty_lines, autogenerate_column_names=not table_format.header
        ),
        "parse_options": pa.csv.ParseOptions(delimiter=separator, newlines_in_values=True),
        "convert_options": pa.csv.ConvertOptions(
            column_types=dict.fromkeys(wanted, pa.large_string()),
            include_columns=list(wanted),
            null_values=[""],  # other missing cells become null when they are converted
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    }


def _separator(path, table_format, beginning: bytes) -> str:
    """Return the given separator, or find it in the first lines."""
    if table_format.separator is not None:
        separator = {"tab": "\t", "\\t": "\t"}.get(table_format.separator, table_format.separator)
        if len(separator) != 1 or not separator.isascii() or separator in '"\r\n':
            raise ValueError(
                f"separator must be one ASCII character or tab, got {table_format.separator!r}: give a comma, such as "
                "--separator ,"
            )
        return separator
    if path.suffix.lower() == ".tsv":
        return "\t"
    lines = re.sub(rb'"[^"]*"', b"", beginning).splitlines()
    lines = [line for line in (lines[:-1] or lines)[:LINES] if line.strip()]  # the last one may be incomplete
    counts = {byte: [line.count(byte) for line in lines] for byte in b",;\t|"}
    best = max(counts, key=lambda byte: (len({*counts[byte]}) == 1, counts[byte][:1], byte == ord(",")))
    return chr(best if counts[best][:1] > [0] else max(counts, key=lambda byte: (counts[byte][:1], byte == ord(","))))


def _batches(path, table_format, wanted) -> Any:
    """Return an iterator over record batches with the wanted columns."""
    if path.suffix.lower() == ".parquet":
        return parquet_batches(path, wanted)
    return pa.csv.open_csv(path, **_csv_options(path, table_format, wanted))


@contextlib.contextmanager
def _readable(path) -> Generator[None]:
    """Turn the exceptions of Arrow into a ValueError that names the file."""
    try:
        yield
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        reason = " ".join(str(error).split())[:300]
        if "CSV parse error" in reason:
            reason += " (--separator names the separator of the cells)"
        if isinstance(error, UnicodeDecodeError) or "invalid UTF8" in reason:
            reason = f"it is not UTF-8 ({reason}): save it as UTF-8"
        raise ValueError(f"{path} cannot be read as a table: {reason}") from error


def _convert(path, name, column, expected: str, first_row: int = 0, missing: Sequence[str] = MISSING) -> np.ndarray:
    """Convert a column to the expected kind, or raise a ValueError that names the column and the row."""
    try:
        is_number, missing = expected == NUMBERS, ("", *missing)
        values, invalid = to_numbers(column, missing) if is_number else (CONVERTERS[expected](column, missing), None)
        if invalid is not None and invalid.any():
            index = int(invalid.argmax())
            raise ValueError(f"it holds {to_texts(column[index : index + 1])[0]!r} in row {first_row + index}")
        if values.dtype.kind == "f" and np.isinf(values).any():
            raise ValueError(f"it is infinite in row {first_row + int(np.isinf(values).argmax())}")
    except ValueError as error:
        raise ValueError(
            f"column {name!r} of {path} must hold {expected} in every cell, but {error} (rows are counted from 0): "
            "correct these cells or leave them empty."
        ) from error
    return values


def _writable(path, name, column) -> Any:
    """Return a column of a type that CSV and Parquet files can hold, else its text."""
    column = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    if any(is_kind(column.type) for is_kind in WRITABLE):
        return column
    return pa.array(_convert(path, name, column, TEXT), pa.string())


def _check_known(path, setting, names, known) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"{path} has no column {name!r} for {setting}. Columns: {', '.join(known)}.")
