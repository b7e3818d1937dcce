"""1,797 handwritten digits of 8×8 pixels, shipped with the package.

Alpaydin and Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine Learning Repository (1998), its test part;
licence CC BY 4.0.
"""

import importlib.resources

import numpy as np

from jaxdl.data.dataset import Dataset, from_arrays


def load_digits() -> Dataset:
    """The images as (1797, 8, 8, 1) between 0 and 1, and the digits as labels."""
    with (
        importlib.resources.files("jaxdl.data.catalog").joinpath("digits.npz").open("rb") as file,
        np.load(file) as arrays,
    ):
        return from_arrays(arrays["images"][..., None] / 16.0, arrays["labels"].astype(np.int32))
