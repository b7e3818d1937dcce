"""Arrays of a user, and data sets by name: training, scores, predictions."""

import jax
import numpy as np
import pyarrow.csv
import pytest

from jaxdl.runs import files
from tests.end_to_end.people import FAST, run as jaxdl

SMALL = ["--seeds", "2", "--hidden", "4", "--epochs", "4"]


def read(path):
    return pyarrow.csv.read_csv(path).to_pydict()


def test_arrays_with_a_test_part_are_learned_and_predicted(tmp_path, random, capsys):
    inputs = random.normal(size=(90, 3)).astype(np.float32)
    labels = np.where(inputs[:, 0] > 0, "on", "off")
    np.savez("a.npz", x_train=inputs[:60], y_train=labels[:60], x_test=inputs[60:], y_test=labels[60:])
    assert jaxdl("train", "--data", "a.npz", *SMALL, *FAST) == 0
    assert files.read_json(tmp_path / "runs" / "a" / "quality.json")["examples"] == {"train": 50, "dev": 10, "test": 30}
    assert jaxdl("predict", "runs/a", "--data", "a.npz", "--out", "labeled.csv") == 0
    assert "accuracy of the mean probabilities" in capsys.readouterr().out
    np.savez("b.npz", inputs=inputs[60:])
    assert jaxdl("predict", "runs/a", "--data", "b.npz", "--out", "unlabeled.csv") == 0
    assert "accuracy" not in capsys.readouterr().out
    assert read("labeled.csv") == read("unlabeled.csv")
    np.savez("c.npz", inputs=np.full((2, 3), np.nan))
    assert jaxdl("predict", "runs/a", "--data", "c.npz", "--out", "none.csv") == 2
    assert "inputs must be finite, but hold NaN or infinity" in capsys.readouterr().err


def test_images_of_bytes_give_the_same_predictions_as_images_of_numbers(tmp_path, random, capsys):
    labels = np.arange(60) % 2
    images = random.integers(0, 128, (60, 6, 6, 1), np.uint8) + labels[:, None, None, None].astype(np.uint8) * 100
    np.savez("bytes.npz", images=images, labels=labels)
    np.savez("numbers.npz", images=images / 255 + 1e-9, labels=labels)  # no bytes have these values
    for name in ("bytes", "numbers"):
        settings = ["--model", "convnet", "--filters", "2", "--augment", "crop", "flip"]
        assert jaxdl("train", "--data", f"{name}.npz", *SMALL, *settings, *FAST) == 0
        assert jaxdl("predict", f"runs/{name}", "--data", f"{name}.npz", "--out", f"{name}.csv") == 0
    of_bytes, of_numbers = read("bytes.csv"), read("numbers.csv")
    assert of_bytes.keys() == of_numbers.keys()
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-3), of_bytes, of_numbers)


@pytest.mark.parametrize("name", ["spirals", "polynomial"])
def test_a_known_set_is_learned_and_predicted(name, tmp_path, capsys):
    assert jaxdl("train", "--data", name, *SMALL, "--batch-size", "8", *FAST) == 0
    assert jaxdl("predict", f"runs/{name}", "--data", name, "--out", "found.csv") == 0
    assert ("accuracy of the mean" if name == "spirals" else "R²") in capsys.readouterr().out


def test_several_targets_are_predicted_each_in_its_own_unit(random, tmp_path, capsys):
    inputs = random.normal(size=(120, 3))
    targets = inputs @ random.normal(size=(3, 2)) * [1, 1000] + [0, 5000]
    np.savez("a.npz", inputs=inputs.astype(np.float32), labels=targets)
    assert jaxdl("train", "--data", "a.npz", "--seeds", "2", "--hidden", "16", "--epochs", "60", *FAST) == 0
    capsys.readouterr()
    assert jaxdl("predict", "runs/a", "--data", "a.npz", "--out", "found.csv") == 0
    found = {name: np.array(values) for name, values in read("found.csv").items()}
    assert list(found)[1:] == [f"{name}_{place}" for name in ("prediction", "low", "high") for place in (0, 1)]
    predicted = np.stack([found["prediction_0"], found["prediction_1"]], axis=1)
    r2 = 1 - ((predicted - targets) ** 2).sum() / ((targets - targets.mean(axis=0)) ** 2).sum()
    assert f"R² {r2:.4f}" in capsys.readouterr().out
    assert r2 > 0.9
    assert np.corrcoef(predicted[:, 0], targets[:, 0])[0, 1] > 0.9
