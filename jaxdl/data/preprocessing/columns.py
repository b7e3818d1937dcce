"""The columns of a table as numbers: what each takes from the training part, and how its cells are encoded by that."""

import re
from collections import Counter
from typing import NamedTuple

import numpy as np

LEVELS = 100  # so many names of a column get a feature of their own, the most frequent first
DAY = np.timedelta64(1, "D")
WEEK, YEAR = 7.0, 365.2425  # in days
IDENTIFIER = re.compile(r"|#|(?i:index|row|row[ _]?(?:number|no|id)|unnamed: 0|id|.*[ _]id)|.*[a-z]I[Dd]")
FAR = 100.0  # a number so many deviations from the mean of training is far from what the networks have seen
FURTHEST = 1e6  # deviations: what is further away is taken as being there, so that float32 can hold it


class Numbers(NamedTuple):
    """One feature: the number less the mean, by the deviation; the median stands where it is missing.

    A second feature is 1 where it is missing and 0 elsewhere, if any was `missing` in the training part.
    """

    name: str
    median: float
    mean: float
    deviation: float
    missing: bool


class Categories(NamedTuple):
    """A feature of 0 and 1 for every level: one-hot. What is missing is a level too, None, if any was in training.

    `rest` is a last feature for all other names, where there were any in training; without it they are 0 everywhere.
    """

    name: str
    levels: tuple[str | None, ...]
    rest: bool


class Dates(NamedTuple):
    """The number of days since 1970, and sine and cosine of every cycle, in days; these are 0 where it is missing."""

    name: str
    days: Numbers
    cycles: tuple[float, ...]


Column = Numbers | Categories | Dates


def fit_column(name: str, values: np.ndarray) -> Column | str:
    """What the encoding of a column takes from the training part; or, in words, why it is to be left out.

    Left out is what says nothing about examples not seen: a column of one value, one that is named as an index and
    whose whole numbers all differ, and one of more than 20 names that are mostly different.
    """
    if values.dtype == object:
        return _fit_names(name, values)
    numbers = _days(values) if values.dtype.kind == "M" else values
    known = numbers[~np.isnan(numbers)]
    missing = known.size < numbers.size
    if not known.size:
        return "it is empty in the training part"
    if known.min() == known.max() and not missing:
        return "it has one value in the training part"
    if IDENTIFIER.fullmatch(name) and len(np.unique(known)) == known.size and (known == np.round(known)).all():
        return "it is named as an index, and every row has another number"
    with np.errstate(over="ignore", invalid="ignore"):
        mean, deviation = known.mean(), known.std() if known.min() < known.max() else 1.0
    if not (np.isfinite(deviation) and deviation > 0):
        raise ValueError(
            f"column {name!r} must hold numbers whose squares float64 can hold, but those in training are from "
            f"{known.min():g} to {known.max():g}: correct them, or leave them empty."
        )
    fitted = Numbers(name, float(np.median(known)), float(mean), float(deviation), missing)
    if values.dtype.kind != "M":
        return fitted
    within = (1.0,) if (known != np.round(known)).any() else ()
    return Dates(name, fitted, (*within, WEEK, YEAR))


def _fit_names(name, values) -> Categories | str:
    counts = Counter(values.tolist())
    known = sum(counts.values()) - counts[None]
    names = len(counts) - (None in counts)
    if names == 0:
        return "it is empty in the training part"
    if len(counts) - (counts[None] == 0 and None in counts) == 1:
        return "it has one value in the training part"
    if names > 20 and 2 * names > known:
        return f"it is text with {names} different values in {known} rows: names, not categories"
    frequent = sorted((level for level in counts if level is not None), key=lambda level: (-counts[level], level))
    levels = [level for level in frequent[:LEVELS] if counts[level] > 1 or names <= LEVELS]
    return Categories(name, (*sorted(levels), *((None,) if counts[None] else ())), rest=len(levels) < names)


def encode_column(column: Column, values: np.ndarray) -> np.ndarray:
    """The features of a column, (examples, features) in float32. Raises TypeError for values of another kind."""
    match column:
        case Numbers():
            _check_kind(column, values, "f", "numbers")
            return _encode_numbers(column, values)
        case Categories():
            _check_kind(column, values, "O", "names")
            position = {level: number for number, level in enumerate(column.levels)}
            width = len(column.levels) + column.rest
            beyond = len(column.levels) if column.rest else width
            rows = np.fromiter((position.get(value, beyond) for value in values), np.int64, len(values))
            return np.eye(width + 1, width, dtype=np.float32)[rows]  # the last row is 0 everywhere
        case Dates():
            _check_kind(column, values, "M", "dates")
            days = _days(values)
            turns = [2 * np.pi * np.nan_to_num(days) / cycle for cycle in column.cycles]
            waves = np.stack([wave(turn) for turn in turns for wave in (np.sin, np.cos)], axis=1)
            waves[np.isnan(days)] = 0
            return np.concatenate([_encode_numbers(column.days, days), waves.astype(np.float32)], axis=1)


def _encode_numbers(column, values) -> np.ndarray:
    missing = np.isnan(values)
    scaled = np.clip(_scaled(column, np.where(missing, column.median, values)), -FURTHEST, FURTHEST)
    return np.stack([scaled, missing] if column.missing else [scaled], axis=1).astype(np.float32)


def _scaled(column, values) -> np.ndarray:
    with np.errstate(over="ignore"):
        return (values - column.mean) / column.deviation


def unfamiliar(column: Column, values: np.ndarray) -> np.ndarray:
    """Which cells are unlike training: new names, numbers and dates far from the mean, missing where none was."""
    match column:
        case Categories(levels=levels, rest=rest):
            known = set(levels)
            return np.array([value not in known and not (rest and value is not None) for value in values], bool)
        case Dates(days=days):
            return unfamiliar(days, _days(values))
        case Numbers():
            return (np.abs(_scaled(column, values)) > FAR) | (np.isnan(values) & (not column.missing))


def features(column: Column) -> tuple[str, ...]:
    """What the features of a column are called."""
    match column:
        case Numbers(name=name):
            return (name, f"{name} is missing") if column.missing else (name,)
        case Categories(name=name):
            levels = [f"{name} is missing" if level is None else f"{name} = {level}" for level in column.levels]
            return (*levels, *((f"{name} = any other",) if column.rest else ()))
        case Dates(name=name):
            waves = [f"{name}, {wave} of {cycle:g} days" for cycle in column.cycles for wave in ("sine", "cosine")]
            return (*features(column.days), *waves)


def missing_cells(values: np.ndarray) -> np.ndarray:
    """Which cells of a column are missing."""
    if values.dtype == object:
        return np.fromiter((value is None for value in values), bool, len(values))
    return np.isnat(values) if values.dtype.kind == "M" else np.isnan(values)


def _days(values) -> np.ndarray:
    return (values - np.datetime64(0, "D")) / DAY  # NaN where it is missing


def _check_kind(column, values, kind, expected) -> None:
    if values.dtype.kind != kind:
        raise TypeError(f"column {column.name!r} must hold {expected}, as in training, but holds {values.dtype}.")
