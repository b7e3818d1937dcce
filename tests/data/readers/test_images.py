import os
import pathlib
import pickle
import struct
import unicodedata

import numpy as np
import pytest
from PIL import Image

from jaxdl.data.readers import images
from jaxdl.data.readers.images import (
    image_channels,
    image_chunks,
    list_images,
    load_images,
    read_images,
    skip_unreadable,
)
from tests.data.readers.image_files import save_image
from tests.data.trap import Trap


def save_folder(root, random, classes=("cat", "dog"), each=3, shape=(4, 5)):
    """Save a folder of random images by class, and return their bytes by path."""
    saved = {f"{name}/{i}.png": random.integers(0, 256, shape) for name in classes for i in range(each)}
    for name, pixels in saved.items():
        save_image(root / name, pixels)
    return saved


def test_images_are_labeled_by_folder_and_sorted_by_code_points(tmp_path):
    names = ["Z/x.bmp", "a b/x.Jpeg", "a/x.tif", "b/10.png", "b/2.PNG", "top.jpg", "é/x.webp", "日本/deep/x.gif"]
    for name in reversed(names):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = list_images(tmp_path)
    assert [file.relative_to(tmp_path).as_posix() for file in found.files] == names
    assert found.labels == ("Z", "a b", "a", "b", "b", None, "é", "日本")
    assert list_images(str(tmp_path)) == found


def test_class_names_are_normalized_to_one_unicode_form(tmp_path):
    for number, form in enumerate(("NFC", "NFD")):
        save_image(tmp_path / unicodedata.normalize(form, "café") / f"{number}.png", [[0]])
    assert list_images(tmp_path).labels == (unicodedata.normalize("NFC", "café"),) * 2


