"""Predictions of a whole file: chunks, columns, sums of scores, and unknown labels."""

import csv
import datetime
import json
import pathlib
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from scipy import stats

from jaxdl import data, models, runs
from jaxdl.data.preprocessing import Numbers, from_json, to_json
from jaxdl.runs import predict_file as module
from jaxdl.runs.examples import load_examples
from jaxdl.runs.predict_file import PredictionInput, check_output, chunks, predict_file, scores
from jaxdl.runs.settings import Train
from tests.end_to_end.people import people

CLASSES = ("ja ✓", "nein", "selten")


def read(path):
    path = pathlib.Path(path)
    return (pq.read_table if path.suffix == ".parquet" else pa.csv.read_csv)(path).to_pydict()


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_row_per_example_has_class_probabilities_and_interval(classes_run, table_file, suffix):
    out = pathlib.Path(f"found.{suffix}")
    predictions = predict_file(runs.load_run(classes_run), PredictionInput(str(table_file)), out)
    found = {name: np.array(values) for name, values in read(out).items()}
    assert predictions.examples == 300
    assert found["row"].tolist() == list(range(300))
    every = np.stack([found[f"probability of {name}"] for name in CLASSES])
    np.testing.assert_allclose(every.sum(axis=0), 1, atol=1e-5)
    np.testing.assert_array_equal(found["probability"], every.max(axis=0))
    assert found["label"].tolist() == [CLASSES[best] for best in every.argmax(axis=0)]
    assert (found["mean_low_95"] <= found["probability"]).all()
    assert (found["probability"] <= found["mean_high_95"]).all()
    right = (found["label"] == people(300)["label"].to_numpy(zero_copy_only=False)).sum()
    expected = {"count": 300, "right": right, "accuracy": right / 300}
    assert scores(data.Classes(CLASSES), predictions.sums) == expected


def test_targets_have_their_unit_and_an_interval(regression_run, table_file):
    run = runs.load_run(regression_run)
    predictions = predict_file(run, PredictionInput(str(table_file)), pathlib.Path("found.parquet"))
    found = {name: np.array(values) for name, values in read("found.parquet").items()}
    truth = people(300)["wealth"].to_numpy()
    limits = ["mean_low_95", "mean_high_95", "prediction_low_90", "prediction_high_90"]
    assert list(found) == ["row", "prediction", *limits]
    assert (found["mean_low_95"] < found["prediction"]).all()
    assert 0.8 < np.mean((found["prediction_low_90"] <= truth) & (truth <= found["prediction_high_90"])) < 1
    error = found["prediction"] - truth
    expected = {
        "count": 300,
        "r_squared": 1 - (error**2).sum() / ((truth - truth.mean()) ** 2).sum(),
        "root_mean_squared_error": np.sqrt(np.mean(error**2)),
        "mean_absolute_error": np.abs(error).mean(),
    }
    assert scores(run.preparation.labels, predictions.sums) == pytest.approx(expected)
    assert predictions.covered == np.sum((found["prediction_low_90"] <= truth) & (truth <= found["prediction_high_90"]))


def test_runs_without_stored_residuals_have_no_columns_of_prediction_intervals(regression_run, table_file):
    run = runs.load_run(regression_run)._replace(residuals=None)
    predict_file(run, PredictionInput(str(table_file)), pathlib.Path("found.parquet"))
    assert list(read("found.parquet")) == ["row", "prediction", "mean_low_95", "mean_high_95"]


def test_predictions_do_not_depend_on_the_size_of_chunks(classes_run, table_file, monkeypatch):
    run, source = runs.load_run(classes_run), PredictionInput(str(table_file))
    whole = predict_file(run, source, pathlib.Path("whole.csv"))
    monkeypatch.setattr(module, "ROWS", 64)
    monkeypatch.setattr("jaxdl.data.readers.tables.BLOCK", 1 << 12)
    chunked = predict_file(run, source, pathlib.Path("chunked.csv"))
    first, second = read("whole.csv"), read("chunked.csv")
    assert first["row"] == second["row"]
    np.testing.assert_allclose(first["probability"], second["probability"], atol=1e-6)
    np.testing.assert_array_equal(whole.sums, chunked.sums)


