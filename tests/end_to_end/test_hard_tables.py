"""Difficult tables: cells that are nearly numbers, labels in every spelling, very large and very small numbers."""

import contextlib
import io

import jax
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from jaxdl import training
from jaxdl.runs import files
from jaxdl.runs.examples import load_examples
from jaxdl.runs.load import load_run
from jaxdl.runs.prediction import predict
from jaxdl.runs.results import evaluate
from jaxdl.runs.settings import Train
from tests.end_to_end.people import FAST, run as jaxdl, untrained_run
from tests.trained_runs import train

TINY = ["--seeds", "2", "--hidden", "4", "--epochs", "3", "--batch-size", "8"]


def columns(rows=60):
    random = np.random.default_rng(0)
    x = random.normal(size=rows)
    return {"x": x, "city": np.array(["Köln", "Rom"], object)[random.integers(0, 2, rows)], "y": (x > 0).astype(int)}


def wide_columns():
    """Return `columns` and cells that are nearly numbers, times of day, names, and a column like one of predictions."""
    table = columns()
    size, price = ([f"{before}{value:.3f}{before}" for value in table["x"]] for before in (" ", ""))
    size[3:6] = ["-", " NA ", "   "]
    price[3] = "free"
    times = [f"{hour:02}:{minute:02}:00" for hour in range(6) for minute in range(10)]
    names = [f"n{row:03}" for row in range(60)]
    comma = ["1,5", "2,5", "3,5", "4,5"] * 15
    return {**table, "size": size, "price": price, "at": times, "id": names, "label": table["x"], "comma": comma}


def write(path, table):
    table = pa.table(table)
    pa.csv.write_csv(table, path) if path.suffix == ".csv" else pq.write_table(table, path)
    return path


def read(path):
    return pa.csv.read_csv(path).to_pydict()


def untrained_on(tmp_path, table, *, suffix=".csv", **settings):
    path = write(tmp_path / f"train{suffix}", table)
    untrained_run(tmp_path / "run", Train(data=str(path), label="y", hidden=(4,), **settings))
    return path


@pytest.fixture(scope="module")
def wide_run(tmp_path_factory):
    """A run on `wide_columns`, its table, and what the training printed."""
    folder = tmp_path_factory.mktemp("wide")
    path = write(folder / "train.csv", wide_columns())
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        train("--data", path, "--label", "y", *TINY, "--out", folder / "run", *FAST, page=False)
    return folder / "run", path, printed.getvalue()


@pytest.fixture(scope="module")
def small_run(tmp_path_factory):
    """A run with the default settings on twenty rows, whose class names have control characters."""
    folder, table = tmp_path_factory.mktemp("small"), columns(20)
    names = np.array(["a\x00b", "c\x1b[31m\ufffe<&>"], object)[table["y"]].tolist()
    path = write(folder / "train.parquet", {**table, "y": names})
    train("--data", path, "--label", "y", "--seeds", "2", "--out", folder / "run")
    return folder / "run"


@pytest.mark.filterwarnings("ignore:column 'y' is read as text")
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
    path = untrained_on(tmp_path, table, problem="classification")
    assert jaxdl("predict", tmp_path / "run", "--data", path) == 0
    out = capsys.readouterr().out
    assert "of 60)" in out
    assert "labels are not" not in out
    found = read(tmp_path / "predictions.csv")
    assert len({name for name in found if name.startswith("probability of")}) == 2


def test_booleans_of_a_parquet_file_equal_those_of_a_csv_file(tmp_path, capsys):
    flags = [bool(value) for value in columns()["y"]]
    untrained_on(tmp_path, {"flag": flags, **columns(), "y": flags}, suffix=".parquet")
    written = write(tmp_path / "new.csv", {**columns(), "flag": [str(flag) for flag in flags], "y": map(str, flags)})
    assert jaxdl("predict", tmp_path / "run", "--data", written) == 0
    out = capsys.readouterr().out
    assert "of 60)" in out
    assert "unreliable" not in out


def test_labels_and_inputs_unlike_training_are_reported_and_not_scored(wide_run, tmp_path, capsys):
    new = {name: column[10:14] for name, column in wide_columns().items()}
    new |= {"x": [0.0, 1e300, None, 1.0], "city": ["Rom", "Rom", "Rom", "Ulm"], "y": ["1", "2", "other", None]}
    assert jaxdl("predict", wide_run[0], "--data", write(tmp_path / "new.csv", new)) == 0
    out = capsys.readouterr().out
    assert "2 of 4 labels are not classes of the run (2, other) and are not scored" in out
    assert "column 'x': 2 of 4 examples contain categories, missing values or magnitudes (over 100 standard dev" in out
    assert "column 'city': 1 of 4 examples contain categories, missing values or magnitudes" in out
    assert out.count("unreliable") == 2
    assert "of 1)" in out
    assert np.isfinite(read(tmp_path / "predictions.csv")["probability"]).all()


def test_labels_of_a_regression_that_are_not_numbers_are_reported_and_not_scored(tmp_path, capsys):
    untrained_on(tmp_path, {**columns(), "y": columns()["x"] * 2})
    new = {**columns(3), "y": ["1.5", "much", "-"]}
    assert jaxdl("predict", tmp_path / "run", "--data", write(tmp_path / "new.csv", new)) == 0
    out = capsys.readouterr().out
    assert "1 of 3 labels are not numbers (much) and are not scored" in out
    assert "on 1 known labels" in out


