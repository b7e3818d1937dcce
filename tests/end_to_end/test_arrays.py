"""Arrays of a user, and data sets by name: training, scores, predictions."""

import pathlib

import jax
import numpy as np
import pyarrow.csv
import pytest

from jaxdl import data
from jaxdl.runs import files
from jaxdl.runs.build import build_model
from jaxdl.runs.examples import load_examples
from jaxdl.runs.load import Run, load_run
from jaxdl.runs.predict_file import PredictionInput, predict_file
from jaxdl.runs.prediction import member_outputs
from jaxdl.runs.settings import Adam, Train
from jaxdl.runs.trainer import train_population
from tests.end_to_end.people import FAST, run as jaxdl, untrained_run
from tests.trained_runs import train


def read(path):
    return pyarrow.csv.read_csv(path).to_pydict()


def test_arrays_with_a_test_part_are_read_in_training_and_in_prediction(tmp_path, random, capsys):
    inputs = random.normal(size=(90, 3)).astype(np.float32)
    labels = np.where(inputs[:, 0] > 0, "on", "off")
    np.savez("a.npz", x_train=inputs[:60], y_train=labels[:60], x_test=inputs[60:], y_test=labels[60:])
    untrained_run(tmp_path / "run", Train(data="a.npz", hidden=(4,)))
    assert files.read_json(tmp_path / "run" / "quality.json")["examples"] == {"train": 50, "dev": 10, "test": 30}
    assert jaxdl("predict", "run", "--data", "a.npz", "--out", "labeled.csv") == 0
    assert "accuracy of the mean probabilities" in capsys.readouterr().out
    np.savez("b.npz", inputs=inputs[60:])
    assert jaxdl("predict", "run", "--data", "b.npz", "--out", "unlabeled.csv") == 0
    assert "accuracy" not in capsys.readouterr().out
    assert read("labeled.csv") == read("unlabeled.csv")
    np.savez("c.npz", inputs=np.full((2, 3), np.nan))
    assert jaxdl("predict", "run", "--data", "c.npz", "--out", "none.csv") == 2
    assert "inputs must be finite, but hold NaN or infinity" in capsys.readouterr().err


def test_images_of_bytes_give_the_same_predictions_as_images_of_numbers(tmp_path, random, capsys):
    labels = np.arange(60) % 2
    images = random.integers(0, 128, (60, 6, 6, 1), np.uint8) + labels[:, None, None, None].astype(np.uint8) * 100
    np.savez("bytes.npz", images=images, labels=labels)
    np.savez("numbers.npz", images=images / 255 + 1e-9, labels=labels)  # no bytes have these values
    for name, kind in (("bytes", np.uint8), ("numbers", np.float32)):
        more = {"hidden": (4,), "augment": ("crop", "flip"), "optimizer": Adam(0.01)}
        settings = Train(data=f"{name}.npz", seeds=2, epochs=4, **more)
        examples = load_examples(settings)
        assert examples.ready.train.inputs.dtype == kind
        state, model = train_population(settings, examples).state, build_model(settings, examples.preparation)
        run = Run(model, state.params, state.stats, examples.preparation, settings)
        predict_file(run, PredictionInput(f"{name}.npz"), pathlib.Path(f"{name}.csv"))
    of_bytes, of_numbers = read("bytes.csv"), read("numbers.csv")
    assert of_bytes.keys() == of_numbers.keys()
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-3), of_bytes, of_numbers)


@pytest.mark.parametrize("name", ["spirals", "polynomial"])
def test_a_known_set_is_read_in_prediction_as_in_training(name, tmp_path, capsys):
    untrained_run(tmp_path / "run", Train(data=name, hidden=(4,)))
    assert jaxdl("predict", "run", "--data", name, "--out", "found.csv") == 0
    assert ("accuracy of the mean" if name == "spirals" else "R²") in capsys.readouterr().out


@pytest.fixture(scope="module")
def targets_run(tmp_path_factory):
    """A run on two targets of very different size, its inputs and targets."""
    folder, random = tmp_path_factory.mktemp("targets"), np.random.default_rng(0)
    inputs = random.normal(size=(120, 3)).astype(np.float32)
    targets = inputs @ random.normal(size=(3, 2)) * [1e30, 1.0] + [0, 1e6]
    np.savez(folder / "a.npz", inputs=inputs, labels=targets)
    settings = ["--problem", "regression", "--seeds", "2", "--hidden", "16", "--epochs", "60", "--out", folder / "run"]
    train("--data", folder / "a.npz", *settings, *FAST, page=False)
    return folder / "run", folder / "a.npz", targets


def test_errors_of_several_targets_are_in_the_unit_of_the_labels(targets_run):
    directory, path, _ = targets_run
    test = load_examples(Train(data=str(path), problem="regression")).raw.test
    source = load_run(directory)
    ready = data.encode_inputs(source.preparation, test.inputs)
    found = member_outputs(source.model, source.params, source.stats, ready, classes=False)
    error = data.rescaled(found, source.preparation.labels) - test.labels
    members = files.read_table(directory / "members.parquet")
    root = members["test_root_mean_squared_error"]
    np.testing.assert_allclose(root, np.sqrt((error**2).sum(-1).mean(-1)), rtol=1e-5)
    np.testing.assert_allclose(members["test_mean_absolute_error"], np.abs(error).sum(-1).mean(-1), rtol=1e-5)


def test_several_targets_are_predicted_each_in_its_own_unit(targets_run, capsys):
    directory, path, targets = targets_run
    assert jaxdl("predict", directory, "--data", path, "--out", "found.csv") == 0
    found = {name: np.array(values) for name, values in read("found.csv").items()}
    names = ("prediction", "mean_low_95", "mean_high_95", "prediction_low_90", "prediction_high_90")
    assert list(found)[1:] == [f"{name}_{place}" for name in names for place in (0, 1)]
    predicted = np.stack([found["prediction_0"], found["prediction_1"]], axis=1)
    r2 = 1 - ((predicted - targets) ** 2).sum(axis=0) / ((targets - targets.mean(axis=0)) ** 2).sum(axis=0)
    assert f"R² {r2[0]:.4f}" in capsys.readouterr().out  # the errors of the other target are smaller by a factor 1e30
    assert min(r2) > 0.9
    for place in (0, 1):
        low, high = (found[f"prediction_{end}_90_{place}"] for end in ("low", "high"))
        assert np.mean((low <= targets[:, place]) & (targets[:, place] <= high)) > 0.7
