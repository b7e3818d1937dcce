"""Difficult tables: cells that are nearly numbers, labels in every spelling, very large and very small numbers."""

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from jaxdl import data
from jaxdl.runs import files
from jaxdl.runs.examples import load_examples
from jaxdl.runs.load import load_run
from jaxdl.runs.prediction import member_outputs, predict
from jaxdl.runs.settings import Train
from tests.end_to_end.people import FAST, PRINT_PAGE, run as jaxdl

TINY = ["--seeds", "2", "--hidden", "4", "--epochs", "3", "--batch-size", "8"]


def columns(rows=60):
    random = np.random.default_rng(0)
    x = random.normal(size=rows)
    return {"x": x, "city": np.array(["Köln", "Rom"], object)[random.integers(0, 2, rows)], "y": (x > 0).astype(int)}


def write(path, table):
    table = pa.table(table)
    pa.csv.write_csv(table, path) if path.suffix == ".csv" else pq.write_table(table, path)
    return path


def read(path):
    return pa.csv.read_csv(path).to_pydict()


def trained_on(tmp_path, table, *more, label="y", suffix=".csv"):
    path = write(tmp_path / f"train{suffix}", table)
    assert jaxdl("train", "--data", path, "--label", label, *TINY, "--out", tmp_path / "run", *more) == 0
    return path


@pytest.mark.parametrize(
    "labels",
    [
        ["0.50", "1.5"],
        ["2020-01-01", "2021-01-01"],
        ["True", "False"],
        ["07", "7"],
        ["9007199254740993", "9007199254740992"],
        ["08:30", "09:30"],
        ["+", "-"],
    ],
    ids=["decimals", "dates", "booleans", "zeros", "large", "times", "signs"],
)
def test_labels_are_read_in_prediction_as_in_training(tmp_path, capsys, labels):
    table = {**columns(), "y": np.array(labels, object)[columns()["y"]].tolist()}
    path = trained_on(tmp_path, table, "--problem", "classification", *FAST)
    capsys.readouterr()
    assert jaxdl("predict", tmp_path / "run", "--data", path) == 0
    out = capsys.readouterr().out
    assert "of 60)" in out
    assert "labels are not" not in out
    found = read(tmp_path / "predictions.csv")
    assert len({name for name in found if name.startswith("probability of")}) == 2


def test_booleans_of_a_parquet_file_equal_those_of_a_csv_file(tmp_path, capsys):
    flags = [bool(value) for value in columns()["y"]]
    trained_on(tmp_path, {"flag": flags, **columns(), "y": flags}, *FAST, suffix=".parquet")
    capsys.readouterr()
    written = write(tmp_path / "new.csv", {**columns(), "flag": [str(flag) for flag in flags], "y": map(str, flags)})
    assert jaxdl("predict", tmp_path / "run", "--data", written) == 0
    out = capsys.readouterr().out
    assert "of 60)" in out
    assert "unreliable" not in out


def test_labels_and_inputs_unlike_training_are_reported_and_not_scored(tmp_path, capsys):
    trained_on(tmp_path, columns(), *FAST)
    capsys.readouterr()
    new = {"x": [0.0, 1e300, None, 1.0], "city": ["Rom", "Rom", "Rom", "Ulm"], "y": ["1", "2", "other", None]}
    assert jaxdl("predict", tmp_path / "run", "--data", write(tmp_path / "new.csv", new)) == 0
    out = capsys.readouterr().out
    assert "2 of 4 labels are not classes of the run (2, other) and are not scored" in out
    assert "column 'x': 2 of 4 examples contain categories, missing values or magnitudes (over 100 standard dev" in out
    assert "column 'city': 1 of 4 examples contain categories, missing values or magnitudes" in out
    assert "of 1)" in out
    assert np.isfinite(read(tmp_path / "predictions.csv")["probability"]).all()


def test_labels_of_a_regression_that_are_not_numbers_are_reported_and_not_scored(tmp_path, capsys):
    trained_on(tmp_path, {**columns(), "y": columns()["x"] * 2}, *FAST)
    capsys.readouterr()
    new = {**columns(3), "y": ["1.5", "much", "-"]}
    assert jaxdl("predict", tmp_path / "run", "--data", write(tmp_path / "new.csv", new)) == 0
    out = capsys.readouterr().out
    assert "1 of 3 labels are not numbers (much) and are not scored" in out
    assert "on 1 known labels" in out