def test_new_rows_with_other_columns_categories_and_missing_values_are_predicted(classes_run):
    table = people(50, seed=1).drop_columns(["label", "wealth", "constant", "id"]).to_pydict()
    table["city"][:3] = ["Neu", None, ""]
    table["score"][4] = None
    table["more"] = ["?"] * 50
    pq.write_table(pa.table({name: table[name] for name in reversed(table)}), "new.parquet")
    predictions = predict_file(runs.load_run(classes_run), PredictionInput("new.parquet"), pathlib.Path("found.csv"))
    assert len(read("found.csv")["row"]) == predictions.examples == 50
    assert np.max(predictions.sums) == 0  # there are no labels to compare with
    assert predictions.unfamiliar["city"] == 1  # missing cities were seen in training
    assert predictions.unfamiliar["score"] == 1  # missing scores were not


ROW = {"age": [40.0], "city": ["Köln"], "joined": [datetime.date(2020, 5, 1)], "score": [0.0]}


def test_unknown_labels_are_counted_and_not_scored(classes_run):
    rows = {name: values * 4 for name, values in ROW.items()} | {"label": ["nein", "other", "2", None]}
    pq.write_table(pa.table(rows), "new.parquet")
    predictions = predict_file(runs.load_run(classes_run), PredictionInput("new.parquet"), pathlib.Path("found.csv"))
    assert predictions.unknown_labels == {"other": 1, "2": 1}
    assert predictions.sums[0] == 1


def test_only_the_first_unknown_labels_are_counted_by_name(classes_run):
    rows = {name: values * 20_000 for name, values in ROW.items()} | {"label": [f"z{row}" for row in range(20_000)]}
    rows["note"] = [None] * 19_999 + ["last"]
    pq.write_table(pa.table(rows), "new.parquet")
    source = PredictionInput("new.parquet", keep=("note",))
    predictions = predict_file(runs.load_run(classes_run), source, pathlib.Path("found.csv"))
    assert predictions.unknown_labels == {**{f"z{row}": 1 for row in range(5)}, "…": 19_995}
    assert read("found.csv")["note"][-2:] == ["", "last"]  # text, although it begins with missing values


def test_a_kept_column_must_not_have_the_name_of_a_prediction(classes_run):
    pq.write_table(pa.table(ROW | {"probability": [0.5]}), "new.parquet")
    source = PredictionInput("new.parquet", keep=("probability",))
    with pytest.raises(
        ValueError, match="cannot keep column 'probability': the predictions have a column of this name"
    ):
        predict_file(runs.load_run(classes_run), source, pathlib.Path("found.csv"))
    assert not pathlib.Path("found.csv").exists()


def test_missing_values_are_refused_if_the_run_was_trained_without(classes_run):
    run = runs.load_run(classes_run)
    refusing = run._replace(settings=type(run.settings)(**{**vars(run.settings), "missing": "refuse"}))
    pq.write_table(pa.table(ROW | {"score": pa.array([None], pa.float64())}), "new.parquet")
    with pytest.raises(ValueError, match="new.parquet has missing values in 'score', and the run was trained with"):
        predict_file(refusing, PredictionInput("new.parquet"), pathlib.Path("found.csv"))


def test_only_tables_have_columns_to_keep(digits_run):
    with pytest.raises(ValueError, match=r"--keep needs a table \(.csv, .tsv, .parquet\), but digits is not a table."):
        predict_file(runs.load_run(digits_run), PredictionInput("digits", keep=("x",)), pathlib.Path("found.csv"))


def test_a_table_for_a_run_of_images_is_an_error(digits_run):
    pq.write_table(pa.table(ROW), "new.parquet")
    with pytest.raises(ValueError, match="new.parquet is a table, but the run was trained on arrays or images"):
        predict_file(runs.load_run(digits_run), PredictionInput("new.parquet"), pathlib.Path("found.csv"))


def test_a_file_without_examples_is_an_error(classes_run):
    pq.write_table(pa.table(ROW).slice(0, 0), "new.parquet")
    with pytest.raises(ValueError, match="new.parquet"):
        predict_file(runs.load_run(classes_run), PredictionInput("new.parquet"), pathlib.Path("found.csv"))
    assert [path.name for path in pathlib.Path().iterdir()] == ["new.parquet"]


def test_the_output_must_be_a_new_csv_or_parquet_file(tmp_path):
    check_output(tmp_path / "new.csv")
    with pytest.raises(ValueError, match=r"^--out must end with .csv or .parquet, got found.txt.$"):
        check_output(pathlib.Path("found.txt"))
    (tmp_path / "a.csv").touch()
    with pytest.raises(FileExistsError, match=r"a.csv already exists: choose another file with --out.$"):
        check_output(tmp_path / "a.csv")


