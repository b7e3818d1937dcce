"""Encodings of the columns of a table as numbers, fitted to the training part."""

import re
from collections import Counter
from typing import NamedTuple

import numpy as np

from jaxdl.data.preprocessing.weighted import weighted_median, weighted_moments

MAX_CATEGORIES = 100  # categories of a column with a feature of their own, the most frequent ones
DAY = np.timedelta64(1, "D")
WEEK, YEAR = 7.0, 365.2425  # in days
SAVED_INDEX = re.compile(r"|(?i:unnamed: 0(?:\.\d+)?|__index_level_\d+__|level_\d+)")  # written by pandas
ROW_NUMBER = re.compile(r"(?i:nr|no|num|number|obs|observation|record|case|sample|s[ ._]?no|idx|row[ _.]?names?)\.?")
IDENTIFIER = re.compile(r"|#|(?i:index|row|row[ _]?(?:number|no|id)|unnamed: 0|id|.*[ _]id)|.*[a-z]I[Dd]")
FAMILIAR_STDS = 100.0  # a number farther from the training mean, in standard deviations, is unfamiliar
MAX_STDS = 1e6  # encoded numbers are clipped to this many standard deviations, so that float32 can hold them


class Numbers(NamedTuple):
    """Encoding of a numeric column: (number - mean) / std, with the median in place of missing values.

    If training had missing values, a second feature is 1 for missing values and 0 for all others.

    Attributes:
        name: Name of the column.
        median: Median of the training part.
        mean: Mean of the training part.
        std: Standard deviation of the training part; 1 for a constant column.
        missing: Whether the training part has missing values.
    """

    name: str
    median: float
    mean: float
    std: float
    missing: bool


class Categories(NamedTuple):
    """One-hot encoding of a text column: one feature for each category.

    Attributes:
        name: Name of the column.
        categories: The categories of the training part. A category None means missing values.
        rest: Whether a last feature marks all other categories. If False, they are encoded as zeros.
    """

    name: str
    categories: tuple[str | None, ...]
    rest: bool


class Dates(NamedTuple):
    """Encoding of a date column: days since 1970, and sine and cosine of each cycle.

    Attributes:
        name: Name of the column.
        days: Encoding of the number of days.
        cycles: Lengths of the cycles in days. Sine and cosine of a missing date are 0.
    """

    name: str
    days: Numbers
    cycles: tuple[float, ...]


Column = Numbers | Categories | Dates


def fit_column(name: str, values: np.ndarray, weights: np.ndarray | None = None) -> Column | str:
    """Fit the encoding of a column to the training part, or return the reason why the column is not used.

    A column is not used if it cannot help to predict new examples: it has one value, its name and its integers suggest
    an index, or it is text with over 20 values that are mostly distinct. Weights (examples,) apply to mean, standard
    deviation and median.
    """
    if values.dtype == object:
        return _fit_categories(name, values)
    numbers = _days(values) if values.dtype.kind == "M" else values
    known = numbers[~np.isnan(numbers)]
    missing = known.size < numbers.size
    if not known.size:
        return "it is empty in the training part"
    if known.min() == known.max() and not missing:
        return "it has one value in the training part"
    if _is_index(name, known):
        return "its name and its integers suggest an index"
    with np.errstate(over="ignore", invalid="ignore"):
        mean, std, median = _moments(known, None if weights is None else weights[~np.isnan(numbers)])
    if not (np.isfinite(std) and std > 0):
        raise ValueError(
            f"column {name!r} must hold numbers whose squares fit into float64, got numbers from {known.min():g} to "
            f"{known.max():g} in the training part: correct them, or leave them empty."
        )
    fitted = Numbers(name, float(median), float(mean), float(std), missing)
    if values.dtype.kind != "M":
        return fitted
    day = (1.0,) if (known != np.round(known)).any() else ()
    return Dates(name, fitted, (*day, WEEK, YEAR))


def _moments(known, weights) -> tuple[float, float, float]:
    """Return mean, standard deviation (1 for a constant) and median."""
    if weights is None:
        return known.mean(), known.std() if known.min() < known.max() else 1.0, np.median(known)
    (mean,), (std,) = weighted_moments(known[:, None], weights)
    return mean, std, weighted_median(known, weights)


def _is_index(name, known) -> bool:
    """Return whether a column is an index by its name and its numbers; a name alone may mean something else."""
    if (known != np.round(known)).any():
        return False
    distinct = len(np.unique(known)) == known.size
    dense = known.max() - known.min() < 2 * known.size  # consecutive numbers, of which other parts have some
    return bool(
        SAVED_INDEX.fullmatch(name)
        or (distinct and IDENTIFIER.fullmatch(name))
        or (distinct and dense and ROW_NUMBER.fullmatch(name))
    )


