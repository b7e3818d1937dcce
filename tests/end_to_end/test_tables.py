"""A table of a user: training, scores, predictions, and mistakes."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from jaxdl.runs import files
from tests.end_to_end.people import people, run as jaxdl


def read(path):
    return (pq.read_table if path.suffix == ".parquet" else pa.csv.read_csv)(path).to_pydict()


def test_the_labels_are_learned(classes_run, regression_run):
    assert np.mean(files.read_table(classes_run / "members.parquet")["test"]) > 0.8
    assert np.mean(files.read_table(regression_run / "members.parquet")["test"]) > 0.9


def test_every_row_is_predicted_and_the_accuracy_printed(classes_run, table_file, tmp_path, capsys):
    assert jaxdl("predict", classes_run, "--data", table_file, "--out", "found.csv") == 0
    found = np.array(read(tmp_path / "found.csv")["label"])
    right = (found == people(300)["label"].to_numpy(zero_copy_only=False)).sum()
    assert capsys.readouterr().out == (
        "wrote 300 predictions of 3 networks to found.csv\n"
        f"accuracy of the mean probabilities: {right / 300:.4f} ({right} of 300)\n"
    )


def test_without_labels_no_score_is_printed(classes_run, tmp_path, capsys):
    table = people(50, seed=1).drop_columns(["label", "wealth", "constant", "id"])
    pq.write_table(table, tmp_path / "new.parquet")
    assert jaxdl("predict", classes_run, "--data", "new.parquet", "--out", "found.csv") == 0
    assert len(read(tmp_path / "found.csv")["row"]) == 50
    assert "accuracy" not in capsys.readouterr().out


def test_a_regression_is_scored_in_the_unit_of_its_labels(regression_run, table_file, tmp_path, capsys):
    assert jaxdl("predict", regression_run, "--data", table_file, "--out", "found.parquet") == 0
    prediction = np.array(read(tmp_path / "found.parquet")["prediction"])
    truth = people(300)["wealth"].to_numpy()
    r2 = 1 - ((prediction - truth) ** 2).sum() / ((truth - truth.mean()) ** 2).sum()
    absolute = np.abs(prediction - truth).mean()
    output = capsys.readouterr().out
    assert f"R² {r2:.4f}" in output
    assert f"mean absolute error {absolute:.4g}" in output


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
            r"missing values found with --missing refuse: 'age' \(\d+ of 180 rows of train\), 'city'",
        ),
        (
            ["--label", "label", "--model", "convnet"],
            "--model convnet needs images, but an example of this data has the shape",
        ),
        (["--label", "label", "--augment", "flip"], "--augment needs images"),
        (["--label", "label", "--group", "nope"], "people.csv has no column 'nope' to group by. Columns: id, age, "),
        (["--label", "wealth", "--label-noise", "0.1"], "--label-noise needs classes, but this is a regression"),
        (["--label", "label", "--mixup", "-1"], "--mixup must be at least 0 and finite, got -1.0"),
        (["--label", "constant"], "labels must have at least two classes, but all are 'x'"),
        (
            ["--label", "label", "--batch-size", "999"],
            "batch_size must be between 1 and the number of examples, 180,",
        ),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_no_run(table_file, tmp_path, capsys, arguments, sentence):
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
        (["--data", "short.csv", "--out", "found.txt"], "--out must end with .csv or .parquet, got found.txt."),
        (["--data", "short.csv", "--out", "short.csv"], "short.csv already exists: choose another file with --out."),
    ],
)
def test_data_that_cannot_be_predicted_leaves_no_file(classes_run, tmp_path, capsys, arguments, sentence):
    (tmp_path / "short.csv").write_text("age\n1\n")
    (tmp_path / "text.csv").write_text("age,score,city,joined\nold,1,Köln,2020-01-01\n")
    before = {path.name for path in tmp_path.iterdir()}
    assert jaxdl("predict", classes_run, *arguments) == 2
    assert re.search(sentence, capsys.readouterr().err)
    assert {path.name for path in tmp_path.iterdir()} == before
