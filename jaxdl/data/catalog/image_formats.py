"""The formats in which image sets were first published: from bytes in memory to arrays, whatever the bytes are."""

import io
import itertools
import math
import struct
import tarfile
import zlib
from collections.abc import Sequence

import numpy as np

PIXELS = (3, 32, 32)  # of CIFAR-10: red, green, blue
MEMBERS = 100  # of a tar file are looked at: sizes below 0 would lead back to where it began, without end


def gunzip(content: bytes, *, limit: int) -> bytes:
    """What gzip has compressed, read no further than `limit` bytes: a few bytes can inflate to any number.

    Raises ValueError for what is not whole, is followed by something else, or inflates to more.
    """
    stream = zlib.decompressobj(zlib.MAX_WBITS | 16)  # 16: with the header and the checksum of gzip
    try:
        inflated = stream.decompress(content, limit + 1)
    except zlib.error as error:
        raise ValueError(f"content must be a whole .gz file, but could not be inflated: {error}.") from error
    if len(inflated) > limit:
        raise ValueError(f"content must inflate to no more than {limit} bytes, but inflates to more.")
    if not stream.eof or stream.unused_data:
        raise ValueError(f"content must be a whole .gz file, but {'goes on' if stream.eof else 'ends too early'}.")
    return inflated


def read_idx(content: bytes, *, shape: tuple[int, ...]) -> np.ndarray:
    """The unsigned bytes of this shape in an IDX file (.gz): 0, 0, 8, the number of axes, their lengths, the array.

    The lengths are big-endian words of 32 bits. Raises ValueError where the header says anything else, or the array is
    shorter or longer than it says. Format: http://yann.lecun.com/exdb/mnist
    """
    header = struct.pack(f">{1 + len(shape)}I", 0x800 + len(shape), *shape)
    size = len(header) + math.prod(shape)
    inflated = gunzip(content, limit=size)
    if not inflated.startswith(header):
        raise ValueError(
            f"an IDX file of unsigned bytes of shape {shape} must begin with {header.hex(' ', -4)}, "
            f"but begins with {inflated[: len(header)].hex(' ', -4)}."
        )
    if len(inflated) < size:
        raise ValueError(f"an IDX file of shape {shape} must hold {size} bytes, but holds {len(inflated)}.")
    return np.frombuffer(inflated, np.uint8, offset=len(header)).reshape(shape)


def read_cifar10(content: bytes, *, batches: Sequence[str], rows: int = 10_000) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 32, 32, 3) and labels (n,) of these batches of `rows` examples, from CIFAR-10's binary .tar.gz.

    A row of a batch is the label, then 1024 bytes each of red, green and blue; nothing is written to disk. Raises
    ValueError for anything else. Format: https://www.cs.toronto.edu/~kriz/cifar.html
    """
    size = rows * (1 + math.prod(PIXELS))
    archive = gunzip(content, limit=6 * size + (1 << 20))  # six batches, and some words
    table = np.frombuffer(b"".join(_members(archive, batches, size)), np.uint8).reshape(len(batches) * rows, -1)
    labels = table[:, 0].copy()
    if labels.max() > 9:
        raise ValueError(f"labels of CIFAR-10 must be from 0 to 9, but {labels.max()} was among them.")
    return table[:, 1:].reshape(-1, *PIXELS).transpose(0, 2, 3, 1).copy(), labels


def _members(archive, batches, size) -> list[bytes]:
    """The contents of the batches in a tar file: plain files of this size, or ValueError."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
            files = {member.name: member for member in itertools.islice(tar, MEMBERS) if member.isreg()}
            contents = []
            for batch in batches:
                member = files.get(f"cifar-10-batches-bin/{batch}")
                stream = tar.extractfile(member) if member is not None and member.size == size else None
                contents.append(stream.read() if stream is not None else b"")
    except (tarfile.TarError, ValueError, OverflowError, RecursionError) as error:
        raise ValueError(f"content must be a whole .tar file, but could not be read: {error}.") from error
    for batch, content in zip(batches, contents, strict=True):
        if len(content) != size:
            raise ValueError(f"CIFAR-10 must hold a file {batch} of {size} bytes, but does not.")
    return contents