def _fit_categories(name, values) -> Categories | str:
    counts = Counter(values.tolist())
    known = sum(counts.values()) - counts[None]
    distinct = len(counts) - (None in counts)
    if distinct == 0:
        return "it is empty in the training part"
    if len(counts) - (counts[None] == 0 and None in counts) == 1:
        return "it has one value in the training part"
    if distinct > 20 and 2 * distinct > known:
        return f"it is text with {distinct} distinct values in {known} rows, too many for categories"
    frequent = sorted((text for text in counts if text is not None), key=lambda text: (-counts[text], text))
    kept = [text for text in frequent[:MAX_CATEGORIES] if counts[text] > 1 or distinct <= MAX_CATEGORIES]
    return Categories(name, (*sorted(kept), *((None,) if counts[None] else ())), rest=len(kept) < distinct)


def encode_column(column: Column, values: np.ndarray) -> np.ndarray:
    """Return the features (examples, features) of a column as float32.

    Raises TypeError if the values are of another kind than in training.
    """
    match column:
        case Numbers():
            _check_kind(column, values, "f", "numbers")
            return _encode_numbers(column, values)
        case Categories():
            _check_kind(column, values, "O", "text")
            position = {category: number for number, category in enumerate(column.categories)}
            width = len(column.categories) + column.rest
            unknown = len(column.categories) if column.rest else width
            rows = np.fromiter((position.get(value, unknown) for value in values), np.int64, len(values))
            return np.eye(width + 1, width, dtype=np.float32)[rows]  # the last row is all zeros
        case Dates():
            _check_kind(column, values, "M", "dates")
            days = _days(values)
            angles = [2 * np.pi * np.nan_to_num(days) / cycle for cycle in column.cycles]
            waves = np.stack([wave(angle) for angle in angles for wave in (np.sin, np.cos)], axis=1)
            waves[np.isnan(days)] = 0
            return np.concatenate([_encode_numbers(column.days, days), waves.astype(np.float32)], axis=1)


def _encode_numbers(column, values) -> np.ndarray:
    missing = np.isnan(values)
    scaled = np.clip(_scaled(column, np.where(missing, column.median, values)), -MAX_STDS, MAX_STDS)
    return np.stack([scaled, missing] if column.missing else [scaled], axis=1).astype(np.float32)


def _scaled(column, values) -> np.ndarray:
    with np.errstate(over="ignore"):
        return (values - column.mean) / column.std


def unfamiliar(column: Column, values: np.ndarray) -> np.ndarray:
    """Return a mask of cells unlike training.

    These are unknown categories, numbers and dates over 100 standard deviations from the mean, and missing values if
    training had none.
    """
    match column:
        case Categories(categories=categories, rest=rest):
            known = set(categories)
            return np.array([value not in known and not (rest and value is not None) for value in values], bool)
        case Dates(days=days):
            return unfamiliar(days, _days(values))
        case Numbers():
            return (np.abs(_scaled(column, values)) > FAMILIAR_STDS) | (np.isnan(values) & (not column.missing))


def feature_names(column: Column) -> tuple[str, ...]:
    """Return the names of the features of a column."""
    match column:
        case Numbers(name=name):
            return (name, f"{name} is missing") if column.missing else (name,)
        case Categories(name=name):
            names = [f"{name} is missing" if text is None else f"{name} = {text}" for text in column.categories]
            return (*names, *((f"{name} = any other",) if column.rest else ()))
        case Dates(name=name):
            waves = [f"{name}, {wave} of {cycle:g} days" for cycle in column.cycles for wave in ("sine", "cosine")]
            return (*feature_names(column.days), *waves)


def missing_cells(values: np.ndarray) -> np.ndarray:
    """Return a mask of the missing cells of a column: NaN, NaT or None."""
    if values.dtype == object:
        return np.fromiter((value is None for value in values), bool, len(values))
    return np.isnat(values) if values.dtype.kind == "M" else np.isnan(values)


def _days(values) -> np.ndarray:
    return (values - np.datetime64(0, "D")) / DAY  # NaN for a missing date


def _check_kind(column, values, kind, expected) -> None:
    if values.dtype.kind != kind:
        raise TypeError(f"column {column.name!r} must hold {expected}, as in training, got {values.dtype}.")
