"""Chapters of the course. The items of a chapter share a significance level of 0.05 equally (Bonferroni)."""

from typing import NamedTuple

from jaxdl._formatting import format_argument

SIGNIFICANCE_LEVEL = 0.05  # of a whole chapter


class Chapter(NamedTuple):
    r"""A chapter of the course, and the significance level of each of its items.

    With $m$ items each has the level $0.05 / m$, which it divides among its tests: readings, parts, data sets. A
    verdict therefore depends on no other item, and the probability of any false verdict in the chapter is at most 0.05.

    Attributes:
        number: Number in the course, such as "1.4".
        title: Title in the course.
        first: Its first item.
        last: Its last item.

    Example:
        >>> from jaxdl.experiment import chapter_of
        >>> round(chapter_of(42).level, 5)  # 0.05 / 24
        0.00208
    """

    number: str
    title: str
    first: int
    last: int

    @property
    def level(self) -> float:
        """Significance level of one item."""
        return SIGNIFICANCE_LEVEL / (self.last - self.first + 1)


CHAPTERS = (
    Chapter("1.1", "Losses, representation, generalisation", 1, 14),
    Chapter("1.2", "Gradient descent, stochastic gradient descent", 15, 20),
    Chapter("1.3", "Multi-layer perceptrons, backpropagation", 21, 36),
    Chapter("1.4", "Convolutional networks", 37, 60),
    Chapter("1.5", "Regularization", 61, 88),
    Chapter("1.6", "Optimization, normalization, initialization", 89, 110),
)


def chapter_of(item: int) -> Chapter:
    """Return the chapter that an item of the course belongs to.

    Raises:
        TypeError: If the item is not an integer.
        ValueError: If the course has no such item.

    Example:
        >>> from jaxdl.experiment import chapter_of
        >>> chapter_of(42).title
        'Convolutional networks'
    """
    if not isinstance(item, int):
        raise TypeError(f"item must be an integer, got {format_argument(item)}.")
    for chapter in CHAPTERS:
        if chapter.first <= item <= chapter.last:
            return chapter
    raise ValueError(f"item must be from {CHAPTERS[0].first} to {CHAPTERS[-1].last}, got {item}.")


def item_level(item: int) -> float:
    """Return the significance level of an item of the course; experiments of one item share it.

    Args:
        item: Number of the item.

    Example:
        >>> from jaxdl.experiment import item_level
        >>> round(item_level(42) / 2, 6)  # for the first of two experiments
        0.001042
    """
    return chapter_of(item).level
