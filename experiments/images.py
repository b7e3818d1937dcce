"""Image data sets of the experiments, standardized: digits from the package, larger sets from the folder JAXDL_DATA."""

import io
import itertools
import os
import pathlib

import jax
import numpy as np
from PIL import Image

from jaxdl import data
from jaxdl.experiment import Unavailable


def digits() -> data.Split:
    """Load 1,797 digits of 8×8 pixels, with a fixed split."""
    return data.standardized(data.stratified_split(jax.random.key(0), data.load_digits()))


def mnist() -> data.Split:
    """Load MNIST, handwritten digits of 28×28 pixels. Raises Unavailable if the file is not found."""
    return load_archive("mnist.npz")


def fashion_mnist() -> data.Split:
    """Load Fashion-MNIST, clothing in 28×28 pixels. Raises Unavailable if the file is not found."""
    return load_archive("fashion_mnist.npz")


def cifar10() -> data.Split:
    """Load CIFAR-10, 32×32 color photographs stored as JPEG. Raises Unavailable if the file is not found."""
    with np.load(path_of("cifar10_jpeg.npz")) as arrays:
        header, body, ends, labels = (arrays[name] for name in ("header", "data", "offsets", "labels"))
    files = (header.tobytes() + body[begin:end].tobytes() for begin, end in itertools.pairwise(ends))
    images = np.stack([np.asarray(Image.open(io.BytesIO(file))) for file in files]) / np.float32(255)
    train, test = slice(50_000), slice(50_000, None)
    return split_off_dev(*(data.from_arrays(images[part], labels[part]) for part in (train, test)))


def load_archive(name: str) -> data.Split:
    """Load an .npz file with the parts train and test. Raises Unavailable if the file is not found."""
    path = path_of(name)
    return split_off_dev(*(data.load(path, part=part) for part in ("train", "test")))


def split_off_dev(train: data.Dataset, test: data.Dataset) -> data.Split:
    """Use the last 10,000 training images as dev, and standardize all parts."""
    rows = np.arange(train.size)
    return data.standardized(data.Split(data.take(train, rows[:-10_000]), data.take(train, rows[-10_000:]), test))


def path_of(name: str) -> pathlib.Path:
    """Return the path of a file in the folder JAXDL_DATA, by default shared/data beside the project.

    Raises Unavailable if the file is not found.
    """
    default = pathlib.Path(__file__).parents[2] / "shared" / "data"
    path = pathlib.Path(os.environ.get("JAXDL_DATA") or default) / name
    if not path.is_file():
        raise Unavailable(f"{path} does not exist. Set JAXDL_DATA to the folder that holds {name}.")
    return path
