"""Run directories from elsewhere: whatever their files hold, reading them gives a result or one sentence."""

import json
import random
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jaxdl import runs
from jaxdl.reports import page, rendering
from jaxdl.runs import contents, files
from jaxdl.runs.contents import JSON_FILES, TABLES, read_columns, read_content, read_history
from jaxdl.runs.manifest import COMPLETE, reopen_run
from tests.hostile import HOSTILE, is_read, json_of, places, replaced

pytestmark = pytest.mark.filterwarnings("ignore:.* has no manifest.json")


@pytest.fixture
def copy(classes_run, regression_run, tmp_path):
    """A copy of a run, with a page without its library and without a manifest, which an attacker would write."""
    names = (*JSON_FILES, *TABLES, "preparation.json", "params.npz")
    for name in names:
        for run in (classes_run, regression_run):
            if (run / name).is_file() and not (tmp_path / name).is_file():
                shutil.copy(run / name, tmp_path / name)
    reopen_run(tmp_path)
    shutil.copy(classes_run / COMPLETE, tmp_path)
    files.write_json(tmp_path / COMPLETE, {**files.read_json(tmp_path / COMPLETE), "manifest": False})
    return tmp_path


def test_whatever_json_holds_it_is_read_or_named_in_one_sentence(copy, monkeypatch):
    monkeypatch.setattr(rendering, "library", lambda: "")
    template, generator, accepted = rendering.template_text("report.html"), random.Random(0), 0
    for name in ("settings.json", "preparation.json", "quality.json", "cost.json", "environment.json"):
        whole = (copy / name).read_bytes()
        content = json.loads(whole)
        for _ in range(15):
            place = generator.choice(list(places(content)))
            (copy / name).write_text(json_of(replaced(content, place, generator.choice(HOSTILE))))
            if name == "preparation.json":
                accepted += is_read(lambda: runs.load_run(copy))
            else:
                accepted += is_read(lambda: rendering.render_page(template, {}, page._content(copy, [], trained=True)))
        (copy / name).write_bytes(whole)
    assert 3 < accepted < 45  # texts may be almost anything, numbers are bounded
    assert runs.load_run(copy).members == 3


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        ("preparation.json", ("labels", "classes"), ["a", "a"]),
        ("preparation.json", ("labels", "classes"), [1, "1"]),
        ("preparation.json", ("inputs", 0, "mean"), float("nan")),
        ("preparation.json", ("inputs", 0, "std"), -1.0),
        ("preparation.json", ("shape",), [10**12]),
        ("preparation.json", ("shape",), [3, 3]),
        ("settings.json", ("hidden",), [10**12]),
        ("settings.json", ("hidden",), [1] * 100_000),
        ("settings.json", ("dropout_rate",), 2),
    ],
)
def test_values_that_no_run_writes_are_errors(copy, name, place, value):
    files.write_json(copy / name, replaced(files.read_json(copy / name), place, value))
    assert not is_read(lambda: runs.load_run(copy))


@pytest.mark.parametrize("name", [*TABLES])
def test_a_table_with_other_columns_types_or_gaps_is_named(copy, name):
    right = pq.read_table(copy / name)
    assert read_columns(copy / name).keys() == {*right.column_names}
    size = max(1, right.num_rows)
    for number, column in enumerate(right.column_names):
        for values in ([[1, 2]] * size, [{"a": 1}] * size, [b"x"] * size, [True] * size):
            pq.write_table(right.slice(0, size).set_column(number, column, pa.array(values)), copy / name)
            if column != "image":
                with pytest.raises(ValueError, match=f"{name} is damaged or was .* column {column!r} must hold one"):
                    read_columns(copy / name)
    pq.write_table(right.select([]), copy / name)
    with pytest.raises(ValueError, match=f"{name} is damaged or was .* must have a column"):
        read_columns(copy / name)


def test_a_table_that_would_fill_the_memory_is_not_read(copy, monkeypatch):
    monkeypatch.setattr(files, "MAX_VALUES", 5)
    with pytest.raises(ValueError, match=r"metrics.parquet is damaged: it must have at most 5 values, got \d+\."):
        read_columns(copy / "metrics.parquet")
    monkeypatch.setattr(files, "MAX_BYTES", 5)
    with pytest.raises(ValueError, match=r"cost.json is damaged: it must have at most 5 bytes, got \d+\."):
        read_content(copy / "cost.json")


def test_a_table_without_rows_is_damaged_unless_nothing_was_wrong(copy):
    for name in TABLES:
        pq.write_table(pq.read_table(copy / name).slice(0, 0), copy / name)
        assert is_read(lambda path=copy / name: read_columns(path)) == (name in contents.MAY_BE_EMPTY)


@pytest.mark.parametrize("line", ["{}", "[]", "1", '{"epoch": "x"}', "[" * 99_999, '{"member": 0, "epoch": 1e3}'])
@pytest.mark.parametrize("first", [True, False])
def test_a_damaged_line_of_the_history_is_named(tmp_path, line, first):
    row = {"member": 0, "epoch": 1, "train_loss": 0.5, "dev_loss": None, "dev_accuracy": 1.0}
    path = tmp_path / "metrics.jsonl"
    files.write_lines(path, [row, row])
    np.testing.assert_array_equal(read_history(path)["dev_loss"], [np.nan, np.nan])
    lines = path.read_text().splitlines()
    lines[0 if first else 1] = line
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(ValueError, match=r"metrics.jsonl is damaged: .*\.$"):
        read_history(path)


@pytest.mark.parametrize("names", [{"params/x": 1}, {"params/" * 2000: 1}, {"params/Dense_0/bias/x": 1}])
def test_parameters_with_other_names_are_an_error(copy, names):
    with np.load(copy / "params.npz") as arrays:
        np.savez(copy / "params.npz", **arrays, **{name: np.zeros((3, 1), np.float32) for name in names})
    with pytest.raises(ValueError, match=r"params.npz holds other parameters|params.npz .* damaged"):
        runs.load_run(copy)


def test_the_confusion_table_of_weighted_examples_is_read(copy):
    table = read_columns(copy / "confusion.parquet")
    files.write_table(copy / "confusion.parquet", {**table, "count": [0.5] * len(table["count"])})
    assert set(read_columns(copy / "confusion.parquet")["count"]) == {0.5}
