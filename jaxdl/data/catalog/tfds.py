"""Reader of image data sets prepared by TensorFlow Datasets (TFDS), without TensorFlow."""

import hashlib
import json
import os
import pathlib
from typing import Any

import numpy as np

from jaxdl.data.catalog.decode_cache import ImagesAndLabels, cached
from jaxdl.data.dataset import Dataset, from_arrays

BATCH = 1000  # decoding in batches is several times faster than one example at a time


def load_prepared(name: str, data_dir: str | os.PathLike, *, part: str = "train") -> Dataset:
    """Load a part of an image classification data set that TFDS has prepared.

    The set needs the features `image` (all of one size) and `label` (a class), in the file format array_record. Decoded
    images are cached under the SHA-256 of their files.

    Args:
        name: Name of the set, or "name/config".
        data_dir: The folder in which TFDS has prepared it.
        part: Name of the TFDS split, such as "train" or "test".

    Returns:
        Images (examples, height, width, channels) between 0 and 1, and class numbers.

    Raises:
        FileNotFoundError: If the set is not prepared in `data_dir`.
        ValueError: If its file format or features are not supported, it has no such part, or its files are damaged.

    Example:
        >>> from jaxdl.data.catalog import load_prepared
        >>> train = load_prepared("svhn_cropped", "data/tfds")  # doctest: +SKIP
        >>> load_prepared("svhn_cropped", "no/such/folder")
        Traceback (most recent call last):
        ...
        FileNotFoundError: no/such/folder has no prepared 'svhn_cropped' ...
    """
    folder = _prepared_folder(name, pathlib.Path(data_dir).expanduser())
    files = _files(folder, part)
    _features(folder)
    images, labels = cached("tfds", _digest(files), lambda: _decode(folder, part))
    return from_arrays(images / np.float32(255), labels)


def prepared_class_names(name: str, data_dir: str | os.PathLike) -> tuple[str, ...]:
    """Return the names of the classes of a data set that TFDS has prepared.

    Args:
        name: Name of the set, or "name/config".
        data_dir: The folder in which TFDS has prepared it.

    Returns:
        Names in the order of the class numbers; the numbers themselves if the classes have no names.

    Raises:
        FileNotFoundError: If the set is not prepared in `data_dir`.
        ValueError: If it has no classes.

    Example:
        >>> from jaxdl.data.catalog import prepared_class_names
        >>> prepared_class_names("mnist", "data/tfds")  # doctest: +SKIP
        ('0', '1', '2', '3', '4', '5', '6', '7', '8', '9')
    """
    folder = _prepared_folder(name, pathlib.Path(data_dir).expanduser())
    classes = _features(folder)["label"]["classLabel"]["numClasses"]
    names = folder / "label.labels.txt"  # TFDS writes it if the classes have names
    return tuple(names.read_text().split("\n")[:-1] if names.exists() else map(str, range(int(classes))))


def _prepared_folder(name, data_dir) -> pathlib.Path:
    """Return the folder of the newest version of a set."""
    infos = sorted((data_dir / name).glob("*/dataset_info.json"), key=lambda path: _version(path.parent.name))
    if not infos:
        raise FileNotFoundError(
            f"{data_dir} has no prepared {name!r} ({name}/VERSION/dataset_info.json): on a machine with TensorFlow run "
            f"tensorflow_datasets.builder({name!r}, data_dir=..., file_format='array_record').download_and_prepare(), "
            "copy the folder, and give it as data_dir (--data-dir)."
        )
    return infos[-1].parent


def _version(name) -> tuple[int, ...]:
    return tuple(int(number) if number.isdigit() else -1 for number in name.split("."))


def _files(folder, part) -> list[pathlib.Path]:
    """Return the array_record files of a part."""
    named = [(path, *path.name.split("-")[1].split(".", 1)) for path in sorted(folder.glob("*-*.*-of-*"))]
    files = [path for path, of_part, kind in named if (of_part, kind) == (part, "array_record")]
    if files:
        return files
    others = [kind for _, of_part, kind in named if of_part == part]
    if others:
        raise ValueError(
            f"data must be prepared in the file format array_record, but {folder} holds .{others[0]} for {part!r}: "
            "on a machine with TensorFlow prepare it again with file_format='array_record', or convert it with "
            f"tfds convert_format --dataset_version_dir={folder} --out_file_format=array_record."
        )
    parts = ", ".join(sorted({of_part for _, of_part, _ in named})) or "none"
    raise ValueError(f"{folder} has no part {part!r}. Parts: {parts}.")


def _features(folder) -> dict[str, Any]:
    """Return the features of a set; raise ValueError unless they have an image of one size and a class."""
    features = json.loads((folder / "features.json").read_text()).get("featuresDict", {}).get("features", {})
    image, label = features.get("image", {}).get("image"), features.get("label", {}).get("classLabel")
    if image is None or label is None:
        kinds = [f"{name} ({feature.get('pythonClassName', '').split('.')[-1]})" for name, feature in features.items()]
        raise ValueError(
            f"a data set needs the features 'image' (Image) and 'label' (ClassLabel), but {folder} has "
            f"{', '.join(sorted(kinds)) or 'no named features'}."
        )
    lengths = image.get("shape", {}).get("dimensions", ["-1"])
    if "-1" in lengths or image.get("dtype", "uint8") != "uint8":
        raise ValueError(
            f"images must be of one size, with 8 bits a channel, but those in {folder} are of shape "
            f"({', '.join('any' if length == '-1' else length for length in lengths)}) and {image.get('dtype')}."
        )
    return features


def _digest(files) -> str:
    """Return the SHA-256 of the names and contents of files."""
    digest = hashlib.sha256(b"jaxdl image and label")
    for path in files:
        with path.open("rb") as file:
            digest.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _decode(folder, part) -> ImagesAndLabels:
    """Decode all images of a part to bytes, with their labels."""
    import tensorflow_datasets as tfds  # slow to import, and needed only if nothing is cached

    source: Any = tfds.builder_from_directory(str(folder)).as_data_source(part)
    try:
        return _arrays(source)
    except (RuntimeError, OSError) as error:
        raise ValueError(
            f"the array_record files of {part!r} in {folder} are damaged or incomplete ({error}): copy them again."
        ) from error


def _arrays(source) -> ImagesAndLabels:
    examples = (
        example
        for start in range(0, len(source), BATCH)
        for example in source.__getitems__(range(start, min(start + BATCH, len(source))))
    )
    images = np.zeros((len(source), *source[0]["image"].shape), np.uint8)
    labels = np.zeros(len(source), np.int32)
    for row, example in enumerate(examples):
        images[row], labels[row] = example["image"], example["label"]
    return images, labels
