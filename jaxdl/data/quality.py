"""What can be wrong with a data set and how it is divided: told, not mended."""

import hashlib
from collections import Counter
from collections.abc import Hashable
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import PyTree

from jaxdl.data.dataset import Dataset, Split
from jaxdl.data.splits import codes


class Counts(NamedTuple):
    """So many in each part of a split."""

    train: int
    dev: int
    test: int


class Leakage(NamedTuple):
    """So many examples whose inputs were there before: of one part in another, and repeated in the training part."""

    dev_in_train: int
    test_in_train: int
    test_in_dev: int
    repeated_in_train: int


def class_balance(split: Split) -> dict[Hashable, Counts]:
    """How many examples of each class, a number or name, every part has; in the order of the classes, None at the end.

    Raises TypeError for targets that are no classes.
    """
    for part in split:
        if part.labels.ndim != 1:
            raise TypeError(f"labels must be class numbers or names, but have the shape {part.labels.shape}.")
    counters = [Counter(np.asarray(part.labels).tolist()) for part in split]
    classes = sorted(set().union(*counters), key=lambda label: (label is None, label))
    return {label: Counts(*(counter[label] for counter in counters)) for label in classes}


def leakage(split: Split) -> Leakage:
    """How many examples have exactly the inputs of an example of another part, or of one before in training.

    Inputs are arrays, or columns of numbers, dates and names; what is missing (NaN, NaT, None) is equal to what is
    missing. Examples are told apart by 128 bits of BLAKE2b of all that they hold.
    """
    whole = jax.tree.map(lambda *parts: np.concatenate(parts), *(part.inputs for part in split))
    numbers = _row_codes(whole)
    train, dev, test = np.split(numbers, np.cumsum([part.size for part in split])[:-1])
    return Leakage(
        dev_in_train=int(np.isin(dev, train).sum()),
        test_in_train=int(np.isin(test, train).sum()),
        test_in_dev=int(np.isin(test, dev).sum()),
        repeated_in_train=len(train) - len(np.unique(train)),
    )


def conflicting_labels(data: Dataset) -> int:
    """How many examples have exactly the inputs, but not the label or target, of another example."""
    inputs = _row_codes(data.inputs)
    pairs = np.unique(np.stack([inputs, _row_codes(data.labels)]), axis=1)
    return int((np.bincount(pairs[0])[inputs] > 1).sum())


def _row_codes(tree: PyTree) -> np.ndarray:
    """A number for each example, equal where all that it holds is."""
    rows = np.concatenate([_row_bytes(np.asarray(leaf)) for leaf in jax.tree.leaves(tree)], axis=1)
    return codes([hashlib.blake2b(row, digest_size=16).digest() for row in rows])


def _row_bytes(array) -> np.ndarray:
    """Each example as bytes, equal where its values are: one NaN, one zero, and a number for each text."""
    if array.dtype.kind in "fc":
        array = np.where(np.isnan(array), np.nan, array + 0.0)
    elif array.dtype.kind not in "biumM":
        array = codes(array.ravel().tolist()).reshape(array.shape)
    return np.ascontiguousarray(array).reshape(len(array), -1).view(np.uint8)
