"""The data of a run: parts, groups, missing values, and the type of pixels."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jaxdl.runs.examples import load_examples
from jaxdl.runs.settings import Train
from tests.end_to_end.people import people


@pytest.fixture
def write_table(tmp_path):
    def write(rows=60, **columns):
        lines = [",".join(columns), *(",".join(str(values[row]) for values in columns.values()) for row in range(rows))]
        (tmp_path / "table.csv").write_text("\n".join(lines) + "\n")
        return str(tmp_path / "table.csv")

    return write


def test_groups_stay_together(table_file):
    examples = load_examples(Train(data=str(table_file), label="label", group="city", ignore=("wealth", "id")))
    assert "city" not in examples.raw.train.inputs
    whole = people(300).to_pydict()
    city = dict(zip(whole["name"], whole["city"], strict=True))
    found = [{city[name] for name in part.inputs["name"]} for part in examples.raw]
    assert sum(map(len, found)) == len(set.union(*found)) == 4


def test_a_set_with_a_test_part_keeps_it_and_a_sixth_of_the_rest_is_dev(random, tmp_path):
    inputs, labels = random.normal(size=(90, 3)).astype(np.float32), np.arange(90) % 2
    np.savez("a.npz", x_train=inputs[:60], y_train=labels[:60], x_test=inputs[60:], y_test=labels[60:])
    raw = load_examples(Train(data="a.npz")).raw
    assert [part.size for part in raw] == [50, 10, 30]
    np.testing.assert_array_equal(raw.test.inputs, inputs[60:])


def test_the_split_depends_on_its_seed_alone():
    first, again, other = (load_examples(Train(data="moons", split_seed=seed, seeds=5)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.raw.train.inputs, again.raw.train.inputs)
    assert not np.array_equal(first.raw.train.inputs, other.raw.train.inputs)


def test_inputs_are_standardized_by_the_training_part():
    ready = load_examples(Train(data="moons")).ready
    np.testing.assert_allclose(np.mean(ready.train.inputs, 0), 0, atol=1e-5)
    np.testing.assert_allclose(np.std(ready.train.inputs, 0), 1, atol=1e-5)
    assert np.abs(np.mean(ready.test.inputs, 0)).max() > 1e-3


def test_images_that_were_bytes_stay_bytes(random):
    images, labels = random.integers(0, 255, (60, 6, 6, 1), np.uint8), np.arange(60) % 2
    np.savez("bytes.npz", images=images, labels=labels)
    np.savez("numbers.npz", images=images / 255 + 1e-9, labels=labels)  # no bytes have these values
    kinds = [load_examples(Train(data=f"{name}.npz")).ready.train.inputs.dtype for name in ("bytes", "numbers")]
    assert kinds == [np.uint8, np.float32]


def test_missing_values_are_refused_with_columns_and_counts(write_table):
    path = write_table(a=["", *range(59)], b=[*range(58), "", ""], y=["no", "yes"] * 30)
    load_examples(Train(data=path, label="y"))
    counts = r"'\w' \(\d of \d+ rows of \w+\)"
    with pytest.raises(
        ValueError,
        match=rf"^missing values found with --missing refuse: {counts}(, {counts})*. Fill them in, drop the columns "
        "with --ignore, or use --missing impute.$",
    ):
        load_examples(Train(data=path, label="y", missing="refuse"))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("moons", r"^--group g needs a table with this column, but moons is not a table.$"),
        (None, r"table.csv has no column 'g' to group by. Columns: a.$"),
    ],
)
def test_a_group_must_be_a_column_of_a_table(data, sentence, write_table):
    path = data or write_table(a=range(60), y=["no", "yes"] * 30)
    with pytest.raises(ValueError, match=sentence):
        load_examples(Train(data=path, label=None if data else "y", group="g"))


def test_examples_of_weight_0_are_left_out_with_a_warning(random):
    inputs, weights = random.normal(size=(90, 2)), np.arange(90) % 3.0
    inputs[weights == 0] += 1e6  # would change every standardization
    np.savez("a.npz", inputs=inputs, labels=inputs @ [[1.0], [2.0]], weights=weights)
    with pytest.warns(UserWarning, match="^30 of 90 examples have weight 0 and are left out$"):
        examples = load_examples(Train(data="a.npz"))
    assert sum(part.size for part in examples.raw) == 60
    assert min(part.weights.min() for part in examples.raw) == 1
    train = np.asarray(examples.raw.train.inputs, np.float64)
    mean = np.average(train, axis=0, weights=examples.raw.train.weights)
    np.testing.assert_allclose(examples.preparation.inputs.mean, mean, rtol=1e-5, atol=1e-6)


def test_groups_of_long_numbers_are_told_apart(tmp_path):
    """40 patients, whose ids differ only in digits that float64 does not have."""
    ids = [9_007_199_254_740_993 * 100 + patient for patient in range(40)]
    table = {"id": [ids[row % 40] for row in range(120)], "x": range(120), "y": ["no", "yes"] * 60}
    lines = ["id,x,y", *(",".join(map(str, row)) for row in zip(*table.values(), strict=True))]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    pq.write_table(pa.table({name: list(values) for name, values in table.items()}), tmp_path / "a.parquet")
    for name in ("a.csv", "a.parquet"):
        raw = load_examples(Train(data=str(tmp_path / name), label="y", group="id")).raw
        patients = [{int(x) % 40 for x in part.inputs["x"]} for part in raw]
        assert [len(found) for found in patients] == [24, 8, 8]
        assert sum(part.size for part in raw) == 120


def test_parts_of_ones_own_are_used_and_a_sixth_of_train_replaces_a_missing_one(random):
    inputs = random.normal(size=(90, 3)).astype(np.float32)
    parts = {"train": slice(0, 60), "val": slice(60, 70), "test": slice(70, 90)}
    arrays = {f"x_{part}": inputs[rows] for part, rows in parts.items()}
    arrays |= {f"y_{part}": np.arange(90)[rows] % 2 for part, rows in parts.items()}
    np.savez("all.npz", **arrays)
    raw = load_examples(Train(data="all.npz")).raw
    for part, rows in zip(raw, parts.values(), strict=True):
        np.testing.assert_array_equal(part.inputs, inputs[rows])
    np.savez("two.npz", **{name: array for name, array in arrays.items() if "test" not in name})
    raw = load_examples(Train(data="two.npz")).raw
    assert [part.size for part in raw] == [50, 10, 10]
    np.testing.assert_array_equal(raw.dev.inputs, inputs[60:70])


def test_the_format_of_a_table_is_that_of_the_settings(tmp_path):
    lines = [f"{row / 7}|{row % 7}|{['NA', 'None', 'nan'][row % 3]}" for row in range(60)]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    given = {"separator": "|", "header": "no", "missing_values": ("?",)}
    examples = load_examples(Train(data=str(tmp_path / "a.csv"), label="column_3", **given))
    assert examples.preparation.labels.names == ("NA", "None", "nan")
    assert sum(part.size for part in examples.raw) == 60
    assert list(examples.raw.train.inputs) == ["column_1", "column_2"]
