"""Reader of numpy archives (.npz) without pickle; headers are checked against the file before memory is allocated."""

import contextlib
import io
import math
import os
import pathlib
import warnings
import zipfile
from collections.abc import Generator, Sequence
from typing import Literal, NamedTuple

import numpy as np

from jaxdl.data.dataset import Dataset, check_inputs_shape, check_length, from_arrays, loses_digits
from jaxdl.data.readers.memory import check_expansion, check_file

COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA)
HEADER = 1 << 14  # bytes searched for the header of an array; numpy accepts at most 10,000
BLOCK = 1 << 14  # bytes read at a time; LZMA inflates a whole block at once, up to 7000 times
PAIRS = (
    ("inputs", "labels"),
    ("x", "y"),
    ("X", "y"),
    ("images", "labels"),
    ("data", "target"),
    ("features", "targets"),
)
PARTS = {"train": ("train",), "dev": ("dev", "val", "valid", "validation"), "test": ("test",)}  # x_train, x_val, …


class _Header(NamedTuple):
    """Header of an array, and the offset of its data in the member."""

    shape: tuple[int, ...]
    order: Literal["C", "F"]
    dtype: np.dtype
    begin: int


def read_arrays(path: str | os.PathLike, *, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Read the arrays of an .npz archive.

    Members may be stored, deflated or compressed by LZMA. Objects and structured arrays are rejected, because a pickle
    can run any program. Memory is allocated only for arrays whose shape agrees with the size of the member.

    Args:
        path: The archive.
        names: Names of the arrays to read. Default: all.

    Returns:
        Arrays by name, in the byte order of this machine.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged or not an archive of arrays, a name is unknown, or the arrays do not fit into
            memory.

    Example:
        >>> import pathlib, tempfile
        >>> from jaxdl.data.readers import read_arrays
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "a.npz")
        ...     np.savez(path, x=np.arange(3), y=np.zeros(9))
        ...     arrays = read_arrays(path, names=["x"])
        >>> {name: array.tolist() for name, array in arrays.items()}
        {'x': [0, 1, 2]}
    """
    path = pathlib.Path(path)
    with _open(path) as archive:
        members = _members(path, archive)
        for name in names or ():
            if name not in members:
                raise ValueError(f"{path} has no array {name!r}. Arrays: {', '.join(members)}.")
        wanted = members if names is None else {name: members[name] for name in names}
        check_expansion(path, sum(info.file_size for info in wanted.values()))
        return {name: _array(path, archive, name, info) for name, info in wanted.items()}


def array_types(path: str | os.PathLike) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """Return shape and dtype of each array of an archive from the headers, without expanding the arrays.

    Raises FileNotFoundError and ValueError as `read_arrays` does.
    """
    path = pathlib.Path(path)
    with _open(path) as archive:
        headers = {name: _header(path, archive, name, info) for name, info in _members(path, archive).items()}
    return {name: (header.shape, header.dtype.newbyteorder("=")) for name, header in headers.items()}


def load_npz(path: str | os.PathLike, *, part: str = "train") -> Dataset:
    """Read a data set from an .npz archive.

    The first of these pairs in the archive is read: inputs and labels, x and y, X and y, images and labels, data and
    target, features and targets, with `weights` if present; else the arrays of the part: x_train and y_train with
    `weights_train`, x_test and y_test with `weights_test`, or x_val and y_val (also dev, valid, validation).

    Inputs become float32, or stay float64 in numpy if float32 would lose their digits. Bytes (uint8) of the shape
    (n, h, w) or (n, h, w, c) are images: they are divided by 255, and (n, h, w) becomes (n, h, w, 1). Integers and
    names (n,) or (n, 1) are class labels, and so are one-hot rows. Other labels are targets (n, outputs). A warning
    names arrays that are not read.

    Args:
        path: The archive.
        part: "train", "dev" or "test"; used only by archives with x_train, x_val or x_test.

    Returns:
        The data set; labels may be names.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If there is no such pair, images are (n, c, h, w), labels have another shape or dtype, or the arrays
            cannot be read or trained on (see `read_arrays` and `from_arrays`).

    Example:
        >>> import pathlib, tempfile
        >>> from jaxdl.data.readers import load_npz
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "a.npz")
        ...     np.savez(path, images=np.full((2, 3, 3), 255, np.uint8), labels=["cat", "dog"])
        ...     pets = load_npz(path)
        >>> pets.inputs.shape, float(pets.inputs.max()), pets.labels.tolist()
        ((2, 3, 3, 1), 1.0, ['cat', 'dog'])
    """
    if part not in PARTS:
        raise ValueError(f"part must be 'train', 'dev' or 'test', got {part!r}.")
    names = _names(path)
    pair = _pair(names, part)
    if pair is None:
        known = "; ".join(f"{inputs} and {labels}" for inputs, labels in (*PAIRS, *_pairs_of(part)[:1]))
        raise ValueError(
            f"{path} must hold inputs and labels under one of these pairs of names: {known}. It holds "
            f"{_described(path)}: rename them."
        )
    weights = _weights_of(pair)
    read = [pair] if pair in PAIRS else [other for each in PARTS if (other := _pair(names, each))]
    unread = [name for name in names if all(name not in (*of_part, _weights_of(of_part)) for of_part in read)]
    if unread and part in ("train", *array_parts(path)[:1]):
        warnings.warn(
            f"{path} holds arrays that are not read: {', '.join(map(repr, unread[:5]))}{', …' * (len(unread) > 5)}; "
            f"weights of the examples must have the name {weights!r}",
            stacklevel=2,
        )
    _check_shapes(path, [*pair, *([weights] if weights in names else [])])
    arrays = read_arrays(path, names=[*pair, weights] if weights in names else pair)
    labels = labels_of_parts(path)[part if array_parts(path) else ""]
    # let from_arrays check inputs, weights, lengths and NaN; it would reject names and targets beyond float32
    numeric = np.zeros(len(labels), int) if labels.dtype.kind != "f" else np.where(np.isfinite(labels), 0.0, labels)
    inputs = _inputs(path, arrays[pair[0]])
    exact = inputs.ndim > 1 and inputs.dtype.kind in "iuf" and loses_digits(inputs)
    small = np.where(np.isfinite(inputs), np.float32(0), inputs) if exact else inputs
    checked = from_arrays(small, numeric, weights=arrays.get(weights))._replace(labels=labels)
    return checked._replace(inputs=inputs.astype(np.float64, copy=False)) if exact else checked


def load_npz_inputs(path: str | os.PathLike, *, part: str = "test") -> np.ndarray:
    """Read the inputs of an archive, with or without labels, as `load_npz` reads them, but in their own dtype.

    Raises what `read_arrays` raises, and ValueError if no array has one of the known names.
    """
    names = _names(path)
    known = tuple(dict.fromkeys(inputs for inputs, _ in (*PAIRS, *_pairs_of(part))))
    name = next((name for name in known if name in names), None)
    if name is None:
        raise ValueError(
            f"{path} must hold inputs under one of the names {', '.join(known)}. It holds {_described(path)}."
        )
    return _inputs(path, read_arrays(path, names=[name])[name])


def has_labels(path: str | os.PathLike, *, part: str = "test") -> bool:
    """Return whether the archive has inputs and labels for `load_npz`, or inputs alone."""
    return _pair(_names(path), part) is not None


def array_parts(path: str | os.PathLike) -> tuple[str, ...]:
    """Return which of "train", "dev" and "test" the archive holds as separate arrays; none for a single data set.

    Raises FileNotFoundError and ValueError if `path` is not an archive.
    """
    names = {*_names(path)}
    if any({*pair} <= names for pair in PAIRS):
        return ()
    return tuple(part for part in PARTS if _pair(names, part))


def labels_of_parts(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Return the labels of each part, or of "" for a single data set, read by one decision for all of them.

    A part alone could mislead: a few multi-label targets may look like one-hot rows. Raises ValueError if the parts
    have labels of different shapes.
    """
    names, parts = _names(path), array_parts(path) or ("",)
    read = [pair[1] for part in parts if (pair := _pair(names, part))]
    labels = list(read_arrays(path, names=read).values())
    labels = [array.reshape(-1) if array.ndim == 2 and array.shape[1] == 1 else array for array in labels]
    if len(labels) == 1:
        return {parts[0]: _labels(path, labels[0])}
    if any(array.ndim == 0 or array.shape[1:] != labels[0].shape[1:] for array in labels):
        shapes = ", ".join(f"{name} {array.shape}" for name, array in zip(read, labels, strict=True))
        raise ValueError(f"labels of {path} must have the same shape per example in every part, got {shapes}.")
    together = _labels(path, np.concatenate(labels))
    ends = np.cumsum([len(array) for array in labels])[:-1]
    return dict(zip(parts, np.split(together, ends), strict=True))


