import pickle

import jax
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from jaxdl import data
from jaxdl.data.loading import DRAWN, load, parts_of


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table({"x": [1.0, 2.0, 3.0, 4.0], "code": [7, 8, 7, 8], "y": ["a", None, "b", "a"]}), path)
    return path


def test_the_names_are_those_of_the_functions():
    assert np.array_equal(load("digits").inputs, data.load_digits().inputs)
    assert load("xor").labels.tolist() == [0, 1, 1, 0]
    for name, draw in DRAWN.items():
        assert draw is getattr(data, name)
        key = jax.random.key(3)
        assert np.array_equal(load(name, key=key).inputs, draw(jax.random.clone(key)).inputs)
        assert load(name).size > 0


def test_a_table_is_its_columns_and_rows_without_a_label_are_left_out_with_a_warning(table):
    with pytest.warns(UserWarning, match="1 of 4 rows have no y and are left out"):
        whole = load(table, label="y", categories=("code",))
    assert list(whole.inputs) == ["x", "code"]
    assert whole.inputs["x"].tolist() == [1, 3, 4]
    assert whole.inputs["code"].tolist() == ["7", "7", "8"]
    assert whole.labels.tolist() == ["a", "b", "a"]
    assert whole.weights.tolist() == [1, 1, 1]


def test_what_labels_are_can_be_said(table):
    assert load(table, label="x").labels.tolist() == [[1], [2], [3], [4]]
    assert load(table, label="x", targets=data.as_classes).labels.tolist() == [1, 2, 3, 4]


def test_an_archive_and_a_folder_are_read_by_their_kind(tmp_path, random):
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


def test_what_is_read_can_be_divided_prepared_and_trained_on(table, tmp_path, random):
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
def test_what_has_parts_of_its_own(name):
    assert parts_of(name) == ("train", "test")


@pytest.mark.parametrize("name", ["digits", "xor", "moons", "table.csv"])
def test_what_is_one(name):
    assert parts_of(name) == ()


class Trap:
    def __reduce__(self):
        return (open, ("trap", "w"))


@pytest.mark.parametrize("name", ["trap.npz", "trap.csv", "trap.parquet"])
def test_a_pickle_in_disguise_is_never_run(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ValueError, match=name):
        load(tmp_path / name, label="y")
    assert not (tmp_path / "trap").exists()


@pytest.mark.parametrize(
    ("name", "settings", "sentence"),
    [
        ("digits", {"part": "dev"}, "part must be 'train' or 'test', but was 'dev'"),
        (
            "table.parquet",
            {},
            r"label must name the column of .* to be learned, but was not given: it has .* x, code, y",
        ),
        ("table.parquet", {"label": "z"}, r"label must be a column of .* \(x, code, y\), but 'z' is none"),
        ("table.parquet", {"label": "y", "ignore": ("y",)}, "label must be a column that is read, but 'y' is to be"),
    ],
)
def test_mistakes_are_told(table, monkeypatch, name, settings, sentence):
    monkeypatch.chdir(table.parent)
    with pytest.raises(ValueError, match=sentence):
        load(name, **settings)


@pytest.mark.parametrize("name", ["nowhere", "../nowhere", "/nowhere/at/all"])
def test_a_name_that_is_nothing_is_told_with_all_that_are_something(tmp_path, monkeypatch, name):
    monkeypatch.setenv("JAXDL_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=rf"data must be one of digits, mnist, .*, but {name} is none of these"):
        load(name)


def test_labels_that_are_all_missing_are_told(tmp_path):
    pq.write_table(pa.table({"x": [1.0], "y": pa.nulls(1)}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="column 'y' of .* must hold labels, but is empty"):
        load(tmp_path / "a.parquet", label="y")
