"""Data sets that TensorFlow Datasets has prepared on disk, read without TensorFlow."""

import hashlib
import os
import pathlib
from typing import Any

import numpy as np

from jaxdl.data.dataset import Dataset, from_arrays
from jaxdl.storage import cache_dir, whole_file

BATCH = 1000  # decoding in batches is several times faster than one example at a time


def load_prepared(name: str, data_dir: str | os.PathLike, *, part: str = "train") -> Dataset:
    """A part ("train", "test") of an image classification set prepared under `data_dir`, images between 0 and 1.

    Decoded images are kept in the cache, under the SHA-256 of the files they came from. Raises FileNotFoundError where
    nothing is prepared and ValueError where it is in a format or of a kind that cannot be read, at once.
    """
    folder = _prepared_folder(name, pathlib.Path(data_dir))
    files = sorted(folder.glob(f"{name}-{part}.array_record*"))
    if not files:
        formats = sorted({path.suffix or path.name for path in folder.iterdir() if f"-{part}." in path.name})
        raise ValueError(
            f"part must be prepared in the file format array_record, but {folder} holds "
            f"{', '.join(path.split('-')[0] for path in formats) or 'nothing'} for {part!r}: prepare it again with "
            "file_format='array_record'."
        )
    cached = cache_dir() / "tfds" / f"{_digest(files)}"
    arrays = {key: cached / f"{key}.npy" for key in ("image", "label")}
    try:
        images, labels = (np.load(path, mmap_mode="r", allow_pickle=False) for path in arrays.values())
    except (OSError, ValueError, EOFError):  # not there, or damaged: decode again
        decoded = _decode(folder, part)
        for key, array in decoded.items():
            with whole_file(arrays[key]) as file:
                np.save(file, array, allow_pickle=False)
        images, labels = decoded["image"], decoded["label"]
    return from_arrays(images / np.float32(255), labels)


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


def _digest(files) -> str:
    """The SHA-256 of the names and contents of files."""
    digest = hashlib.sha256(b"jaxdl image and label")
    for path in files:
        with path.open("rb") as file:
            digest.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _decode(folder, part) -> dict[str, np.ndarray]:
    """All images and labels of a part, as the bytes they were."""
    import tensorflow_datasets as tfds  # slow to import, and only needed where nothing is cached

    source: Any = tfds.builder_from_directory(str(folder)).as_data_source(part)
    missing = {"image", "label"} - set(source[0])
    if missing:
        raise ValueError(
            f"name must be a set of images with labels, but the examples in {folder} have no {missing.pop()}."
        )
    examples = (
        example
        for start in range(0, len(source), BATCH)
        for example in source.__getitems__(range(start, min(start + BATCH, len(source))))
    )
    images = np.zeros((len(source), *source[0]["image"].shape), np.uint8)
    labels = np.zeros(len(source), np.int32)
    for row, example in enumerate(examples):
        images[row], labels[row] = example["image"], example["label"]
    return {"image": images, "label": labels}