def _pairs_of(part) -> list[tuple[str, str]]:
    return [(f"x_{name}", f"y_{name}") for name in PARTS.get(part, ())]


def _pair(names, part) -> tuple[str, str] | None:
    """Return the names of inputs and labels, or None if the archive lacks this part."""
    return next((pair for pair in (*PAIRS, *_pairs_of(part)) if {*pair} <= {*names}), None)


def _check_shapes(path, names) -> None:
    """Raise ValueError for arrays of unequal lengths by their headers, before memory is allocated."""
    with _open(path) as archive:
        members = _members(path, archive)
        inputs, *others = (
            np.broadcast_to(np.zeros(()), _header(path, archive, name, members[name]).shape) for name in names
        )
    check_inputs_shape(inputs)
    for name, array in zip(names[1:], others, strict=True):
        check_length(name, array, len(inputs))


def _weights_of(pair) -> str:
    return "weights" if pair in PAIRS else pair[0].replace("x_", "weights_")


def _names(path) -> tuple[str, ...]:
    with _open(path) as archive:
        return tuple(_members(path, archive))


@contextlib.contextmanager
def _open(path) -> Generator[zipfile.ZipFile]:
    path = pathlib.Path(path)
    check_file(path)
    with path.open("rb") as file:
        if file.read(len(np.lib.format.MAGIC_PREFIX)) == np.lib.format.MAGIC_PREFIX:
            raise ValueError(
                f"{path} must be an archive of named arrays, but is a single array: save it with "
                "np.savez(path, inputs=inputs, labels=labels)."
            )
    with _readable(f"{path} is not an .npz archive, or is damaged"):
        archive = zipfile.ZipFile(path)
    with archive:
        if _recorded_count(path, archive) not in (len(archive.infolist()), 0xFFFF):  # 0xFFFF: 65,535 or more
            raise ValueError(f"{path} is damaged: its directory does not list all of its members.")
        yield archive


