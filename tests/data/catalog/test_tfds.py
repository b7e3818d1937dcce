import json
import shutil
import sys
import time

import numpy as np
import pytest

from jaxdl.data.catalog.tfds import load_prepared, prepared_class_names


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXDL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def prepared_folder(folder, version, names):
    path = folder / "mnist" / version
    path.mkdir(parents=True)
    (path / "dataset_info.json").write_text(json.dumps({}))
    for name in names:
        (path / name).touch()
    return path


def test_a_missing_folder_raises_an_error_with_a_remedy_at_once(tmp_path):
    start = time.perf_counter()
    with pytest.raises(FileNotFoundError, match=r"has no prepared 'mnist'.*download_and_prepare\(\).*--data-dir"):
        load_prepared("mnist", tmp_path)
    assert time.perf_counter() - start < 5


def test_another_file_format_raises_an_error(tmp_path):
    prepared_folder(tmp_path, "3.0.1", ["mnist-train.tfrecord-00000-of-00001"])
    with pytest.raises(ValueError, match=r"file format array_record, but .* holds .tfrecord for 'train'"):
        load_prepared("mnist", tmp_path)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # protobuf and etils warn
def test_mnist_prepared_by_tfds_equals_the_original(data_dir, cache):
    """The 10,000 test images are those of the original file, in another order, and TensorFlow is not imported."""
    test = load_prepared("mnist", data_dir / "tfds", part="test")
    with np.load(data_dir / "mnist.npz") as original:
        images, labels = original["x_test"], original["y_test"]
    ours = np.round(np.asarray(test.inputs[..., 0]) * 255).astype(np.uint8)
    assert sorted(image.tobytes() for image in ours) == sorted(image.tobytes() for image in images)
    label_of = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    assert [label_of[image.tobytes()] for image in ours] == np.asarray(test.labels).tolist()
    assert "tensorflow" not in sys.modules


def test_the_newest_version_is_used(tmp_path):
    for version in ("3.0.1", "3.0.10"):
        prepared_folder(tmp_path, version, [])
    with pytest.raises(ValueError, match=r"3\.0\.10"):
        load_prepared("mnist", tmp_path)


IMAGE = {
    "pythonClassName": "tensorflow_datasets.core.features.image_feature.Image",
    "image": {"shape": {"dimensions": ["4", "5", "3"]}, "dtype": "uint8"},
}
LABEL = {
    "pythonClassName": "tensorflow_datasets.core.features.class_label_feature.ClassLabel",
    "classLabel": {"numClasses": "2"},
}
BOXES = {"pythonClassName": "tensorflow_datasets.core.features.sequence_feature.Sequence", "sequence": {}}


@pytest.fixture(scope="session")
def prepared_by_tfds(tmp_path_factory):
    """Prepare seven images in three files, in two configurations, one with named classes; return folder and images."""
    import tensorflow_datasets as tfds
    from PIL import Image

    images = np.random.default_rng(0).integers(0, 256, (7, 4, 5, 3), dtype=np.uint8)

    with tfds.core.registered.skip_registration():

        class Pets(tfds.core.GeneratorBasedBuilder):
            VERSION = tfds.core.Version("1.0.0")
            BUILDER_CONFIGS = [tfds.core.BuilderConfig(name=name) for name in ("named", "numbered")]  # noqa: RUF012

            def _info(self):
                names = {"names": ["cat", "guinea pig"]} if self.builder_config.name == "named" else {"num_classes": 2}
                features = {"id": tfds.features.Text(), "image": tfds.features.Image(shape=(4, 5, 3))}
                label = tfds.features.ClassLabel(**names)
                return tfds.core.DatasetInfo(
                    builder=self, features=tfds.features.FeaturesDict({**features, "label": label})
                )

            def _split_generators(self, dl_manager):
                return {"validation": self._generate_examples()}

            def _generate_examples(self):
                for i, image in enumerate(images):
                    yield i, {"id": str(i), "image": Image.fromarray(image), "label": i % 2}

    folder = tmp_path_factory.mktemp("prepared")
    for config in ("named", "numbered"):
        builder = Pets(config=config, data_dir=folder, file_format="array_record")
        builder.download_and_prepare(download_config=tfds.download.DownloadConfig(num_shards=3))
    yield folder, images
    shutil.rmtree(folder)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("config", "names"), [("named", ("cat", "guinea pig")), ("numbered", ("0", "1"))])