def test_scores_of_a_regression_do_not_depend_on_an_offset_of_the_labels(tmp_path, capsys):
    """Networks that cannot predict have an R² near 0; with scores computed in float32 it would be 1."""
    random = np.random.default_rng(1)
    y = 1e9 + random.normal(size=60)
    path = trained_on(tmp_path, {"x": random.normal(size=60), "y": y}, *FAST)
    members = files.read_table(tmp_path / "run" / "members.parquet")
    assert max(members["test"]) < 0.5
    assert 0.3 < min(members["test_root_mean_squared_error"]) < 5
    source = load_run(tmp_path / "run")
    examples = load_examples(Train(data=str(path), label="y"))
    test = examples.raw.test
    found = predict(source, test.inputs).estimate
    errors = [float(np.sqrt(np.mean((found - test.labels) ** 2))), *members["test_root_mean_squared_error"]]
    assert max(errors) / min(errors) < 2
    assert jaxdl("predict", tmp_path / "run", "--data", path) == 0
    assert np.ptp(read(tmp_path / "predictions.csv")["prediction"]) < 20
    assert "R² 1.0000" not in capsys.readouterr().out


def test_errors_of_several_targets_are_in_the_unit_of_the_labels(tmp_path):
    random = np.random.default_rng(0)
    labels = random.normal(size=(60, 2)) * [1e30, 1.0] + [0, 1e6]
    np.savez(tmp_path / "a.npz", inputs=random.normal(size=(60, 3)).astype(np.float32), labels=labels)
    settings = ["--problem", "regression", *TINY, "--out", tmp_path / "run", *FAST]
    assert jaxdl("train", "--data", tmp_path / "a.npz", *settings) == 0
    test = load_examples(Train(data=str(tmp_path / "a.npz"), problem="regression")).raw.test
    source = load_run(tmp_path / "run")
    ready = data.encode_inputs(source.preparation, test.inputs)
    found = member_outputs(source.model, source.params, source.stats, ready, classes=False)
    error = data.rescaled(found, source.preparation.labels) - test.labels
    members = files.read_table(tmp_path / "run" / "members.parquet")
    root = members["test_root_mean_squared_error"]
    np.testing.assert_allclose(root, np.sqrt((error**2).sum(-1).mean(-1)), rtol=1e-5)
    np.testing.assert_allclose(members["test_mean_absolute_error"], np.abs(error).sum(-1).mean(-1), rtol=1e-5)


def test_cells_that_are_nearly_numbers_are_read_or_reported(tmp_path, capsys):
    size = [f" {value:.3f} " for value in columns()["x"]]
    size[3:6] = ["-", " NA ", "   "]
    price = [f"{value:.3f}" for value in columns()["x"]]
    price[3] = "free"
    path = trained_on(tmp_path, {**columns(), "size": size, "price": price}, *FAST)
    out = capsys.readouterr().out
    assert "column 'price' is read as text: nearly all cells look like numbers, but 'free' is not a number" in out
    assert files.read_json(tmp_path / "run" / "preparation.json")["left_out"].keys() == {"price"}
    (numbers,) = [
        column
        for column in files.read_json(tmp_path / "run" / "preparation.json")["inputs"]
        if column["name"] == "size"
    ]
    assert numbers["kind"] == "Numbers"
    assert jaxdl("predict", tmp_path / "run", "--data", path) == 0


def test_times_of_day_are_predicted_from_either_kind_of_file(tmp_path):
    times = [f"{hour:02}:{minute:02}:00" for hour in range(6) for minute in range(10)]
    path = trained_on(tmp_path, {**columns(), "at": times}, *FAST)
    assert jaxdl("predict", tmp_path / "run", "--data", path) == 0


