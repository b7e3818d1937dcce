import functools
import hashlib
import io
import shutil
import struct
import subprocess
import sys
import tarfile

import numpy as np
import pytest

from jaxdl.data.catalog import downloads, originals
from jaxdl.data.catalog.downloads import RemoteFile, remote_files
from jaxdl.data.catalog.originals import Part, class_names, load_original
from jaxdl.data.catalog.tfds import load_prepared

STAMPS = {  # names and time stamps in the gzip headers of the original files
    "mnist": {
        "train-images.idx3-ubyte": 848331386,
        "train-labels.idx1-ubyte": 848331398,
        "t10k-images.idx3-ubyte": 885827245,
        "t10k-labels.idx1-ubyte": 885827268,
    },
    "fashion_mnist": {
        "train-images-idx3-ubyte": 1504176606,
        "train-labels-idx1-ubyte": 1504176606,
        "t10k-images-idx3-ubyte": 1504176627,
        "t10k-labels-idx1-ubyte": 1504176627,
    },
}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Isolate the test from the files of the user and from the network."""
    monkeypatch.setenv("JAXDL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    monkeypatch.setattr(downloads, "_check_reachable", lambda url: (_ for _ in ()).throw(OSError("no network")))
    return tmp_path / "tfds"


@pytest.fixture(scope="session")
def known(data_dir):
    """Return the arrays of MNIST and Fashion-MNIST."""
    arrays = {}
    for dataset in STAMPS:
        with np.load(data_dir / f"{dataset}.npz") as stored:
            arrays[dataset] = {name: stored[name] for name in stored}
    return arrays


@pytest.fixture(scope="session")
def published(known, tmp_path_factory):
    """Return a folder with the bit-identical original files of MNIST and of Fashion-MNIST, each in a subfolder."""
    folder = tmp_path_factory.mktemp("published")
    for dataset, stamps in STAMPS.items():
        (folder / dataset).mkdir()
        for name, stamp in stamps.items():
            key = ("x_" if "images" in name else "y_") + ("train" if name.startswith("train") else "test")
            content = gzipped_idx(known[dataset][key], name, stamp)
            file = remote_files(dataset)[name.replace(".", "-") + ".gz"]
            if hashlib.sha256(content).hexdigest() != file.sha256:
                pytest.skip("gzip compresses to other bytes than GNU gzip")
            (folder / dataset / file.name).write_bytes(content)
    yield folder
    shutil.rmtree(folder)


def gzipped_idx(array, name, stamp):
    """Return an array as an IDX file compressed by GNU gzip, with this name and time stamp in the header."""
    content = struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape) + array.tobytes()
    compressed = subprocess.run(["gzip", "-6", "-n"], input=content, stdout=subprocess.PIPE, check=True).stdout
    return b"\x1f\x8b\x08\x08" + struct.pack("<I", stamp) + b"\0\3" + name.encode() + b"\0" + compressed[10:]


@pytest.fixture
def tables(random):
    """Return the batches of CIFAR-10 with three examples each, in a different order."""
    names = ["test_batch", *(f"data_batch_{i}" for i in (5, 4, 3, 1, 2))]
    return {name: random.integers(0, 10, (3, 3073), dtype=np.uint8) for name in names}


@pytest.fixture
def small(tables, monkeypatch):
    """Return a CIFAR-10 archive of these batches, and register its checksum as the original one."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as tar:
        for name, table in tables.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            member.size = table.size
            tar.addfile(member, io.BytesIO(table.tobytes()))
    content = written.getvalue()
    parts = originals.ORIGINALS["cifar10"].parts
    for part, (files, read) in list(parts.items()):
        monkeypatch.setitem(parts, part, Part(files, functools.partial(read, rows=3)))
    source = RemoteFile("http://cifar.invalid", len(content), hashlib.sha256(content).hexdigest(), files[0])
    monkeypatch.setattr(originals, "remote_files", lambda dataset: {source.name: source})
    return content