def test_r_squared_of_labels_that_do_not_vary_is_nan():
    labels = data.Standardization(np.zeros(1), np.ones(1))
    sums = np.array([[2.0], [0.0], [0.0], [2.0], [2.0]])
    assert np.isnan(scores(labels, sums)["r_squared"])


@pytest.mark.parametrize("level", [0.5, 0.9, 0.995])
def test_prediction_intervals_contain_a_share_of_new_labels_that_is_their_level(level, tmp_path):
    """With 199 residuals the interval has rank k = 200 level, so the number of 2000 labels inside is beta-binomial."""
    random, slope = np.random.default_rng(3), np.array([[2.0], [-1.0]])
    x, noise = random.normal(size=(2199, 2)).astype(np.float32), random.standard_t(3, size=(2199, 1))  # heavy tails
    labels, one = x @ slope + noise, data.Standardization(np.zeros(2), np.ones(2))
    preparation = data.Preparation(one, data.Standardization(np.zeros(1), np.ones(1)), (2,), {})
    params = {"Dense_0": {"kernel": slope[None].repeat(2, 0).astype(np.float32), "bias": np.zeros((2, 1), np.float32)}}
    run = runs.Run(models.linear_regression(), params, {}, preparation, Train(), np.abs(noise[2000:]))
    np.savez(tmp_path / "new.npz", inputs=x[:2000], labels=labels[:2000])
    found = predict_file(run, PredictionInput(str(tmp_path / "new.npz")), tmp_path / "out.parquet", level=level)
    columns = {name: np.array(values) for name, values in read(tmp_path / "out.parquet").items()}
    low, high = (columns[f"prediction_{end}_{100 * level:g}"] for end in ("low", "high"))
    assert found.covered == np.sum((low <= labels[:2000, 0]) & (labels[:2000, 0] <= high))
    rank = round(200 * level)
    assert stats.betabinom.ppf(0.001, 2000, rank, 200 - rank) <= found.covered
    assert found.covered <= stats.betabinom.ppf(0.999, 2000, rank, 200 - rank)


def test_scores_are_weighted_and_rows_of_weight_0_count_nowhere(tmp_path):
    """Networks that predict x, on targets that differ from it by known errors."""
    zero, one = np.zeros(1, np.float32), np.ones(1, np.float32)
    unit = data.Standardization(zero, one)
    networks = {"Dense_0": {"kernel": np.ones((2, 1, 1), np.float32), "bias": np.zeros((2, 1), np.float32)}}
    preparation = data.Preparation(unit, data.Standardization(np.zeros(1), np.ones(1)), (1,), {})
    run = runs.Run(models.linear_regression(), networks, {}, preparation, Train(), np.ones((19, 1)))
    x, weights = np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.0, 0.5, 0.0, 2.0])
    errors = np.array([0.5, -2.0, 99.0, 1.0])
    np.savez(tmp_path / "new.npz", inputs=x[:, None], labels=(x + errors)[:, None], weights=weights)
    found = predict_file(run, PredictionInput(str(tmp_path / "new.npz")), tmp_path / "out.csv")
    assert found.examples == len(read(tmp_path / "out.csv")["prediction"]) == 4
    assert found.covered == 3  # the second is farther away than the residuals
    targets = x + errors
    mean = np.average(targets, weights=weights)
    squared_error = np.average(errors**2, weights=weights)
    assert scores(preparation.labels, found.sums) == pytest.approx(
        {
            "count": 3.5,
            "r_squared": 1 - squared_error / np.average((targets - mean) ** 2, weights=weights),
            "root_mean_squared_error": np.sqrt(squared_error),
            "mean_absolute_error": np.average(np.abs(errors), weights=weights),
        }
    )
    preparation = preparation._replace(labels=data.Classes(("no", "yes")))
    networks = {"Dense_0": {"kernel": np.array([[[-1.0, 1.0]]], np.float32), "bias": np.zeros((1, 2), np.float32)}}
    run = runs.Run(models.mlp((), 2), networks, {}, preparation, Train())
    labels = ["yes", "no", "never seen", "no"]  # predictions are yes, except at -2
    np.savez(tmp_path / "classes.npz", inputs=[[1.0], [-2.0], [1.0], [1.0]], labels=labels, weights=weights)
    found = predict_file(run, PredictionInput(str(tmp_path / "classes.npz")), tmp_path / "classes.csv")
    assert found.sums.tolist() == [3.5, 1.5]
    assert not found.unknown_labels


