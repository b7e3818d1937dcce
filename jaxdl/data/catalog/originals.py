"""MNIST, Fashion-MNIST and CIFAR-10, read from the files that their authors published, in the original order."""

import functools
import hashlib
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from jaxdl.data.catalog.decode_cache import ImagesAndLabels, cached
from jaxdl.data.catalog.downloads import SearchFolders, default_data_dir, read_verified, remote_files, verify_manual
from jaxdl.data.catalog.image_formats import read_cifar10, read_idx
from jaxdl.data.dataset import Dataset, from_arrays


class Part(NamedTuple):
    """A part of a data set.

    Attributes:
        files: Names of its files.
        read: Function that decodes the contents of the files to images and labels.
    """

    files: Sequence[str]
    read: Callable[..., ImagesAndLabels]


class Original(NamedTuple):
    """A data set as it was published.

    Attributes:
        format: Name of the file format.
        parts: Parts by name, "train" and "test".
        classes: Names of the classes.
    """

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
    """Load a part of MNIST, Fashion-MNIST or CIFAR-10 from the original files; download them if necessary.

    The files keep their original names. jaxdl looks for them where TFDS does: in `manual_dir/name` and `manual_dir`,
    then among the downloads in `data_dir`. A file is used only if it has the size and SHA-256 that TFDS records.
    Decoded images are cached; then the files are no longer needed.

    Args:
        name: "mnist", "fashion_mnist" or "cifar10".
        part: "train" or "test".
        data_dir: Folder of TFDS. Default: the environment variable TFDS_DATA_DIR, or ~/tensorflow_datasets.
        manual_dir: Folder of files fetched by hand. Default: `data_dir/downloads/manual`.

    Returns:
        Images (examples, height, width, channels) between 0 and 1, and class numbers.

    Raises:
        ValueError: If the name or part is unknown, or a file has another SHA-256.
        FileNotFoundError: Within five seconds, if a file is absent and cannot be downloaded. The message says which
            file belongs where.

    Example:
        >>> from jaxdl.data.catalog import load_original
        >>> train = load_original("mnist")  # doctest: +SKIP
        >>> load_original("mnist", part="dev")
        Traceback (most recent call last):
        ...
        ValueError: part must be one of train, test, got 'dev'.
    """
    original = _original(name)
    if part not in original.parts:
        raise ValueError(f"part must be one of {', '.join(original.parts)}, got {part!r}.")
    files, read = original.parts[part]
    known = remote_files(name)
    needed, others = [known[file] for file in files], [known[file] for file in known if file not in files]
    home = pathlib.Path(data_dir).expanduser() if data_dir else default_data_dir()
    manual = pathlib.Path(manual_dir).expanduser() if manual_dir else home / "downloads" / "manual"
    folders = SearchFolders(name, manual, home / "downloads")
    verify_manual(needed, folders)  # also if the images are cached
    images, labels = cached(
        original.format,
        hashlib.sha256(" ".join([part, *(file.sha256 for file in needed)]).encode()).hexdigest(),
        lambda: read(*read_verified(needed, folders, others=others)),
    )
    return from_arrays(images / np.float32(255), labels)


def class_names(name: str) -> tuple[str, ...]:
    """Return the names of the ten classes, in the order of the class numbers.

    Args:
        name: "mnist", "fashion_mnist" or "cifar10".

    Returns:
        The names.

    Raises:
        ValueError: If the name is unknown.

    Example:
        >>> from jaxdl.data.catalog import class_names
        >>> class_names("cifar10")[:3]
        ('airplane', 'automobile', 'bird')
    """
    return _original(name).classes


def _original(name) -> Original:
    if name not in ORIGINALS:
        raise ValueError(
            f"name must be one of {', '.join(ORIGINALS)}, got {name!r}: prepare other sets with TFDS and use "
            "load_prepared."
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
