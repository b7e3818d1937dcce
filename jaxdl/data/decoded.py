"""Images and labels that were decoded once, and are kept."""

from collections.abc import Callable

import numpy as np

from jaxdl.storage import cache_dir, whole_file

Decoded = tuple[np.ndarray, np.ndarray]


def decoded_once(kind: str, digest: str, decode: Callable[[], Decoded]) -> Decoded:
    """Images and labels from the cache; what is not there, or is damaged, is decoded, and is there from then on.

    The digest is a SHA-256 of all that they are made from and of how: what differs in either is never mixed.
    """
    files = [cache_dir() / kind / digest / f"{name}.npy" for name in ("image", "label")]
    kept = _load(files)
    if kept is not None:
        return kept
    decoded = decode()
    for path, array in zip(files, decoded, strict=True):
        with whole_file(path) as file:
            np.save(file, array, allow_pickle=False)
    return decoded


def _load(files) -> Decoded | None:
    """What the files hold, or nothing where one of them is not there or is no whole array."""
    try:
        images, labels = (np.load(path, mmap_mode="r", allow_pickle=False) for path in files)
    except (OSError, ValueError, EOFError):
        return None
    return images, labels
