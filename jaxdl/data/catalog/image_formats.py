"""Decoders of the original formats of MNIST and CIFAR-10; they raise ValueError for damaged or malicious bytes."""

import io
import itertools
import math
import struct
import tarfile
import zlib
from collections.abc import Sequence

import numpy as np

PIXELS = (3, 32, 32)  # of CIFAR-10: red, green, blue
MEMBERS = 100  # members of a tar file to inspect; negative sizes could make a loop


def gunzip(content: bytes, *, limit: int) -> bytes:
    """Decompress gzip, up to `limit` bytes, because a few bytes can inflate to any number.

    Raises ValueError if the content is damaged, truncated, followed by other bytes, or inflates to more than `limit`.
    """
    stream = zlib.decompressobj(zlib.MAX_WBITS | 16)  # 16: with the header and the checksum of gzip
    try:
        inflated = stream.decompress(content, limit + 1)
    except zlib.error as error:
        raise ValueError(f"the .gz file is damaged ({error}).") from error
    if len(inflated) > limit:
        raise ValueError(f"the .gz file inflates to more than the expected {limit} bytes.")
    if not stream.eof or stream.unused_data:
        raise ValueError(f"the .gz file is {'followed by other bytes' if stream.eof else 'truncated'}.")
    return inflated


def read_idx(content: bytes, *, shape: tuple[int, ...]) -> np.ndarray:
    """Decode an IDX file (.gz) of unsigned bytes of the given shape.

    It holds the bytes 0, 0, 8, the number of axes, their lengths as big-endian words of 32 bits, and the array. Raises
    ValueError if the header or the length differs. Format: http://yann.lecun.com/exdb/mnist
    """
    header = struct.pack(f">{1 + len(shape)}I", 0x800 + len(shape), *shape)
    size = len(header) + math.prod(shape)
    inflated = gunzip(content, limit=size)
    if not inflated.startswith(header):
        raise ValueError(
            f"an IDX file of unsigned bytes of shape {shape} must begin with {header.hex(' ', -4)}, "
            f"got {inflated[: len(header)].hex(' ', -4)}."
        )
    if len(inflated) < size:
        raise ValueError(f"an IDX file of shape {shape} must hold {size} bytes, got {len(inflated)}.")
    return np.frombuffer(inflated, np.uint8, offset=len(header)).reshape(shape)


def read_cifar10(content: bytes, *, batches: Sequence[str], rows: int = 10_000) -> tuple[np.ndarray, np.ndarray]:
    """Decode batches of `rows` examples of CIFAR-10's binary .tar.gz, without writing to disk.

    A row of a batch is the label, then 1024 bytes each of red, green and blue. Returns images (n, 32, 32, 3) and labels
    (n,); raises ValueError for other content. Format: https://www.cs.toronto.edu/~kriz/cifar.html
    """
    size = rows * (1 + math.prod(PIXELS))
    archive = gunzip(content, limit=6 * size + (1 << 20))  # six batches and the headers
    table = np.frombuffer(b"".join(_members(archive, batches, size)), np.uint8).reshape(len(batches) * rows, -1)
    labels = table[:, 0].copy()
    if labels.max() > 9:
        raise ValueError(f"labels of CIFAR-10 must be from 0 to 9, got {labels.max()}.")
    return table[:, 1:].reshape(-1, *PIXELS).transpose(0, 2, 3, 1).copy(), labels


def _members(archive, batches, size) -> list[bytes]:
    """Return the contents of the batches in a tar file; raise ValueError unless they are plain files of this size."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
            files = {member.name: member for member in itertools.islice(tar, MEMBERS) if member.isreg()}
            contents = []
            for batch in batches:
                member = files.get(f"cifar-10-batches-bin/{batch}")
                stream = tar.extractfile(member) if member is not None and member.size == size else None
                contents.append(stream.read() if stream is not None else b"")
    except (tarfile.TarError, ValueError, OverflowError, RecursionError) as error:
        raise ValueError(f"the .tar file is damaged ({error}).") from error
    for batch, content in zip(batches, contents, strict=True):
        if len(content) != size:
            raise ValueError(f"the CIFAR-10 archive has no plain file {batch} of {size} bytes.")
    return contents
