"""`jaxdl train`, ended in every way, and started again: as if nothing had happened."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest

from jaxdl.__main__ import main
from jaxdl.runs import files
from jaxdl.runs.directory import resumable_run
from jaxdl.system.storage import locked

SETTINGS = ["--epochs", "1500", "--seeds", "2", "--hidden", "4", "--batch-size", "256", "--checkpoint-seconds", "0.2"]
SAME = ("params.npz", "metrics.parquet", "members.parquet", "confusion.parquet", "mistakes.parquet", "settings.json")


def command(out):
    return [sys.executable, "-m", "jaxdl", "train", *SETTINGS, "--out", str(out)]


def begin(out):
    return subprocess.Popen(command(out), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def until_it_trains(process, out, epochs):
    """Wait until so many more epochs are written down."""
    lines, until = out / "metrics.jsonl", time.monotonic() + 120
    count = lambda: lines.read_bytes().count(b"\n") // 2 if lines.exists() else 0
    wanted = count() + epochs
    while count() < wanted:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)


def same(one, other):
    """All files that hold results, to the last byte; what is written line by line, in any order of its lines."""
    different = [name for name in SAME if (one / name).read_bytes() != (other / name).read_bytes()]
    lines = [sorted((each / "metrics.jsonl").read_text().splitlines()) for each in (one, other)]
    return [*different, *(["metrics.jsonl"] if lines[0] != lines[1] else [])]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run that nothing has happened to."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    subprocess.run(command(out), check=True, capture_output=True)
    assert pq.read_table(out / "metrics.parquet").num_rows == 2 * 1500
    return out


def test_ended_in_every_way_it_comes_to_the_same(whole, tmp_path):
    """Killed; terminated and interrupted, twice in a row; with a full disk."""
    out = tmp_path / "run"
    for number, presses in [(signal.SIGKILL, 1), (signal.SIGTERM, 2), (signal.SIGINT, 2)]:
        process = begin(out)
        until_it_trains(process, out, 1)
        pressed = time.monotonic()
        for _ in range(presses):
            process.send_signal(number)
        told, errors = process.communicate(timeout=60)
        assert time.monotonic() - pressed < 10
        assert process.returncode == {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}[number]
        assert "Traceback" not in errors
        if number != signal.SIGKILL:
            assert f"interrupted; what was computed is saved: the same command goes on, with --out {out}" in told
    limited = ["bash", "-c", 'ulimit -f 29; exec "$@"', "bash", *command(out)]  # 29 KiB in any file
    full = subprocess.run(limited, capture_output=True, text=True, check=False)
    assert full.returncode == 2
    assert "error: " in full.stderr
    assert "File too large" in full.stderr
    assert "Traceback" not in full.stderr
    assert not (out / "cost.json").exists()
    subprocess.run(command(out), check=True, capture_output=True)
    assert same(whole, out) == []
    assert (out / "report.html").exists()


def test_a_second_process_is_refused(tmp_path, capsys):
    with locked(tmp_path):
        assert main(["train", *SETTINGS, "--out", str(tmp_path)]) == 2
    assert f"must have one writer, but process {os.getpid()} on" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_killed_while_it_judges_it_judges_again_and_then_is_complete(whole, tmp_path, capsys):
    """All but what is written last is there, some of it half written."""
    out = tmp_path / "run"
    shutil.copytree(whole, out)
    for name in ("cost.json", "params.npz", "report.html", "confusion.parquet"):
        (out / name).unlink()
    (out / ".params.npz.123.partial").write_bytes(b"PK")
    subprocess.run(command(out), check=True, capture_output=True)
    assert same(whole, out) == []
    assert not list(out.glob(".*"))
    before = (out / "cost.json").read_bytes()
    (out / "report.html").unlink()
    assert main(["train", *SETTINGS, "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert told == f"{out} is complete\npage: {out / 'report.html'}\n"
    assert (out / "cost.json").read_bytes() == before
    assert (out / "report.html").exists()


def test_one_that_is_not_finished_has_a_page_of_what_there_is(whole, tmp_path):
    out = tmp_path / "run"
    out.mkdir()
    for name in ("settings.json", "environment.json"):
        shutil.copy(whole / name, out)
    lines = (whole / "metrics.jsonl").read_text().splitlines(keepends=True)
    (out / "metrics.jsonl").write_text("".join(lines[:40]) + lines[40][:20])  # the last line half written
    assert main(["report", str(out)]) == 0
    page = (out / "report.html").read_text()
    epochs = max(json.loads(line)["epoch"] for line in lines[:40])
    assert "2 networks on digits, not finished" in page
    assert f"{epochs} of 1500 epochs are done" in page
    assert page.count("data-figure") == 1


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--dropout-rate", "0.5"], "differs in dropout_rate (0.0 there, 0.5 here)"),
        (["--epochs", "30"], "differs in epochs (1500 there, 30 here)"),
        (["--seeds", "3", "--patience", "2"], "differs in patience (None there, 2 here), seeds (2 there, 3 here)"),
        (["adam", "--learning-rate", "0.1"], "optimizer.learning_rate (0.001 there, 0.1 here)"),
    ],
)
def test_another_training_is_refused_with_what_differs(whole, more, sentence, capsys):
    before = {path: path.read_bytes() for path in whole.rglob("*") if path.is_file()}
    assert main(["train", *SETTINGS, "--out", str(whole), *more]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert "name another, or give the settings of that one" in error
    assert {path: path.read_bytes() for path in whole.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("complete", [True, False])
def test_settings_that_are_left_out_are_refused_too_and_the_right_ones_still_go(tmp_path, capsys, complete):
    """What is refused has changed nothing."""
    out, right = tmp_path / "run", ["--epochs", "3", "--seeds", "1", "--hidden", "4", "--patience", "2"]
    assert main(["train", *right, "--out", str(out)]) == 0
    if not complete:
        (out / "cost.json").unlink()
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    for wrong in (right[:-2], right[2:]):
        assert main(["train", *wrong, "--out", str(out)]) == 2
    refused = capsys.readouterr().err
    assert "patience (2 there, None here)" in refused
    assert "epochs (3 there, 30 here)" in refused
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert main(["train", *right, "--out", str(out)]) == 0


def test_what_does_not_change_the_result_may_differ(whole, tmp_path, monkeypatch):
    monkeypatch.chdir(whole.parent)  # the same directory by another name
    assert main(["train", *SETTINGS, "--out", "whole", "--checkpoint-seconds", "7", "--data-dir", str(tmp_path)]) == 0


def test_checkpoints_of_another_training_are_refused_with_what_differs(whole, tmp_path, capsys):
    """They were copied into a run of this one."""
    out = tmp_path / "run"
    shutil.copytree(whole / "checkpoints", out / "checkpoints")
    settings = json.loads((whole / "settings.json").read_text()) | {"split_seed": 7}
    (out / "settings.json").write_text(json.dumps(settings))
    assert main(["train", *SETTINGS, "--out", str(out), "--split-seed", "7"]) == 2
    assert "differ in split_seed (0 there, 7 here)" in capsys.readouterr().err
    assert len(list((out / "checkpoints").iterdir())) == 2


LEFT = [[".jaxdl.lock", ".writable"], [".settings.json.12.partial"], ["settings.json", "quality.json", "checkpoints"]]


@pytest.mark.parametrize("left", LEFT)
def test_what_one_that_was_killed_early_has_left_is_begun_anew(left, tmp_path):
    for name in left:
        (tmp_path / name).mkdir() if name == "checkpoints" else (tmp_path / name).write_text('{"seeds": 2}')
    with resumable_run(tmp_path, {"seeds": 3}):
        assert json.loads((tmp_path / "settings.json").read_text()) == {"seeds": 3}
        (tmp_path / "metrics.jsonl").touch()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".") and path.name != ".writable"]


STRANGERS = {
    "thesis.tex": "mine",
    "settings.json": '{"editor": 1}',
    "checkpoints/resnet.pt": "PK",
    "film.partial": "half",
    "metrics.jsonl": '{"mine": 1}',
    ".lock": "",
}


@pytest.mark.parametrize("name", STRANGERS)
def test_a_stranger_is_left_alone_although_it_has_such_names(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(STRANGERS[name])
    before = sorted(tmp_path.rglob("*"))
    with (
        pytest.raises(FileExistsError, match="out must be a new or an empty directory"),
        resumable_run(tmp_path, {"seeds": 3}),
    ):
        pass
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / name).read_text() == STRANGERS[name]


def test_what_was_there_before_stays_where_a_run_fails_early(tmp_path):
    (tmp_path / "settings.json").write_text('{"seeds": 2}')
    with pytest.raises(ZeroDivisionError), resumable_run(tmp_path, {"seeds": 3}):
        raise ZeroDivisionError
    assert (tmp_path / "settings.json").exists()


def test_patience_ends_each_network_by_itself_and_its_best_is_judged(tmp_path, capsys):
    out = tmp_path / "run"
    settings = ["--epochs", "60", "--seeds", "4", "--hidden", "16", "--patience", "2", "--schedule", "one_cycle"]
    assert main(["train", *settings, "--out", str(out), "adam", "--learning-rate", "0.03"]) == 0
    members, metrics = (files.read_table(out / f"{name}.parquet") for name in ("members", "metrics"))
    assert max(members["epochs"]) < 60
    for member, (epochs, best) in enumerate(zip(members["epochs"], members["best_epoch"], strict=True)):
        rows = [row for row, of in enumerate(metrics["member"]) if of == member]
        losses = [metrics["dev_loss"][row] for row in rows]
        assert [metrics["epoch"][row] for row in rows] == list(range(1, epochs + 1))
        assert best == 1 + int(np.argmin(losses)) == epochs - 2
        assert metrics["dev_accuracy"][rows[best - 1]] == pytest.approx(members["dev"][member])


def test_microbatches_and_bfloat16_learn_as_well(tmp_path, capsys):
    out = tmp_path / "run"
    settings = ["--epochs", "8", "--seeds", "2", "--hidden", "32", "--microbatches", "4", "--precision", "bfloat16"]
    assert main(["train", *settings, "--out", str(out), "--schedule", "warmup_cosine", "adam"]) == 0
    assert min(files.read_table(out / "members.parquet")["test"]) > 0.6
    assert main(["predict", str(out), "--data", "digits", "--out", str(tmp_path / "p.csv")]) == 0
