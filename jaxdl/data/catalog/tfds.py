"""Data sets that TensorFlow Datasets has prepared on disk, read without TensorFlow."""

import hashlib
import json
import os
import pathlib
from typing import Any

import numpy as np

from jaxdl.data.catalog.decode_cache import Decoded, decoded_once
from jaxdl.data.dataset import Dataset, from_arrays

BATCH = 1000  # decoding in batches is several times faster than one example at a time


def load_prepared(name: str, data_dir: str | os.PathLike, *, part: str = "train") -> Dataset:
    """A part ("train", "test") of an image classification set prepared under `data_dir`, images between 0 and 1.

    Any set of TFDS will do whose features `image` (of one size) and `label` (a class) are prepared in the file format
    array_record; "name/config" names a configuration. Decoded images are kept in the cache, under the SHA-256 of the
    files they came from. Raises FileNotFoundError where nothing is prepared and ValueError where it is in a format or
    of a kind that cannot be read, at once.
    """
    folder = _prepared_folder(name, pathlib.Path(data_dir))
    files = _files(folder, part)
    _features(folder)
    images, labels = decoded_once("tfds", _digest(files), lambda: _decode(folder, part))
    return from_arrays(images / np.float32(255), labels)


def prepared_class_names(name: str, data_dir: str | os.PathLike) -> tuple[str, ...]:
    """The names of the classes of a set prepared under `data_dir`, in the order of the labels; else their numbers.

    Raises FileNotFoundError where nothing is prepared and ValueError where it has no classes.
    """
    folder = _prepared_folder(name, pathlib.Path(data_dir))
    classes = _features(folder)["label"]["classLabel"]["numClasses"]
    names = folder / "label.labels.txt"  # written by TFDS where the classes have names
    return tuple(names.read_text().split("\n")[:-1] if names.exists() else map(str, range(int(classes))))


def _prepared_folder(name, data_dir) -> pathlib.Path:
    """The newest version of the set below data_dir."""
    infos = sorted((data_dir / name).glob("*/dataset_info.json"), key=lambda path: _version(path.parent.name))
    if not infos:
        raise FileNotFoundError(
            f"data_dir must hold a prepared {name!r} ({name}/VERSION/dataset_info.json), but {data_dir} does not: "
            f"prepare it where TensorFlow is installed with tensorflow_datasets.builder({name!r}, data_dir=..., "
            "file_format='array_record').download_and_prepare(), copy the folder, and name it with --data-dir."
        )
    return infos[-1].parent


def _version(name) -> tuple[int, ...]:
    return tuple(int(number) if number.isdigit() else -1 for number in name.split("."))


def _files(folder, part) -> list[pathlib.Path]:
    """The array_record files of a part."""
    named = [(path, *path.name.split("-")[1].split(".", 1)) for path in sorted(folder.glob("*-*.*-of-*"))]
    files = [path for path, of, form in named if (of, form) == (part, "array_record")]
    if files:
        return files
    others = [form for _, of, form in named if of == part]
    if others:
        raise ValueError(
            f"part must be prepared in the file format array_record, but {folder} holds .{others[0]} for {part!r}: "
            "where TensorFlow is installed, prepare it again with file_format='array_record', or convert it with "
            f"tfds convert_format --dataset_version_dir={folder} --out_file_format=array_record."
        )
    parts = ", ".join(sorted({of for _, of, _ in named})) or "nothing"
    raise ValueError(f"part must be one that is prepared, but {folder} holds {parts}, and {part!r} was asked for.")


def _features(folder) -> dict[str, Any]:
    """The features of a set by name; ValueError where they are not an image of one size and a class."""
    features = json.loads((folder / "features.json").read_text()).get("featuresDict", {}).get("features", {})
    image, label = features.get("image", {}).get("image"), features.get("label", {}).get("classLabel")
    if image is None or label is None:
        kinds = [f"{name} ({feature.get('pythonClassName', '').split('.')[-1]})" for name, feature in features.items()]
        raise ValueError(
            f"name must be a set with an Image 'image' and a ClassLabel 'label', but {folder} has "
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
    """The SHA-256 of the names and contents of files."""
    digest = hashlib.sha256(b"jaxdl image and label")
    for path in files:
        with path.open("rb") as file:
            digest.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _decode(folder, part) -> Decoded:
    """All images and labels of a part, as the bytes they were."""
    import tensorflow_datasets as tfds  # slow to import, and only needed where nothing is cached

    source: Any = tfds.builder_from_directory(str(folder)).as_data_source(part)
    try:
        return _arrays(source)
    except (RuntimeError, OSError) as error:
        raise ValueError(
            f"{folder} must hold whole array_record files, but {part!r} could not be read ({error}): copy them again."
        ) from error


def _arrays(source) -> Decoded:
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
