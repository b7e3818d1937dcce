"""Archives of numpy (.npz), read without pickle: no header is believed before it is checked against the file."""

import contextlib
import io
import math
import os
import pathlib
import sys
import warnings
import zipfile
from collections.abc import Generator, Sequence
from typing import Literal, NamedTuple

import numpy as np

from jaxdl.data.dataset import Dataset, from_arrays

COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA)
HEADER = 1 << 14  # bytes that are looked at for the header of an array; numpy takes at most 10,000
BLOCK = 1 << 14  # bytes that are read at a time: LZMA inflates a block at once, up to 7000 times
WHOLE = (
    ("inputs", "labels"),
    ("x", "y"),
    ("X", "y"),
    ("images", "labels"),
    ("data", "target"),
    ("features", "targets"),
)
PARTS = ("train", "test")


class _Header(NamedTuple):
    """What an array says of itself, and where in its member it begins."""

    shape: tuple[int, ...]
    order: Literal["C", "F"]
    dtype: np.dtype
    begin: int


def read_arrays(path: str | os.PathLike, *, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays of an .npz archive by name, all or only these, in the byte order of this machine.

    Stored, deflated and LZMA-packed members are read; nothing is unpickled, so objects are refused, as are structures.
    Space is made only for an array whose shape agrees with the size that the archive tells, and only if this machine
    has it. Raises FileNotFoundError, and ValueError that names the array, for whatever is damaged or none.
    """
    path = pathlib.Path(path)
    with _opened(path) as archive:
        members = _members(path, archive)
        for name in names or ():
            if name not in members:
                raise ValueError(f"names must be arrays of {path} ({', '.join(members)}), but {name!r} is none.")
        wanted = members if names is None else {name: members[name] for name in names}
        needed, memory = sum(info.file_size for info in wanted.values()), physical_memory()
        if needed > memory:
            raise ValueError(
                f"the arrays of {path} must fit into memory, {memory:,} bytes, but take {needed:,}: save fewer."
            )
        return {name: _array(path, archive, name, info) for name, info in wanted.items()}


def load_npz(path: str | os.PathLike, *, part: str = "train") -> Dataset:
    """The inputs and labels of an .npz archive, and its weights where it has some; labels may be names.

    The first of these pairs that is there is taken: inputs and labels, x and y, X and y, images and labels, data and
    target, features and targets, with `weights`; or, by the part ("train" or "test"), x_train and y_train or x_test
    and y_test, with `weights_train` or `weights_test`. `part` is for the last alone.

    Inputs become float32. Bytes (uint8) of the shape (n, h, w) or (n, h, w, c) are images, and are divided by 255; the
    former get the axis of their one channel. Class numbers and names are kept; so are those of shape (n, 1), as (n,).
    Rows of zeros with a single one are class numbers too: where the one is. Other labels are targets, (n, outputs).

    Raises what `read_arrays` and `from_arrays` raise, and ValueError for other names, images (n, c, h, w) and labels of
    any other shape or kind.
    """
    if part not in PARTS:
        raise ValueError(f"part must be 'train' or 'test', but was {part!r}.")
    with _opened(path) as archive:
        names = tuple(_members(path, archive))
    divided = (f"x_{part}", f"y_{part}")
    pair = next((pair for pair in (*WHOLE, divided) if {*pair} <= {*names}), None)
    if pair is None:
        known = "; ".join(f"{inputs} and {labels}" for inputs, labels in (*WHOLE, divided))
        raise ValueError(
            f"{path} must hold inputs and labels under one of these pairs of names: {known}; but holds "
            f"{_described(path)}: rename them."
        )
    weights = f"weights_{part}" if pair == divided else "weights"
    arrays = read_arrays(path, names=[*pair, weights] if weights in names else pair)
    labels = _labels(path, arrays[pair[1]])
    finite = np.zeros(len(labels), int) if labels.dtype.kind != "f" else np.where(np.isfinite(labels), 0.0, labels)
    checked = from_arrays(_inputs(path, arrays[pair[0]]), finite, weights=arrays.get(weights))
    return checked._replace(labels=labels)


def load_npz_inputs(path: str | os.PathLike, *, part: str = "test") -> np.ndarray:
    """The inputs alone, as `load_npz` gives them: for an archive to predict, in which there are no labels.

    Raises what `read_arrays` raises, and ValueError for other names.
    """
    with _opened(path) as archive:
        names = tuple(_members(path, archive))
    known = tuple(dict.fromkeys(inputs for inputs, _ in (*WHOLE, (f"x_{part}", ""))))
    name = next((name for name in known if name in names), None)
    if name is None:
        raise ValueError(
            f"{path} must hold inputs under one of the names {', '.join(known)}, but holds {_described(path)}."
        )
    return _inputs(path, read_arrays(path, names=[name])[name])


def has_labels(path: str | os.PathLike, *, part: str = "test") -> bool:
    """Can `load_npz` read labels from the archive, or has it inputs alone?"""
    with _opened(path) as archive:
        names = {*_members(path, archive)}
    return any({*pair} <= names for pair in (*WHOLE, (f"x_{part}", f"y_{part}")))


def array_parts(path: str | os.PathLike) -> tuple[str, ...]:
    """Those of "train" and "test" that an archive holds under names of their own; nothing where it is not divided.

    Raises FileNotFoundError and ValueError where `path` is no archive.
    """
    with _opened(path) as archive:
        names = {*_members(path, archive)}
    if any({*pair} <= names for pair in WHOLE):
        return ()
    return tuple(part for part in PARTS if {f"x_{part}", f"y_{part}"} <= names)


def physical_memory() -> int:
    """The bytes of memory that this machine has; no limit where the system does not tell."""
    if not hasattr(os, "sysconf"):
        return sys.maxsize
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@contextlib.contextmanager
def _opened(path) -> Generator[zipfile.ZipFile]:
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"an archive must be a file .npz, but {path} is none.")
    with path.open("rb") as file:
        if file.read(len(np.lib.format.MAGIC_PREFIX)) == np.lib.format.MAGIC_PREFIX:
            raise ValueError(
                f"{path} must be an archive of arrays with names, but is a single array: save it with "
                "np.savez(path, inputs=inputs, labels=labels)."
            )
    with _told(f"{path} must be a whole .npz archive, but is damaged, cut off or none"):
        archive = zipfile.ZipFile(path)
    with archive:
        if _count(path, archive) not in (len(archive.infolist()), 0xFFFF):  # the latter where there are more than that
            raise ValueError(f"{path} must hold the members that it tells, but does not: it is damaged.")
        yield archive


def _count(path, archive) -> int:
    """How many members the archive tells at its end; what damage hides from zipfile is known by it."""
    with path.open("rb") as file:
        file.seek(-22 - len(archive.comment), os.SEEK_END)
        return int.from_bytes(file.read(12)[10:], "little")


@contextlib.contextmanager
def _told(sentence) -> Generator[None]:
    """Whatever zipfile and numpy raise over what is damaged, which is nearly everything, becomes a sentence."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers that Python 2 has written
            yield
    except Exception as error:
        reason = " ".join(f"{error}".split())[:120] or type(error).__name__
        raise ValueError(f"{sentence} ({reason}).") from error


def _members(path, archive) -> dict[str, zipfile.ZipInfo]:
    """The members of an archive by the names of their arrays. Nothing of them has been read yet."""
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        name = info.orig_filename
        folders = name.split("/")
        if not folders[0] or ".." in folders or "\\" in name or "\0" in name or name[1:2] == ":":
            raise ValueError(f"{path} must hold names that stay in their folder, but holds {name!r}: do not use it.")
        if not name.endswith(".npy"):
            raise ValueError(
                f"{path} must hold arrays (.npy) and nothing else, but holds {name!r}: save it with np.savez."
            )
        if info.flag_bits & 1 or info.compress_type not in COMPRESSIONS:
            how = "encrypted" if info.flag_bits & 1 else f"packed by method {info.compress_type}"
            raise ValueError(
                f"{path} must hold arrays that are stored, deflated or packed by LZMA, but {name!r} is {how}: save it "
                "with np.savez_compressed."
            )
        if name.removesuffix(".npy") in members:
            raise ValueError(f"{path} must hold each array once, but holds {name!r} more than once: save it again.")
        members[name.removesuffix(".npy")] = info
    return members


def _header(path, archive, name, info) -> _Header:
    """The header of a member, if all that it says can be true."""
    with _told(f"array {name!r} of {path} must be a whole .npy file, but is damaged or none"):
        with archive.open(info) as member:
            head = io.BytesIO(member.read(HEADER))
        readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, fortran, dtype = readers[np.lib.format.read_magic(head)](head)
    if dtype.kind not in "biufcmMSU" or not dtype.itemsize:
        raise ValueError(
            f"array {name!r} of {path} must hold numbers or text, but holds {dtype}: objects and structures "
            "are not read, as a pickle can run any program; convert the array and save it again."
        )
    told, size = head.tell() + math.prod(shape) * dtype.itemsize, info.file_size
    if told != size or min(shape, default=0) < 0:
        raise ValueError(
            f"array {name!r} of {path} must have the {size} bytes that the archive tells, but has {told} by its shape "
            f"{shape}: the file is damaged, or forged."
        )
    return _Header(shape, "F" if fortran else "C", dtype, head.tell())


def _array(path, archive, name, info) -> np.ndarray:
    """An array of which all bytes are there, and have the checksum that the archive tells."""
    header = _header(path, archive, name, info)
    content, end = np.zeros(info.file_size - header.begin, np.uint8), 0
    with _told(f"array {name!r} of {path} must be whole, but is damaged"):
        with archive.open(info) as member:
            member.read(header.begin)
            while block := member.read(BLOCK):
                content[end : end + len(block)] = np.frombuffer(block, np.uint8)
                end += len(block)
        if end < len(content):
            raise EOFError(f"{len(content) - end} bytes are missing")
        array = content.view(header.dtype).reshape(header.shape, order=header.order)
        if header.dtype.kind == "U":
            array.tolist()  # raises where a number is no character
    return array.astype(header.dtype.newbyteorder("="), order="K", copy=False)


def _described(path) -> str:
    """The names, types and shapes of all arrays, read from their headers."""
    with _opened(path) as archive:
        headers = {name: _header(path, archive, name, info) for name, info in _members(path, archive).items()}
    return ", ".join(f"{name} {header.dtype} {header.shape}" for name, header in headers.items()) or "nothing"


def _inputs(path, inputs) -> np.ndarray:
    """Images between 0 and 1 with their channels last; anything else as it is."""
    if inputs.ndim == 4 and inputs.shape[1] in (1, 3) and inputs.shape[3] not in (1, 3):
        raise ValueError(
            f"images of {path} must have the shape (n, height, width, channels), but {inputs.shape} looks like (n, "
            "channels, height, width): save inputs.transpose(0, 2, 3, 1)."
        )
    if inputs.dtype == np.uint8 and inputs.ndim in (3, 4):
        images = inputs / np.float32(255)
        return images[..., None] if images.ndim == 3 else images
    return inputs


def _labels(path, labels) -> np.ndarray:
    """Class numbers or names (n,), or targets (n, outputs)."""
    if labels.dtype.kind == "S":
        with _told(f"labels of {path} must be text in UTF-8, but are not"):
            labels = np.char.decode(labels, "utf-8")
    outputs = labels.shape[1] if labels.ndim == 2 else 1
    if labels.dtype.kind not in "biufU" or labels.ndim not in (1, 2) or (labels.dtype.kind == "U" and outputs > 1):
        raise ValueError(
            f"labels of {path} must be class numbers or names (n,), or numbers (n, outputs), but are {labels.dtype} "
            f"{labels.shape}: convert or reshape them."
        )
    if outputs > 1 and np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all():
        return labels.argmax(axis=1)
    if outputs > 1:
        return labels
    return labels.reshape((-1, 1) if labels.dtype.kind == "f" else -1)
