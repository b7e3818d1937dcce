import json
import shutil
import sys
import time

import numpy as np
import pytest

from jaxdl import data


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXDL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def prepared(folder, version, names):
    path = folder / "mnist" / version
    path.mkdir(parents=True)
    (path / "dataset_info.json").write_text(json.dumps({}))
    for name in names:
        (path / name).touch()
    return path


def test_without_the_folder_the_error_comes_at_once_and_says_what_to_do(tmp_path):
    began = time.perf_counter()
    with pytest.raises(
        FileNotFoundError, match=r"data_dir must hold a prepared 'mnist'.*download_and_prepare\(\).*--data-dir"
    ):
        data.load_prepared("mnist", tmp_path)
    assert time.perf_counter() - began < 5


def test_another_file_format_is_told(tmp_path):
    prepared(tmp_path, "3.0.1", ["mnist-train.tfrecord-00000-of-00001"])
    with pytest.raises(ValueError, match=r"file format array_record, but .* holds .tfrecord for 'train'"):
        data.load_prepared("mnist", tmp_path)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of protobuf and etils, inside tensorflow-datasets
def test_mnist_as_tfds_wrote_it_is_mnist(data_dir, cache):
    """The same 10,000 test images as the original file, in TFDS's own order, and TensorFlow is never imported."""
    test = data.load_prepared("mnist", data_dir / "tfds", part="test")
    with np.load(data_dir / "mnist.npz") as original:
        images, labels = original["x_test"], original["y_test"]
    ours = np.round(np.asarray(test.inputs[..., 0]) * 255).astype(np.uint8)
    assert sorted(image.tobytes() for image in ours) == sorted(image.tobytes() for image in images)
    label_of = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    assert [label_of[image.tobytes()] for image in ours] == np.asarray(test.labels).tolist()
    assert "tensorflow" not in sys.modules


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_was_decoded_once_is_read_from_the_cache_until_the_files_change(data_dir, cache, tmp_path, monkeypatch):
    folder = tmp_path / "tfds" / "mnist" / "3.0.1"
    shutil.copytree(data_dir / "tfds" / "mnist" / "3.0.1", folder)
    first = data.load_prepared("mnist", tmp_path / "tfds", part="test")
    damaged = next((cache / "tfds").rglob("image.npy"))
    damaged.write_bytes(damaged.read_bytes()[:1000])
    assert np.array_equal(first.inputs, data.load_prepared("mnist", tmp_path / "tfds", part="test").inputs)
    monkeypatch.setattr("jaxdl.data.tfds._decode", None)
    again = data.load_prepared("mnist", tmp_path / "tfds", part="test")
    assert np.array_equal(first.inputs, again.inputs)
    with (folder / "mnist-test.array_record-00000-of-00001").open("ab") as file:
        file.write(b"changed")
    with pytest.raises(TypeError):
        data.load_prepared("mnist", tmp_path / "tfds", part="test")
    assert not list(cache.rglob("*.partial"))


def test_the_newest_version_is_read(tmp_path):
    for version in ("3.0.1", "3.0.10"):
        prepared(tmp_path, version, [])
    with pytest.raises(ValueError, match=r"3\.0\.10"):
        data.load_prepared("mnist", tmp_path)
