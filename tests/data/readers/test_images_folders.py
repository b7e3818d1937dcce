"""What a folder of images may hold besides plain images of 8 bits: links, pipes, other files, 16 bits, and parts."""

import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from jaxdl.data.readers.images import image_parts, list_images, load_images, read_images, skip_unreadable
from tests.data.readers.image_files import save_image


def test_a_link_in_a_circle_and_a_pipe_raise_errors(tmp_path):
    save_image(tmp_path / "a" / "x.png", [[0]])
    loop, pipe = tmp_path / "a" / "y.png", tmp_path / "a" / "z.png"
    loop.symlink_to(loop)
    with pytest.raises(ValueError, match=r"a link must lead to a file within .*, but .*y.png leads in a circle"):
        list_images(tmp_path)
    loop.unlink()
    os.mkfifo(pipe)
    with pytest.raises(ValueError, match=r"^an image must be a regular file, but .*z.png is a pipe, socket or device"):
        list_images(tmp_path)


def test_images_are_recognized_by_content_and_folders_without_one_are_named(tmp_path):
    for folder, name, kind in (("a", "x.jfif", "JPEG"), ("b", "photo", "PNG"), ("c", "x.large", "WEBP")):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (2, 2)).save(tmp_path / folder / name, kind)
    assert list_images(tmp_path).labels == ("a", "b", "c")
    (tmp_path / "c" / "x.large").write_bytes(b"no image")
    with pytest.warns() as warned:
        assert list_images(tmp_path).labels == ("a", "b")
    sentences = sorted(str(warning.message).removeprefix(f"{tmp_path}: ") for warning in warned)
    assert sentences == ["1 files are not images and are not read: 1 .large", "1 folders hold no image: c"]


def deep_png(color_type, channels):
    """Write a PNG of 2×2 pixels with 16 bits a channel by the bytes of its specification."""
    rows = b"".join(b"\0" + bytes([1, 200] * channels * 2) for _ in range(2))
    header = struct.pack(">2I5B", 2, 2, 16, color_type, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    framed = (struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


DEEP = {
    "gray.png": deep_png(0, 1),
    "rgb.png": deep_png(2, 3),
    "gray_alpha.png": deep_png(4, 2),
    "rgba.png": deep_png(6, 4),
    "rgb.ppm": b"P6 2 2 65535\n" + bytes(24),
    "gray.pgm": b"P5 2 2 1023\n" + bytes(8),
}


@pytest.mark.parametrize("name", [*DEEP, "I;16", "I", "F"])
def test_more_than_eight_bits_a_channel_are_refused_or_skipped(tmp_path, name):
    path = save_image(tmp_path / "a" / "plain.png", [[7]]).with_name(name if name in DEEP else "deep.tif")
    if name in DEEP:
        path.write_bytes(DEEP[name])
    else:
        Image.new(name, (2, 2)).save(path)
    with pytest.raises(ValueError, match=rf"^1 images \(.*{path.name}\) have more than 8 bits a channel: convert them"):
        load_images(tmp_path, image_size=(1, 1))
    with pytest.warns(UserWarning, match="and are skipped"):
        images = load_images(tmp_path, unreadable=skip_unreadable)
    assert images.inputs.tolist() == [[[[np.float32(7 / 255)]]]]


def test_images_of_8_bits_are_not_deep(tmp_path):
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        Image.new(mode, (2, 2)).save(tmp_path / "x.png")
        assert read_images([tmp_path / "x.png"], size=None, channels=3).readable.all()
    (tmp_path / "x.ppm").write_bytes(b"P6 2 2 31\n" + bytes(12))
    assert read_images([tmp_path / "x.ppm"], size=None, channels=3).readable.all()


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (("train", "val"), {"train": "train", "dev": "val"}),
        (("train", "valid"), {"train": "train", "dev": "valid"}),
        (("train", "validation"), {"train": "train", "dev": "validation"}),
        (("training", "testing"), {"train": "training", "test": "testing"}),
        (("Train", "Test"), {"train": "Train", "test": "Test"}),
        (("test", "train", "val"), {"train": "train", "dev": "val", "test": "test"}),
        (("bus", "train"), {}),
        (("valid", "wrong"), {}),
        (("test", "val"), "but none named train: rename one"),
        (("test", "train", "training"), "one folder for the part train, got train and training"),
        (("ant", "train", "val"), "holds the parts train, val and images in ant: move"),
    ],
)
def test_parts_are_recognized_by_the_names_of_their_folders(tmp_path, names, parts):
    for name in names:
        save_image(tmp_path / name / "a" / "x.png", [[0]])
    (tmp_path / "documents").mkdir()
    if isinstance(parts, str):
        with pytest.raises(ValueError, match=parts):
            image_parts(tmp_path)
    else:
        assert image_parts(tmp_path) == {part: tmp_path / name for part, name in parts.items()}
