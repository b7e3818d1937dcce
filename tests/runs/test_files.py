"""Files of a run: written atomically, and named in an error if they are damaged."""

import json

import numpy as np
import pytest

from jaxdl.runs import files


def test_tables_and_json_are_read_as_they_were_written(tmp_path):
    files.write_table(tmp_path / "deep" / "table.parquet", {"a": [1, 2], "b": [b"x", b"y"]})
    assert files.read_table(tmp_path / "deep" / "table.parquet") == {"a": [1, 2], "b": [b"x", b"y"]}
    files.write_json(tmp_path / "deep" / "note.json", {"π": [1.5, None], "path": tmp_path})
    assert files.read_json(tmp_path / "deep" / "note.json") == {"π": [1.5, None], "path": str(tmp_path)}
    assert sorted(path.name for path in (tmp_path / "deep").iterdir()) == ["note.json", "table.parquet"]


def test_lines_are_appended_with_nan_as_null(tmp_path):
    path = tmp_path / "metrics.jsonl"
    files.write_lines(path, [{"epoch": 0, "loss": 9.0}])
    files.write_lines(path, [{"epoch": 1, "loss": 0.5}])  # replaces the file
    files.append_lines(path, [{"epoch": 2, "loss": float("nan")}])
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"epoch": 1, "loss": 0.5},
        {"epoch": 2, "loss": None},
    ]
    columns = files.read_lines(path)
    assert columns["epoch"] == [1, 2]
    np.testing.assert_array_equal(columns["loss"], [0.5, np.nan])


def test_a_half_written_last_line_is_skipped(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 1}\n{"epo')
    assert files.read_lines(tmp_path / "metrics.jsonl") == {"epoch": [1]}
    (tmp_path / "empty.jsonl").write_text("")
    assert files.read_lines(tmp_path / "empty.jsonl") == {}


@pytest.mark.parametrize(
    ("read", "name"),
    [(files.read_json, "a.json"), (files.read_lines, "a.jsonl"), (files.read_table, "a.parquet")],
)
def test_an_error_names_the_damaged_file(read, name, tmp_path):
    (tmp_path / name).write_text('{"epoch": \n{}\n')
    with pytest.raises(ValueError, match=f"{name} is .*damaged"):
        read(tmp_path / name)


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"a.parquet is missing or damaged: expected a Parquet table"):
        files.read_table(tmp_path / "a.parquet")


def test_arrays_are_named_by_their_path_in_the_tree(tmp_path):
    files.write_arrays(tmp_path / "a.npz", {"params": {"Dense_0": {"bias": np.arange(3)}}, "stats": {}})
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays.files == ["params/Dense_0/bias"]
        np.testing.assert_array_equal(arrays["params/Dense_0/bias"], np.arange(3))


def test_a_file_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "metrics.jsonl").mkdir()
    with pytest.raises(OSError, match=r"metrics.jsonl"):
        files.append_lines(tmp_path / "metrics.jsonl", [{"epoch": 1}])
