"""Reader of image folders: one subfolder for each class, decoded by Pillow, whole or in chunks."""

import math
import os
import pathlib
import unicodedata
import warnings
from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from jaxdl.data.dataset import Dataset
from jaxdl.data.readers.memory import physical_memory

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")  # none of them runs programs, as EPS does
MAX_PIXELS = 64_000_000  # of one image
GRAY = ("1", "L", "LA")
DEEP = ("I", "F")  # modes of more than 8 bits a channel, besides all that begin with "I;"
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
    ignored, and files without the suffix of an image.

    Args:
        root: The folder.

    Returns:
        Paths and classes, in the same order on every machine.

    Raises:
        FileNotFoundError: If `root` is not a folder.
        ValueError: If there is no image, a link leads out of the folder, or a name is not valid Unicode.

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
    named = sorted((unicodedata.normalize("NFC", file.relative_to(root).as_posix()), file) for file in _walk(root))
    if not named:
        raise ValueError(f"{root} holds no image ({', '.join(IMAGE_SUFFIXES)}).")
    labels = (name.split("/")[0] if "/" in name else None for name, _ in named)
    return ImageFiles(tuple(file for _, file in named), tuple(labels))


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
    is read; transparency and the EXIF orientation are ignored. A file is unreadable if it is damaged, truncated, or not
    PNG, JPEG, BMP, GIF, WebP, TIFF or PPM; its suffix is ignored.

    Args:
        files: The files.
        size: Height and width to scale to, or None if all images have the same size.
        channels: 1 for gray, 3 for red, green and blue.

    Returns:
        The images, and a mask of the readable files.

    Raises:
        ValueError: If images differ in size, an image has over 64 million pixels or over 8 bits a channel (checked
            before it is decoded), or the images do not fit into memory.

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


def _walk(root) -> Generator[pathlib.Path]:
    """Yield all visible files with the suffix of an image; raise ValueError for a link that leads out of the folder."""
    for folder, folders, names in os.walk(root, onerror=_raise):
        folders[:] = [name for name in folders if not name.startswith(".")]
        images = [name for name in names if _is_image(name)]
        for name in (*folders, *images):
            _check_path(root, pathlib.Path(folder, name))
        paths = (pathlib.Path(folder, name) for name in images)
        yield from (path for path in paths if path.is_file())


def _is_image(name) -> bool:
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES


def _raise(error) -> None:
    """Raise the error of a folder that cannot be listed, which os.walk would ignore."""
    raise error


def _check_path(root, path) -> None:
    """Raise ValueError for a link that does not lead to a file within the root, and for a name that is not Unicode."""
    if any("\ud800" <= character <= "\udfff" for character in str(path)):
        raise ValueError(f"the file name {str(path)!r} is not valid Unicode: rename the file.")
    if path.is_symlink():
        target = path.resolve()
        if not (target.is_file() and target.is_relative_to(root.resolve())):
            raise ValueError(
                f"a link must lead to a file within {root}, but {path} leads to {target}: replace it by a copy."
            )


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
            raise ValueError(f"images must have 8 bits a channel, but {file} has the mode {image.mode}: convert it.")
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
    return image.mode in DEEP or image.mode.startswith("I;")