def put(folder, content):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cifar-10-binary.tar.gz").write_bytes(content)
    return folder / "cifar-10-binary.tar.gz"


@pytest.mark.parametrize("part", [pytest.param("train", marks=pytest.mark.slow), "test"])
@pytest.mark.parametrize("dataset", list(STAMPS))
def test_original_files_give_the_known_images_in_order(dataset, part, published, known, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)  # not imported if the files are present
    data = load_original(dataset, part=part, manual_dir=published)
    images, labels = known[dataset][f"x_{part}"], known[dataset][f"y_{part}"]
    assert data.inputs.dtype == np.float32
    assert data.inputs.shape == (*images.shape, 1)
    assert np.array_equal(np.asarray(data.inputs)[..., 0], images / np.float32(255))
    assert np.array_equal(data.labels, labels)
    assert np.array_equal(data.weights, np.ones(len(labels)))


def test_cifar_images_are_between_0_and_1_with_channels_last(home, small, tables):
    put(home / "downloads" / "manual", small)
    train, test = load_original("cifar10"), load_original("cifar10", part="test")
    assert train.labels.tolist() == [row[0] for i in range(1, 6) for row in tables[f"data_batch_{i}"].tolist()]
    assert test.labels.tolist() == tables["test_batch"][:, 0].tolist()
    assert test.inputs.shape == (3, 32, 32, 3)
    pixels = tables["test_batch"][:, 1:].reshape(3, 3, 32, 32)
    assert np.allclose(test.inputs[2, 30, 7], pixels[2, :, 30, 7] / 255, rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("name", "part", "match"),
    [
        (
            "svhn",
            "train",
            r"name must be one of mnist, fashion_mnist, cifar10, got 'svhn': .*load_prepared",
        ),
        ("mnist", "dev", r"part must be one of train, test, got 'dev'\."),
    ],
)
def test_unknown_names_and_parts_raise_errors(name, part, match):
    with pytest.raises(ValueError, match=match):
        load_original(name, part=part)


def test_class_names_are_the_published_ones(data_dir):
    assert class_names("mnist") == tuple(map(str, range(10)))
    assert class_names("fashion_mnist")[0] == "T-shirt/top"
    assert class_names("fashion_mnist")[9] == "Ankle boot"
    assert len(set(class_names("fashion_mnist"))) == 10
    with np.load(data_dir / "cifar10_jpeg.npz") as arrays:
        assert class_names("cifar10") == tuple(map(str, arrays["label_names"]))
    with pytest.raises(ValueError, match="name must be one of"):
        class_names("svhn")


