"""Images and labels that were decoded once, and are kept."""

from collections.abc import Callable

import numpy as np

from jaxdl.data.readers.npz import read_arrays
from jaxdl.system.storage import cache_dir, whole_file

Decoded = tuple[np.ndarray, np.ndarray]


def decoded_once(kind: str, digest: str, decode: Callable[[], Decoded]) -> Decoded:
    """Images and labels from the cache; what is not there, or is damaged, is decoded, and is there from then on.

    The digest is a SHA-256 of all that they are made from and of how: what differs in either is never mixed.
    """
    path = cache_dir() / kind / f"{digest}.npz"  # whose checksums tell a damaged number, as those of .npy do not
    try:
        kept = read_arrays(path)
        return kept["image"], kept["label"]
    except (OSError, ValueError, KeyError):
        images, labels = decode()
        with whole_file(path) as file:
            np.savez(file, image=images, label=labels)
        return images, labels
