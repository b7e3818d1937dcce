"""The images that experiments train on, standardized: digits that the package ships, larger sets where they are."""

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
    """1,797 digits of 8×8 pixels, always divided in the same way."""
    return data.standardized(data.stratified_split(jax.random.key(0), data.load_digits()))


def mnist() -> data.Split:
    """Handwritten digits of 28×28 pixels. Raises Unavailable where they are not."""
    return of_archive("mnist.npz")


def fashion_mnist() -> data.Split:
    """Pieces of clothing of 28×28 pixels. Raises Unavailable where they are not."""
    return of_archive("fashion_mnist.npz")


def cifar10() -> data.Split:
    """Colour photographs of 32×32 pixels, from JPEG files. Raises Unavailable where they are not."""
    with np.load(path_of("cifar10_jpeg.npz")) as arrays:
        header, body, ends, labels = (arrays[name] for name in ("header", "data", "offsets", "labels"))
    files = (header.tobytes() + body[begin:end].tobytes() for begin, end in itertools.pairwise(ends))
    images = np.stack([np.asarray(Image.open(io.BytesIO(file))) for file in files]) / np.float32(255)
    train, test = slice(50_000), slice(50_000, None)
    return divided(*(data.from_arrays(images[part], labels[part]) for part in (train, test)))


def of_archive(name: str) -> data.Split:
    """The images of an .npz that comes in two parts. Raises Unavailable where it is not."""
    path = path_of(name)
    return divided(*(data.load(path, part=part) for part in ("train", "test")))


def divided(train: data.Dataset, test: data.Dataset) -> data.Split:
    """The last 10,000 to train on decide instead."""
    rows = np.arange(train.size)
    return data.standardized(data.Split(data.take(train, rows[:-10_000]), data.take(train, rows[-10_000:]), test))


def path_of(name: str) -> pathlib.Path:
    """A file of the folder that JAXDL_DATA names, or of the one beside the project. Raises Unavailable without it."""
    beside = pathlib.Path(__file__).parents[2] / "shared" / "data"
    path = pathlib.Path(os.environ.get("JAXDL_DATA") or beside) / name
    if not path.is_file():
        raise Unavailable(f"it needs {name}: name its folder in JAXDL_DATA.")
    return path
