"""Fixtures that several folders share: runs that are trained once per session, and commands that write nowhere else."""

import fcntl
import os
import pathlib

import numpy as np
import pyarrow.csv
import pytest
from PIL import Image


@pytest.fixture
def isolated(monkeypatch, tmp_path):
    """Run commands in a temporary directory, without pages and without a second set-up of jax."""
    monkeypatch.setattr("jaxdl.cli.train.print_page", lambda directory, console: None)
    monkeypatch.setattr("jaxdl.system.startup.prepare", lambda: None)
    monkeypatch.setenv("JAXDL_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def train(*arguments, page=True):
    """Train, whatever the test that asks first for this run has patched."""
    from tests.end_to_end.people import PRINT_PAGE, run

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jaxdl.system.startup.prepare", lambda: None)
        patch.setattr("jaxdl.cli.train.print_page", PRINT_PAGE if page else lambda directory, console: None)
        assert run("train", *arguments) == 0


@pytest.fixture(scope="session")
def train_once(testrun_uid):
    """Return a function that trains a run unless another process of these tests has done so, and returns its path."""
    folder = pathlib.Path(os.environ["JAX_COMPILATION_CACHE_DIR"]) / testrun_uid
    folder.mkdir(parents=True, exist_ok=True)

    def train_or_wait(name, *arguments):
        with (folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / name / "report.html").exists():  # the last file
                train("--out", folder / name, *arguments)
        return folder / name

    return train_or_wait


@pytest.fixture(scope="session")
def digits_run(train_once):
    """Three networks 64-16-10 on digits, after four epochs."""
    from tests.end_to_end.people import DIGITS

    return train_once("digits", *DIGITS, "adam", "--learning-rate", "0.003")


@pytest.fixture(scope="session")
def table_file(tmp_path_factory):
    from tests.end_to_end.people import people

    path = tmp_path_factory.mktemp("tables") / "people.csv"
    pyarrow.csv.write_csv(people(300), path)
    return path


@pytest.fixture(scope="session")
def classes_run(table_file, train_once):
    """Three networks that predict a class of the table."""
    from tests.end_to_end.people import FAST, SMALL

    return train_once("classes", "--data", table_file, "--label", "label", "--ignore", "wealth", *SMALL, *FAST)


@pytest.fixture(scope="session")
def regression_run(table_file, train_once):
    """Three networks that predict a number of the table, with curves for TensorBoard."""
    from tests.end_to_end.people import FAST, SMALL

    arguments = ["--data", table_file, "--label", "wealth", "--ignore", "label", "--loss", "huber", *SMALL]
    return train_once("regression", *arguments, "--tensorboard", *FAST)


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory):
    """Sixty color images of 12×10 pixels: red ones in the folder röt, blue ones in the folder blau."""
    root, random = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for number in range(60):
        channel = 0 if number % 2 else 2
        pixels = random.integers(0, 120, (12, 10, 3))
        pixels[..., channel] += 120
        (root / ("röt", "blau")[channel // 2]).mkdir(exist_ok=True)
        image = Image.fromarray(pixels.astype(np.uint8))
        image.save(root / ("röt", "blau")[channel // 2] / f"{number:02}.png")
    return root


@pytest.fixture(scope="session")
def images_run(image_folder, train_once):
    """Two convolutional networks that classify red and blue images."""
    from tests.end_to_end.people import FAST

    settings = ["--model", "convnet", "--filters", "4", "--augment", "shift", "flip", "--seeds", "2"]
    more = ["--hidden", "8", "--epochs", "6", "--batch-size", "8", *FAST]
    return train_once("images", "--data", image_folder, *settings, *more)
