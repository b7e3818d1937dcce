"""Reader of image folders: one subfolder for each class, decoded by Pillow, whole or in chunks."""

import math
import os
import pathlib
import re
import unicodedata
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from jaxdl.data.dataset import Dataset
from jaxdl.data.readers.memory import physical_memory

IMAGE_SUFFIXES = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".bmp", ".dib", ".gif", ".webp"),
    *(".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"),
)
SIGNATURES = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF....WEBP", re.DOTALL)
PARTS = {  # names of the folders of the parts, in lower case
    "train": ("train", "training"),
    "dev": ("dev", "val", "valid", "validation"),
    "test": ("test", "testing"),
}
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")  # none of them runs programs, as EPS does
MAX_NAMED = 5  # folders or suffixes named in one sentence
MAX_PIXELS = 64_000_000  # of one image
GRAY = ("1", "L", "LA")
DEEP = re.compile(r"[IF](?:;.*)?")  # modes of more than 8 bits a channel
DEEP_COLOR = re.compile(r";(?:12|16|32|64)")  # in the raw modes of files that Pillow would cut to 8 bits a channel
MODES = {1: "L", 3: "RGB"}
Place = str | os.PathLike


class ImageFiles(NamedTuple):
    """The image files of a folder.

    Attributes:
        files: Paths of the images.
        labels: Class of each image; None for an image outside of any class folder.
    """

    files: tuple[pathlib.Path, ...]
    labels: tuple[str | None, ...]


class Images(NamedTuple):
    """Decoded images.

    Attributes:
        images: Images (n, height, width, channels) between 0 and 1, of the readable files.
        readable: Mask (files,) of the files that could be read.
    """

    images: np.ndarray
    readable: np.ndarray


def list_images(root: Place) -> ImageFiles:
    """List the images in and below a folder, sorted by the Unicode code points of their relative paths.

    The class is the name of the folder directly below `root`, in Unicode normal form NFC. Hidden files and folders are
    ignored. A file is an image by its suffix or its first bytes. A warning counts all other files, and names the
    folders of classes without an image.

    Args:
        root: The folder.

    Returns:
        Paths and classes, in the same order on every machine.

    Raises:
        FileNotFoundError: If `root` is not a folder.
        ValueError: If there is no image, an image is a link out of the folder or no regular file, or a name is not
            valid Unicode.

    Example:
        >>> import pathlib, tempfile
        >>> from jaxdl.data.readers import list_images
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("dog", "cat"):
        ...         pathlib.Path(folder, name).mkdir()
        ...         pathlib.Path(folder, name, "1.png").touch()
        ...     labels = list_images(folder).labels
        >>> labels
        ('cat', 'dog')
    """
    root = pathlib.Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f"there is no folder {root}.")
    files, unread = _listed(root)
    counts = ", ".join(f"{count} {suffix}" for suffix, count in unread.most_common(MAX_NAMED))
    counts += ", …" if len(unread) > MAX_NAMED else ""
    named = sorted((unicodedata.normalize("NFC", file.relative_to(root).as_posix()), file) for file in files)
    if not named:
        others = f", but {unread.total()} other files: {counts}" if unread else ""
        raise ValueError(f"{root} holds no image ({', '.join(IMAGE_SUFFIXES)}){others}.")
    if unread:
        warnings.warn(f"{root}: {unread.total()} files are not images and are not read: {counts}", stacklevel=2)
    labels = tuple(name.split("/")[0] if "/" in name else None for name, _ in named)
    empty = [folder.name for folder in _folders(root) if unicodedata.normalize("NFC", folder.name) not in set(labels)]
    if empty:
        some = ", ".join(empty[:MAX_NAMED]) + (", …" if len(empty) > MAX_NAMED else "")
        warnings.warn(f"{root}: {len(empty)} folders hold no image: {some}", stacklevel=2)
    return ImageFiles(tuple(file for _, file in named), labels)


