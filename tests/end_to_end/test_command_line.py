"""The command line, as its users meet it."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import typing

import jax.numpy as jnp
import numpy as np
import pyarrow.parquet as pq
import pytest

from jaxdl import data
from jaxdl.__main__ import main
from jaxdl.runs import build, files
from jaxdl.runs.examples import load_examples
from jaxdl.runs.settings import Optimizer, Sgd, Train

DIGITS = data.fit_preparation(data.load_digits())
SMALL = ["--epochs", "4", "--seeds", "3", "--hidden", "16"]


@pytest.fixture(autouse=True)
def as_it_is(monkeypatch, tmp_path):
    """The tests have set jax up already, and write nowhere else."""
    monkeypatch.setattr("jaxdl.system.startup.prepare", lambda: None)
    monkeypatch.setenv("JAXDL_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    directory = tmp_path_factory.mktemp("runs") / "digits"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jaxdl.system.startup.prepare", lambda: None)
        assert main(["train", *SMALL, "--out", str(directory), "adam", "--learning-rate", "0.003"]) == 0
    return directory


def test_a_run_directory_holds_settings_environment_metrics_figures_and_page(trained):
    assert files.read_json(trained / "settings.json")["optimizer"]["learning_rate"] == 0.003
    assert files.read_json(trained / "environment.json")["jax"]
    lines = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    table = pq.read_table(trained / "metrics.parquet").to_pylist()
    key = lambda row: (row["member"], row["epoch"])
    assert sorted(lines, key=key) == sorted(table, key=key)
    assert [key(row) for row in sorted(table, key=key)] == [(m, e) for m in range(3) for e in range(1, 5)]
    assert {path.name for path in (trained / "figures").iterdir()} == {"learning_curves.svg", "confusion.svg"}
    members = files.read_table(trained / "members.parquet")
    assert len(members["test"]) == 3
    assert min(members["test"]) > 0.5  # a small network after four epochs


def test_the_tables_of_a_run_agree_with_each_other(trained):
    metrics, members = (files.read_table(trained / f"{name}.parquet") for name in ("metrics", "members"))
    last = [row for row, epoch in enumerate(metrics["epoch"]) if epoch == 4]
    assert [metrics["dev_accuracy"][row] for row in last] == pytest.approx(members["dev"])
    confusion = files.read_table(trained / "confusion.parquet")
    labels = np.asarray(load_examples(Train()).raw.test.labels)
    assert np.bincount(confusion["label"], confusion["count"]).tolist() == (3 * np.bincount(labels)).tolist()
    right = sum(n for is_, as_, n in zip(*confusion.values(), strict=True) if is_ == as_)
    assert right / (3 * len(labels)) == pytest.approx(np.mean(members["test"]))
    mistakes = files.read_table(trained / "mistakes.parquet")
    assert mistakes["members_wrong"] == sorted(mistakes["members_wrong"], reverse=True)
    assert all(is_ != as_ for is_, as_ in zip(mistakes["label"], mistakes["predicted"], strict=True))
    with np.load(trained / "params.npz") as params:
        assert params["params/Dense_0/kernel"].shape == (3, 64, 16)


@pytest.mark.parametrize("damaged", ["metrics.parquet", "settings.json", "environment.json"])
def test_a_damaged_run_is_named(trained, tmp_path, capsys, damaged):
    shutil.copytree(trained, tmp_path / "copy")
    (tmp_path / "copy" / damaged).write_text("{")
    assert main(["report", str(tmp_path / "copy")]) == 2
    assert damaged in capsys.readouterr().err


def test_a_run_that_was_cut_off_has_a_page_of_what_is_whole(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "copy")
    (tmp_path / "copy" / "confusion.parquet").unlink()
    assert main(["report", str(tmp_path / "copy")]) == 0


def test_networks_that_diverge_are_told(tmp_path, capsys):
    assert main(["train", *SMALL, "--out", str(tmp_path / "run"), "sgd", "--learning-rate", "1e30"]) == 0
    assert "3 of 3 networks diverged" in capsys.readouterr().out
    assert "NaN" not in (tmp_path / "run" / "metrics.jsonl").read_text()


@pytest.mark.parametrize("kind", build.RULES, ids=lambda kind: kind.__name__)
def test_every_rule_is_the_one_of_its_name_and_descends(kind):
    assert build.RULES[kind].__name__.replace("_", "") == kind.__name__.lower()
    assert kind in typing.get_args(Optimizer)
    optimizer = build.task_of(Train(optimizer=kind(), schedule="constant"), DIGITS, 64).optimizer
    update, _ = optimizer.update(jnp.ones(1), optimizer.init(jnp.ones(1)), jnp.ones(1))
    assert -11 * kind().learning_rate <= float(update[0]) < 0  # RMSProp takes 10 at first


def test_the_command_line_offers_no_optimizer_without_a_rule():
    assert {*typing.get_args(Optimizer)} == {*build.RULES}


def test_the_rate_goes_down_to_zero_along_a_cosine():
    for schedule, end in [("cosine", 0.0), ("constant", 1e-3)]:
        task = build.task_of(Train(schedule=schedule, epochs=2, optimizer=Sgd(1e-3)), DIGITS, 64)
        state = task.optimizer.init(jnp.ones(1))
        for _ in range(5):
            update, state = task.optimizer.update(jnp.ones(1), state)
        assert float(-update[0]) == pytest.approx(end)


def test_the_page_needs_nothing_but_itself(trained):
    page = (trained / "report.html").read_text()
    assert "<script src" not in page
    assert "<link" not in page
    assert 'src="data:image/png;base64,' in page
    assert "@import" not in page
    assert page.count("data-figure") == 2
    assert "test accuracy" in page


def test_report_writes_the_page_anew(trained, capsys):
    page = (trained / "report.html").read_text()
    (trained / "report.html").unlink()
    assert main(["report", str(trained)]) == 0
    assert (trained / "report.html").read_text() == page
    assert str(trained / "report.html") in capsys.readouterr().out


def test_without_the_extra_the_tables_are_there_and_what_to_install_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    assert main(["train", *SMALL, "--out", str(tmp_path / "run")]) == 0
    assert (tmp_path / "run" / "metrics.parquet").exists()
    assert "install the extra `report`" in capsys.readouterr().out


def test_check_proves_what_is_named(capsys):
    assert main(["check", "dense", "relu"]) == 0
    assert "2 of 2 derivations hold." in capsys.readouterr().out


def test_check_can_forge_as_well(capsys):
    assert main(["check", "sigmoid", "--forgeries"]) == 0
    assert "6 of 6 forgeries are caught." in capsys.readouterr().out


def test_check_ends_with_1_where_a_forgery_goes_unnoticed(monkeypatch, capsys):
    monkeypatch.setattr("jaxdl.derivation.comparison.mutants", lambda f_vjp: [("nothing", f_vjp)])
    assert main(["check", "relu", "--forgeries"]) == 1
    assert "not caught: relu: nothing" in capsys.readouterr().out


def test_check_ends_with_1_where_a_derivation_fails(monkeypatch, capsys):
    def relu_vjp(g, z):
        return (g * (z >= 0),)

    relu_vjp.__module__ = "jaxdl.functional.rectifiers"
    monkeypatch.setattr("jaxdl.functional.rectifiers.relu_vjp", relu_vjp)
    assert main(["check", "relu", "tanh"]) == 1
    assert "1 of 2 derivations hold." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["check", "rellu"], "unknown function 'rellu'. Functions with a hand-derived VJP: "),
        (["train", "--epochs", "0"], "epochs must be at least 1, but was 0"),
        (["train", "--seeds", "0"], "seeds must be at least 1, but was 0"),
        (["train", "--batch-size", "5000"], "batch_size must be from 1 to the 1078 examples there are, but was 5000"),
        (["train", "--hidden", "0"], "every entry of hidden=(0,) must be at least 1, got 0"),
        (["train", "--dropout-rate", "1"], "dropout_rate must be at least 0 and below 1"),
        (["train", "sgd", "--learning-rate", "-1"], "learning_rate must be above 0 and below inf, but was -1.0"),
        (["train", "sgd", "--learning-rate", "nan"], "learning_rate must be above 0 and below inf, but was nan"),
        (["train", "--split-seed", "4294967296"], "split_seed must be from 0 to 2147483647, but was 4294967296"),
        (["train", "adam", "--eps", "0"], "eps must be above 0"),
        (["train", "adam", "--b1", "1"], "b1 must be at least 0 and below 1.0, but was 1.0"),
        (["train", "--data", "kmnist", "--data-dir", "nowhere"], "data_dir must hold a prepared 'kmnist'"),
        (["train", "--data", "imagenet"], "data must be one of digits, mnist, "),
        (
            ["train", "--augment", "flip", "--data", "moons"],
            "augment must be used with images, but an example here has",
        ),
        (["train", "--label-noise", "1"], "label_noise must be at least 0 and below 1, but was 1.0"),
        (["train", "--image-size", "0", "3"], "image_size must be two numbers of at least 1, but was (0, 3)"),
        (["report", "nowhere"], "run must be a directory that a run has written, but nowhere holds none"),
        (["train", "--patience", "0"], "patience must be at least 1, but was 0"),
        (["train", "--microbatches", "3"], "microbatches must divide the batch_size 32, but was 3"),
        (["train", "--checkpoint-seconds", "-1"], "checkpoint_seconds must be at least 0, but was -1.0"),
        (["train", "--out", "taken"], "out must be a new or an empty directory, but taken is not"),
        (["train", "--out", "taken/file/run"], "out must be a directory that can be written"),
    ],
)
def test_a_mistake_is_answered_in_one_sentence_and_leaves_nothing_behind(arguments, sentence, capsys, tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("mine")
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert "Traceback" not in error
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["taken/file"]


@pytest.mark.parametrize("arguments", [["train", "--epoch", "3"], ["tran"], ["train", "--model", "vgg"], []])
def test_an_unknown_option_is_told(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert capsys.readouterr().err


def test_help_needs_no_jax():
    code = """
import sys
from jaxdl.__main__ import main
try: main(["train", "--help"])
except SystemExit: print("jax" in sys.modules)
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.endswith("False\n")
    assert "--data-dir" in told


def test_mnist_from_the_prepared_folder_reaches_the_accuracy(data_dir, tmp_path):
    """One network 784-256-128-10, five epochs, as a user starts it."""
    out = tmp_path / "run"
    options = ["--data", "mnist", "--data-dir", str(data_dir / "tfds"), "--hidden", "256", "128", "--epochs", "5"]
    command = [sys.executable, "-m", "jaxdl", "train", *options, "--seeds", "1", "--batch-size", "128", "--out", out]
    compiled = {**os.environ, "XLA_FLAGS": ""}  # for speed, as users compile
    subprocess.run(command, check=True, capture_output=True, cwd=pathlib.Path(__file__).parents[2], env=compiled)
    assert files.read_table(out / "members.parquet")["test"][0] >= 0.975
