"""Image data sets of the experiments: digits from the package, larger sets from the folder JAXDL_DATA.

Each seed divides the digits in its own way, so that a verdict does not rest on one choice of test images. The larger
sets keep their published division into train and test.
"""

import io
import itertools
import os
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key
from PIL import Image

from jaxdl import data
from jaxdl.experiment import Unavailable

DIVISION_STREAM = 7
DIGITS_STEP = 1 / 359  # smallest change of an accuracy on the test part of the digits


def digits() -> data.Dataset:
    """Load 1,797 digits of 8×8 pixels, which `divided` divides for each seed."""
    return data.load_digits()


def divided(key: Key[Array, ""], images: data.Dataset | data.Split) -> data.Split:
    """Divide images at random into 60 % train, 20 % dev and 20 % test, and standardize them; keep a published division.

    All arms of a seed have the same key, and so the same division.
    """
    if isinstance(images, data.Split):
        return images
    order = jax.random.permutation(jax.random.fold_in(key, DIVISION_STREAM), images.size)
    ends = round(0.6 * images.size), round(0.8 * images.size)
    parts = (jax.tree.map(lambda array, rows=rows: jnp.asarray(array)[rows], images) for rows in jnp.split(order, ends))
    return data.standardized(data.Split(*parts))


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