def image_parts(root: Place) -> dict[str, pathlib.Path]:
    """Return the folders of the parts "train", "dev" and "test", in this order; none for a folder without parts.

    A folder has parts if its subfolders have the names of at least two parts, such as train and val, in any case.
    Raises ValueError if none of them is for training, two are the same part, or another folder holds images, too.
    """
    root = pathlib.Path(root)
    folders = _folders(root)
    found = {part: [folder for folder in folders if folder.name.lower() in names] for part, names in PARTS.items()}
    parts = {part: named[0] for part, named in found.items() if named}
    if len(parts) < 2:
        return {}
    if "train" not in parts:
        known = ", ".join(folder.name for folder in parts.values())
        raise ValueError(f"{root} holds folders of parts ({known}), but none named train: rename one.")
    for part, named in found.items():
        if len(named) > 1:
            raise ValueError(
                f"{root} must hold one folder for the part {part}, got {named[0].name} and {named[1].name}: put their "
                "images together."
            )
    others = [folder for folder in folders if folder not in parts.values()]
    mixed = next((folder.name for folder in others if _listed(folder)[0]), None)
    if mixed is not None:
        known = ", ".join(folder.name for folder in parts.values())
        raise ValueError(
            f"{root} must hold either parts or classes, but holds the parts {known} and images in {mixed}: move them "
            "into a part, or rename the parts."
        )
    return parts


def refuse_unreadable(files: Sequence[Place]) -> None:
    """Raise an error if there are unreadable files. Give it to `load` as `unreadable`; this is the default.

    Args:
        files: The unreadable files.

    Raises:
        ValueError: If there is any; the message names the first three.

    Example:
        >>> from jaxdl import data
        >>> data.refuse_unreadable(["a.png"])
        Traceback (most recent call last):
        ...
        ValueError: 1 images (a.png) are damaged or not images: replace or remove them, or skip them ...
    """
    deep = [file for file in files if _has_deep_header(file)]
    if deep:
        raise ValueError(
            f"{_first_names(deep)} have more than 8 bits a channel: convert them to 8 bits, or skip them (--unreadable "
            "skip)."
        )
    if files:
        raise ValueError(
            f"{_first_names(files)} are damaged or not images: replace or remove them, or skip them "
            "(--unreadable skip)."
        )


def skip_unreadable(files: Sequence[Place]) -> None:
    """Warn if there are unreadable files. Give it to `load` as `unreadable` to leave damaged images out.

    Args:
        files: The unreadable files.

    Example:
        >>> import warnings
        >>> from jaxdl import data
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     data.skip_unreadable(["a.png"])
        >>> str(caught[0].message)
        '1 images (a.png) are damaged or not images, and are skipped'
    """
    if files:
        warnings.warn(f"{_first_names(files)} are damaged or not images, and are skipped", stacklevel=2)


def load_images(
    root: Place,
    *,
    image_size: tuple[int, int] | None = None,
    unreadable: Callable[[Sequence[Place]], None] = refuse_unreadable,
) -> Dataset:
    """Read all images of a folder that has a subfolder for each class.

    The images have one channel if all are gray, else three. See `read_images` for how they are decoded.

    Args:
        root: The folder.
        image_size: Height and width to scale the images to. Default: all must have the same size.
        unreadable: Function called with the list of unreadable files: `refuse_unreadable` or `skip_unreadable`.

    Returns:
        Images (n, height, width, channels) between 0 and 1, with the names of their folders as labels.

    Raises:
        FileNotFoundError: If `root` is not a folder.
        ValueError: If an image is outside of the class folders or no image can be read; see also `read_images`.

    Example:
        >>> import pathlib, tempfile
        >>> from PIL import Image
        >>> from jaxdl.data.readers import load_images
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name, gray in (("dark", 0), ("light", 255)):
        ...         pathlib.Path(folder, name).mkdir()
        ...         Image.new("L", (4, 6), gray).save(pathlib.Path(folder, name, "1.png"))
        ...     images = load_images(folder)
        >>> images.inputs.shape, images.inputs.mean(axis=(1, 2, 3)).tolist(), images.labels.tolist()
        ((2, 6, 4, 1), [0.0, 1.0], ['dark', 'light'])
    """
    files, labels = list_images(root)
    outside = [file for file, label in zip(files, labels, strict=True) if label is None]
    if outside:
        raise ValueError(
            f"every image must be in a folder named after its class below {root}, but {_first_names(outside)} are not: "
            "move them."
        )
    images, readable = read_images(files, size=image_size, channels=image_channels(files))
    unreadable([file for file, read in zip(files, readable, strict=True) if not read])
    if not len(images):
        refuse_unreadable(files)
    return Dataset(images, np.asarray(labels)[readable], np.ones(len(images), np.float32))


