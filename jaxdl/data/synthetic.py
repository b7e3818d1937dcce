"""Data sets made by a formula."""

from jaxdl.data.dataset import Dataset, from_arrays


def xor() -> Dataset:
    """The exclusive or: the four corners of the unit square, labelled 1 where exactly one coordinate is 1."""
    return from_arrays([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0])
