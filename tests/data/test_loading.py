import json
import pickle

import jax
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from jaxdl import data
from jaxdl.data.loading import SYNTHETIC, load, parts_of
from tests.data.trap import Trap


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table({"x": [1.0, 2.0, 3.0, 4.0], "code": [7, 8, 7, 8], "y": ["a", None, "b", "a"]}), path)
    return path


def test_names_load_the_sets_of_the_functions():
    assert np.array_equal(load("digits").inputs, data.load_digits().inputs)
    assert load("xor").labels.tolist() == [0, 1, 1, 0]
    for name, sample in SYNTHETIC.items():
        assert sample is getattr(data, name)
        key = jax.random.key(3)
        assert np.array_equal(load(name, key=key).inputs, sample(jax.random.clone(key)).inputs)
        assert load(name).size > 0


def test_a_table_drops_rows_without_a_label_with_a_warning(table):
    with pytest.warns(UserWarning, match="1 of 4 rows have no y and are dropped"):
        whole = load(table, label="y", categories=("code",))
    assert list(whole.inputs) == ["x", "code"]
    assert whole.inputs["x"].tolist() == [1, 3, 4]
    assert whole.inputs["code"].tolist() == ["7", "7", "8"]
    assert whole.labels.tolist() == ["a", "b", "a"]
    assert whole.weights.tolist() == [1, 1, 1]


def test_a_tilde_is_the_home_of_the_user(table, monkeypatch):
    monkeypatch.setenv("HOME", str(table.parent))
    assert len(load(f"~/{table.name}", label="x").labels) == 4


def test_labels_are_interpreted_by_the_given_function(table):
    assert load(table, label="x").labels.tolist() == [[1], [2], [3], [4]]
    assert load(table, label="x", targets=data.as_classes).labels.tolist() == [1, 2, 3, 4]


def test_archives_and_image_folders_are_loaded(tmp_path, random):
    images = random.integers(0, 256, (6, 5, 4), np.uint8)
    np.savez(tmp_path / "a.npz", x_train=images[:4], y_train=[0, 1, 0, 1], x_test=images[4:], y_test=[1, 0])
    assert parts_of(tmp_path / "a.npz") == ("train", "test")
    assert load(tmp_path / "a.npz").inputs.shape == (4, 5, 4, 1)
    assert load(tmp_path / "a.npz", part="test").labels.tolist() == [1, 0]
    for number, image in enumerate(images):
        folder = tmp_path / "folder" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{number}.png")
    assert parts_of(tmp_path / "folder") == ()
    whole = load(tmp_path / "folder")
    assert whole.labels.tolist() == ["a"] * 3 + ["b"] * 3
    np.testing.assert_allclose(whole.inputs[:3, ..., 0], images[::2] / np.float32(255), atol=1e-6)


def test_a_loaded_table_can_be_split_and_prepared(table, tmp_path, random):
    values = random.normal(size=40)
    pq.write_table(pa.table({"x": values, "y": values > 0}), tmp_path / "b.parquet")
    split, fitted = data.prepared(data.stratified_split(jax.random.key(0), load(tmp_path / "b.parquet", label="y")))
    assert fitted.labels.names == ("false", "true")
    assert sum(part.size for part in split) == 40
    np.testing.assert_allclose(split.train.inputs.mean(axis=0), 0, atol=1e-6)
    assert np.bincount(split.train.labels).tolist() == [
        round(0.6 * (values <= 0).sum()),
        round(0.6 * (values > 0).sum()),
    ]


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "a.npz/../mnist"])
def test_some_sets_come_in_two_parts(name):
    assert parts_of(name) == ("train", "test")


@pytest.mark.parametrize("name", ["digits", "xor", "moons", "table.csv"])
def test_some_sets_come_in_one_part(name):
    assert parts_of(name) == ()


@pytest.mark.parametrize("name", ["trap.npz", "trap.csv", "trap.parquet"])
def test_a_disguised_pickle_is_never_loaded(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ValueError, match=name):
        load(tmp_path / name, label="y")
    assert not (tmp_path / "unpickled").exists()


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("digits", {"part": "val"}, "part must be 'train', 'dev' or 'test', got 'val'"),
        (
            "table.parquet",
            {},
            r"name the column of .* to use as label \(label, --label\). Columns: x, code, y\.",
        ),
        ("table.parquet", {"label": "z"}, r"table.parquet has no column 'z' to use as label. Columns: x, code, y\."),
        ("table.parquet", {"label": "y", "ignore": ("y",)}, "column 'y' is the label and cannot be ignored"),
    ],
)
def test_invalid_settings_raise_errors(table, monkeypatch, name, settings, message):
    monkeypatch.chdir(table.parent)
    with pytest.raises(ValueError, match=message):
        load(name, **settings)