def test_scores_of_a_regression_do_not_depend_on_an_offset_of_the_labels(tmp_path, capsys):
    """Networks that cannot predict have an R² near 0; with scores computed in float32 it would be 1."""
    random = np.random.default_rng(1)
    y = 1e9 + random.normal(size=60)
    path = untrained_on(tmp_path, {"x": random.normal(size=60), "y": y})
    source, settings = load_run(tmp_path / "run"), Train(data=str(path), label="y", hidden=(4,))
    examples = load_examples(settings)
    state = training.State(jax.random.key(0), 0, 0, source.params, source.stats, None)
    scores = {name: parts["test"] for name, parts in evaluate(settings, examples, state).scores.items()}
    assert max(scores["r_squared"]) < 0.5
    assert 0.3 < min(scores["root_mean_squared_error"]) < 5
    test = examples.raw.test
    found = predict(source, test.inputs).estimate
    errors = [float(np.sqrt(np.mean((found - test.labels) ** 2))), *scores["root_mean_squared_error"]]
    assert max(errors) / min(errors) < 2
    assert jaxdl("predict", tmp_path / "run", "--data", path) == 0
    predicted = np.array(read(tmp_path / "predictions.csv")["prediction"])
    assert np.ptp(predicted) < 20
    r2 = 1 - ((predicted - y) ** 2).sum() / ((y - y.mean()) ** 2).sum()
    assert f"R² {r2:.4f}" in capsys.readouterr().out


def test_cells_that_are_nearly_numbers_are_read_or_reported(wide_run):
    directory, _, printed = wide_run
    assert "column 'price' is read as text: nearly all cells look like numbers, but 'free' is not a number" in printed
    assert (
        "column 'comma' is read as text: nearly all cells look like numbers, but '1,5' is not written as 1234.5"
        in printed
    )
    preparation = files.read_json(directory / "preparation.json")
    assert preparation["left_out"].keys() == {"price", "id"}
    (numbers,) = [column for column in preparation["inputs"] if column["name"] == "size"]
    assert numbers["kind"] == "Numbers"


def test_times_of_day_are_predicted_from_either_kind_of_file(wide_run, tmp_path, capsys):
    directory, path, _ = wide_run
    inputs = files.read_json(directory / "preparation.json")["inputs"]
    assert "at" in [column["name"] for column in inputs]
    table = pa.csv.read_csv(path)
    assert pa.types.is_time(table.schema.field("at").type)
    for file in (path, write(tmp_path / "new.parquet", table)):
        assert jaxdl("predict", directory, "--data", file, "--out", tmp_path / f"{file.suffix[1:]}.csv") == 0
    assert "unreliable" not in capsys.readouterr().out
    assert read(tmp_path / "csv.csv") == read(tmp_path / "parquet.csv")


@pytest.mark.slow
def test_class_names_with_control_characters_are_drawn_by_their_pictures(small_run):
    assert "a␀b" in (small_run / "figures" / "confusion.svg").read_text()
    assert (small_run / "report.html").is_file()


def test_empty_lines_quoted_headings_and_semicolons_are_read(tmp_path):
    rows = "\n".join(f"{number};{number % 2}" for number in range(40))
    (tmp_path / "train.csv").write_text(f'\n  \n"name; first, second" ; y \n{rows}\n')
    inputs = load_examples(Train(data="train.csv", label="y")).preparation.inputs
    assert [column.name for column in inputs] == ["name; first, second"]


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


def test_columns_can_be_kept_beside_the_predictions(wide_run, tmp_path, capsys):
    directory, path, _ = wide_run
    assert jaxdl("predict", directory, "--data", path, "--keep", "id", "x", "y") == 0
    found = read(tmp_path / "predictions.csv")
    assert list(found)[:5] == ["row", "id", "x", "y", "label"]
    assert found["id"][:2] == ["n000", "n001"]
    np.testing.assert_allclose(found["x"], columns()["x"])
    for keep in ("nope", "probability"):
        assert jaxdl("predict", directory, "--data", path, "--out", "b.csv", "--keep", keep) == 2
        assert f"lacks columns: '{keep}'" in capsys.readouterr().err


def test_a_kept_column_with_the_name_of_a_prediction_is_an_error(wide_run, tmp_path, capsys):
    directory, path, _ = wide_run
    assert jaxdl("predict", directory, "--data", path, "--keep", "label") == 2
    assert "cannot keep column 'label': the predictions have a column of this name." in capsys.readouterr().err
    assert not (tmp_path / "predictions.csv").exists()


def test_a_small_table_is_learned_with_the_default_settings(small_run):
    """Each step uses the whole training part, and 900 steps are enough to learn y = (x > 0)."""
    settings = files.read_json(small_run / "settings.json")
    assert (settings["batch_size"], settings["epochs"]) == (12, 900)
    assert np.mean(files.read_table(small_run / "members.parquet")["train"]) == 1.0


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"x": [1.0, 2.0], "y": ["a", "b"]}, "needs classes with several examples, but all 2 labels differ"),
        ({"x": [1.0], "y": ["a"]}, "part 1 of shares (0.6, 0.2, 0.2) would be empty with 1 examples"),
    ],
)
def test_tables_with_too_little_information_are_errors(tmp_path, capsys, table, sentence):
    path = write(tmp_path / "train.csv", table)
    assert jaxdl("train", "--data", path, "--label", "y", "--seeds", "1", "--epochs", "1", "--out", "run") == 2
    assert sentence in capsys.readouterr().err
