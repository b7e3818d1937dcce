"""Read MNIST with NumPy alone, so that programs timed from the start of the interpreter import only what they use."""

import functools
import os
import pathlib

import numpy as np

from benchmarks.harness.requirements import MissingRequirementError

Part = tuple[np.ndarray, np.ndarray]


def mnist() -> tuple[Part, Part]:
    """Return the training part and the test part of MNIST.

    Returns:
        For each part the images, float32 in [0, 1] of shape (examples, 28, 28, 1), and the labels, int32.

    Raises:
        MissingRequirementError: If mnist.npz is not found.
    """
    train, test = ((images.astype(np.float32) / 255, labels) for images, labels in mnist_bytes())
    return train, test


@functools.cache
def mnist_bytes() -> tuple[Part, Part]:
    """Return the training part and the test part of MNIST with images as uint8.

    Returns:
        For each part the images, uint8 of shape (examples, 28, 28, 1), and the labels, int32.

    Raises:
        MissingRequirementError: If mnist.npz is neither in the folder that JAXDL_DATA names nor in shared/data
            beside the project.
    """
    beside_project = pathlib.Path(__file__).parents[3] / "shared" / "data"
    path = pathlib.Path(os.environ.get("JAXDL_DATA") or beside_project) / "mnist.npz"
    if not path.is_file():
        raise MissingRequirementError("mnist.npz not found; set JAXDL_DATA to the folder that holds it")
    with np.load(path) as arrays:
        train, test = (
            (arrays[f"x_{part}"][..., None], arrays[f"y_{part}"].astype(np.int32)) for part in ("train", "test")
        )
    return train, test
