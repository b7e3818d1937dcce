"""What the labels of a file are: classes, or the targets of a regression."""

import re

import numpy as np

from jaxdl.data.readers.cells import numbers_in

MOST_CLASSES = 20  # whole numbers of more values than this are targets, unless it is said otherwise
DECIMAL = re.compile(r"-?(?:0|[1-9]\d*)\.\d+", re.ASCII)


def as_classes(values: np.ndarray) -> np.ndarray:
    """Whole numbers or names, one for each example; any other number is a name, as it is written.

    Text is whole numbers where all of it is. 7 and 7.0 are one class, as 1.5 and 1.50 are; 07 is a name.
    """
    values = _column(values)
    if values.dtype.kind == "b":
        return values.astype(np.int64)
    if values.dtype.kind == "f" and (values == np.round(values)).all() and (np.abs(values) < 2.0**53).all():
        return values.astype(np.int64)
    if values.dtype.kind in "iu":
        return values
    written = [str(value) for value in values.tolist()]
    spelled = {text: _spelled(text) for text in set(written)}
    if all(_is_whole(text) for text in spelled.values()):
        return np.array([int(spelled[text]) for text in written], np.int64)
    return np.array([spelled[text] for text in written], object)


def as_targets(values: np.ndarray) -> np.ndarray:
    """Numbers of shape (examples, outputs). Raises TypeError for names."""
    values = np.asarray(values)
    if values.dtype == object and values.ndim == 1:
        read, strange = numbers_in(values)
        values = values if strange.any() else read
    if values.dtype.kind not in "biuf":
        strange = values[strange][0] if values.dtype == object and values.ndim == 1 else _column(values)[0]
        raise TypeError(
            f"labels must be numbers for a regression, but {str(strange)!r} is among them: take another column, "
            "or learn them as classes."
        )
    return values.astype(np.float64).reshape(len(values), -1)


def as_they_look(values: np.ndarray) -> np.ndarray:
    """Classes where they are names; integers that are 0 to k - 1; or whole numbers of few values. Else targets.

    Few are at most 20, each there twice on average. Text that is numbers is taken as these are.
    """
    values = np.asarray(values)
    if values.ndim == 2 and values.shape[1] > 1:
        return as_targets(values)
    flat = _column(values)
    numbers = flat
    if flat.dtype == object:
        numbers, strange = numbers_in(flat)
        if strange.any():
            return as_classes(flat)
    if numbers.dtype.kind not in "iuf":
        return as_classes(flat)
    found = np.unique(numbers)
    counted = numbers.dtype.kind in "iu" and found[0] == 0 and found[-1] == len(found) - 1
    few = (found == np.round(found)).all() and len(found) <= min(MOST_CLASSES, max(2, len(flat) / 2))
    return as_classes(flat) if counted or few else as_targets(flat)


def _column(values) -> np.ndarray:
    """One value for each example; (examples, 1) is taken too."""
    values = np.asarray(values)
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values


def _spelled(text) -> str:
    """A decimal number without zeros at its end; all else as it is."""
    return text.rstrip("0").rstrip(".") if DECIMAL.fullmatch(text) else text


def _is_whole(text) -> bool:
    """Is it an integer of 64 bits, written the one way that is usual?"""
    return text.removeprefix("-").isdecimal() and len(text) < 20 and str(int(text)) == text and abs(int(text)) < 2**63
