"""Checks of a data set and its split: class balance, leakage between parts, and conflicting labels."""

import hashlib
from collections import Counter
from collections.abc import Hashable
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import PyTree

from jaxdl.data._arguments import check_data, check_split
from jaxdl.data.dataset import Dataset, Split, counted
from jaxdl.data.splits import codes


class Counts(NamedTuple):
    """Number of examples in each part of a split.

    Attributes:
        train: Examples of train.
        dev: Examples of dev.
        test: Examples of test.
    """

    train: int
    dev: int
    test: int


class Leakage(NamedTuple):
    """Number of examples whose inputs are equal to the inputs of an earlier example.

    Attributes:
        dev_in_train: Examples of dev that are also in train.
        test_in_train: Examples of test that are also in train.
        test_in_dev: Examples of test that are also in dev.
        repeated_in_train: Examples of train beyond the first of each set of duplicates.
    """

    dev_in_train: int
    test_in_train: int
    test_in_dev: int
    repeated_in_train: int


def class_balance(split: Split) -> dict[Hashable, Counts]:
    """Count the examples of each class in every part. Examples of weight 0 do not count.

    Args:
        split: A split whose labels are class numbers or names (examples,).

    Returns:
        Counts by class, in the order of the classes; None, for missing labels, comes last.

    Raises:
        TypeError: If the labels are regression targets.

    Example:
        >>> from jaxdl import data
        >>> train = data.from_arrays(np.zeros((3, 1)), [0, 0, 1])
        >>> balance = data.class_balance(data.Split(train, train, data.take(train, [2])))
        >>> balance[0]
        Counts(train=2, dev=2, test=0)
    """
    check_split(split)
    for part in split:
        if part.labels.ndim != 1:
            raise TypeError(f"labels must be class numbers or names (examples,), got the shape {part.labels.shape}.")
    counters = [Counter(np.asarray(counted(part).labels).tolist()) for part in split]
    classes = sorted(set().union(*counters), key=lambda label: (label is None, label))
    return {label: Counts(*(counter[label] for counter in counters)) for label in classes}


def leakage(split: Split) -> Leakage:
    """Count the examples whose inputs are exactly those of an example of another part, or of an earlier one in train.

    Examples are compared by 128 bits of BLAKE2b of all their inputs. Missing values (NaN, NaT, None) are equal to each
    other. Examples of weight 0 do not count.

    Args:
        split: A split whose inputs are arrays, or columns of numbers, dates and names.

    Returns:
        The counts.

    Example:
        >>> from jaxdl import data
        >>> one, two = (data.from_arrays([[x]], [0]) for x in (1.0, 2.0))
        >>> data.leakage(data.Split(train=one, dev=two, test=one)).test_in_train
        1
    """
    check_split(split)
    split = Split(*map(counted, split))
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
    """Count the examples that have exactly the inputs, but not the label or target, of another example.

    Examples of weight 0 do not count.

    Args:
        data: The data set.

    Returns:
        The number of such examples; no function of the inputs can fit them all.

    Example:
        >>> from jaxdl import data
        >>> data.conflicting_labels(data.from_arrays([[1.0], [1.0], [2.0]], [0, 1, 1]))
        2
    """
    check_data(data)
    data = counted(data)
    inputs = _row_codes(data.inputs)
    pairs = np.unique(np.stack([inputs, _row_codes(data.labels)]), axis=1)
    return int((np.bincount(pairs[0])[inputs] > 1).sum())


def _row_codes(tree: PyTree) -> np.ndarray:
    """Return an integer code for each example; examples with equal values have equal codes."""
    rows = np.concatenate([_row_bytes(np.asarray(leaf)) for leaf in jax.tree.leaves(tree)], axis=1)
    return codes([hashlib.blake2b(row, digest_size=16).digest() for row in rows])


def _row_bytes(array) -> np.ndarray:
    """Return each example as bytes that are equal for equal values: one NaN, one zero, an integer code for text."""
    if array.dtype.kind in "fc":
        array = np.where(np.isnan(array), np.nan, array + 0.0)
    elif array.dtype.kind not in "biumM":
        array = codes(array.ravel().tolist()).reshape(array.shape)
    return np.ascontiguousarray(array).reshape(len(array), -1).view(np.uint8)
