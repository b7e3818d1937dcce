"""Cache of decoded images and labels on disk."""

import contextlib
import hashlib
from collections.abc import Callable

import numpy as np

from jaxdl.data.readers.npz import read_arrays
from jaxdl.system.storage import cache_dir, private_cache, whole_file

ImagesAndLabels = tuple[np.ndarray, np.ndarray]
DECODED = {  # SHA-256 of images and labels, by the digest under which they are cached
    # mnist: train, test
    "75fb5f4535fef6b6c7d899349f847505f1e58dacf04335ded2f8cac10fec959d": (
        "7ed6d195be27670d8d21f747a9ba08e2cf64217f416ad3f1d7a1cd6c7d3d6574"
    ),
    "27eb8b6df8803fe24e25582bd2c2bb703a839d286591e5a38d2cbf78a5689216": (
        "4e9936bba676e7590d0ce846f881060cb81dc72aa7175faea25e27f13ca22594"
    ),
    # fashion_mnist: train, test
    "76d7f1156e8ecaa46eb7ec06459349e4acbc5735af6c4ac058ccc5310169b002": (
        "913ab46cf7536c788370cc187341d9d7f4571d751c4b93ddb087f695798c53e6"
    ),
    "df1c7d459769d574ce9bc9a53519e22d924b7cb03e35471dd00a07399149792b": (
        "725eddff0e9e08475e9e3710579150cef875c6b8170df1e2279dcb58081cf81a"
    ),
}


def cached(kind: str, digest: str, decode: Callable[[], ImagesAndLabels]) -> ImagesAndLabels:
    """Return images and labels from the cache, or decode and cache them if they are absent, damaged or forged.

    The digest is a SHA-256 of everything that determines the result: the files and the part that is decoded. If others
    can write to the cache, only arrays whose own SHA-256 is in `DECODED` are read from it.
    """
    path = cache_dir() / kind / f"{digest}.npz"  # .npz has checksums, .npy has not
    with contextlib.suppress(OSError, ValueError, KeyError):
        if private_cache(kind) is not None or digest in DECODED:
            arrays = read_arrays(path)
            found = arrays["image"], arrays["label"]
            if DECODED.get(digest) in (None, digest_of_arrays(*found)):
                return found
    images, labels = decode()
    with contextlib.suppress(OSError), whole_file(path) as file:  # the cache may be read-only or the disk full
        np.savez(file, image=images, label=labels)
    return images, labels


def digest_of_arrays(*arrays: np.ndarray) -> str:
    """Return one SHA-256 of the dtypes, shapes and bytes of several arrays."""
    sha256 = hashlib.sha256()
    for array in arrays:
        sha256.update(f"{array.dtype}{array.shape}".encode())
        sha256.update(np.ascontiguousarray(array).data)
    return sha256.hexdigest()