def read_images(files: Sequence[Place], *, size: tuple[int, int] | None, channels: int) -> Images:
    """Decode image files to float32.

    Scaling is bilinear with antialiasing. One channel is the luminance (ITU-R 601-2). Of an animation the first frame
    is read; transparency and the EXIF orientation are ignored. A file is unreadable if it is damaged, truncated, has
    more than 8 bits a channel, or is not PNG, JPEG, BMP, GIF, WebP, TIFF or PPM; its suffix is ignored.

    Args:
        files: The files.
        size: Height and width to scale to, or None if all images have the same size.
        channels: 1 for gray, 3 for red, green and blue.

    Returns:
        The images, and a mask of the readable files.

    Raises:
        ValueError: If images differ in size, an image has over 64 million pixels (checked before it is decoded), or
            the images do not fit into memory.

    Example:
        >>> import pathlib, tempfile
        >>> from PIL import Image
        >>> from jaxdl.data.readers import read_images
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     red = pathlib.Path(folder, "red.png")
        ...     Image.new("RGB", (2, 2), "red").save(red)
        ...     images, readable = read_images([red], size=(1, 1), channels=3)
        >>> images.tolist(), readable.tolist()
        ([[[[1.0, 0.0, 0.0]]]], [True])
    """
    return next(image_chunks(files, size=size, channels=channels, chunk=max(1, len(files))))


def image_chunks(
    files: Sequence[Place], *, size: tuple[int, int] | None, channels: int, chunk: int = 1024
) -> Generator[Images]:
    """Yield what `read_images` returns for `chunk` files at a time; memory does not grow with the number of files.

    Without `size` all images must have the size of the first. Raises what `read_images` raises.
    """
    if channels not in MODES:
        raise ValueError(f"channels must be 1 or 3, got {channels}.")
    if not files:
        raise ValueError("files must hold at least one file, got none.")
    if size is not None and not (min(size) >= 1 and size[0] * size[1] <= MAX_PIXELS):
        raise ValueError(f"size must be a height and a width with 1 to {MAX_PIXELS:,} pixels, got {size}.")
    expected = size or _first_size(files)
    for first in range(0, len(files), chunk):
        yield _read(files[first : first + chunk], size, expected, channels)


def image_channels(files: Sequence[Place]) -> int:
    """Return 1 if all images are gray, else 3.

    Only headers are read; a palette counts as color, and unreadable files are ignored. Raises ValueError for an image
    of over 64 million pixels.
    """
    for file in files:
        image = _open(file)
        if image is not None:
            with image:
                if image.mode not in GRAY and not _is_deep(image):
                    return 3
    return 1


def _first_names(files) -> str:
    """Return the number of files and the names of the first three."""
    return f"{len(files)} images ({', '.join(map(str, files[:3]))}{', …' if len(files) > 3 else ''})"


def _folders(root) -> list[pathlib.Path]:
    """Return the visible folders directly in a folder, sorted."""
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def _listed(root) -> tuple[list[pathlib.Path], Counter[str]]:
    """Return all visible images, and counts of the other files by suffix; raise ValueError for an unsafe path."""
    images, unread = [], Counter()
    for folder, folders, names in os.walk(root, onerror=_raise):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in folders:
            _check_path(root, pathlib.Path(folder, name))
        for name in names:
            path, suffix = pathlib.Path(folder, name), os.path.splitext(name)[1].lower()
            if name.startswith("."):
                continue
            if suffix in IMAGE_SUFFIXES or _begins_as_image(path):
                _check_path(root, path)
                images.append(path)
            else:
                unread[suffix or "without suffix"] += 1
    return images, unread


def _begins_as_image(path) -> bool:
    """Return whether a file begins as a JPEG, PNG, GIF or WebP; false for links and all that is not a regular file."""
    if path.is_symlink() or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return SIGNATURES.match(file.read(12)) is not None
    except OSError:
        return False


