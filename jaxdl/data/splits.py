"""How a data set is divided: at random, by class, or by group; into parts of given shares, or into folds.

The key alone decides. In every part the examples are in the order that they had.
"""

import heapq
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Key
from numpy.typing import ArrayLike

from jaxdl.data.dataset import Dataset, Split, take


class Fold(NamedTuple):
    """What to train on, and the part held out to be judged by."""

    train: Dataset
    held_out: Dataset


def random_parts(key: Key[Array, ""], data: Dataset, *, shares: Sequence[float]) -> tuple[Dataset, ...]:
    """Divide at random into parts of these shares, to the nearest example; for the targets of a regression.

    Raises ValueError for shares that are not positive or do not sum to 1, and for fewer examples than parts.
    """
    return _divide(data, _parts_by_class(key, np.zeros(data.size, int), shares), shares)


def random_split(key: Key[Array, ""], data: Dataset, *, shares: tuple[float, float, float] = (0.6, 0.2, 0.2)) -> Split:
    """Divide at random into train, dev and test, as `random_parts` does."""
    return Split(*random_parts(key, data, shares=shares))


def stratified_parts(key: Key[Array, ""], data: Dataset, *, shares: Sequence[float]) -> tuple[Dataset, ...]:
    """Divide at random into parts of these shares of the whole, every class having the same share of each part.

    Exact to the nearest example of each class, but every part has one at least; a class of fewer examples than there
    are parts has one in each of the first. Raises ValueError for shares that are not positive or do not sum to 1, and
    where a whole part is left empty or no two labels are equal; TypeError for targets that are no classes.
    """
    classes = _classes(data)
    alone = np.bincount(classes) == 1
    if alone.all() and len(alone) > 1:
        raise ValueError(
            f"labels must be classes of several examples, but all {len(alone)} differ: learn them as a regression if "
            "they are numbers, or take other labels."
        )
    return _divide(data, _parts_by_class(key, classes, shares), shares)


def stratified_split(
    key: Key[Array, ""], data: Dataset, *, shares: tuple[float, float, float] = (0.6, 0.2, 0.2)
) -> Split:
    """Divide at random into train, dev and test, as `stratified_parts` does."""
    return Split(*stratified_parts(key, data, shares=shares))


def grouped_parts(
    key: Key[Array, ""], data: Dataset, groups: ArrayLike, *, shares: Sequence[float]
) -> tuple[Dataset, ...]:
    """Divide at random into parts of these shares, all examples of a group in the same part.

    A group is whatever names it, one for each example: the patient, the house, the day. In random order they are laid
    end to end, and each goes to the part in which its middle lies: a part begins and ends within half a group of where
    its shares say, except that it has one group at least. Large groups are not put first, which would come nearer,
    since then the largest would always be trained on and never judged. Raises ValueError for shares that are not
    positive or do not sum to 1, for groups that are not one for each example, and for fewer groups than parts.
    """
    _check_shares(shares)
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
    """Divide at random into train, dev and test, as `grouped_parts` does."""
    return Split(*grouped_parts(key, data, groups, shares=shares))


def k_folds(key: Key[Array, ""], data: Dataset, *, folds: int = 5) -> tuple[Fold, ...]:
    """Divide at random into parts whose sizes differ by one at most, each of them held out once.

    Raises ValueError for fewer than two folds, and for fewer examples than folds.
    """
    return _held_out(data, _folds_by_class(key, np.zeros(data.size, int), folds), folds)


def stratified_folds(key: Key[Array, ""], data: Dataset, *, folds: int = 5) -> tuple[Fold, ...]:
    """Folds as those of `k_folds`, in which the numbers of examples of every class differ by one at most too.

    Raises ValueError for fewer than two folds, and for fewer examples than folds; TypeError for targets that are no
    classes.
    """
    return _held_out(data, _folds_by_class(key, _classes(data), folds), folds)


