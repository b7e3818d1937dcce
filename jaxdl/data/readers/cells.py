"""Conversion of the cells of a table column to numbers, dates or text."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MISSING = ("", "?", "#N/A", "N/A", "NA", "NULL", "NaN", "NaT", "n/a", "nan", "null", "None", "<NA>")
DASHES = ("-", "--", "–", "—", ".", "..")  # also missing, in a column whose other cells are numbers or dates
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]?inf(?:inity)?", re.ASCII | re.IGNORECASE)
TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?", re.ASCII)
DATE = re.compile(r"(?:\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}\.\d{1,2}\.\d{4})(?:[T ].*)?", re.ASCII)
FORMATS = ("%Y/%m/%d", "%Y/%m/%d %H:%M:%S", "%d.%m.%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S")
SIGN, CURRENCY = "[+\u2212\u2013-]?\\s*", r"(?:[$€£¥₹₽₩₺₴₪¢฿]|CHF|USD|EUR|GBP|JPY)?\s*"  # \u2212: minus, \u2013: dash
LOOKALIKES = {  # what text may have been meant as, by the pattern of its cells
    "numbers, but {!r} is not a number": re.compile(f"(?:{NUMBER.pattern})", re.ASCII | re.IGNORECASE),
    "dates, but {!r} is not a date of the same format": DATE,
    "numbers, but {!r} is not written as 1234.5": re.compile(
        rf"\(?{SIGN}{CURRENCY}{SIGN}\d[\d.,'’٬·_\s]*(?:e[+-]?\d+)?\s*(?:%|‰|{CURRENCY}|[^\W\d_]{{1,3}}[²³]?(?:/[^\W\d_]{{1,3}}[²³]?)?)\)?"
    ),
    "dates, but {!r} is not written as YYYY-MM-DD": re.compile(
        r"\d{1,2}[/-]\d{1,2}[/-](?:\d{2}|\d{4})(?: .*)?", re.ASCII
    ),
}
MAX_INSPECTED = 10_000  # cells inspected by `misread_reason`


def infer_column(column: Any, missing: Sequence[str] = MISSING) -> np.ndarray:
    """Convert an Arrow column to float64, datetime64 in microseconds, or an object array of text, by its cells.

    Missing cells become NaN, NaT or None; `missing` lists their texts. Raises ValueError, with a clause as message, for
    a type that no table cell should have, such as a list.
    """
    if not _is_text(column):
        kind = _kind(column)
        if pa.types.is_boolean(kind):
            return to_texts(column, missing)
        return to_dates(column) if pa.types.is_date(kind) or pa.types.is_timestamp(kind) else to_numbers(column)[0]
    values, invalid = to_numbers(column, missing)
    if not invalid.any():
        return values
    return to_texts(column, missing) if _timestamps(column, missing) is None else to_dates(column, missing)


def to_numbers(column: Any, missing: Sequence[str] = MISSING) -> tuple[np.ndarray, np.ndarray]:
    """Convert a column to float64, and return a mask of the cells that are not numbers.

    Missing and invalid cells become NaN. Times of day and durations are converted to seconds.
    """
    if _is_text(column):
        return _arrow_texts_to_numbers(_texts(column, missing))
    kind = _kind(column)
    if pa.types.is_time(kind) or pa.types.is_duration(kind):
        ticks = column.cast(pa.int64() if kind.bit_width == 64 else pa.int32()).cast(pa.float64())
        column = pc.divide(ticks, {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[kind.unit])
    try:
        values = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        held = "text that is not UTF-8" if pa.types.is_binary(kind) else kind
        raise ValueError(f"it holds {held}") from error
    return np.array(values, np.float64), np.zeros(len(values), bool)


def texts_to_numbers(texts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Convert an object array of text and None as `to_numbers` does."""
    return _arrow_texts_to_numbers(pa.array(texts, pa.large_string()))