@pytest.mark.parametrize(
    ("center", "size", "kind"), [(1.7e9, 100, "f8"), (1.7e9, 100, "i8"), (1e16, 1e4, "f8"), (0, 1e-22, "f8")]
)
def test_inputs_far_from_0_are_standardized_in_float64(center, size, kind, random, unchecked):
    inputs = np.round(center + size * random.normal(size=(180, 2)), 2 if center else 30).astype(kind)
    np.savez("a.npz", inputs=inputs, labels=inputs[:, 0] > center)
    tolerance = 2e-6 + np.spacing(float(center)) / size  # the mean is a float64, too
    examples = load_examples(Train(data="a.npz"))
    preparation = from_json(json.loads(json.dumps(to_json(examples.preparation))))
    train = np.asarray(examples.raw.train.inputs, np.longdouble)
    expected = (train - train.mean(0)) / train.std(0)
    np.testing.assert_allclose(examples.ready.train.inputs, expected.astype(float), atol=tolerance)
    for count in (180, 1):  # the digits of a single row are kept, too
        np.savez("new.npz", inputs=inputs[:count], labels=np.zeros(count))
        run = SimpleNamespace(preparation=preparation, settings=Train())
        (chunk,) = unchecked(chunks)(run, PredictionInput("new.npz"))
        expected = (inputs[:count].astype(np.longdouble) - train.mean(0)) / train.std(0)
        np.testing.assert_allclose(
            data.encode_inputs(preparation, chunk.inputs), expected.astype(float), atol=tolerance
        )


def code_run():
    """A network for a table with the column "code", with two class names that a spreadsheet would compute."""
    preparation = data.Preparation((Numbers("code", 0.0, 0.0, 1.0, False),), data.Classes(("-1", "=A1+1")), (1,), {})
    networks = {"Dense_0": {"kernel": np.array([[[-1.0, 1.0]]], np.float32), "bias": np.zeros((1, 2), np.float32)}}
    return runs.Run(models.mlp((), 2), networks, {}, preparation, Train(label="y"))


CODES = ["007", "100000000037", "9007199254740993", " 1.50", "-5"]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_kept_columns_are_unchanged_even_if_they_are_inputs(suffix):
    lines = ["code,note,@x", *(f'{code},NA,"=1 "' for code in CODES)]
    pathlib.Path("new.csv").write_text("\n".join(lines) + "\n")
    out = pathlib.Path(f"found.{suffix}")
    predict_file(code_run(), PredictionInput("new.csv", keep=("code", "note", "@x")), out)
    if suffix == "csv":
        heading, *rows = csv.reader(out.read_text().splitlines())
        assert heading[:5] == ["row", "code", "note", "'@x", "label"]
        assert [row[1:5] for row in rows[:4]] == [[code, "NA", "=1 ", "'=A1+1"] for code in CODES[:4]]
        assert rows[4][4] == "-1"  # a number
    else:
        found = read(out)
        assert (found["code"], found["@x"]) == (CODES, ["=1 "] * 5)
        assert found["label"] == ["=A1+1"] * 4 + ["-1"]


def test_kept_columns_of_a_parquet_file_keep_their_type():
    kept = pa.table({"code": pa.array([2**53 + 1, None]), "kind": pa.array(["a", "b"]).dictionary_encode()})
    pq.write_table(kept, "new.parquet")
    source = PredictionInput("new.parquet", keep=("code", "kind"))
    predict_file(code_run(), source, pathlib.Path("found.csv"))
    rows = list(csv.reader(pathlib.Path("found.csv").read_text().splitlines()))
    assert [row[1:3] for row in rows[1:]] == [["9007199254740993", "a"], ["", "b"]]


def test_the_row_number_cannot_be_replaced_by_a_kept_column():
    pathlib.Path("new.csv").write_text("code,row\n1,7\n")
    with pytest.raises(ValueError, match="^cannot keep column 'row' of new.csv: it would replace the row number"):
        predict_file(code_run(), PredictionInput("new.csv", keep=("row",)), pathlib.Path("found.csv"))
