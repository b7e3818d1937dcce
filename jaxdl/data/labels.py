"""What the labels of a file are: classes, or the targets of a regression."""

import numpy as np

MOST_CLASSES = 20  # whole numbers of more values than this are targets, unless it is said otherwise


def as_classes(values: np.ndarray) -> np.ndarray:
    """Names or whole numbers, one for each example; any other number is taken as it is written."""
    values = _column(values)
    if values.dtype.kind in "fb" and (values == np.round(values)).all():
        return values.astype(np.int64)
    return values if values.dtype.kind in "iuUO" else values.astype(str)


def as_targets(values: np.ndarray) -> np.ndarray:
    """Numbers of shape (examples, outputs). Raises TypeError for names."""
    values = np.asarray(values)
    if values.dtype.kind not in "biuf":
        raise TypeError(
            f"labels must be numbers for a regression, but {_column(values)[0]!r} is among them: take another column, "
            "or learn them as classes."
        )
    return values.astype(np.float64).reshape(len(values), -1)


def as_they_look(values: np.ndarray) -> np.ndarray:
    """Classes where they are names; integers that are 0 to k - 1; or whole numbers of few values. Else targets.

    Few are at most 20, each there twice on average.
    """
    values = np.asarray(values)
    if values.ndim == 2 and values.shape[1] > 1:
        return as_targets(values)
    flat = _column(values)
    if flat.dtype.kind not in "iuf":
        return as_classes(flat)
    found = np.unique(flat)
    counted = flat.dtype.kind in "iu" and found[0] == 0 and found[-1] == len(found) - 1
    few = (found == np.round(found)).all() and len(found) <= min(MOST_CLASSES, max(2, len(flat) / 2))
    return as_classes(flat) if counted or few else as_targets(flat)


def _column(values) -> np.ndarray:
    """One value for each example; (examples, 1) is taken too."""
    values = np.asarray(values)
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
