"""The images that experiments train on: the digits that the package ships, and larger sets where they are."""

import os
import pathlib

import jax
import numpy as np

from jaxdl import data
from jaxdl.experiment import Unavailable


def digits() -> data.Split:
    """1,797 digits of 8×8 pixels, standardized, always divided in the same way."""
    return data.standardized(data.stratified_split(jax.random.key(0), data.load_digits()))


def mnist() -> data.Split:
    """60,000 images of 28×28 pixels between 0 and 1, of which the last 10,000 decide, and 10,000 to be judged by.

    Raises Unavailable where they are not.
    """
    with np.load(path_of("mnist.npz")) as arrays:
        images, labels = arrays["x_train"][..., None] / np.float32(255), arrays["y_train"]
        test = data.from_arrays(arrays["x_test"][..., None] / np.float32(255), arrays["y_test"])
    parts = slice(50_000), slice(50_000, None)
    return data.Split(*(data.from_arrays(images[part], labels[part]) for part in parts), test)


def path_of(name: str) -> pathlib.Path:
    """A file of the folder that JAXDL_DATA names, or of the one beside the project. Raises Unavailable without it."""
    beside = pathlib.Path(__file__).parents[2] / "shared" / "data"
    path = pathlib.Path(os.environ.get("JAXDL_DATA") or beside) / name
    if not path.is_file():
        raise Unavailable(f"it needs {name}: name its folder in JAXDL_DATA.")
    return path
