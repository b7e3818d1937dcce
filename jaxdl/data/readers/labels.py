"""Interpretation of labels as they were read: as classes or as regression targets."""

import re

import numpy as np

from jaxdl.data.readers.cells import texts_to_numbers

MAX_CLASSES = 20  # whole numbers with more distinct values are regression targets
DECIMAL = re.compile(r"-?(?:0|[1-9]\d*)\.\d+", re.ASCII)


def as_classes(values: np.ndarray) -> np.ndarray:
    """Convert labels to classes: integers, or names as text.

    Text becomes integers if all of it is integers. 7 and 7.0 are the same class, and so are 1.5 and 1.50; 07 is a name.

    Args:
        values: Labels (examples,) or (examples, 1): numbers, Booleans or text.

    Returns:
        Integers or text (examples,).

    Example:
        >>> from jaxdl import data
        >>> data.as_classes(np.array([1.0, 0.0])).tolist(), data.as_classes(np.array(["7.0", "x"])).tolist()
        ([1, 0], ['7', 'x'])
    """
    values = _column(values)
    if values.dtype.kind == "b":
        return values.astype(np.int64)
    if values.dtype.kind == "f" and (values == np.round(values)).all() and (np.abs(values) < 2.0**53).all():
        return values.astype(np.int64)
    if values.dtype.kind in "iu":
        return values
    texts = [str(value) for value in values.tolist()]
    normalized = {text: _without_trailing_zeros(text) for text in set(texts)}
    if all(_is_integer(text) for text in normalized.values()):
        return np.array([int(normalized[text]) for text in texts], np.int64)
    return np.array([normalized[text] for text in texts], object)


def as_targets(values: np.ndarray) -> np.ndarray:
    """Convert labels to regression targets.

    Args:
        values: Labels (examples,) or (examples, outputs): numbers, or text that holds numbers.

    Returns:
        Targets (examples, outputs) in float64.

    Raises:
        TypeError: If a label is not a number.

    Example:
        >>> from jaxdl import data
        >>> data.as_targets(np.array(["1.5", "2"], object)).tolist()
        [[1.5], [2.0]]
    """
    values = np.asarray(values)
    if values.dtype == object and values.ndim == 1:
        numbers, invalid = texts_to_numbers(values)
        values = values if invalid.any() else numbers
    if values.dtype.kind not in "biuf":
        first = values[invalid][0] if values.dtype == object and values.ndim == 1 else _column(values)[0]
        raise TypeError(
            f"labels must be numbers for a regression, got {str(first)!r}: use another column, or treat them as "
            "classes."
        )
    return values.astype(np.float64).reshape(len(values), -1)


def infer_labels(values: np.ndarray) -> np.ndarray:
    """Convert labels to classes or to regression targets, by their values.

    Names are classes. Integers are classes if they are 0 to k - 1, and whole numbers are if they have few distinct
    values: at most 20, each twice on average. All other numbers are targets. Text that holds numbers counts as numbers.

    Args:
        values: Labels (examples,) or (examples, outputs).

    Returns:
        Classes (examples,) as of `as_classes`, or targets (examples, outputs) as of `as_targets`.

    Example:
        >>> from jaxdl import data
        >>> data.infer_labels(np.array([5.0, 7.0, 5.0, 7.0])).shape, data.infer_labels(np.array([0.1, 0.2])).shape
        ((4,), (2, 1))
    """
    values = np.asarray(values)
    if values.ndim == 2 and values.shape[1] > 1:
        return as_targets(values)
    flat = _column(values)
    numbers = flat
    if flat.dtype == object:
        numbers, invalid = texts_to_numbers(flat)
        if invalid.any():
            return as_classes(flat)
    if numbers.dtype.kind not in "iuf":
        return as_classes(flat)
    distinct = np.unique(numbers)
    consecutive = numbers.dtype.kind in "iu" and distinct[0] == 0 and distinct[-1] == len(distinct) - 1
    few = (distinct == np.round(distinct)).all() and len(distinct) <= min(MAX_CLASSES, max(2, len(flat) / 2))
    return as_classes(flat) if consecutive or few else as_targets(flat)


def _column(values) -> np.ndarray:
    """Return labels (examples, 1) as (examples,); other shapes stay."""
    values = np.asarray(values)
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values


def _without_trailing_zeros(text) -> str:
    """Remove the zeros at the end of a decimal number; return other text unchanged."""
    return text.rstrip("0").rstrip(".") if DECIMAL.fullmatch(text) else text


def _is_integer(text) -> bool:
    """Return whether the text is the canonical form of a 64-bit integer."""
    return text.removeprefix("-").isdecimal() and len(text) < 20 and str(int(text)) == text and abs(int(text)) < 2**63