def grouped_folds(key: Key[Array, ""], data: Dataset, groups: ArrayLike, *, folds: int = 5) -> tuple[Fold, ...]:
    """Folds of which each holds out all examples of its groups, by one for each example.

    From the largest group on, at random among those of the same size, each goes to the fold that has fewest examples:
    sizes of folds differ by the largest group at most. Raises ValueError for fewer than two folds, for groups that are
    not one for each example, and for fewer groups than folds.
    """
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
    """A number for each value, equal where values are, from 0 in the order in which they first come.

    None and NaN are one value: what is missing.
    """
    numbers: dict[Hashable, int] = {}
    known = (value if value == value else None for value in values)
    return np.fromiter((numbers.setdefault(value, len(numbers)) for value in known), np.int64, len(values))


def _classes(data) -> np.ndarray:
    labels = np.asarray(data.labels)
    if labels.ndim != 1:
        raise TypeError(
            f"labels must be class numbers or names for a stratified split, but have the shape {labels.shape}: divide "
            "targets at random."
        )
    return codes(labels.tolist())


def _groups(data, groups, needed, whose) -> tuple[np.ndarray, np.ndarray]:
    """The number of the group of each example, and the size of each group."""
    groups = np.asarray(groups)
    if groups.shape != (data.size,):
        raise ValueError(f"groups must be one for each of the {data.size} examples, but have the shape {groups.shape}.")
    numbers = codes(groups.tolist())
    sizes = np.bincount(numbers)
    if len(sizes) < needed:
        raise ValueError(f"groups must be at least as many as the {needed} {whose}, but are {len(sizes)}.")
    return numbers, sizes


def _by_class(key, classes) -> np.ndarray:
    """The indices of all examples, class after class, in random order inside each."""
    order = np.asarray(jax.random.permutation(key, len(classes)))
    return order[np.argsort(classes[order], kind="stable")]


def _parts_by_class(key, classes, shares) -> np.ndarray:
    """The part of each example, every class divided by the shares."""
    _check_shares(shares)
    by_class, sizes = _by_class(key, classes), np.bincount(classes)[:, None]
    position = np.arange(len(classes)) - np.repeat(np.cumsum(sizes) - sizes[:, 0], sizes[:, 0])  # inside its class
    ends = _ends(sizes * np.cumsum(shares), sizes)
    part = np.zeros(len(classes), int)
    part[by_class] = (position[:, None] >= ends[classes[by_class]]).sum(axis=1)
    return part


def _folds_by_class(key, classes, folds) -> np.ndarray:
    """The fold of each example: dealt out like cards, class after class."""
    _check_folds(folds, len(classes))
    fold = np.zeros(len(classes), int)
    fold[_by_class(key, classes)] = np.arange(len(classes)) % folds
    return fold


def _ends(wanted, sizes) -> np.ndarray:
    """Where parts end, to the nearest of what is wanted, so that none is empty, or, of few, the last are."""
    parts = np.arange(1, wanted.shape[-1] + 1)
    beyond = np.maximum.accumulate(np.maximum(np.round(wanted).astype(int) - parts, 0), axis=-1)
    return np.minimum(np.minimum(beyond, np.maximum(sizes - len(parts), 0)) + parts, sizes)


def _divide(data, part, shares) -> tuple[Dataset, ...]:
    """The examples of each part, in the order that they had."""
    sizes = np.bincount(part, minlength=len(shares))
    if not sizes.all():
        raise ValueError(
            f"shares must leave every part an example, but of {data.size} examples none is left for part "
            f"{sizes.argmin()} of {tuple(shares)}: give more examples."
        )
    return tuple(take(data, np.flatnonzero(part == number)) for number in range(len(shares)))


def _held_out(data, fold, folds) -> tuple[Fold, ...]:
    """Each fold held out once, and all others to train on."""
    return tuple(
        Fold(take(data, np.flatnonzero(fold != number)), take(data, np.flatnonzero(fold == number)))
        for number in range(folds)
    )


def _check_shares(shares) -> None:
    if min(shares) <= 0 or not np.isclose(sum(shares), 1):
        raise ValueError(f"shares must be positive and sum to 1, but were {tuple(shares)}.")


def _check_folds(folds, examples) -> None:
    if not 2 <= folds <= examples:
        raise ValueError(f"folds must be from 2 to the {examples} examples, but were {folds}.")
