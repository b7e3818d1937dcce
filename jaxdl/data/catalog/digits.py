"""The digits data set: 1,797 handwritten digits of 8×8 pixels, included in the package.

Alpaydin and Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine Learning Repository (1998), its test part;
license CC BY 4.0.
"""

import importlib.resources

import numpy as np

from jaxdl.data.dataset import Dataset, from_arrays


def load_digits() -> Dataset:
    """Load the 1,797 handwritten digits that are included in the package.

    Returns:
        Images (1797, 8, 8, 1) between 0 and 1, and the digits as class numbers.

    References:
        Alpaydin and Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine Learning Repository (1998).

    Example:
        >>> from jaxdl import data
        >>> digits = data.load_digits()
        >>> digits.inputs.shape, digits.labels[:5].tolist()
        ((1797, 8, 8, 1), [0, 1, 2, 3, 4])
    """
    with (
        importlib.resources.files("jaxdl.data.catalog").joinpath("digits.npz").open("rb") as file,
        np.load(file) as arrays,
    ):
        return from_arrays(arrays["images"][..., None] / 16.0, arrays["labels"].astype(np.int32))