def _raise(error) -> None:
    """Raise the error of a folder that cannot be listed, which os.walk would ignore."""
    raise error


def _check_path(root, path) -> None:
    """Raise ValueError for a link that does not lead to a file within the root, a special file, or an invalid name."""
    if any("\ud800" <= character <= "\udfff" for character in str(path)):
        raise ValueError(f"the file name {str(path)!r} is not valid Unicode: rename the file.")
    if path.is_symlink():
        try:
            target = path.resolve()
        except (OSError, RuntimeError):  # RuntimeError up to Python 3.12
            target = path
        if target == path or not (target.is_file() and target.is_relative_to(root.resolve())):
            leads = "in a circle" if target == path else f"to {target}"
            raise ValueError(
                f"a link must lead to a file within {root}, but {path} leads {leads}: replace it by a copy."
            )
    elif not (path.is_file() or path.is_dir()):
        raise ValueError(f"an image must be a regular file, but {path} is a pipe, socket or device: remove it.")


def _read(files, size, expected, channels) -> Images:
    shape = (len(files), *expected, channels)
    needed, memory = 4 * math.prod(shape), physical_memory()
    if needed > memory:
        raise ValueError(
            f"{len(files)} images of {expected[0]}×{expected[1]} need {needed:,} bytes of memory, but this machine has "
            f"{memory:,}: scale them down (image_size, --image-size 64 64)."
        )
    images, readable, row = np.zeros(shape, np.float32), np.zeros(len(files), bool), 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of unusual files that it can read
        for index, file in enumerate(files):
            pixels = _decode(file, size, expected, channels)
            if pixels is not None:
                np.divide(pixels.reshape(shape[1:]), np.float32(255), out=images[row])
                readable[index], row = True, row + 1
    return Images(images[:row], readable)


def _first_size(files) -> tuple[int, int]:
    """Return height and width of the first image whose header can be read."""
    for file in files:
        image = _open(file)
        if image is not None:
            with image:
                if not _is_deep(image):
                    return image.height, image.width
    raise ValueError(f"{_first_names(files)} are all damaged or not images: replace them.")


def _open(file) -> Image.Image | None:
    """Read and check the header of an image; return None if it is not an image."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(file, formats=FORMATS)
        if image.width * image.height > MAX_PIXELS:
            image.close()
            raise Image.DecompressionBombError  # as Pillow does at a larger size
    except Image.DecompressionBombError as error:
        raise ValueError(f"{file} has over {MAX_PIXELS:,} pixels: scale it down or remove it.") from error
    except Exception:  # Pillow raises exceptions of almost every type for damaged files
        return None
    return image


def _decode(file, size, expected, channels) -> np.ndarray | None:
    """Return the pixels as bytes after a check of the header, or None if the file is unreadable."""
    image = _open(file)
    if image is None:
        return None
    with image:
        if _is_deep(image):
            return None
        if size is None and (image.height, image.width) != expected:
            raise ValueError(
                f"images must all have the size of the first, {expected[0]}×{expected[1]}, but {file} has "
                f"{image.height}×{image.width}: scale all to one size (image_size, --image-size {expected[0]} "
                f"{expected[1]})."
            )
        try:
            converted = image.convert(MODES[channels])
            scaled = converted if size is None else converted.resize(size[::-1], Image.Resampling.BILINEAR)
            return np.asarray(scaled, np.uint8)
        except Exception:  # see _open
            return None


def _is_deep(image) -> bool:
    """Return whether an image has more than 8 bits a channel, by the header of its file."""
    if DEEP.fullmatch(image.mode):
        return True
    if image.format == "PPM":  # the maximum of a channel is the last argument of its decoder
        return any(tile[0].startswith("ppm") and tile[3][-1] > 255 for tile in image.tile)
    return image.format in ("PNG", "TIFF") and any(DEEP_COLOR.search(str(tile[3])) for tile in image.tile)


def _has_deep_header(file) -> bool:
    image = _open(file)
    if image is None:
        return False
    with image:
        return _is_deep(image)
