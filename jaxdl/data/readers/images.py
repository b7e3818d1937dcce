"""Images of a user: a folder with a folder for each class, decoded by Pillow, whole or a piece at a time."""

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
from jaxdl.data.readers.npz import physical_memory

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")  # none that runs a program, as EPS does
PIXELS = 64_000_000  # of one image, at most
GREY = ("1", "L", "LA")
DEEP = ("I", "F")  # and all that begin with "I;": more than 8 bits a channel
MODES = {1: "L", 3: "RGB"}
Place = str | os.PathLike


class ImageFiles(NamedTuple):
    """The images of a folder: where they are, and the names of their classes, None for those of no class."""

    files: tuple[pathlib.Path, ...]
    labels: tuple[str | None, ...]


class Images(NamedTuple):
    """Images (n, height, width, channels) between 0 and 1: those of the files that are `readable` (files,)."""

    images: np.ndarray
    readable: np.ndarray


def list_images(root: Place) -> ImageFiles:
    """The images at and below a folder, by the Unicode code points of their paths in it: the same on every machine.

    The class is the name of the folder directly below `root`, in the normal form NFC. Hidden files and folders, and
    files without the suffix of an image, are ignored. Raises FileNotFoundError for what is no folder, and ValueError
    for one without images, for links that do not lead to a file within the folder, and for names that are no Unicode.
    """
    root = pathlib.Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f"images must be in a folder, but {root} is none.")
    named = sorted((unicodedata.normalize("NFC", file.relative_to(root).as_posix()), file) for file in _walk(root))
    if not named:
        raise ValueError(f"{root} must hold images ({', '.join(IMAGE_SUFFIXES)}), but holds none.")
    labels = (name.split("/")[0] if "/" in name else None for name, _ in named)
    return ImageFiles(tuple(file for _, file in named), tuple(labels))


def refuse_unreadable(files: Sequence[Place]) -> None:
    """Raise ValueError if there are files that cannot be read: how many, and the first three."""
    if files:
        raise ValueError(
            f"images must be readable, but {_some(files)} are damaged, cut off or no images: replace or remove them, "
            "or leave them out (--unreadable skip)."
        )


def skip_unreadable(files: Sequence[Place]) -> None:
    """Warn of files that cannot be read and are left out: how many, and the first three."""
    if files:
        warnings.warn(f"{_some(files)} are damaged, cut off or no images, and are left out", stacklevel=2)


def load_images(
    root: Place,
    *,
    image_size: tuple[int, int] | None = None,
    unreadable: Callable[[Sequence[Place]], None] = refuse_unreadable,
) -> Dataset:
    """All images of a folder with a folder for each class, labelled by the names of these, as `read_images` reads them.

    They have one channel if all are grey, else three. `unreadable`, which is `refuse_unreadable` or `skip_unreadable`,
    is told the files that cannot be read. Raises what `list_images` and `read_images` raise, and ValueError for images
    that are in the folder of no class, and where none can be read.
    """
    files, labels = list_images(root)
    outside = [file for file, label in zip(files, labels, strict=True) if label is None]
    if outside:
        raise ValueError(
            f"images must lie in a folder for each class below {root}, but {_some(outside)} lie directly in it: move "
            "them."
        )
    images, readable = read_images(files, size=image_size, channels=image_channels(files))
    unreadable([file for file, read in zip(files, readable, strict=True) if not read])
    if not len(images):
        refuse_unreadable(files)
    return Dataset(images, np.asarray(labels)[readable], np.ones(len(images), np.float32))


def read_images(files: Sequence[Place], *, size: tuple[int, int] | None, channels: int) -> Images:
    """The images in these files as float32, and which of the files could be read.

    They are scaled to `size` (height, width), bilinearly with antialiasing; without it all must have one size. One
    channel is luminance (ITU-R 601-2), three are red, green and blue. Of an animation the first frame is taken;
    transparency and the orientation in EXIF are not looked at. A file counts as unreadable if it is damaged, cut off,
    or none of PNG, JPEG, BMP, GIF, WebP, TIFF and PPM, whatever its suffix says.

    Raises ValueError for an image of another size, of more than 64 million pixels, or with more than 8 bits a channel,
    before it is decoded; and for more of them than fit into memory.
    """
    return next(image_chunks(files, size=size, channels=channels, chunk=max(1, len(files))))