@pytest.mark.parametrize("name", ["nowhere", "../nowhere", "/nowhere/at/all"])
def test_an_unknown_name_raises_an_error_that_lists_the_known_ones(tmp_path, monkeypatch, name):
    monkeypatch.setenv("JAXDL_DATA", str(tmp_path))
    with pytest.raises(
        FileNotFoundError,
        match=rf"no data set or file '{name}'. Known sets: digits, mnist, .*; also",
    ):
        load(name)


def test_a_file_of_another_kind_raises_an_error(tmp_path):
    np.save(tmp_path / "inputs.npy", np.ones(3))
    with pytest.raises(
        ValueError, match=r"data must be a table .* got .*inputs.npy: convert the file, or read it with"
    ):
        load(tmp_path / "inputs.npy")


def test_a_label_column_without_labels_raises_an_error(tmp_path):
    pq.write_table(pa.table({"x": [1.0], "y": pa.nulls(1)}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="column 'y' of .* holds no label: it is empty"):
        load(tmp_path / "a.parquet", label="y")


def test_an_index_that_pandas_saved_is_not_an_input(tmp_path):
    table = pa.table({"x": [3.0, 1.0, 2.0], "y": ["a", "b", "a"], "day": [5, 6, 7], "__index_level_1__": [2, 0, 1]})
    written_by_pandas = {"index_columns": ["day", "__index_level_1__"], "columns": []}  # as of pandas 2.2
    table = table.replace_schema_metadata({"pandas": json.dumps(written_by_pandas)})
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.warns(UserWarning, match="^'day', '__index_level_1__': pandas saved this index; it is not an input"):
        assert list(load(tmp_path / "a.parquet", label="y").inputs) == ["x"]
    with pytest.warns(UserWarning, match="^'__index_level_1__': pandas"):
        assert list(load(tmp_path / "a.parquet", label="y", categories=["day"]).inputs) == ["x", "day"]
    for metadata in (b"no json", b"[]", b'{"index_columns": [{"kind": "range"}]}', b'{"index_columns": 3}'):
        pq.write_table(table.replace_schema_metadata({"pandas": metadata}), tmp_path / "a.parquet")
        assert list(load(tmp_path / "a.parquet", label="y").inputs) == ["x", "day", "__index_level_1__"]


def test_the_parts_decide_together_whether_labels_are_classes(tmp_path):
    """The test part alone has few distinct ages, two of its rows look like one-hot rows, and its names are numbers."""
    ages = np.arange(20, 80)
    np.savez(tmp_path / "a.npz", x_train=np.eye(60), y_train=ages, x_test=np.eye(60)[:4], y_test=[30, 40, 30, 40])
    assert load(tmp_path / "a.npz").labels.shape == (60, 1)
    assert load(tmp_path / "a.npz", part="test").labels.tolist() == [[30], [40], [30], [40]]
    several, few = np.array([[1, 1, 0], [0, 0, 1], [1, 0, 1]]), np.array([[1, 0, 0], [0, 1, 0]])
    np.savez(tmp_path / "a.npz", x_train=np.eye(3), y_train=several, x_val=np.eye(3)[:2], y_val=few)
    assert load(tmp_path / "a.npz", part="dev").labels.tolist() == few.tolist()
    np.savez(tmp_path / "a.npz", x_train=np.eye(3), y_train=several, x_val=np.eye(3)[:2], y_val=[0, 1])
    with pytest.raises(ValueError, match=r"same shape per example in every part, got y_train \(3, 3\), y_val \(2"):
        load(tmp_path / "a.npz")
    for name in ("train/1", "train/x", "test/1", "test/2"):
        (tmp_path / "folder" / name).mkdir(parents=True)
        Image.new("L", (2, 2)).save(tmp_path / "folder" / name / "a.png")
    assert load(tmp_path / "folder", part="test").labels.tolist() == ["1", "2"]
    with pytest.raises(ValueError, match=r"folder has no part 'dev'. Parts: train, test\.$"):
        load(tmp_path / "folder", part="dev")
