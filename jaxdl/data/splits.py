"""Splits of a data set: at random, stratified by class, or by group; into parts of given shares or into folds.

The key alone decides which example goes where. Within each part the examples keep their order.
"""

import heapq
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Key

from jaxdl._display import short_repr
from jaxdl._types import ArrayLike
from jaxdl.data._arguments import check_data, check_integer, check_key, check_shares
from jaxdl.data.dataset import Dataset, Split, check_unmasked, take


class Fold(NamedTuple):
    """One fold of cross-validation.

    Attributes:
        train: The examples to train on.
        held_out: The examples to evaluate on.
    """

    train: Dataset
    held_out: Dataset

    __repr__ = short_repr


def random_parts(key: Key[Array, ""], data: Dataset, *, shares: Sequence[float]) -> tuple[Dataset, ...]:
    """Split at random into parts of the given shares. Use it for regression targets.

    Args:
        key: Random key.
        data: The data set.
        shares: Share of each part, positive, with sum 1. Sizes are rounded to the nearest example.

    Returns:
        One data set for each share.

    Raises:
        ValueError: If shares are not positive or do not sum to 1, or there are fewer examples than parts.

    Example:
        >>> from jaxdl import data
        >>> line = data.linear_regression(jax.random.key(0), examples=10)
        >>> [part.size for part in data.random_parts(jax.random.key(1), line, shares=(0.7, 0.3))]
        [7, 3]
    """
    _check(key, data)
    return _divide(data, _parts_by_class(key, np.zeros(data.size, int), shares), shares)


def random_split(key: Key[Array, ""], data: Dataset, *, shares: tuple[float, float, float] = (0.6, 0.2, 0.2)) -> Split:
    """Split at random into train, dev and test; see `random_parts`.

    Args:
        key: Random key.
        data: The data set.
        shares: Shares of train, dev and test.

    Returns:
        The three parts.

    Raises:
        ValueError: If shares are not positive or do not sum to 1, or there are fewer than three examples.

    Example:
        >>> from jaxdl import data
        >>> line = data.linear_regression(jax.random.key(0), examples=10)
        >>> split = data.random_split(jax.random.key(1), line)
        >>> split.train.size, split.dev.size, split.test.size
        (6, 2, 2)
    """
    check_shares(shares, Split._fields)
    return Split(*random_parts(key, data, shares=shares))


def stratified_parts(key: Key[Array, ""], data: Dataset, *, shares: Sequence[float]) -> tuple[Dataset, ...]:
    """Split at random into parts in which every class has the same share.

    The examples of each class are divided by the shares, rounded to the nearest example, but every part gets at least
    one. A class with fewer examples than parts has one example in each of the first parts.

    Args:
        key: Random key.
        data: A data set whose labels are class numbers or names (examples,).
        shares: Share of each part, positive, with sum 1.

    Returns:
        One data set for each share.

    Raises:
        ValueError: If shares are not positive or do not sum to 1, a part would be empty, or all labels differ.
        TypeError: If the labels are regression targets.

    Example:
        >>> from jaxdl import data
        >>> rare = data.from_arrays(np.arange(10.0)[:, None], [0] * 8 + [1] * 2)
        >>> parts = data.stratified_parts(jax.random.key(0), rare, shares=(0.5, 0.5))
        >>> [np.bincount(part.labels).tolist() for part in parts]
        [[4, 1], [4, 1]]
    """
    _check(key, data)
    classes = _classes(data)
    single = np.bincount(classes) == 1
    if single.all() and len(single) > 1:
        raise ValueError(
            f"a stratified split needs classes with several examples, but all {len(single)} labels differ: treat "
            "numeric labels as regression targets, or use other labels."
        )
    return _divide(data, _parts_by_class(key, classes, shares), shares)


def stratified_split(
    key: Key[Array, ""], data: Dataset, *, shares: tuple[float, float, float] = (0.6, 0.2, 0.2)
) -> Split:
    """Split at random into train, dev and test in which every class has the same share; see `stratified_parts`.

    Args:
        key: Random key.
        data: A data set whose labels are class numbers or names (examples,).
        shares: Shares of train, dev and test.

    Returns:
        The three parts.

    Raises:
        ValueError: If shares are not positive or do not sum to 1, a part would be empty, or all labels differ.
        TypeError: If the labels are regression targets.

    Example:
        >>> from jaxdl import data
        >>> split = data.stratified_split(jax.random.key(0), data.moons(jax.random.key(1), examples=20))
        >>> [np.bincount(part.labels).tolist() for part in split]
        [[6, 6], [2, 2], [2, 2]]
    """
    check_shares(shares, Split._fields)
    return Split(*stratified_parts(key, data, shares=shares))


