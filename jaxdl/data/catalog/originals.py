"""MNIST, Fashion-MNIST and CIFAR-10 from the files that their authors published, in the order of those files."""

import functools
import hashlib
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from jaxdl.data.catalog.decode_cache import Decoded, decoded_once
from jaxdl.data.catalog.downloads import check_manual, default_data_dir, read_genuine, sources
from jaxdl.data.catalog.image_formats import read_cifar10, read_idx
from jaxdl.data.dataset import Dataset, from_arrays


class Part(NamedTuple):
    """The files that a part of a set is in, and how their contents become images and labels."""

    files: Sequence[str]
    read: Callable[..., Decoded]


class Original(NamedTuple):
    """A set as it was published: its format, its parts, and the names of its classes."""

    format: str
    parts: dict[str, Part]
    classes: tuple[str, ...]


def load_original(
    name: str,
    *,
    part: str = "train",
    data_dir: str | os.PathLike | None = None,
    manual_dir: str | os.PathLike | None = None,
) -> Dataset:
    """A part ("train", "test") of "mnist", "fashion_mnist" or "cifar10", images (n, h, w, c) between 0 and 1.

    The files are looked for where TFDS looks, under their original names: in `manual_dir/name` and `manual_dir` (if not
    given, `data_dir/downloads/manual`), then among TFDS's downloads in `data_dir` (if not given, TFDS_DATA_DIR, else
    ~/tensorflow_datasets). What is in neither is downloaded. A file is used only with the size and SHA-256 that TFDS
    knows; what was decoded once is kept in the cache, and needs no file any more.

    Raises ValueError for a file that is not genuine, and FileNotFoundError, within five seconds, where a file is
    missing and cannot be downloaded: the sentence says which file belongs where.
    """
    original = _original(name)
    if part not in original.parts:
        raise ValueError(f"part must be one of {', '.join(original.parts)}, but was given as {part!r}.")
    files, read = original.parts[part]
    known = sources(name)
    wanted, others = [known[file] for file in files], [known[file] for file in known if file not in files]
    home = pathlib.Path(data_dir).expanduser() if data_dir else default_data_dir()
    manual = pathlib.Path(manual_dir).expanduser() if manual_dir else home / "downloads" / "manual"
    check_manual(name, wanted, manual_dir=manual)  # also where what is kept would do without
    images, labels = decoded_once(
        original.format,
        hashlib.sha256(" ".join([part, *(file.sha256 for file in wanted)]).encode()).hexdigest(),
        lambda: read(*read_genuine(name, wanted, data_dir=home, manual_dir=manual, others=others)),
    )
    return from_arrays(images / np.float32(255), labels)


def class_names(name: str) -> tuple[str, ...]:
    """The names of the ten classes of "mnist", "fashion_mnist" or "cifar10", in the order of the labels."""
    return _original(name).classes


def _original(name) -> Original:
    if name not in ORIGINALS:
        raise ValueError(
            f"name must be one of {', '.join(ORIGINALS)}, but was given as {name!r}: "
            "any other set of images is read by load_prepared, once TFDS has prepared it."
        )
    return ORIGINALS[name]


def _idx(prefix, examples) -> Part:
    def read(images, labels):
        return read_idx(images, shape=(examples, 28, 28))[..., None], read_idx(labels, shape=(examples,))

    return Part([f"{prefix}-images-idx3-ubyte.gz", f"{prefix}-labels-idx1-ubyte.gz"], read)


def _cifar10(batches) -> Part:
    return Part(["cifar-10-binary.tar.gz"], functools.partial(read_cifar10, batches=batches))


IDX = {"train": _idx("train", 60_000), "test": _idx("t10k", 10_000)}
CIFAR10 = {"train": _cifar10([f"data_batch_{i}.bin" for i in range(1, 6)]), "test": _cifar10(["test_batch.bin"])}
ORIGINALS = {
    "mnist": Original("idx", IDX, tuple("0123456789")),
    "fashion_mnist": Original(
        "idx",
        IDX,
        ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
    "cifar10": Original(
        "cifar10-binary",
        CIFAR10,
        ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    ),
}