def image_chunks(
    files: Sequence[Place], *, size: tuple[int, int] | None, channels: int, chunk: int = 1024
) -> Generator[Images]:
    """What `read_images` gives, for so many files at a time: in memory that their number does not bound.

    Without `size` all must have the size of the first. Raises what `read_images` raises.
    """
    if channels not in MODES:
        raise ValueError(f"channels must be 1 or 3, but were {channels}.")
    if not files:
        raise ValueError("files must be one at least, but there is none.")
    if size is not None and not (min(size) >= 1 and size[0] * size[1] <= PIXELS):
        raise ValueError(f"size must be a height and a width of 1 to {PIXELS:,} pixels, but was {size}.")
    expected = size or _first_size(files)
    for first in range(0, len(files), chunk):
        yield _read(files[first : first + chunk], size, expected, channels)


def image_channels(files: Sequence[Place]) -> int:
    """1 if all images are grey, or black and white, else 3: only headers are read, and a palette counts as colour.

    Files that cannot be read are ignored. Raises ValueError for an image of more than 64 million pixels.
    """
    for file in files:
        image = _opened(file)
        if image is not None:
            with image:
                if image.mode not in GREY and not _is_deep(image):
                    return 3
    return 1


def _some(files) -> str:
    """How many files, and which, the first three."""
    return f"{len(files)} ({', '.join(map(str, files[:3]))}{', …' if len(files) > 3 else ''})"


def _walk(root) -> Generator[pathlib.Path]:
    """All visible files with the suffix of an image, none of which is outside."""
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
    """What cannot be listed is not left out in silence."""
    raise error


def _check_path(root, path) -> None:
    """Refuse links that do not lead to a file within the root, and names that no other program could be told."""
    if any("\ud800" <= sign <= "\udfff" for sign in str(path)):
        raise ValueError(f"names of images must be Unicode, but {str(path)!r} is none: rename it.")
    if path.is_symlink():
        target = path.resolve()
        if not (target.is_file() and target.is_relative_to(root.resolve())):
            raise ValueError(
                f"a link must lead to a file within {root}, but {path} leads to {target}: put a copy in its place."
            )


def _read(files, size, expected, channels) -> Images:
    shape = (len(files), *expected, channels)
    needed, memory = 4 * math.prod(shape), physical_memory()
    if needed > memory:
        raise ValueError(
            f"images must fit into memory, {memory:,} bytes, but {len(files)} of {expected[0]}×{expected[1]} take "
            f"{needed:,}: scale them down (image_size, --image-size 64 64)."
        )
    images, readable, row = np.zeros(shape, np.float32), np.zeros(len(files), bool), 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of what is odd but can be read
        for place, file in enumerate(files):
            pixels = _decoded(file, size, expected, channels)
            if pixels is not None:
                np.divide(pixels.reshape(shape[1:]), np.float32(255), out=images[row])
                readable[place], row = True, row + 1
    return Images(images[:row], readable)


def _first_size(files) -> tuple[int, int]:
    """Height and width of the first image whose header can be read."""
    for file in files:
        image = _opened(file)
        if image is not None:
            with image:
                return image.height, image.width
    raise ValueError(f"images must be readable, but {_some(files)} are all damaged or no images: replace them.")


def _opened(file) -> Image.Image | None:
    """An image of which the header has been read, and can be believed; None where there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(file, formats=FORMATS)
        if image.width * image.height > PIXELS:
            image.close()
            raise Image.DecompressionBombError  # as Pillow does, later
    except Image.DecompressionBombError as error:
        raise ValueError(
            f"images must have at most {PIXELS:,} pixels, but {file} tells of more: scale or remove it."
        ) from error
    except Exception:  # over what is damaged, Pillow raises nearly everything
        return None
    return image


def _decoded(file, size, expected, channels) -> np.ndarray | None:
    """The pixels as bytes, once the header has been checked; None where they cannot be read."""
    image = _opened(file)
    if image is None:
        return None
    with image:
        if _is_deep(image):
            raise ValueError(f"images must have 8 bits a channel, but {file} has the mode {image.mode}: convert it.")
        if size is None and (image.height, image.width) != expected:
            raise ValueError(
                f"images must all have the size of the first, {expected[0]}×{expected[1]}, but {file} has "
                f"{image.height}×{image.width}: have all scaled to one (image_size, --image-size {expected[0]} "
                f"{expected[1]})."
            )
        try:
            converted = image.convert(MODES[channels])
            fitted = converted if size is None else converted.resize(size[::-1], Image.Resampling.BILINEAR)
            return np.asarray(fitted, np.uint8)
        except Exception:  # as above
            return None


def _is_deep(image) -> bool:
    return image.mode in DEEP or image.mode.startswith("I;")