def grouped_parts(
    key: Key[Array, ""], data: Dataset, groups: ArrayLike, *, shares: Sequence[float]
) -> tuple[Dataset, ...]:
    """Split at random into parts such that all examples of a group, such as a patient, are in the same part.

    Groups are put end to end in random order, and each goes to the part in which its middle lies. Each part therefore
    begins and ends within half a group of its exact share, but has at least one group. Placing the largest groups first
    would match the shares more closely, but then they would always be in the training part.

    Args:
        key: Random key.
        data: The data set.
        groups: Group of each example (examples,): numbers or names. Missing values form one group.
        shares: Share of each part, positive, with sum 1.

    Returns:
        One data set for each share.

    Raises:
        ValueError: If shares are not positive or do not sum to 1, the number of groups differs from the number of
            examples, or there are fewer distinct groups than parts.

    Example:
        >>> from jaxdl import data
        >>> patients = np.array(["ann", "ann", "bob", "bob", "cem", "cem"])
        >>> visits = data.from_arrays(np.arange(6.0)[:, None], [0, 1, 0, 1, 0, 1])
        >>> train, test = data.grouped_parts(jax.random.key(0), visits, patients, shares=(2 / 3, 1 / 3))
        >>> len(set(patients[test.inputs[:, 0].astype(int)]))
        1
    """
    _check(key, data)
    check_shares(shares)
    numbers, sizes = _groups(data, groups, len(shares), "parts")
    order = np.asarray(jax.random.permutation(key, len(sizes)))
    middles = np.cumsum(sizes[order]) - sizes[order] / 2
    ends = _ends(np.searchsorted(middles, data.size * np.cumsum(shares)), np.array([len(sizes)]))
    part = np.zeros(len(sizes), int)
    part[order] = np.searchsorted(ends, np.arange(len(sizes)), side="right")
    return _divide(data, part[numbers], shares)


def grouped_split(
    key: Key[Array, ""],
    data: Dataset,
    groups: ArrayLike,
    *,
    shares: tuple[float, float, float] = (0.6, 0.2, 0.2),
) -> Split:
    """Split at random into train, dev and test, keeping groups together; see `grouped_parts`.

    Args:
        key: Random key.
        data: The data set.
        groups: Group of each example (examples,): numbers or names.
        shares: Shares of train, dev and test.

    Returns:
        The three parts.

    Raises:
        ValueError: As `grouped_parts`.

    Example:
        >>> from jaxdl import data
        >>> moons = data.moons(jax.random.key(0), examples=20)
        >>> split = data.grouped_split(jax.random.key(1), moons, np.arange(20) // 2)
        >>> [part.size for part in split]
        [12, 4, 4]
    """
    check_shares(shares, Split._fields)
    return Split(*grouped_parts(key, data, groups, shares=shares))


def k_folds(key: Key[Array, ""], data: Dataset, *, folds: int = 5) -> tuple[Fold, ...]:
    """Split at random into folds for cross-validation; each example is held out exactly once.

    Args:
        key: Random key.
        data: The data set.
        folds: Number of folds, from 2 to the number of examples. Their sizes differ by at most one.

    Returns:
        The folds.

    Raises:
        ValueError: If `folds` is out of range.

    Example:
        >>> from jaxdl import data
        >>> line = data.linear_regression(jax.random.key(0), examples=7)
        >>> [(fold.train.size, fold.held_out.size) for fold in data.k_folds(jax.random.key(1), line, folds=3)]
        [(4, 3), (5, 2), (5, 2)]
    """
    _check(key, data)
    return _held_out(data, _folds_by_class(key, np.zeros(data.size, int), folds), folds)


def stratified_folds(key: Key[Array, ""], data: Dataset, *, folds: int = 5) -> tuple[Fold, ...]:
    """Split into folds as `k_folds`, with class counts that differ by at most one between folds.

    Args:
        key: Random key.
        data: A data set whose labels are class numbers or names (examples,).
        folds: Number of folds, from 2 to the number of examples.

    Returns:
        The folds.

    Raises:
        ValueError: If `folds` is out of range.
        TypeError: If the labels are regression targets.

    Example:
        >>> from jaxdl import data
        >>> moons = data.moons(jax.random.key(0), examples=12)
        >>> folds = data.stratified_folds(jax.random.key(1), moons, folds=3)
        >>> [np.bincount(fold.held_out.labels).tolist() for fold in folds]
        [[2, 2], [2, 2], [2, 2]]
    """
    _check(key, data)
    return _held_out(data, _folds_by_class(key, _classes(data), folds), folds)


