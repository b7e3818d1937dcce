"""A table of a user's own: trained on, judged, predicted."""

import json
import re
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from jaxdl.runs import files
from jaxdl.runs.examples import load_examples
from jaxdl.runs.settings import Train
from tests.end_to_end.people import people, run as jaxdl


def read(path):
    return (pq.read_table if path.suffix == ".parquet" else pa.csv.read_csv)(path).to_pydict()


def test_a_class_of_two_rows_and_all_else_is_told(classes_run):
    quality = files.read_json(classes_run / "quality.json")
    assert {of["class"]: (of["train"], of["dev"], of["test"]) for of in quality["classes"]}["selten"] == (1, 1, 0)
    assert {*quality["left_out"]} == {"id", "constant", "name"}
    assert {*quality["missing"]} == {"age", "city"}
    page = (classes_run / "report.html").read_text()
    for told in ("column &#39;constant&#39; is left out", "no example in test of 1 classes", "selten", "ja ✓"):
        assert told in page


def test_the_labels_are_learned(classes_run):
    members = files.read_table(classes_run / "members.parquet")
    assert np.mean(members["test"]) > 0.8
    mistakes = files.read_table(classes_run / "mistakes.parquet")
    assert "image" not in mistakes
    assert {*mistakes["label"]} | {*mistakes["predicted"]} <= {"ja ✓", "nein", "selten"}


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_every_row_is_predicted_with_its_probabilities_and_interval(classes_run, table_file, tmp_path, capsys, suffix):
    out = tmp_path / f"found.{suffix}"
    assert jaxdl("predict", classes_run, "--data", table_file, "--out", out) == 0
    found = {name: np.array(values) for name, values in read(out).items()}
    assert found["row"].tolist() == list(range(300))
    every = np.stack([found[f"probability of {name}"] for name in ("ja ✓", "nein", "selten")])
    np.testing.assert_allclose(every.sum(axis=0), 1, atol=1e-5)
    np.testing.assert_array_equal(found["probability"], every.max(axis=0))
    assert found["label"].tolist() == [("ja ✓", "nein", "selten")[best] for best in every.argmax(axis=0)]
    assert (found["low"] <= found["probability"]).all()
    assert (found["probability"] <= found["high"]).all()
    right = (found["label"] == people(300)["label"].to_numpy(zero_copy_only=False)).sum()
    assert (
        f"300 predictions of 3 networks: {out}\naccuracy of the mean probabilities: {right / 300:.4f}"
        in capsys.readouterr().out
    )


def test_rows_nobody_has_seen_are_predicted(classes_run, tmp_path, capsys):
    """Other rows, other columns in another order, no label; names and holes that were not there in training."""
    table = people(50, seed=1).drop_columns(["label", "wealth", "constant", "id"]).to_pydict()
    table["city"][:3] = ["Neu", None, ""]
    table["score"][4] = None
    table["more"] = ["?"] * 50
    pq.write_table(pa.table({name: table[name] for name in reversed(table)}), tmp_path / "new.parquet")
    assert jaxdl("predict", classes_run, "--data", "new.parquet", "--out", "found.csv") == 0
    assert len(read(tmp_path / "found.csv")["row"]) == 50
    assert "accuracy" not in capsys.readouterr().out


def test_a_prediction_does_not_depend_on_the_pieces(classes_run, table_file, tmp_path, monkeypatch):
    assert jaxdl("predict", classes_run, "--data", table_file, "--out", "whole.csv") == 0
    monkeypatch.setattr("jaxdl.runs.predict_file.ROWS", 64)
    monkeypatch.setattr("jaxdl.data.readers.tables.BLOCK", 1 << 12)
    assert jaxdl("predict", classes_run, "--data", table_file, "--out", "pieces.csv") == 0
    whole, pieces = read(tmp_path / "whole.csv"), read(tmp_path / "pieces.csv")
    assert whole["row"] == pieces["row"]
    np.testing.assert_allclose(whole["probability"], pieces["probability"], atol=1e-6)


def test_a_regression_is_judged_in_the_unit_of_its_labels(regression_run, table_file):
    members = files.read_table(regression_run / "members.parquet")
    assert {"train", "dev", "test", "test_root_mean_squared_error", "test_mean_absolute_error"} <= {*members}
    assert 0.9 < np.mean(members["test"]) < 1  # the noise is a hundredth of the variance
    assert 80 < np.mean(members["test_mean_absolute_error"]) < np.mean(members["test_root_mean_squared_error"]) < 600
    epochs = files.read_table(regression_run / "metrics.parquet")
    assert epochs["dev_r_squared"][-1] > epochs["dev_r_squared"][0]
    predicted = files.read_table(regression_run / "predicted.parquet")
    assert np.corrcoef(predicted["label"], predicted["predicted"])[0, 1] > 0.95
    page = (regression_run / "report.html").read_text()
    assert "test R²" in page
    assert page.count("data-figure") == 2