def _arrow_texts_to_numbers(texts) -> tuple[np.ndarray, np.ndarray]:
    texts = _with_nulls(texts, DASHES)
    try:
        values = texts.cast(pa.float64()).to_numpy(zero_copy_only=False)
        return np.array(values, np.float64), np.zeros(len(values), bool)
    except pa.ArrowInvalid:
        encoded = texts.dictionary_encode()
        parsed = [_number(text) for text in encoded.dictionary.to_pylist()]
        position = np.asarray(encoded.indices.fill_null(len(parsed)))
        values = np.array([np.nan if value is None else value for value in (*parsed, None)])
        return values[position], np.array([*(value is None for value in parsed), False])[position]


def _number(text) -> float | None:
    """Parse a number, or a time of day in seconds; return None for other text."""
    if NUMBER.fullmatch(text):
        return float(text)
    if time := TIME.fullmatch(text):
        hours, minutes, seconds = (float(part or 0) for part in time.groups())
        return 3600 * hours + 60 * minutes + seconds
    return None


def to_dates(column: Any, missing: Sequence[str] = MISSING) -> np.ndarray:
    """Convert a column to datetime64 in microseconds, in UTC if it has a time zone.

    Raises ValueError, with a clause as message, if a cell is not a date.
    """
    timestamps = _timestamps(column, missing)
    if timestamps is None:
        texts = to_texts(column, missing)
        first = next((text for text in texts if text not in (None, *DASHES) and not DATE.fullmatch(text)), None)
        raise ValueError("it holds dates in different formats" if first is None else f"it holds {first!r}")
    return timestamps.cast(pa.timestamp("us"), safe=False).to_numpy(zero_copy_only=False).astype("datetime64[us]")


def to_texts(column: Any, missing: Sequence[str] = MISSING) -> np.ndarray:
    """Convert a column to an object array of stripped text; missing cells become None, true and false lower case."""
    encoded = _texts(column, missing).dictionary_encode()
    normalized = [unicodedata.normalize("NFC", text) for text in encoded.dictionary.to_pylist()]
    known = [text.lower() if text.lower() in ("true", "false") else text for text in normalized]
    return np.array([*known, None], object)[np.asarray(encoded.indices.fill_null(len(known)))]


def misread_reason(texts: np.ndarray) -> str | None:
    """Return why a text column may have been meant as numbers or dates, or None.

    At least nine of ten cells then look like numbers or dates, in a format that is read or in another one.
    """
    known = [text for text in texts[:MAX_INSPECTED].tolist() if text is not None]
    for description, pattern in LOOKALIKES.items():
        others = [text for text in known if not pattern.fullmatch(text)]
        if len(known) > 1 and len(others) <= len(known) / 10:
            return f"is read as text: nearly all cells look like {description.format(next(iter(others or known)))}"
    return None


def _is_text(column: Any) -> bool:
    kind = _kind(column)
    return any(is_kind(kind) for is_kind in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view))


def _kind(column) -> Any:
    return column.type.value_type if pa.types.is_dictionary(column.type) else column.type


def _texts(column, missing) -> Any:
    """Return a column as one Arrow array of stripped text, with null for missing cells."""
    try:
        values = column.cast(pa.large_string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ValueError(f"it holds {_kind(column)}") from error
    values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    return _with_nulls(pc.utf8_trim_whitespace(values), missing)


def _with_nulls(texts, missing) -> Any:
    """Replace the given texts by null."""
    return pc.if_else(pc.is_in(texts, value_set=pa.array(missing, pa.large_string())), None, texts)


def _timestamps(column, missing) -> Any:
    """Return a column as Arrow timestamps, or None if it holds anything else."""
    if not _is_text(column):
        try:
            return column.cast(pa.timestamp("us"), safe=False)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return None
    texts = _with_nulls(_texts(column, missing), DASHES)
    first = texts.drop_null()[:1].to_pylist()
    if first and not DATE.fullmatch(first[0]):
        return None
    for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            return texts.cast(kind)
        except pa.ArrowInvalid:
            continue
    for form in FORMATS:
        try:
            return pc.strptime(texts, format=form, unit="us")
        except pa.ArrowInvalid:
            continue
    return None
