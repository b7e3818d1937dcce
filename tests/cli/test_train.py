"""`jaxdl train`: its files, its output, and mistakes."""

import json
import shutil
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from jaxdl.__main__ import main
from jaxdl.cli.train import score_table
from jaxdl.runs import files
from jaxdl.runs.results import Evaluation
from tests.end_to_end.people import DIGITS, PRINT_PAGE


def test_a_run_directory_holds_settings_environment_metrics_figures_and_page(digits_run):
    assert files.read_json(digits_run / "settings.json")["optimizer"]["learning_rate"] == 0.003
    assert files.read_json(digits_run / "environment.json")["jax"]
    lines = [json.loads(line) for line in (digits_run / "metrics.jsonl").read_text().splitlines()]
    table = pq.read_table(digits_run / "metrics.parquet").to_pylist()
    key = lambda row: (row["member"], row["epoch"])
    assert sorted(lines, key=key) == sorted(table, key=key)
    assert [key(row) for row in sorted(table, key=key)] == [(m, e) for m in range(3) for e in range(1, 5)]
    assert {path.name for path in (digits_run / "figures").iterdir()} == {"learning_curves.svg", "confusion.svg"}
    members = files.read_table(digits_run / "members.parquet")
    assert len(members["test"]) == 3
    assert min(members["test"]) > 0.5  # a small network after four epochs


def test_networks_that_diverge_are_reported_in_a_run_with_the_name_of_the_data(random, capsys):
    """The same command notices later that the labels have changed, although the run is complete."""
    arrays = {"inputs": random.normal(size=(60, 3)), "labels": np.array(["on", "off"])[np.arange(60) % 2]}
    np.savez("a.npz", **arrays)
    small = ["--data", "a.npz", "--epochs", "2", "--seeds", "3", "--hidden", "2"]
    assert main(["train", *small, "sgd", "--learning-rate", "1e30"]) == 0
    assert "3 of 3 networks diverged (loss or parameters not finite)" in capsys.readouterr().out
    with open("runs/a/metrics.jsonl") as lines:
        assert "NaN" not in lines.read()
    again = ["train", *small, "--out", "runs/a", "sgd", "--learning-rate", "1e30"]
    assert main(again) == 0
    assert "runs/a is already complete" in capsys.readouterr().out
    np.savez("a.npz", **{**arrays, "labels": arrays["labels"][::-1]})
    assert main(again) == 2
    error = "runs/a belongs to a run on other data: the examples that a.npz holds now have another SHA-256"
    assert error in capsys.readouterr().err


def test_without_the_extra_the_output_says_what_to_install(digits_run, tmp_path, monkeypatch, capsys):
    """The repeated command finds all results; only the page is missing."""
    shutil.copytree(digits_run, tmp_path / "run")
    monkeypatch.setattr("jaxdl.cli.train.print_page", PRINT_PAGE)
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    assert main(["train", *DIGITS, "--out", "run", "adam", "--learning-rate", "0.003"]) == 0
    output = capsys.readouterr().out
    assert "cannot write the page: vl_convert is not installed. Install the extra `report` of jaxdl-lab" in output
    assert "then run jaxdl report run. All results are saved." in output


def evaluation(members):
    scores = {"train": np.full(members, 0.9), "test": np.linspace(0.7, 0.8, members)}
    return Evaluation({"r_squared": scores, "mean_absolute_error": scores}, np.zeros((members, 2, 1)))


def printed(table):
    console = Console(record=True, width=120)
    console.print(table)
    return console.export_text()


def test_the_score_table_shows_mean_interval_and_range_of_each_part():
    text = printed(score_table(evaluation(3)))
    assert "R² of 3 networks" in text
    (row,) = [line for line in text.splitlines() if "│ test" in line]
    cells = [cell.strip() for cell in row.split("│")[1:-1]]
    assert cells == ["test", "0.7500", "0.6258 – 0.8742", "0.7000", "0.8000", "0.75"]
    assert "MAE" in text


def test_one_network_has_no_interval():
    text = printed(score_table(evaluation(1)))
    assert "R² of 1 network " in text
    assert text.count("needs two networks") == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--epochs", "0"], "--epochs must be at least 1, got 0."),
        (["--seeds", "0"], "--seeds must be at least 1, got 0."),
        (["--patience", "0"], "--patience must be at least 1, got 0."),
        (["--batch-size", "5000"], "batch_size must be between 1 and the number of examples, 1078, got 5000"),
        (["--microbatches", "3"], "microbatches must divide the batch_size 32, got 3"),
        (["--data", "kmnist", "--data-dir", "nowhere"], "prepared 'kmnist'"),
        (["--data", "imagenet"], "digits, mnist, fashion_mnist, cifar10, xor, "),
        (
            ["--augment", "flip", "--data", "moons"],
            "--augment needs images, but an example of this data has the shape (2,).",
        ),
        (["--group", "x"], "--group x needs a table with this column, but digits is not a table."),
        (["--out", "taken"], "taken is not empty: choose a new or an empty directory with --out."),
        (["--out", "taken/file/run"], "cannot write to the run directory taken/file/run: Not a directory."),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing_behind(arguments, sentence, capsys, tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("mine")
    assert main(["train", *arguments]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert "Traceback" not in error
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["taken/file"]