def test_files_are_searched_where_tfds_searches(home, small, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    folders = [
        ({"manual_dir": tmp_path / "mine"}, tmp_path / "mine" / "cifar10"),
        ({"manual_dir": "~/mine", "data_dir": "nowhere"}, tmp_path / "mine"),
        ({"data_dir": tmp_path / "other"}, tmp_path / "other" / "downloads" / "manual"),
        ({"data_dir": "~/other"}, tmp_path / "other" / "downloads" / "manual" / "cifar10"),
        ({}, home / "downloads" / "manual"),
    ]
    for settings, folder in folders:
        assert_found_only_in(folder, small, settings, tmp_path)
    monkeypatch.delenv("TFDS_DATA_DIR")
    assert_found_only_in(tmp_path / "tensorflow_datasets" / "downloads" / "manual", small, {}, tmp_path)


def assert_found_only_in(folder, content, settings, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"\(no network\): put cifar-10-binary.tar.gz from"):
        load_original("cifar10", **settings)
    file = put(folder, content)
    assert load_original("cifar10", **settings).size == 15
    file.unlink()
    shutil.rmtree(tmp_path / "cache")


def test_a_missing_file_raises_an_error_that_says_where_to_put_it(home):
    with pytest.raises(FileNotFoundError) as raised:
        load_original("fashion_mnist", part="test")
    for name in ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"):
        source = remote_files("fashion_mnist")[name]
        assert f"{name} from {source.url} (SHA-256 {source.sha256})" in str(raised.value)
    assert str(raised.value).endswith(f"into {home}/downloads/manual/fashion_mnist.")
    assert not home.exists()


def test_a_file_of_another_set_in_a_shared_folder_raises_an_error(published, tmp_path):
    """MNIST and Fashion-MNIST have the same file names."""
    shutil.copytree(published / "fashion_mnist", tmp_path / "manual")
    with pytest.raises(
        ValueError, match=r"which is a file of fashion_mnist; use a separate folder for each set: .*manual/mnist\.$"
    ):
        load_original("mnist", part="test", manual_dir=tmp_path / "manual")
    assert load_original("fashion_mnist", part="test", manual_dir=tmp_path / "manual").labels[:3].tolist() == [9, 2, 1]
    shutil.copytree(published / "mnist", tmp_path / "manual" / "mnist")
    assert load_original("mnist", part="test", manual_dir=tmp_path / "manual").labels[:3].tolist() == [7, 2, 1]


def test_a_file_with_another_checksum_is_never_decoded(home, small, monkeypatch):
    put(home / "downloads" / "manual", small[:-1])
    monkeypatch.setitem(originals.ORIGINALS["cifar10"].parts, "train", Part(["cifar-10-binary.tar.gz"], None))
    with pytest.raises(ValueError, match=r"cifar-10-binary.tar.gz must be .* with the SHA-256 \w+ and"):
        load_original("cifar10")


def test_a_manual_file_is_verified_even_if_its_images_are_cached(home, small):
    file = put(home / "downloads" / "manual", small)
    load_original("cifar10")
    file.write_bytes(small[:-1])
    with pytest.raises(ValueError, match=r"cifar-10-binary.tar.gz must be .* with the SHA-256 \w+ and"):
        load_original("cifar10")


def test_the_error_lists_the_files_of_all_parts(home):
    with pytest.raises(FileNotFoundError) as raised:
        load_original("mnist", part="test")
    for name in ("t10k-images", "t10k-labels", "train-images", "train-labels"):
        assert f"{name}-idx" in str(raised.value)


def test_cached_images_need_neither_their_file_nor_tfds(home, small, monkeypatch):
    file = put(home / "downloads" / "manual", small)
    first = load_original("cifar10")
    file.unlink()
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    again = load_original("cifar10")
    assert np.array_equal(first.inputs, again.inputs)
    assert np.array_equal(first.labels, again.labels)
    with pytest.raises(FileNotFoundError):  # the other part is not cached
        load_original("cifar10", part="test")


DAMAGES = {
    "flipped bit": lambda path: path.write_bytes(path.read_bytes()[:700] + b"\xff" + path.read_bytes()[701:]),
    "empty": lambda path: path.write_bytes(b""),
    "not an archive": lambda path: path.write_bytes(b"\x93NUMPY" * 30),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "missing": lambda path: path.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_cache_entry_is_decoded_again(damage, home, small, tmp_path):
    put(home / "downloads" / "manual", small)
    whole = load_original("cifar10")
    damage(next((tmp_path / "cache").rglob("*.npz")))
    again = load_original("cifar10")
    assert np.array_equal(whole.inputs, again.inputs)
    assert np.array_equal(whole.labels, again.labels)
    assert [path.suffix for path in (tmp_path / "cache").rglob("*.*")] == [".npz"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # protobuf and etils warn
def test_original_and_prepared_sets_have_separate_cache_entries(published, data_dir):
    for _ in range(2):  # the second time from the cache
        ours = load_original("mnist", part="test", manual_dir=published)
        prepared = load_prepared("mnist", data_dir / "tfds", part="test")
        assert ours.labels[:5].tolist() == [7, 2, 1, 0, 4]
        assert ours.labels.tolist() != prepared.labels.tolist()
        assert sorted(ours.labels.tolist()) == sorted(prepared.labels.tolist())
    assert "tensorflow" not in sys.modules
