"""The cells of a column of a table: numbers, dates or names, by what is written in them."""

import re
import unicodedata
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MISSING = ("", "?", "#N/A", "N/A", "NA", "NULL", "NaN", "NaT", "n/a", "nan", "null", "None", "<NA>")
DASHES = ("-", "--", "–", "—", ".", "..")  # missing too, in a column whose other cells are numbers or dates
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]?inf(?:inity)?", re.ASCII | re.IGNORECASE)
TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?", re.ASCII)
DATE = re.compile(r"(?:\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}\.\d{1,2}\.\d{4})(?:[T ].*)?", re.ASCII)
FORMATS = ("%Y/%m/%d", "%Y/%m/%d %H:%M:%S", "%d.%m.%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S")
NEARLY = {  # what names may have been meant as
    "numbers": re.compile(f"(?:{NUMBER.pattern})", re.ASCII | re.IGNORECASE),
    "dates": DATE,
    "numbers as 1234.5 is written": re.compile(r"[$€£]?\s*[+-]?\d[\d.,' ]*\s*[%$€£]?", re.ASCII),
    "dates as YYYY-MM-DD is written": re.compile(r"\d{1,2}[/-]\d{1,2}[/-](?:\d{2}|\d{4})(?: .*)?", re.ASCII),
}
LOOKED = 10_000  # so many cells are looked at for that


def as_written(column: Any) -> np.ndarray:
    """A column of Arrow as float64, datetime64 in microseconds, or an object array of text, as its cells look.

    What is missing is NaN, NaT or None. Raises ValueError, as a clause, for what no cell of a table should be.
    """
    if not _is_text(column):
        kind = _kind(column)
        if pa.types.is_boolean(kind):
            return names(column)
        return dates(column) if pa.types.is_date(kind) or pa.types.is_timestamp(kind) else numbers(column)[0]
    values, strange = numbers(column)
    if not strange.any():
        return values
    return names(column) if _stamps(column) is None else dates(column)


def numbers(column: Any) -> tuple[np.ndarray, np.ndarray]:
    """A column as float64, NaN where it is missing, and which cells hold something else, NaN too.

    Times of day and durations are in seconds.
    """
    if _is_text(column):
        return _numbers_in(_texts(column))
    kind = _kind(column)
    if pa.types.is_time(kind) or pa.types.is_duration(kind):
        whole = column.cast(pa.int64() if kind.bit_width == 64 else pa.int32()).cast(pa.float64())
        column = pc.divide(whole, {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[kind.unit])
    try:
        values = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        held = "text that is not UTF-8" if pa.types.is_binary(kind) else kind
        raise ValueError(f"holds {held}") from error
    return np.array(values, np.float64), np.zeros(len(values), bool)


def numbers_in(texts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An object array of text, None where it is missing, as `numbers`."""
    return _numbers_in(pa.array(texts, pa.large_string()))


def _numbers_in(texts) -> tuple[np.ndarray, np.ndarray]:
    texts = _without(texts, DASHES)
    try:
        values = texts.cast(pa.float64()).to_numpy(zero_copy_only=False)
        return np.array(values, np.float64), np.zeros(len(values), bool)
    except pa.ArrowInvalid:
        encoded = texts.dictionary_encode()
        read = [_number(text) for text in encoded.dictionary.to_pylist()]
        place = np.asarray(encoded.indices.fill_null(len(read)))
        values = np.array([np.nan if value is None else value for value in (*read, None)])
        return values[place], np.array([*(value is None for value in read), False])[place]


def _number(text) -> float | None:
    if NUMBER.fullmatch(text):
        return float(text)
    if time := TIME.fullmatch(text):
        hours, minutes, seconds = (float(part or 0) for part in time.groups())
        return 3600 * hours + 60 * minutes + seconds
    return None


def dates(column: Any) -> np.ndarray:
    """A column as datetime64 in microseconds, UTC where a zone is told. Raises ValueError, as a clause, for others."""
    stamps = _stamps(column)
    if stamps is None:
        strange = next(
            (text for text in names(column) if text not in (None, *DASHES) and not DATE.fullmatch(text)), None
        )
        raise ValueError("holds others" if strange is None else f"holds {strange!r}")
    return stamps.cast(pa.timestamp("us"), safe=False).to_numpy(zero_copy_only=False).astype("datetime64[us]")


def names(column: Any) -> np.ndarray:
    """A column as text without space around it, None where it is missing; true and false are one word in any case."""
    encoded = _texts(column).dictionary_encode()
    spelled = [unicodedata.normalize("NFC", text) for text in encoded.dictionary.to_pylist()]
    known = [text.lower() if text.lower() in ("true", "false") else text for text in spelled]
    return np.array([*known, None], object)[np.asarray(encoded.indices.fill_null(len(known)))]


def nearly(texts: np.ndarray) -> str | None:
    """Why a column of names may be none, as a clause: where nine cells of ten, or all, look like something else."""
    known = [text for text in texts[:LOOKED].tolist() if text is not None]
    for meant, looks in NEARLY.items():
        strange = [text for text in known if not looks.fullmatch(text)]
        if len(known) > 1 and len(strange) <= len(known) / 10:
            example = next(iter(strange or known))
            return f"is read as names: nearly all of its cells look like {meant}, but {example!r} is none"
    return None


def _is_text(column: Any) -> bool:
    """Is it a column of text, so that it may be anything?"""
    kind = _kind(column)
    return any(is_kind(kind) for is_kind in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view))


def _kind(column) -> Any:
    return column.type.value_type if pa.types.is_dictionary(column.type) else column.type


def _texts(column) -> Any:
    """A column as one array of text without space around it, null where it is missing."""
    try:
        values = column.cast(pa.large_string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ValueError(f"holds {_kind(column)}") from error
    values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    return _without(pc.utf8_trim_whitespace(values), MISSING)


def _without(texts, missing) -> Any:
    """The same texts, null where they are one of those that say that there is none."""
    return pc.if_else(pc.is_in(texts, value_set=pa.array(missing, pa.large_string())), None, texts)


def _stamps(column) -> Any:
    """A column as time stamps, or None where it holds something else."""
    if not _is_text(column):
        try:
            return column.cast(pa.timestamp("us"), safe=False)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return None
    texts = _without(_texts(column), DASHES)
    first = texts.drop_null()[:1].to_pylist()
    if first and not DATE.fullmatch(first[0]):
        return None
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
