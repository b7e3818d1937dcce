"""Runs on data of a user's own, trained once and looked at by many tests."""

import numpy as np
import pyarrow.csv
import pytest
from PIL import Image

from tests.end_to_end.people import FAST, PRINT_PAGE, SMALL, people, run


@pytest.fixture(autouse=True)
def isolated(monkeypatch, tmp_path):
    """The tests have set jax up already, and write nowhere else; only the runs below get a page."""
    monkeypatch.setattr("jaxdl.cli.train.print_page", lambda directory, console: None)
    monkeypatch.setattr("jaxdl.system.startup.prepare", lambda: None)
    monkeypatch.setenv("JAXDL_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def train(*arguments):
    """A run with its page, whatever a test that asks for it first has set."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jaxdl.system.startup.prepare", lambda: None)
        patch.setattr("jaxdl.cli.train.print_page", PRINT_PAGE)
        assert run("train", *arguments) == 0


@pytest.fixture(scope="session")
def table_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("tables") / "people.csv"
    pyarrow.csv.write_csv(people(300), path)
    return path


@pytest.fixture(scope="session")
def classes_run(table_file, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "classes"
    train("--data", table_file, "--label", "label", "--ignore", "wealth", *SMALL, "--out", out, *FAST)
    return out


@pytest.fixture(scope="session")
def regression_run(table_file, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "regression"
    arguments = ["--data", table_file, "--label", "wealth", "--ignore", "label", "--loss", "huber", *SMALL]
    train(*arguments, "--tensorboard", "--out", out, *FAST)
    return out


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory):
    """Sixty images of 12×10 in colour: what is red lies in one folder, what is blue in another."""
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
def images_run(image_folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "images"
    settings = ["--model", "convnet", "--filters", "4", "--augment", "shift", "flip", "--seeds", "2"]
    more = ["--hidden", "8", "--epochs", "6", "--batch-size", "8", "--out", out, *FAST]
    train("--data", image_folder, *settings, *more)
    return out