def _recorded_count(path, archive) -> int:
    """Return the number of members recorded at the end of the archive; zipfile may find fewer if it is damaged."""
    with path.open("rb") as file:
        file.seek(-22 - len(archive.comment), os.SEEK_END)
        return int.from_bytes(file.read(12)[10:], "little")


@contextlib.contextmanager
def _readable(problem) -> Generator[None]:
    """Turn the exceptions of zipfile and numpy, which are of almost every type, into a ValueError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy warns of headers written by Python 2
            yield
    except Exception as error:
        reason = " ".join(f"{error}".split())[:120] or type(error).__name__
        raise ValueError(f"{problem} ({reason}).") from error


def _members(path, archive) -> dict[str, zipfile.ZipInfo]:
    """Return the members by the names of their arrays, without reading them."""
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        name = info.orig_filename
        folders = name.split("/")
        if not folders[0] or ".." in folders or "\\" in name or "\0" in name or name[1:2] == ":":
            raise ValueError(f"{path} is unsafe: the member {name!r} would lie outside of its folder.")
        if not name.endswith(".npy"):
            raise ValueError(f"{path} must hold only arrays (.npy), but holds {name!r}: save it with np.savez.")
        if info.flag_bits & 1 or info.compress_type not in COMPRESSIONS:
            how = "encrypted" if info.flag_bits & 1 else f"compressed by method {info.compress_type}"
            raise ValueError(
                f"{path} must hold arrays that are stored, deflated or compressed by LZMA, but {name!r} is {how}: save "
                "it with np.savez_compressed."
            )
        if name.removesuffix(".npy") in members:
            raise ValueError(f"{path} holds {name!r} more than once: save it again.")
        members[name.removesuffix(".npy")] = info
    return members


def _header(path, archive, name, info) -> _Header:
    """Read the header of a member and check it against the size of the member."""
    with _readable(f"array {name!r} of {path} is not an .npy file, or is damaged"):
        with archive.open(info) as member:
            head = io.BytesIO(member.read(HEADER))
        readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, fortran, dtype = readers[np.lib.format.read_magic(head)](head)
    if dtype.kind not in "biufcmMSU" or not dtype.itemsize:
        raise ValueError(
            f"array {name!r} of {path} must hold numbers or text, got {dtype}: objects and structures are not read, "
            "because a pickle can run any program; convert the array and save it again."
        )
    expected, size = head.tell() + math.prod(shape) * dtype.itemsize, info.file_size
    if expected != size or min(shape, default=0) < 0:
        raise ValueError(
            f"array {name!r} of {path} must have {expected} bytes by its shape {shape}, but the archive records "
            f"{size}: the file is damaged or forged."
        )
    return _Header(shape, "F" if fortran else "C", dtype, head.tell())


def _array(path, archive, name, info) -> np.ndarray:
    """Read an array; zipfile verifies its checksum."""
    header = _header(path, archive, name, info)
    content, end = np.zeros(info.file_size - header.begin, np.uint8), 0
    with _readable(f"array {name!r} of {path} is damaged"):
        with archive.open(info) as member:
            member.read(header.begin)
            while block := member.read(BLOCK):
                content[end : end + len(block)] = np.frombuffer(block, np.uint8)
                end += len(block)
        if end < len(content):
            raise EOFError(f"{len(content) - end} bytes are missing")
        array = content.view(header.dtype).reshape(header.shape, order=header.order)
        if header.dtype.kind == "U":
            array.tolist()  # raises for invalid code points
    return array.astype(header.dtype.newbyteorder("="), order="K", copy=False)


def _described(path) -> str:
    """Return the names, types and shapes of all arrays, from their headers."""
    return ", ".join(f"{name} {dtype} {shape}" for name, (shape, dtype) in array_types(path).items()) or "no array"


def _inputs(path, inputs) -> np.ndarray:
    """Scale bytes of images to 0 to 1, with a channel axis; return other inputs unchanged."""
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
    """Return class numbers or names (n,), or targets (n, outputs)."""
    if labels.dtype.kind == "S":
        with _readable(f"labels of {path} are not UTF-8 text"):
            labels = np.char.decode(labels, "utf-8")
    outputs = labels.shape[1] if labels.ndim == 2 else 1
    if labels.dtype.kind not in "biufU" or labels.ndim not in (1, 2) or (labels.dtype.kind == "U" and outputs > 1):
        raise ValueError(
            f"labels of {path} must be class numbers or names (n,), or numbers (n, outputs), got {labels.dtype} "
            f"{labels.shape}: convert or reshape them."
        )
    if outputs > 1 and np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all():
        return labels.argmax(axis=1)
    if outputs > 1:
        return labels
    return labels.reshape((-1, 1) if labels.dtype.kind == "f" else -1)
