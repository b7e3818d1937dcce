"""`jaxdl train`, interrupted in every way and resumed: the results are byte-identical."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pyarrow.parquet as pq
import pytest

from jaxdl.__main__ import main
from jaxdl.runs import files
from jaxdl.runs.manifest import READ_BACK, verify_files

SETTINGS = ["--epochs", "1500", "--seeds", "2", "--hidden", "4", "--batch-size", "256", "--checkpoint-seconds", "0.2"]
DEVICES = {**os.environ, "JAX_NUM_CPU_DEVICES": "2"}  # as in the process of the tests
RESULTS = (
    *("params.npz", "metrics.parquet", "metrics.jsonl", "members.parquet", "confusion.parquet", "mistakes.parquet"),
    *("settings.json", "preparation.json", "quality.json"),
)


def command(out):
    return [sys.executable, "-m", "jaxdl", "train", *SETTINGS, "--out", str(out)]


def start(out):
    return subprocess.Popen(command(out), env=DEVICES, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_epochs(process, out, epochs):
    """Wait until the process has written this many more epochs."""
    lines, deadline = out / "metrics.jsonl", time.monotonic() + 120
    count = lambda: lines.read_bytes().count(b"\n") // 2 if lines.exists() else 0
    wanted = count() + epochs
    while count() < wanted:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def different_results(run, other):
    """Return the names of result files that differ."""
    return [name for name in RESULTS if (run / name).read_bytes() != (other / name).read_bytes()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that is never interrupted."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jaxdl.system.startup.prepare", lambda: None)
        patch.setattr("jaxdl.cli.train.print_page", lambda directory, console: None)
        assert main(["train", *SETTINGS, "--out", str(out)]) == 0
    assert pq.read_table(out / "metrics.parquet").num_rows == 2 * 1500
    return out


@pytest.mark.slow
def test_a_run_that_was_interrupted_in_every_way_has_the_same_results(whole, tmp_path):
    """SIGKILL; SIGTERM and Ctrl-C, each sent twice; a full disk."""
    out = tmp_path / "run"
    for number, times in [(signal.SIGKILL, 1), (signal.SIGTERM, 2), (signal.SIGINT, 2)]:
        process = start(out)
        wait_for_epochs(process, out, 1)
        sent = time.monotonic()
        for _ in range(times):
            process.send_signal(number)
        output, errors = process.communicate(timeout=60)
        assert time.monotonic() - sent < 10
        assert process.returncode == {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}[number]
        assert "Traceback" not in errors
        if number != signal.SIGKILL:
            assert f"interrupted; progress is saved. Repeat the command with --out {out} to resume" in output
    limited = ["bash", "-c", 'ulimit -f 29; exec "$@"', "bash", *command(out)]  # 29 KiB in any file
    full = subprocess.run(limited, env=DEVICES, capture_output=True, text=True, check=False)
    assert full.returncode == 2
    assert "error: " in full.stderr
    assert "File too large" in full.stderr
    assert "Traceback" not in full.stderr
    assert not (out / "cost.json").exists()
    subprocess.run(command(out), env=DEVICES, check=True, capture_output=True)
    assert different_results(whole, out) == []
    assert (out / "report.html").exists()


def test_a_run_that_was_killed_during_its_evaluation_is_evaluated_again_and_then_complete(whole, tmp_path, capsys):
    """The files that are written last are missing, one of them is half-written, and an early one is damaged."""
    out = tmp_path / "run"
    shutil.copytree(whole, out)
    for name in ("cost.json", "params.npz", "confusion.parquet"):
        (out / name).unlink()
    (out / ".params.npz.123.partial").write_bytes(b"PK")
    (out / "preparation.json").write_text("{}")
    (out / "environment.json").unlink()
    assert main(["train", *SETTINGS, "--out", str(out)]) == 0
    assert different_results(whole, out) == []
    assert not list(out.glob(".*"))
    assert verify_files(out, READ_BACK)
    assert "environment.json" in files.read_json(out / "manifest.json")["files"]
    before = (out / "cost.json").read_bytes()
    capsys.readouterr()
    assert main(["train", *SETTINGS, "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out} is already complete\n"
    assert (out / "cost.json").read_bytes() == before
    for name in ("params.npz", "settings.json"):  # "settings of another run" would be misleading
        content = (out / name).read_bytes()
        (out / name).write_bytes(content.replace(b"0", b"1", 1))
        assert main(["train", *SETTINGS, "--out", str(out)]) == 2
        assert f"run/{name} is damaged or belongs to another run" in capsys.readouterr().err
        (out / name).write_bytes(content)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--dropout-rate", "0.5"], "with other settings: dropout_rate (0.0 there, 0.5 here)"),
        (["--epochs", "30"], "with other settings: epochs (1500 there, 30 here)"),
        (
            ["--seeds", "3", "--patience", "2"],
            "with other settings: patience (None there, 2 here), seeds (2 there, 3 here)",
        ),
        (["adam", "--learning-rate", "0.1"], "optimizer.learning_rate (0.001 there, 0.1 here)"),
    ],
)
def test_another_training_is_refused_and_the_differences_are_named(whole, more, sentence, capsys):
    before = {path: path.read_bytes() for path in whole.rglob("*") if path.is_file()}
    assert main(["train", *SETTINGS, "--out", str(whole), *more]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert "Choose another directory with --out, or repeat the settings of that run to resume it." in error
    assert {path: path.read_bytes() for path in whole.rglob("*") if path.is_file()} == before


def test_a_refused_command_changes_nothing_and_the_right_one_still_resumes(tmp_path, capsys):
    """Options that are left out count as their defaults."""
    out, right = tmp_path / "run", ["--epochs", "3", "--seeds", "1", "--hidden", "4", "--patience", "2"]
    assert main(["train", *right, "--out", str(out)]) == 0
    for complete in (True, False):
        if not complete:
            (out / "cost.json").unlink()
        before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
        for wrong in (right[:-2], right[2:]):
            assert main(["train", *wrong, "--out", str(out)]) == 2
        error = capsys.readouterr().err
        assert "patience (2 there, None here)" in error
        assert "epochs (3 there, 30 here)" in error
        assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
        assert main(["train", *right, "--out", str(out)]) == 0


def test_options_that_change_no_result_may_differ(whole, tmp_path, monkeypatch):
    monkeypatch.chdir(whole.parent)  # names the same directory differently
    assert main(["train", *SETTINGS, "--out", "whole", "--checkpoint-seconds", "7", "--data-dir", str(tmp_path)]) == 0


def test_checkpoints_of_another_training_are_refused_and_the_differences_are_named(whole, tmp_path, capsys):
    """They were copied into this run."""
    out = tmp_path / "run"
    shutil.copytree(whole / "checkpoints", out / "checkpoints")
    settings = json.loads((whole / "settings.json").read_text()) | {"split_seed": 7}
    (out / "settings.json").write_text(json.dumps(settings))
    assert main(["train", *SETTINGS, "--out", str(out), "--split-seed", "7"]) == 2
    assert "split_seed (0 there, 7 here). Choose another directory" in capsys.readouterr().err
    assert len(list((out / "checkpoints").iterdir())) == 2


def test_microbatches_and_bfloat16_learn(tmp_path, capsys):
    out = tmp_path / "run"
    settings = ["--epochs", "8", "--seeds", "2", "--hidden", "32", "--microbatches", "4", "--precision", "bfloat16"]
    assert main(["train", *settings, "--out", str(out), "--schedule", "warmup_cosine", "adam"]) == 0
    assert min(files.read_table(out / "members.parquet")["test"]) > 0.6
    assert main(["predict", str(out), "--data", "digits", "--out", str(tmp_path / "p.csv")]) == 0
