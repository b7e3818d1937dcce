"""The images of MNIST, read with numpy alone: an interpreter that is timed from its start imports what it uses."""

import functools
import os
import pathlib

import numpy as np

from benchmarks.absence import AbsentError

Part = tuple[np.ndarray, np.ndarray]


def mnist() -> tuple[Part, Part]:
    """Images between 0 and 1, (examples, 28, 28, 1), and labels of the training and of the test part.

    Raises what `mnist_bytes` raises.
    """
    train, test = ((images.astype(np.float32) / 255, labels) for images, labels in mnist_bytes())
    return train, test


@functools.cache
def mnist_bytes() -> tuple[Part, Part]:
    """The images as they came, bytes, and labels of the training and of the test part.

    Raises AbsentError where neither JAXDL_DATA names a directory with mnist.npz, nor one lies beside the project.
    """
    beside = pathlib.Path(__file__).parents[2] / "shared" / "data"
    path = pathlib.Path(os.environ.get("JAXDL_DATA") or beside) / "mnist.npz"
    if not path.is_file():
        raise AbsentError("it needs mnist.npz in the directory that JAXDL_DATA names, and there is none")
    with np.load(path) as arrays:
        train, test = (
            (arrays[f"x_{part}"][..., None], arrays[f"y_{part}"].astype(np.int32)) for part in ("train", "test")
        )
    return train, test