def test_hidden_and_other_files_are_ignored_and_an_empty_or_missing_folder_raises(tmp_path):
    save_image(tmp_path / "a" / "x.png", [[0]])
    for name in (".hidden.png", "Thumbs.db", ".DS_Store", "notes.txt", "x.png.bak", "x.svg", "x.eps", "png", ".png"):
        (tmp_path / "a" / name).touch()
    save_image(tmp_path / ".thumbnails" / "x.png", [[0]])
    save_image(tmp_path / "a" / ".ipynb_checkpoints" / "x.png", [[0]])
    os.mkfifo(tmp_path / "a" / "pipe")
    counts = r": 7 files are not images and are not read: 2 without suffix, 1 \.\w+, 1 \.\w+, 1 \.\w+, 1 \.\w+, …$"
    with pytest.warns(UserWarning, match=counts):
        assert list_images(tmp_path).files == (tmp_path / "a" / "x.png",)
    (tmp_path / "a" / "x.png").unlink()
    with pytest.raises(ValueError, match=r"holds no image \(.png, .apng, .*\), but 7 other files: 2 "):
        list_images(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no folder .*nowhere"):
        list_images(tmp_path / "nowhere")


def test_a_link_must_lead_to_a_file_within_the_folder(tmp_path):
    inside, outside = save_image(tmp_path / "in" / "a" / "x.png", [[0]]), save_image(tmp_path / "out" / "x.png", [[0]])
    link = tmp_path / "in" / "a" / "y.png"
    link.symlink_to(inside)
    assert list_images(tmp_path / "in").files == (inside, link)
    (tmp_path / "in" / "a" / "notes").symlink_to(outside)  # not an image by its suffix
    with pytest.warns(UserWarning, match="1 files are not images and are not read: 1 without suffix"):
        assert list_images(tmp_path / "in").files == (inside, link)
    (tmp_path / "in" / "a" / "notes").unlink()
    (tmp_path / "linked").symlink_to(tmp_path / "in")
    assert len(list_images(tmp_path / "linked").files) == 2
    for target in (outside, pathlib.Path("../../out/x.png"), tmp_path / "in" / "gone.png"):
        link.unlink()
        link.symlink_to(target)
        with pytest.raises(ValueError, match=r"a link must lead to a file within .*in, but .*y.png leads to"):
            list_images(tmp_path / "in")
    link.unlink()
    for target in (outside.parent, tmp_path / "in"):
        (tmp_path / "in" / "b").symlink_to(target)
        with pytest.raises(ValueError, match=r"a link must lead to a file within .*in, but .*b leads to"):
            list_images(tmp_path / "in")
        (tmp_path / "in" / "b").unlink()


def test_a_name_that_is_not_unicode_raises_an_error(tmp_path):
    try:
        os.mkdir(os.fsencode(tmp_path) + b"/caf\xe9")
    except OSError:
        pytest.skip("this file system rejects such names")
    save_image(pathlib.Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"), "x.png"), [[0]])
    with pytest.raises(ValueError, match="the file name .* is not valid Unicode"):
        list_images(tmp_path)


def test_pixels_are_bytes_over_255_and_every_image_needs_a_class(tmp_path, random):
    saved = save_folder(tmp_path, random)
    read = load_images(tmp_path)
    assert read.weights.dtype == np.float32
    expected = (np.stack([*saved.values()]) / 255).astype(np.float32)[..., None]
    np.testing.assert_array_equal(read.inputs, expected, strict=True)
    assert read.labels.tolist() == ["cat"] * 3 + ["dog"] * 3
    assert read.weights.tolist() == [1] * 6
    save_image(tmp_path / "new.png", random.integers(0, 256, (4, 5)))
    assert len(read_images(list_images(tmp_path).files, size=None, channels=1).images) == 7
    with pytest.raises(
        ValueError, match=r"a folder named after its class below .*, but 1 images \(.*new.png\) are not"
    ):
        load_images(tmp_path)


LOSSLESS = [(suffix, (4, 5, 3), {}) for suffix in ("png", "bmp", "tif", "TIFF", "ppm")]
LOSSLESS += [(suffix, (4, 5), {}) for suffix in ("png", "bmp", "gif", "tif", "pgm")]
LOSSLESS += [("webp", (4, 5, 3), {"lossless": True}), ("tif", (4, 5, 3), {"compression": "tiff_lzw"})]


@pytest.mark.parametrize(("suffix", "shape", "options"), LOSSLESS)
def test_lossless_formats_give_the_saved_bytes(tmp_path, random, suffix, shape, options):
    pixels = random.integers(0, 256, shape)
    file = save_image(tmp_path / f"x.{suffix}", pixels, **options)
    (read,) = read_images([file], size=None, channels=3 if len(shape) == 3 else 1).images
    np.testing.assert_array_equal(read * 255, pixels.reshape(4, 5, -1))


def test_a_jpeg_is_close_to_the_saved_bytes(tmp_path):
    ramp = np.add.outer(np.arange(16) * 4, np.arange(24) * 4)
    read = read_images([save_image(tmp_path / "x.JPG", ramp, quality=95)], size=None, channels=1)
    np.testing.assert_allclose(read.images[0, ..., 0] * 255, ramp, atol=4)


def test_gray_images_have_one_channel_and_any_color_makes_three(tmp_path):
    gray = [tmp_path / f"{mode}.png" for mode in ("1", "L", "LA", "damaged")]
    gray[-1].touch()
    for file in gray[:-1]:
        Image.new(file.stem, (1, 1)).save(file)
    assert image_channels(gray) == 1
    for mode, name in [("RGB", "x.png"), ("RGBA", "x.png"), ("P", "x.png"), ("CMYK", "x.jpg")]:
        Image.new(mode, (1, 1)).save(tmp_path / name)
        assert image_channels([*gray, tmp_path / name]) == 3
    Image.new("RGB", (1, 1)).save(tmp_path / "program.eps")
    assert image_channels([tmp_path / "program.eps"]) == 1  # EPS is never opened


def test_every_color_mode_is_read_as_red_green_and_blue(tmp_path):
    for mode in ("RGB", "RGBA", "P", "CMYK"):
        Image.new("RGB", (3, 2), (255, 0, 0)).convert(mode).save(tmp_path / f"{mode}.tif")
        (read,) = read_images([tmp_path / f"{mode}.tif"], size=None, channels=3).images
        assert read.tolist() == [[[1, 0, 0]] * 3] * 2
    Image.fromarray(np.array([[False, True]])).save(tmp_path / "1.png")
    assert read_images([tmp_path / "1.png"], size=None, channels=3).images.tolist() == [[[[0] * 3, [1] * 3]]]


def test_one_channel_of_a_color_image_is_its_luminance(tmp_path):
    """ITU-R 601-2: 299, 587 and 114 thousandths of red, green and blue."""
    file = save_image(tmp_path / "x.png", [[[255, 0, 0], [0, 255, 0], [0, 0, 255], [200, 100, 50]]])
    (read,) = read_images([file], size=None, channels=1).images
    np.testing.assert_allclose(read[0, :, 0] * 1000, [299, 587, 114, (299 * 200 + 587 * 100 + 114 * 50) / 255], atol=3)


def test_images_of_different_sizes_raise_an_error_with_a_remedy(tmp_path):
    save_image(tmp_path / "a" / "1.png", np.zeros((28, 20)))
    save_image(tmp_path / "a" / "2.png", np.zeros((20, 28)))
    message = r"size of the first, 28×20, but .*2.png has 20×28: .*\(image_size, --image-size 28 20\)"
    for read in (load_images, lambda root: [*image_chunks(list_images(root).files, size=None, channels=1, chunk=1)]):
        with pytest.raises(ValueError, match=message):
            read(tmp_path)
    assert load_images(tmp_path, image_size=(6, 7)).inputs.shape == (2, 6, 7, 1)


def test_scaling_down_averages(tmp_path):
    """Under a triangular kernel of two new pixels, every fourth column has a total weight of one quarter."""
    stripes = np.tile([255, 0, 0, 0], (8, 8))
    (read,) = read_images([save_image(tmp_path / "x.png", stripes)], size=(2, 8), channels=1).images
    np.testing.assert_allclose(read[:, 1:-1], 0.25, atol=0.5 / 255 + 1e-6)


def test_scaling_equals_pytorchs(tmp_path, random, torch):
    pixels = random.integers(0, 256, (17, 23, 3))
    for size in [(8, 9), (30, 40), (17, 5)]:
        ours = read_images([save_image(tmp_path / "x.png", pixels)], size=size, channels=3).images
        theirs = torch.nn.functional.interpolate(
            torch.tensor(pixels / 255).permute(2, 0, 1)[None], size, mode="bilinear", antialias=True
        ).permute(0, 2, 3, 1)
        np.testing.assert_allclose(ours, theirs.numpy(), atol=1.01 / 255)


def test_the_first_frame_of_an_animation_is_read(tmp_path):
    frames = [Image.new("L", (2, 1), gray) for gray in (51, 255, 0)]
    for name in ("x.gif", "x.png", "x.tif"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
        (read,) = read_images([tmp_path / name], size=None, channels=1).images
        np.testing.assert_allclose(read, 0.2, rtol=1e-6)


def damaged(tmp_path, random):
    """Return the contents of damaged files and of files that are not images, by kind."""
    whole = save_image(tmp_path / "whole.png", random.integers(0, 256, (4, 5))).read_bytes()
    offset = whole.index(b"IDAT") + 20
    jpeg = save_image(tmp_path / "whole.jpg", random.integers(0, 256, (4, 5))).read_bytes()
    texts = {"empty": b"", "page": b"<!doctype html><title>404</title>", "drawing": b'<svg width="5" height="4"/>'}
    flipped = whole[:offset] + bytes([whole[offset] ^ 16]) + whole[offset + 1 :]
    cut = {"cut": whole[: len(whole) // 2], "cut_in_the_header": whole[:20], "cut_jpeg": jpeg[:-10]}
    return {**texts, **cut, "pickle": pickle.dumps(Trap()), "flipped": flipped}


def test_damaged_files_raise_or_are_skipped(tmp_path, random, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_folder(tmp_path / "data", random)
    bad = damaged(tmp_path, random)
    for name, content in bad.items():
        (tmp_path / "data" / ("cat" if name == "page" else "dog") / f"{name}.png").write_bytes(content)
    listed = list_images(tmp_path / "data").files
    read = read_images(listed, size=(4, 5), channels=1)
    assert read.readable.tolist() == [file.stem not in bad for file in listed]
    message = r"^8 images \(.*page.png, .*cut.png, .*cut_in_the_header.png, …\) are damaged or not images"
    with pytest.raises(ValueError, match=rf"{message}.*\(--unreadable skip\)"):
        load_images(tmp_path / "data")
    with pytest.warns(UserWarning, match=r"8 images \(.*\) are damaged or not images, and are skipped"):
        rest = load_images(tmp_path / "data", unreadable=skip_unreadable)
    assert rest.labels.tolist() == ["cat"] * 3 + ["dog"] * 3
    np.testing.assert_array_equal(rest.inputs, read.images)
    for file in listed:
        if file.stem in bad:
            file.unlink()
    assert load_images(tmp_path / "data", unreadable=skip_unreadable).size == 6  # without a warning
    assert not (tmp_path / "unpickled").exists()


def test_a_folder_of_unreadable_images_raises_an_error_even_with_skip(tmp_path, random):
    file = tmp_path / "a" / "x.png"
    content = save_image(file, random.integers(0, 256, (9, 9))).read_bytes()
    for damage in (content[:60], b""):
        file.write_bytes(damage)
        with pytest.raises(ValueError, match=r"1 images \(.*x.png\) are (all )?damaged or not images"):
            load_images(tmp_path, unreadable=lambda files: None)


def test_a_flipped_bit_of_a_png_never_silently_changes_a_pixel(tmp_path, random):
    file = save_image(tmp_path / "x.png", random.integers(0, 256, (4, 5)))
    whole, original = file.read_bytes(), read_images([file], size=None, channels=1).images
    found = 0
    for bit in random.integers(0, 8 * len(whole), 200):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        file.write_bytes(flipped)
        images, readable = read_images([file], size=(4, 5), channels=1)
        found += not readable[0]
        assert not readable[0] or np.array_equal(images, original)
    assert found > 100


@pytest.mark.parametrize(("width", "height"), [(8001, 8000), (10_000, 10_000), (60_000, 60_000), (2**31 - 1, 9)])
def test_a_header_with_too_many_pixels_is_rejected_before_decoding(tmp_path, width, height):
    file = save_image(tmp_path / "a" / "x.bmp", [[0]])
    content = file.read_bytes()
    file.write_bytes(content[:18] + struct.pack("<2i", width, height) + content[26:])
    with pytest.raises(ValueError, match=r"x.bmp has over 64,000,000 pixels"):
        load_images(tmp_path, image_size=(4, 4))


def test_images_that_do_not_fit_into_memory_raise_an_error(tmp_path, random, monkeypatch):
    save_folder(tmp_path, random)
    monkeypatch.setattr(images, "physical_memory", lambda: 6 * 4 * 5 * 4)
    assert load_images(tmp_path).size == 6
    monkeypatch.setattr(images, "physical_memory", lambda: 6 * 4 * 5 * 4 - 1)
    with pytest.raises(ValueError, match="6 images of 4×5 need 480 bytes of memory, but this machine has 479: scale"):
        load_images(tmp_path)


def test_chunks_concatenate_to_all_images(tmp_path, random):
    save_folder(tmp_path, random, each=5)
    (tmp_path / "cat" / "2.png").write_bytes(b"damaged")
    files = list_images(tmp_path).files
    whole = read_images(files, size=None, channels=1)
    chunks = list(image_chunks(files, size=None, channels=1, chunk=4))
    assert [len(chunk.readable) for chunk in chunks] == [4, 4, 2]
    assert [len(chunk.images) for chunk in chunks] == [3, 4, 2]
    np.testing.assert_array_equal(np.concatenate([chunk.images for chunk in chunks]), whole.images)
    np.testing.assert_array_equal(np.concatenate([chunk.readable for chunk in chunks]), whole.readable)


def test_invalid_settings_raise_errors(tmp_path):
    files = [save_image(tmp_path / "x.png", [[0]])]
    with pytest.raises(ValueError, match="channels must be 1 or 3, got 2"):
        read_images(files, size=None, channels=2)
    with pytest.raises(ValueError, match="files must hold at least one file"):
        read_images([], size=None, channels=1)
    for size in ((0, 5), (-1, -1), (10_000, 10_000)):
        with pytest.raises(ValueError, match="size must be a height and a width"):
            read_images(files, size=size, channels=1)
