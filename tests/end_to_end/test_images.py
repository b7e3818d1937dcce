"""A folder of images of a user's own: trained on, judged, predicted, with what goes wrong in such folders."""

import shutil

import numpy as np
import pyarrow.csv
import pytest
from PIL import Image

from jaxdl.runs import files
from jaxdl.runs.load import load_run
from jaxdl.runs.prediction import predict
from tests.end_to_end.people import run as jaxdl


@pytest.fixture
def folder(image_folder, tmp_path):
    """A copy that may be spoilt."""
    return pathlib_copy(image_folder, tmp_path / "images")


def pathlib_copy(source, target):
    shutil.copytree(source, target)
    return target


def test_what_is_red_and_what_is_blue_is_learned(images_run):
    assert files.read_table(images_run / "members.parquet")["test"] == [1.0, 1.0]
    page = (images_run / "report.html").read_text()
    assert "4 filters" in page


def test_every_image_is_predicted_by_its_name(images_run, image_folder, tmp_path, capsys):
    assert jaxdl("predict", images_run, "--data", image_folder, "--out", "found.csv") == 0
    found = pyarrow.csv.read_csv(tmp_path / "found.csv").to_pydict()
    assert found["file"] == sorted(path.relative_to(image_folder).as_posix() for path in image_folder.rglob("*.png"))
    assert found["label"] == [file.split("/")[0] for file in found["file"]]
    assert "accuracy of the mean probabilities: 1.0000 (60 of 60)" in capsys.readouterr().out


def test_images_without_a_class_are_predicted(images_run, image_folder, tmp_path, capsys):
    (tmp_path / "new").mkdir()
    for number, file in enumerate(sorted(image_folder.rglob("*.png"))[:3]):
        shutil.copy(file, tmp_path / "new" / f"{number}.png")
    assert jaxdl("predict", images_run, "--data", "new", "--out", "found.csv") == 0
    assert pyarrow.csv.read_csv(tmp_path / "found.csv").to_pydict()["label"] == ["blau"] * 3
    assert "accuracy" not in capsys.readouterr().out


def test_an_image_of_another_size_is_named_with_the_way_out(folder, capsys):
    Image.new("RGB", (11, 12)).save(folder / "blau" / "wide.png")
    assert jaxdl("train", "--data", folder, "--epochs", "1") == 2
    error = capsys.readouterr().err
    assert "wide.png" in error
    assert "--image-size" in error


def test_a_corrupt_image_is_named_or_skipped(folder, images_run, tmp_path, capsys):
    broken = folder / "blau" / "broken.png"
    broken.write_bytes((folder / "blau" / "00.png").read_bytes()[:80])
    small = ["--epochs", "1", "--seeds", "1", "--hidden", "2", "--out", "run"]
    assert jaxdl("train", "--data", folder, *small) == 2
    assert "broken.png" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    assert jaxdl("train", "--data", folder, *small, "--unreadable", "skip") == 0
    assert "broken.png" in capsys.readouterr().out.replace("\n", "")
    assert jaxdl("predict", images_run, "--data", folder, "--out", "found.csv") == 2
    assert "broken.png" in capsys.readouterr().err
    assert jaxdl("predict", images_run, "--data", folder, "--out", "found.csv", "--unreadable", "skip") == 0
    out = capsys.readouterr().out
    assert "broken.png" in out
    assert "60 predictions" in out


def test_images_are_scaled_where_a_size_is_given_in_training_and_prediction(folder, tmp_path):
    Image.new("RGB", (40, 30)).save(folder / "blau" / "large.png")
    small = ["--epochs", "1", "--seeds", "1", "--hidden", "2", "--image-size", "6", "5", "--out", "run"]
    assert jaxdl("train", "--data", folder, *small) == 0
    assert load_run("run").preparation.shape == (6, 5, 3)
    assert jaxdl("predict", "run", "--data", folder, "--out", "found.csv") == 0


def test_images_of_another_size_than_in_training_are_told(images_run, tmp_path, capsys):
    (tmp_path / "other").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "other" / "a.png")
    assert jaxdl("predict", images_run, "--data", "other", "--out", "found.csv") == 2
    assert "inputs must have the shape (12, 10, 3), as in training, but have (9, 9, 3)" in capsys.readouterr().err


def test_a_folder_with_train_and_test_is_taken_as_it_is_divided(image_folder, tmp_path):
    for part, chosen in (("train", slice(0, 24)), ("test", slice(24, 30))):
        for name in ("röt", "blau"):
            (tmp_path / "parts" / part / name).mkdir(parents=True)
            for file in sorted((image_folder / name).iterdir())[chosen]:
                shutil.copy(file, tmp_path / "parts" / part / name)
    assert jaxdl("train", "--data", "parts", "--epochs", "1", "--seeds", "1", "--hidden", "2", "--out", "run") == 0
    assert files.read_json(tmp_path / "run" / "quality.json")["examples"] == {"train": 40, "dev": 8, "test": 12}
    assert jaxdl("predict", "run", "--data", "parts", "--out", "found.csv") == 0
    assert len(pyarrow.csv.read_csv(tmp_path / "found.csv")) == 12


def test_a_run_is_loaded_in_two_lines_and_predicts_arrays(images_run, image_folder):
    source = load_run(images_run)
    found = predict(source, np.stack([np.asarray(Image.open(image_folder / "röt" / "01.png")) / 255.0]))
    assert source.preparation.labels.names[found.estimate[0].argmax()] == "röt"
    assert found.low[0, 1] <= found.estimate[0, 1] <= found.high[0, 1]


def test_settings_that_do_not_go_with_images_are_told(folder, capsys):
    few = "filters must be at most 3 for images of 12×10, which each halves, but are 4"
    for arguments, sentence in [
        (["--model", "convnet", "--filters", "1", "1", "1", "1"], few),
        (["--label", "y"], "label must be given for a table"),
    ]:
        assert jaxdl("train", "--data", folder, "--epochs", "1", *arguments) == 2
        assert sentence in capsys.readouterr().err
    assert jaxdl("train", "--data", "digits", "--image-size", "4", "4") == 2
    assert "image_size must be given for a folder of images only" in capsys.readouterr().err
