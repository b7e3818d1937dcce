"""A folder of images of a user: training, scores, predictions, and the mistakes that such folders have."""

import shutil

import pyarrow.csv
import pytest
from PIL import Image

from jaxdl.runs import files
from jaxdl.runs.load import load_run
from jaxdl.runs.settings import Train
from tests.end_to_end.people import run as jaxdl, untrained_run


@pytest.fixture
def folder(image_folder, tmp_path):
    """A copy that may be damaged."""
    return shutil.copytree(image_folder, tmp_path / "images")


def damage(folder):
    """Add an image whose file ends too early."""
    (folder / "blau" / "broken.png").write_bytes((folder / "blau" / "00.png").read_bytes()[:80])


def test_red_and_blue_images_are_told_apart(images_run):
    assert files.read_table(images_run / "members.parquet")["test"] == [1.0, 1.0]


def test_every_image_has_a_prediction_beside_its_file_name(images_run, image_folder, tmp_path, capsys):
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


def test_an_image_of_another_size_is_named_with_the_option_that_helps(folder, capsys):
    Image.new("RGB", (11, 12)).save(folder / "blau" / "wide.png")
    assert jaxdl("train", "--data", folder, "--epochs", "1") == 2
    error = capsys.readouterr().err
    assert "wide.png" in error
    assert "--image-size" in error


def test_a_corrupt_image_is_named(folder, images_run, tmp_path, capsys):
    damage(folder)
    for arguments in (["train", "--epochs", "1", "--out", "run"], ["predict", images_run, "--out", "found.csv"]):
        assert jaxdl(*arguments, "--data", folder) == 2
        assert "broken.png" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


def test_a_corrupt_image_is_skipped_and_others_are_scaled_in_training_and_in_prediction(folder, tmp_path, capsys):
    damage(folder)
    Image.new("RGB", (40, 30)).save(folder / "blau" / "large.png")
    with pytest.warns(UserWarning, match="broken.png"):
        untrained_run(tmp_path / "run", Train(data=str(folder), hidden=(2,), image_size=(6, 5), unreadable="skip"))
    assert load_run("run").preparation.shape == (6, 5, 3)
    assert jaxdl("predict", "run", "--data", folder, "--out", "found.csv", "--unreadable", "skip") == 0
    out = capsys.readouterr().out
    assert "broken.png" in out
    assert "wrote 61 predictions" in out


def test_images_of_another_size_than_in_training_are_an_error(images_run, tmp_path, capsys):
    (tmp_path / "other").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "other" / "a.png")
    assert jaxdl("predict", images_run, "--data", "other", "--out", "found.csv") == 2
    assert (
        "inputs must have the shape (12, 10, 3) per example, as in training, got (9, 9, 3)" in capsys.readouterr().err
    )


def test_a_folder_with_train_and_test_keeps_its_parts(image_folder, tmp_path):
    for part, chosen in (("train", slice(0, 24)), ("test", slice(24, 30))):
        for name in ("röt", "blau"):
            (tmp_path / "parts" / part / name).mkdir(parents=True)
            for file in sorted((image_folder / name).iterdir())[chosen]:
                shutil.copy(file, tmp_path / "parts" / part / name)
    untrained_run(tmp_path / "run", Train(data="parts", hidden=(2,)))
    assert files.read_json(tmp_path / "run" / "quality.json")["examples"] == {"train": 40, "dev": 8, "test": 12}
    assert jaxdl("predict", "run", "--data", "parts", "--out", "found.csv") == 0
    assert len(pyarrow.csv.read_csv(tmp_path / "found.csv")) == 12


def test_settings_that_do_not_fit_images_are_errors(folder, capsys):
    few = "--filters must name at most 3 convolutions for images of 12×10"
    for arguments, sentence in [
        (["--model", "convnet", "--filters", "1", "1", "1", "1"], few),
        (["--label", "y"], "label needs a table"),
    ]:
        assert jaxdl("train", "--data", folder, "--epochs", "1", *arguments) == 2
        assert sentence in capsys.readouterr().err
    assert jaxdl("train", "--data", "digits", "--image-size", "4", "4") == 2
    assert "image_size needs a folder of images" in capsys.readouterr().err