def test_any_classification_set_with_one_image_size_is_read(config, names, prepared_by_tfds, cache):
    folder, images = prepared_by_tfds
    loaded = load_prepared(f"pets/{config}", folder, part="validation")
    row_of = {image.tobytes(): row for row, image in enumerate(images)}
    rows = [row_of[image.tobytes()] for image in np.round(np.asarray(loaded.inputs) * 255).astype(np.uint8)]
    assert sorted(rows) == list(range(7))
    assert loaded.labels.tolist() == [row % 2 for row in rows]
    assert prepared_class_names(f"pets/{config}", folder) == names
    assert "tensorflow" not in sys.modules


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_decoded_images_are_cached_until_the_files_change(prepared_by_tfds, cache, tmp_path, monkeypatch):
    folder = shutil.copytree(prepared_by_tfds[0], tmp_path / "tfds")
    load = lambda: load_prepared("pets/named", folder, part="validation")
    first = load()
    damaged = next((cache / "tfds").rglob("*.npz"))
    damaged.write_bytes(damaged.read_bytes()[:-100])
    assert np.array_equal(first.inputs, load().inputs)
    monkeypatch.setattr("jaxdl.data.catalog.tfds._decode", None)
    assert np.array_equal(first.inputs, load().inputs)
    with next(folder.rglob("named/1.0.0/*.array_record-00000-of-*")).open("ab") as file:
        file.write(b"changed")
    with pytest.raises(TypeError):
        load()
    assert not list(cache.rglob("*.partial"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("damage", ["half", "changed", "missing"])
def test_damaged_files_raise_errors(damage, prepared_by_tfds, cache, tmp_path):
    shutil.copytree(prepared_by_tfds[0], tmp_path / "tfds")
    file = next((tmp_path / "tfds").rglob("numbered/1.0.0/*-00001-of-*"))
    whole = file.read_bytes()
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(whole[: len(whole) // 2] + (bytes(len(whole) // 2) if damage == "changed" else b""))
    with pytest.raises(ValueError, match=r"files of 'validation' in .*numbered/1.0.0 are damaged or incomplete"):
        load_prepared("pets/numbered", tmp_path / "tfds", part="validation")
    assert not [path for path in cache.rglob("*") if path.is_file()]


def prepare_features(folder, features):
    path = prepared_folder(folder, "3.0.1", ["mnist-train.array_record-00000-of-00001"])
    (path / "features.json").write_text(json.dumps({"featuresDict": {"features": features}} if features else {}))


@pytest.mark.parametrize(
    ("features", "match"),
    [
        (
            {"image": IMAGE, "objects": BOXES},
            r"'image' \(Image\) and 'label' \(ClassLabel\), but .* has image \(Image\), objects \(S",
        ),
        ({"image": IMAGE, "label": BOXES}, r"has image \(Image\), label \(Sequence\)\.$"),
        ({"image": BOXES, "label": LABEL}, r"has image \(Sequence\), label \(ClassLabel\)\.$"),
        ({}, r"has no named features\.$"),
        (
            {"image": {"image": {"shape": {"dimensions": ["-1", "-1", "3"]}, "dtype": "uint8"}}, "label": LABEL},
            r"images must be of one size, with 8 bits a channel, but .* of shape \(any, any, 3\) and uint8\.$",
        ),
        ({"image": {"image": {**IMAGE["image"], "dtype": "uint16"}}, "label": LABEL}, r"\(4, 5, 3\) and uint16\.$"),
    ],
)
def test_unsupported_features_raise_an_error_that_lists_them(features, match, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)  # the error is raised before the slow import
    prepare_features(tmp_path, features)
    with pytest.raises(ValueError, match=match):
        load_prepared("mnist", tmp_path)
    with pytest.raises(ValueError, match=match):
        prepared_class_names("mnist", tmp_path)


def test_errors_name_the_conversion_command_and_the_available_parts(tmp_path):
    folder = prepared_folder(
        tmp_path, "3.0.1", ["mnist-train.tfrecord-00000-of-00001", "mnist-test.tfrecord-00000-of-00001"]
    )
    with pytest.raises(
        ValueError,
        match=rf"again with file_format='array_record', or convert it with tfds convert_format "
        rf"--dataset_version_dir={folder} --out_file_format=array_record\.$",
    ):
        load_prepared("mnist", tmp_path)
    with pytest.raises(ValueError, match=r"has no part 'dev'\. Parts: test, train\.$"):
        load_prepared("mnist", tmp_path, part="dev")
