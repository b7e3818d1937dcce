"""The command line as its users start it: one process, nothing patched."""

import os
import pathlib
import subprocess
import sys

import pytest

from jaxdl.runs import files


@pytest.mark.slow
def test_mnist_from_a_prepared_folder_reaches_its_accuracy(data_dir, tmp_path):
    """Train one network 784-256-128-10 for five epochs."""
    out = tmp_path / "run"
    options = ["--data", "mnist", "--data-dir", str(data_dir / "tfds"), "--hidden", "256", "128", "--epochs", "5"]
    command = [sys.executable, "-m", "jaxdl", "train", *options, "--seeds", "1", "--batch-size", "128", "--out", out]
    environment = {**os.environ, "XLA_FLAGS": ""}  # with the optimizations that users have
    subprocess.run(command, check=True, capture_output=True, cwd=pathlib.Path(__file__).parents[2], env=environment)
    assert files.read_table(out / "members.parquet")["test"][0] >= 0.975