def grouped_folds(key: Key[Array, ""], data: Dataset, groups: ArrayLike, *, folds: int = 5) -> tuple[Fold, ...]:
    """Split into folds such that all examples of a group are held out together.

    Groups are assigned from the largest to the smallest, at random among equal sizes, each to the fold with the fewest
    examples so far. Sizes of folds differ by at most the size of the largest group.

    Args:
        key: Random key.
        data: The data set.
        groups: Group of each example (examples,): numbers or names. Missing values form one group.
        folds: Number of folds, from 2 to the number of groups.

    Returns:
        The folds.

    Raises:
        ValueError: If `folds` is out of range, or the number of groups differs from the number of examples.

    Example:
        >>> from jaxdl import data
        >>> moons = data.moons(jax.random.key(0), examples=6)
        >>> folds = data.grouped_folds(jax.random.key(1), moons, ["a", "a", "a", "b", "b", "c"], folds=2)
        >>> [fold.held_out.size for fold in folds]
        [3, 3]
    """
    _check(key, data)
    _check_folds(folds, data.size)
    numbers, sizes = _groups(data, groups, folds, "folds")
    order = np.asarray(jax.random.permutation(key, len(sizes)))
    fullness = [(0, fold) for fold in range(folds)]
    fold_of = np.zeros(len(sizes), int)
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        size, fold_of[group] = fullness[0]
        heapq.heapreplace(fullness, (size + sizes[group], fold_of[group]))
    return _held_out(data, fold_of[numbers], folds)


def codes(values: Sequence[Hashable]) -> np.ndarray:
    """Return integer codes of values, from 0 in order of first occurrence; equal values have equal codes.

    None and NaN are missing values and share one code.
    """
    numbers: dict[Hashable, int] = {}
    keys = (value if value == value else None for value in values)
    return np.fromiter((numbers.setdefault(value, len(numbers)) for value in keys), np.int64, len(values))


def _classes(data) -> np.ndarray:
    labels = np.asarray(data.labels)
    if labels.ndim != 1:
        raise TypeError(
            "a stratified split needs class numbers or names (examples,) as labels, got the shape "
            f"{labels.shape}: split regression targets at random."
        )
    return codes(labels.tolist())


def _groups(data, groups, needed, parts_or_folds) -> tuple[np.ndarray, np.ndarray]:
    """Return the group number of each example, and the size of each group."""
    check_unmasked("groups", groups)
    groups = np.asarray(groups)
    if groups.shape != (data.size,):
        raise ValueError(f"groups must be one for each of the {data.size} examples, got the shape {groups.shape}.")
    numbers = codes(groups.tolist())
    sizes = np.bincount(numbers)
    if len(sizes) < needed:
        raise ValueError(f"{needed} {parts_or_folds} need at least {needed} groups, got {len(sizes)}.")
    return numbers, sizes


def _by_class(key, classes) -> np.ndarray:
    """Return the indices of all examples, class by class, in random order within each class."""
    order = np.asarray(jax.random.permutation(key, len(classes)))
    return order[np.argsort(classes[order], kind="stable")]


def _parts_by_class(key, classes, shares) -> np.ndarray:
    """Return the part of each example; every class is divided by the shares."""
    check_shares(shares)
    by_class, sizes = _by_class(key, classes), np.bincount(classes)[:, None]
    position = np.arange(len(classes)) - np.repeat(np.cumsum(sizes) - sizes[:, 0], sizes[:, 0])  # within its class
    ends = _ends(sizes * np.cumsum(shares), sizes)
    part = np.zeros(len(classes), int)
    part[by_class] = (position[:, None] >= ends[classes[by_class]]).sum(axis=1)
    return part


def _folds_by_class(key, classes, folds) -> np.ndarray:
    """Return the fold of each example; folds take turns, class by class."""
    _check_folds(folds, len(classes))
    fold = np.zeros(len(classes), int)
    fold[_by_class(key, classes)] = np.arange(len(classes)) % folds
    return fold


def _ends(exact, sizes) -> np.ndarray:
    """Round the ends of parts so that no part is empty; with fewer items than parts the last parts are empty."""
    parts = np.arange(1, exact.shape[-1] + 1)
    beyond = np.maximum.accumulate(np.maximum(np.round(exact).astype(int) - parts, 0), axis=-1)
    return np.minimum(np.minimum(beyond, np.maximum(sizes - len(parts), 0)) + parts, sizes)


def _divide(data, part, shares) -> tuple[Dataset, ...]:
    """Return the examples of each part, in their original order."""
    sizes = np.bincount(part, minlength=len(shares))
    if not sizes.all():
        raise ValueError(
            f"part {sizes.argmin()} of shares {tuple(shares)} would be empty with {data.size} examples: give more "
            "examples, or larger shares."
        )
    return tuple(take(data, np.flatnonzero(part == number)) for number in range(len(shares)))


def _held_out(data, fold, folds) -> tuple[Fold, ...]:
    """Hold out each fold once, and train on all others."""
    return tuple(
        Fold(take(data, np.flatnonzero(fold != number)), take(data, np.flatnonzero(fold == number)))
        for number in range(folds)
    )


def _check(key, data) -> None:
    check_key(key)
    check_data(data)


def _check_folds(folds, examples) -> None:
    check_integer("folds", folds)
    if not 2 <= folds <= examples:
        raise ValueError(f"folds must be from 2 to the {examples} examples, got {folds}.")
