"""Chapters of the course. The statistical tests of a chapter share a significance level of 0.05 (Bonferroni)."""

from typing import NamedTuple

from jaxdl._formatting import format_argument

SIGNIFICANCE_LEVEL = 0.05  # of a whole chapter


class Chapter(NamedTuple):
    r"""A chapter of the course, with the number of statistical tests that its experiments may take together.

    The number of tests is fixed for the planned chapter, so a verdict does not depend on which other experiments were
    run, or on experiments that are added later. With $m$ tests each is decided at the level $0.05 / m$, so the
    probability of any false difference in the chapter is at most 0.05 (Bonferroni correction).

    Attributes:
        number: Number in the course, such as "1.4".
        title: Title in the course.
        first: Its first item.
        last: Its last item.
        tests: The number of tests that all of its experiments may take together.

    Example:
        >>> from jaxdl.experiment import chapter_of
        >>> round(chapter_of(42).confidence, 4)  # 1 − 0.05 / 20
        0.9975
    """

    number: str
    title: str
    first: int
    last: int
    tests: int

    @property
    def confidence(self) -> float:
        """Confidence level of the interval that decides one test."""
        return 1 - SIGNIFICANCE_LEVEL / self.tests


CHAPTERS = (
    Chapter("1.1", "Losses, representation, generalisation", 1, 14, 12),
    Chapter("1.2", "Gradient descent, stochastic gradient descent", 15, 20, 6),
    Chapter("1.3", "Multi-layer perceptrons, backpropagation", 21, 36, 10),
    Chapter("1.4", "Convolutional networks", 37, 60, 20),
    Chapter("1.5", "Regularization", 61, 88, 40),
    Chapter("1.6", "Optimization, normalization, initialization", 89, 110, 40),
)


def chapter_of(item: int) -> Chapter:
    """Return the chapter that an item of the course belongs to.

    Raises:
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
