"""The chapters of the course, and how many statistical tests each may take: what they share a level of 0.05 among."""

from typing import NamedTuple

LEVEL = 0.05  # the probability that any test of a chapter claims a difference where there is none


class Chapter(NamedTuple):
    """Its number and title, its first and last item, and the tests that all of its experiments take together.

    The number is that of the whole chapter as it is planned, so that a verdict depends neither on what else was run nor
    on what is written later.
    """

    number: str
    title: str
    first: int
    last: int
    tests: int

    @property
    def confidence(self) -> float:
        """Of the interval that decides one test."""
        return 1 - LEVEL / self.tests


CHAPTERS = (
    Chapter("1.1", "Losses, representation, generalisation", 1, 14, 12),
    Chapter("1.2", "Gradient descent, and stochastic", 15, 20, 6),
    Chapter("1.3", "Multi-layer perceptrons, backpropagation", 21, 36, 10),
    Chapter("1.4", "Convolutional networks", 37, 60, 20),
    Chapter("1.5", "Regularization", 61, 88, 40),
    Chapter("1.6", "Optimization, normalization, initialization", 89, 110, 40),
)


def chapter_of(item: int) -> Chapter:
    """The chapter of an item of the course. Raises ValueError for a number that is none."""
    for chapter in CHAPTERS:
        if chapter.first <= item <= chapter.last:
            return chapter
    raise ValueError(f"item must be from {CHAPTERS[0].first} to {CHAPTERS[-1].last}, but was {item}.")