def test_targets_are_predicted_in_their_unit_with_an_interval(regression_run, table_file, tmp_path, capsys):
    assert jaxdl("predict", regression_run, "--data", table_file, "--out", "found.parquet") == 0
    found = {name: np.array(values) for name, values in read(tmp_path / "found.parquet").items()}
    truth = people(300)["wealth"].to_numpy()
    assert list(found) == ["row", "prediction", "low", "high"]
    assert (found["low"] < found["prediction"]).all()
    r2 = 1 - ((found["prediction"] - truth) ** 2).sum() / ((truth - truth.mean()) ** 2).sum()
    absolute = np.abs(found["prediction"] - truth).mean()
    told = capsys.readouterr().out
    assert f"R² {r2:.4f}" in told
    assert f"mean absolute error {absolute:.4g}" in told


def test_curves_for_tensorboard_are_those_of_the_run(regression_run):
    events = [path.read_bytes() for path in sorted((regression_run / "tensorboard").rglob("events*"))]
    assert len(events) == 3
    assert all(tag in event for event in events for tag in (b"train/loss", b"dev/loss", b"dev/r_squared"))


def test_groups_stay_together(table_file):
    examples = load_examples(Train(data=str(table_file), label="label", group="city", ignore=("wealth", "id")))
    assert "city" not in examples.raw.train.inputs
    whole = people(300).to_pydict()
    city = dict(zip(whole["name"], whole["city"], strict=True))
    found = [{city[name] for name in part.inputs["name"]} for part in examples.raw]
    assert sum(map(len, found)) == len(set.union(*found)) == 4


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            [],
            r"name the column of .*people.csv to use as label \(label, --label\). Columns: id, age",
        ),
        (["--label", "lable"], r"people.csv has no column 'lable' to use as label. Columns: id, age, "),
        (["--label", "label", "--ignore", "nope"], "people.csv has no column 'nope' for ignore"),
        (["--label", "label", "--problem", "regression"], "labels must be numbers for a regression, got 'selten'"),
        (
            ["--label", "label", "--missing", "refuse"],
            r"no value must be missing \(missing refuse\), but of the 180 rows of",
        ),
        (
            ["--label", "label", "--model", "convnet"],
            "model convnet must be used with images, but an example here has the shape",
        ),
        (["--label", "label", "--augment", "flip"], "augment must be used with images"),
        (["--label", "label", "--group", "nope"], "group must be a column of a table that is read, but 'nope' is none"),
        (["--label", "wealth", "--label-noise", "0.1"], "label_noise must be 0 for a regression"),
        (["--label", "label", "--mixup", "-1"], "mixup must be at least 0 and finite, but was -1.0"),
        (["--label", "constant"], "labels must have at least two classes, but all are 'x'"),
        (["--label", "label", "--batch-size", "999"], "batch_size must be from 1 to the 180 examples there are"),
    ],
)
def test_mistakes_are_answered_in_one_sentence_and_leave_no_run(table_file, tmp_path, capsys, arguments, sentence):
    assert jaxdl("train", "--data", table_file, "--epochs", "1", *arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert re.search(sentence, error)
    assert not [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--data", "nowhere.csv"], "there is no file nowhere.csv"),
        (["--data", "nowhere"], "no data set or file 'nowhere'. Known sets: digits, "),
        (["--data", "digits"], "inputs must be the columns of a table, as in training, got an array"),
        (
            ["--data", "short.csv"],
            r"short.csv lacks columns: 'score', .*\. Its columns: age\.",
        ),
        (
            ["--data", "text.csv"],
            "column 'age' of text.csv must hold numbers, as in training,.* but it holds 'old' in row 0",
        ),
        (["--data", "short.csv", "--out", "found.txt"], "out must end with .csv or .parquet, but was found.txt"),
        (["--data", "short.csv", "--out", "short.csv"], "out must be a new file, but short.csv is there already"),
    ],
)
def test_what_cannot_be_predicted_is_told_and_leaves_no_file(classes_run, tmp_path, capsys, arguments, sentence):
    (tmp_path / "short.csv").write_text("age\n1\n")
    (tmp_path / "text.csv").write_text("age,score,city,joined\nold,1,Köln,2020-01-01\n")
    before = {path.name for path in tmp_path.iterdir()}
    assert jaxdl("predict", classes_run, *arguments) == 2
    assert re.search(sentence, capsys.readouterr().err)
    assert {path.name for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("name", ["settings.json", "preparation.json", "params.npz"])
def test_a_damaged_run_is_named_when_predicting(classes_run, table_file, tmp_path, capsys, name):
    shutil.copytree(classes_run, tmp_path / "copy")
    (tmp_path / "copy" / name).write_bytes(b"{}" if name != "params.npz" else b"PK")
    assert jaxdl("predict", "copy", "--data", table_file) == 2
    assert name.split(".")[0] in capsys.readouterr().err
    (tmp_path / "copy" / name).unlink()
    assert jaxdl("predict", "copy", "--data", table_file) == 2
    assert (
        f"run must be a directory that jaxdl train has written to its end, but copy has no {name}"
        in capsys.readouterr().err
    )


def test_parameters_of_another_network_are_told(classes_run, table_file, tmp_path, capsys):
    shutil.copytree(classes_run, tmp_path / "copy")
    settings = json.loads((classes_run / "settings.json").read_text())
    (tmp_path / "copy" / "settings.json").write_text(json.dumps({**settings, "hidden": [9]}))
    assert jaxdl("predict", "copy", "--data", table_file) == 2
    assert "params.npz must hold the parameters of the run's network, but holds others" in capsys.readouterr().err
