import numpy as np

from jaxdl.data.catalog.digits import load_digits


def test_the_digits_are_the_published_ones():
    """The UCI repository counts 178, 182, 177, 183, 181, 182, 181, 179, 174, 180 of each digit."""
    digits = load_digits()
    assert digits.inputs.shape == (1797, 8, 8, 1)
    assert float(digits.inputs.min()) == 0
    assert float(digits.inputs.max()) == 1
    assert np.bincount(digits.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
