"""`jaxdl launch`: several processes train what one process trains, with one report and one checkpoint."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from jaxdl.__main__ import COMMANDS, main
from jaxdl.cli import launch
from jaxdl.cli.launch import split_arguments

SMALL = ["train", "--epochs", "3", "--seeds", "3", "--hidden", "8", "--checkpoint-seconds", "0"]


def run(*arguments, **environment):
    words = [sys.executable, "-m", "jaxdl", *map(str, arguments)]
    environment = {**os.environ, "JAX_NUM_CPU_DEVICES": "1", "JAXDL_TRACEBACK": "", **environment}
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """The run of two processes with one device each, and what they printed."""
    directory = tmp_path_factory.mktemp("two")
    done = run("launch", "-n", 2, *SMALL, "--out", directory / "run", JAXDL_CACHE=str(directory / "cache"))
    assert done.returncode == 0, done.stderr
    return directory / "run", done


@pytest.mark.slow
def test_two_processes_with_a_device_each_train_what_one_process_with_two_devices_trains(two, tmp_path):
    directory, _ = two
    assert main([*SMALL, "--out", str(tmp_path / "run")]) == 0
    with np.load(directory / "params.npz") as several, np.load(tmp_path / "run" / "params.npz") as single:
        assert set(several.files) == set(single.files)
        for name in single.files:
            np.testing.assert_array_equal(several[name], single[name])
    for name in ("metrics.jsonl", "confusion.parquet", "members.parquet"):
        assert (directory / name).read_bytes() == (tmp_path / "run" / name).read_bytes()


@pytest.mark.slow
def test_only_the_first_process_prints_and_writes(two):
    directory, done = two
    assert done.stdout.count("3 networks on digits") == 1
    assert done.stdout.count("page: ") <= 1
    assert json.loads((directory / "environment.json").read_text())["device"].startswith("2 × cpu")
    assert not [path for path in directory.parent.iterdir() if path.name not in ("run", "cache")]


@pytest.mark.slow
def test_one_process_recognizes_the_complete_run_of_two(two, capsys):
    directory, _ = two
    assert main([*SMALL, "--out", str(directory)]) == 0
    assert f"{directory} is already complete" in capsys.readouterr().out


def test_a_mistake_is_printed_once_and_ends_all_processes(tmp_path):
    (tmp_path / "taken").write_text("")
    done = run("launch", "-n", 2, *SMALL, "--out", tmp_path)
    assert done.returncode == 2
    assert done.stderr.count(f"error: {tmp_path} is not empty: choose a new or an empty directory with --out.") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["-n", "0", "train"], "--processes must be at least 1, got 0."),
        (["-n", "2"], "launch needs a command to run, for example: jaxdl launch -n 2 train --seeds 32."),
        ([], "launch needs a command to run"),
    ],
)
def test_a_mistake_of_launch_itself_is_an_error(arguments, sentence, capsys):
    assert main(["launch", *arguments]) == 2
    assert f"error: {sentence}" in capsys.readouterr().err


def test_the_command_starts_at_its_name():
    assert split_arguments(["launch", "-n", "2", "train", "--out", "train"], COMMANDS) == (
        ["launch", "-n", "2"],
        ["train", "--out", "train"],
    )


def test_if_one_process_fails_the_others_are_stopped_and_its_error_is_printed(monkeypatch, capfd):
    monkeypatch.setattr(launch, "TERM_AFTER", 0.1)
    failing = "import sys; sys.stderr.write('alas'); raise SystemExit(5)"
    words = iter((["-c", "import time; time.sleep(600)"], ["-c", failing]))
    original = subprocess.Popen

    def start(_, **settings):
        return original([sys.executable, *next(words)], **settings)

    monkeypatch.setattr(launch.subprocess, "Popen", start)
    started = time.monotonic()
    assert launch.launch(2, ["train"]) == 5
    assert time.monotonic() - started < 60
    assert capfd.readouterr().err == "alas"
