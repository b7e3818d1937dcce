"""Several processes, as those of a cluster are: they come to what one comes to, with one report and one checkpoint."""

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
    directory = tmp_path_factory.mktemp("two")
    done = run("launch", "-n", 2, *SMALL, "--out", directory / "run", JAXDL_CACHE=str(directory / "cache"))
    assert done.returncode == 0, done.stderr
    return directory / "run", done


def test_two_processes_come_to_what_one_comes_to(two, tmp_path):
    directory, _ = two
    done = run(*SMALL, "--out", tmp_path / "run", JAXDL_CACHE=str(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr
    with np.load(directory / "params.npz") as ours, np.load(tmp_path / "run" / "params.npz") as its:
        assert set(ours.files) == set(its.files)
        for name in its.files:
            np.testing.assert_array_equal(ours[name], its[name])
    for name in ("metrics.jsonl", "confusion.parquet", "members.parquet"):
        assert (directory / name).read_bytes() == (tmp_path / "run" / name).read_bytes()


def test_one_of_them_tells_and_writes(two):
    directory, done = two
    assert done.stdout.count("3 networks on digits") == 1
    assert done.stdout.count("page: ") <= 1
    assert json.loads((directory / "environment.json").read_text())["device"].startswith("2 × cpu")
    assert not [path for path in directory.parent.iterdir() if path.name not in ("run", "cache")]


def test_what_two_have_begun_is_complete_for_one(two):
    directory, _ = two
    done = run(*SMALL, "--out", directory)
    assert done.returncode == 0
    assert "is complete" in done.stdout


def test_a_mistake_is_told_once_and_ends_all(two, tmp_path):
    (tmp_path / "taken").write_text("")
    done = run("launch", "-n", 2, *SMALL, "--out", tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("out must be a new or an empty directory") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["launch", "-n", "0", "train"], "processes must be at least 1, but was 0"),
        (["launch", "-n", "2"], "launch must be followed by what to do, but nothing is"),
    ],
)
def test_what_cannot_be_launched_is_told(arguments, sentence, capsys):
    assert main(arguments) == 2
    assert sentence in capsys.readouterr().err


def test_the_command_begins_where_its_name_stands():
    assert split_arguments(["launch", "-n", "2", "train", "--out", "train"], COMMANDS) == (
        ["launch", "-n", "2"],
        ["train", "--out", "train"],
    )


def test_where_one_fails_the_others_are_ended_and_what_it_says_is_told(monkeypatch, capfd):
    monkeypatch.setattr(launch, "TOGETHER", 0.1)
    failing = "import sys; sys.stderr.write('alas'); raise SystemExit(5)"
    words = iter((["-c", "import time; time.sleep(600)"], ["-c", failing]))
    original = subprocess.Popen

    def start(_, **settings):
        return original([sys.executable, *next(words)], **settings)

    monkeypatch.setattr(launch.subprocess, "Popen", start)
    began = time.monotonic()
    assert launch.launch(2, ["train"]) == 5
    assert time.monotonic() - began < 60
    assert capfd.readouterr().err == "alas"
