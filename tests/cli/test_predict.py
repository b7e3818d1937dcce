"""`jaxdl predict`: what it prints about the predictions, and mistakes."""

import shutil
from collections import Counter

import numpy as np
import pyarrow.parquet as pq
import pytest

from jaxdl.__main__ import main
from jaxdl.cli.predict import _concerns, _score_line
from jaxdl.runs.manifest import complete_run
from jaxdl.runs.predict_file import FilePredictions
from tests.end_to_end.people import people


def test_the_output_has_counts_and_the_accuracy(digits_run, capsys):
    assert main(["predict", str(digits_run), "--data", "digits"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "wrote 1797 predictions of 3 networks to predictions.csv"
    assert second.startswith("accuracy of the mean probabilities: 0.")
    assert second.endswith(" of 1797)")


def test_the_level_of_prediction_intervals_is_an_option(regression_run, table_file, capsys):
    command = ["predict", str(regression_run), "--data", str(table_file), "--out", "found.parquet"]
    assert main([*command, "--level", "0.5"]) == 0
    found = {name: np.array(values) for name, values in pq.read_table("found.parquet").to_pydict().items()}
    wealth = people(300)["wealth"].to_numpy()
    inside = np.sum((found["prediction_low_50"] <= wealth) & (wealth <= found["prediction_high_50"]))
    printed = capsys.readouterr().out
    assert printed.splitlines()[-1] == f"50 % prediction intervals: {inside} of 300 labels inside"
    assert main([*command[:-1], "wide.csv", "--level", "0.99"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert (
        "the dev part has 60 examples, too few for prediction intervals of 99 %: their limits are infinite." in printed
    )


def test_a_level_that_is_no_probability_or_of_a_run_without_intervals_is_an_error(
    digits_run, regression_run, tmp_path, capsys
):
    assert main(["predict", str(digits_run), "--data", "digits", "--level", "90"]) == 2
    assert "error: --level must be between 0 and 1, got 90: give 0.95 for 95 %." in capsys.readouterr().err
    assert main(["predict", str(digits_run), "--data", "digits", "--level", "0.9"]) == 2
    assert "--level needs a regression, but the networks of" in " ".join(capsys.readouterr().err.split())
    shutil.copytree(regression_run, tmp_path / "old")
    (tmp_path / "old" / "dev_residuals.parquet").unlink()
    complete_run(tmp_path / "old", {})
    assert main(["predict", "old", "--data", "digits", "--level", "0.9"]) == 2
    assert "--level needs the residuals of the dev part, which old does not hold: train" in capsys.readouterr().err


def test_a_damaged_run_is_an_error_and_one_of_an_earlier_version_a_warning(digits_run, tmp_path, capsys):
    shutil.copytree(digits_run, tmp_path / "run")
    preparation = tmp_path / "run" / "preparation.json"
    preparation.write_bytes(preparation.read_bytes().replace(b"0", b"1", 1))
    assert main(["predict", "run", "--data", "digits"]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("error: run/preparation.json is damaged or belongs to another run")
    assert printed.out == ""
    for name in ("manifest.json", "cost.json"):
        (tmp_path / "run" / name).unlink()
    assert main(["predict", "run", "--data", "digits"]) == 0
    assert "run has no manifest.json, as runs of earlier versions of jaxdl and unfini" in capsys.readouterr().out


def test_an_existing_file_is_not_overwritten(digits_run, tmp_path, capsys):
    (tmp_path / "predictions.csv").write_text("mine")
    assert main(["predict", str(digits_run), "--data", "digits"]) == 2
    assert "error: predictions.csv already exists: choose another file with --out." in capsys.readouterr().err
    assert (tmp_path / "predictions.csv").read_text() == "mine"


def test_networks_that_diverged_are_not_used(digits_run, tmp_path, capsys):
    shutil.copytree(digits_run, tmp_path / "run")
    with np.load("run/params.npz") as arrays:
        params = dict(arrays)

    def spoil(diverged):
        members = np.isin(np.arange(3), diverged)
        spoilt = {name: np.where(members.reshape(3, *[1] * (a.ndim - 1)), np.nan, a) for name, a in params.items()}
        np.savez("run/params.npz", **{name: array.astype(np.float32) for name, array in spoilt.items()})
        complete_run(tmp_path / "run", {})

    spoil([1])
    assert main(["predict", "run", "--data", "digits", "--out", "found.csv"]) == 0
    warning = "1 of 3 networks diverged in training and are not used\nwrote 1797 predictions of 2 networks"
    assert warning in capsys.readouterr().out
    spoil([0, 1, 2])
    assert main(["predict", "run", "--data", "digits", "--out", "none.csv"]) == 2
    assert "run has no network to predict with: all of them diverged in training." in capsys.readouterr().err


def test_concerns_name_unknown_labels_and_unfamiliar_inputs():
    predictions = FilePredictions(4, 0.0, Counter({"2": 1, "other": 1}), Counter({"x": 2, "city": 0, "inputs": 1}))
    unreliable = "contain categories, missing values or magnitudes (over 100 standard deviations) not seen in training"
    assert list(_concerns(predictions, "classes of the run")) == [
        "2 of 4 labels are not classes of the run (2, other) and are not scored",
        f"column 'x': 2 of 4 examples {unreliable}; treat these predictions as unreliable",
        f"inputs: 1 of 4 examples {unreliable}; treat these predictions as unreliable",
    ]


@pytest.mark.parametrize(
    ("scores", "line"),
    [
        (
            {"count": 4.0, "right": 3.0, "accuracy": 0.75},
            "accuracy of the mean probabilities: 0.7500 (3 of 4)",
        ),
        (
            {
                "count": 4.0,
                "r_squared": 0.5,
                "root_mean_squared_error": 12345.6,
                "mean_absolute_error": 0.25,
            },
            "scores of the mean predictions on 4 known labels: R² 0.5000, root mean squared error 1.235e+04, "
            "mean absolute error 0.25",
        ),
    ],
)
def test_scores_are_printed_in_one_line(scores, line):
    assert _score_line(scores) == line
