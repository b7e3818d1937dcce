"""Cache of decoded images and labels on disk."""

from collections.abc import Callable

import numpy as np

from jaxdl.data.readers.npz import read_arrays
from jaxdl.system.storage import cache_dir, whole_file

ImagesAndLabels = tuple[np.ndarray, np.ndarray]


def cached(kind: str, digest: str, decode: Callable[[], ImagesAndLabels]) -> ImagesAndLabels:
    """Return images and labels from the cache, or decode and cache them if they are absent or damaged.

    The digest is a SHA-256 of everything that determines the result: the files and the part that is decoded.
    """
    path = cache_dir() / kind / f"{digest}.npz"  # .npz has checksums, .npy has not
    try:
        arrays = read_arrays(path)
        return arrays["image"], arrays["label"]
    except (OSError, ValueError, KeyError):
        images, labels = decode()
        with whole_file(path) as file:
            np.savez(file, image=images, label=labels)
        return images, labels