def test_class_names_with_control_characters_are_drawn_by_their_pictures(tmp_path, monkeypatch):
    monkeypatch.setattr("jaxdl.cli.train.print_page", PRINT_PAGE)
    names = np.array(["a\x00b", "c\x1b[31m\ufffe<&>"], object)[columns()["y"]]
    trained_on(tmp_path, {**columns(), "y": names.tolist()}, *FAST, suffix=".parquet")
    assert "a␀b" in (tmp_path / "run" / "figures" / "confusion.svg").read_text()
    assert (tmp_path / "run" / "report.html").is_file()


def test_empty_lines_quoted_headings_and_semicolons_are_read(tmp_path, capsys):
    rows = "\n".join(f"{number};{number % 2}" for number in range(40))
    (tmp_path / "train.csv").write_text(f'\n  \n"name; first, second" ; y \n{rows}\n')
    assert jaxdl("train", "--data", "train.csv", "--label", "y", *TINY, "--out", "run", *FAST) == 0
    assert files.read_json(tmp_path / "run" / "preparation.json")["inputs"][0]["name"] == "name; first, second"


@pytest.mark.parametrize("scale", [1e300, 1e-300])
def test_numbers_outside_the_range_of_float32_are_errors(tmp_path, capsys, scale):
    for table, name in (
        ({**columns(), "x": columns()["x"] * scale}, "column 'x'"),
        ({**columns(), "y": columns()["x"] * scale}, "labels"),
    ):
        path = write(tmp_path / "train.parquet", table)
        assert jaxdl("train", "--data", path, "--label", "y", *TINY, "--out", "run", *FAST) == 2
        assert f"error: {name} must" in capsys.readouterr().err
        assert not (tmp_path / "run").exists()


def test_columns_can_be_kept_beside_the_predictions(tmp_path, capsys):
    path = trained_on(tmp_path, {"id": [f"n{row:03}" for row in range(60)], **columns()}, *FAST)
    assert jaxdl("predict", tmp_path / "run", "--data", path, "--keep", "id", "x", "y") == 0
    found = read(tmp_path / "predictions.csv")
    assert list(found)[:5] == ["row", "id", "x", "y", "label"]
    assert found["id"][:2] == ["n000", "n001"]
    np.testing.assert_allclose(found["x"], columns()["x"])
    for keep, sentence in (("nope", "lacks columns: 'nope'"), ("label", "lacks columns: 'label'")):
        assert jaxdl("predict", tmp_path / "run", "--data", path, "--out", "b.csv", "--keep", keep) == 2
        assert sentence in capsys.readouterr().err


def test_a_kept_column_with_the_name_of_a_prediction_is_an_error(tmp_path, capsys):
    path = trained_on(tmp_path, {"label": columns()["x"], **columns()}, *FAST)
    assert jaxdl("predict", tmp_path / "run", "--data", path, "--keep", "label") == 2
    assert "cannot keep column 'label': the predictions have a column of this name." in capsys.readouterr().err
    assert not (tmp_path / "predictions.csv").exists()


def test_a_small_table_is_learned_with_the_default_settings(tmp_path, capsys):
    """Each step uses the whole training part, and 900 steps are enough to learn y = (x > 0)."""
    path = write(tmp_path / "train.csv", columns(20))
    assert jaxdl("train", "--data", path, "--label", "y", "--seeds", "2", "--out", "run") == 0
    settings = files.read_json(tmp_path / "run" / "settings.json")
    assert (settings["batch_size"], settings["epochs"]) == (12, 900)
    assert np.mean(files.read_table(tmp_path / "run" / "members.parquet")["train"]) == 1.0


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"x": [1.0, 2.0], "y": ["a", "b"]}, "needs classes with several examples, but all 2 labels differ"),
        ({"x": [1.0], "y": ["a"]}, "part 1 of shares (0.6, 0.2, 0.2) would be empty with 1 examples"),
        (
            {"x": ["1,5", "2,5", "3,5", "4,5"] * 9, "y": [1, 2] * 18},
            "look like numbers, but '1,5' is not written as 1234.5",
        ),
    ],
)
def test_tables_with_too_little_information_are_reported(tmp_path, capsys, table, sentence):
    path = write(tmp_path / "train.csv", table)
    status = jaxdl("train", "--data", path, "--label", "y", "--seeds", "1", "--epochs", "1", "--out", "run")
    output = capsys.readouterr()
    assert sentence in (output.err if status else output.out)
