"""Arrays of a user's own, and sets by name: trained on, judged, predicted."""

import functools
import shutil

import jax
import numpy as np
import pyarrow.csv
import pytest

import jaxdl.functional as F
from jaxdl import data
from jaxdl.runs import build, files
from jaxdl.runs.examples import load_examples
from jaxdl.runs.load import load_run
from jaxdl.runs.settings import Train
from tests.end_to_end.people import FAST, run as jaxdl

SMALL = ["--seeds", "2", "--hidden", "4", "--epochs", "4"]


def read(path):
    return pyarrow.csv.read_csv(path).to_pydict()


def test_arrays_with_a_test_part_of_their_own(tmp_path, random, capsys):
    inputs = random.normal(size=(90, 3)).astype(np.float32)
    labels = np.where(inputs[:, 0] > 0, "on", "off")
    np.savez("a.npz", x_train=inputs[:60], y_train=labels[:60], x_test=inputs[60:], y_test=labels[60:])
    assert jaxdl("train", "--data", "a.npz", *SMALL, *FAST) == 0
    assert files.read_json(tmp_path / "runs" / "a" / "quality.json")["examples"] == {"train": 50, "dev": 10, "test": 30}
    assert jaxdl("predict", "runs/a", "--data", "a.npz", "--out", "labelled.csv") == 0
    assert "accuracy of the mean probabilities" in capsys.readouterr().out
    np.savez("b.npz", inputs=inputs[60:])
    assert jaxdl("predict", "runs/a", "--data", "b.npz", "--out", "bare.csv") == 0
    assert "accuracy" not in capsys.readouterr().out
    assert read("labelled.csv") == read("bare.csv")
    np.savez("c.npz", inputs=np.full((2, 3), np.nan))
    assert jaxdl("predict", "runs/a", "--data", "c.npz", "--out", "none.csv") == 2
    assert "inputs must be finite, but hold NaN or infinity" in capsys.readouterr().err


def test_images_that_were_bytes_are_bytes_on_the_device(tmp_path, random, capsys):
    labels = np.arange(60) % 2
    images = random.integers(0, 128, (60, 6, 6, 1), np.uint8) + labels[:, None, None, None].astype(np.uint8) * 100
    np.savez("bytes.npz", images=images, labels=labels)
    np.savez("numbers.npz", images=images / 255 + 1e-9, labels=labels)  # which no bytes are
    kinds = [load_examples(Train(data=f"{name}.npz")).ready.train.inputs.dtype for name in ("bytes", "numbers")]
    assert kinds == [np.uint8, np.float32]
    for name in ("bytes", "numbers"):
        changed = ["--model", "convnet", "--filters", "2", "--augment", "crop", "flip"]
        assert jaxdl("train", "--data", f"{name}.npz", *SMALL, *changed, *FAST) == 0
        assert jaxdl("predict", f"runs/{name}", "--data", f"{name}.npz", "--out", f"{name}.csv") == 0
    one, other = read("bytes.csv"), read("numbers.csv")
    assert one.keys() == other.keys()
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-3), one, other)


@pytest.mark.parametrize("name", ["spirals", "polynomial"])
def test_a_set_by_name_is_learned_and_predicted(name, tmp_path, capsys):
    assert jaxdl("train", "--data", name, *SMALL, "--batch-size", "8", *FAST) == 0
    assert jaxdl("predict", f"runs/{name}", "--data", name, "--out", "found.csv") == 0
    told = capsys.readouterr().out
    assert ("accuracy of the mean" if name == "spirals" else "R²") in told


def test_several_targets_are_predicted_each_in_its_unit(random, tmp_path, capsys):
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


def test_settings_of_a_batch_are_those_of_its_functions(random):
    """What the objective computes is the loss of the batch as the functions change it, with the key that is theirs."""
    fitted = data.fit_preparation(data.load_digits())
    batch = data.take(data.prepare(fitted, data.load_digits()), np.arange(32))
    plain = build.task_of(Train(hidden=(8,)), fitted, 64)
    params, stats = plain.model.init(jax.random.key(0), batch.inputs)
    noise = functools.partial(data.label_noise, rate=0.5, classes=10)
    mix = functools.partial(data.mixup, alpha=1.0, classes=10)
    for more, loss, change in [
        ({"label_noise": 0.5}, F.cross_entropy, data.chained(noise)),
        ({"mixup": 1.0}, F.soft_cross_entropy, data.chained(mix)),
        ({"augment": ("shift",)}, F.cross_entropy, data.chained(data.each_image(data.shift))),
        ({"augment": ("flip",), "label_noise": 0.5, "mixup": 1.0}, F.soft_cross_entropy, None),
    ]:
        task = build.task_of(Train(hidden=(8,), **more), fitted, 64)
        key = jax.random.key(3)
        found, _ = task.objective(params, stats, batch, jax.random.clone(key))
        change = change or data.chained(data.each_image(data.flip), noise, mix)
        changed = change(jax.random.split(key)[0], batch)
        wanted = F.weighted_mean(
            loss(plain.model.apply(params, stats, changed.inputs)[0], changed.labels), changed.weights
        )
        np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_networks_that_diverged_predict_nothing(classes_run, table_file, tmp_path, capsys):
    shutil.copytree(classes_run, tmp_path / "run")
    with np.load("run/params.npz") as arrays:
        params = dict(arrays)

    def spoil(diverged):
        members = np.isin(np.arange(3), diverged)
        spoilt = {name: np.where(members.reshape(3, *[1] * (a.ndim - 1)), np.nan, a) for name, a in params.items()}
        np.savez("run/params.npz", **{name: array.astype(np.float32) for name, array in spoilt.items()})

    spoil([1])
    with pytest.warns(UserWarning, match="1 of 3 networks diverged in training and are left out"):
        assert load_run("run").members == 2
    assert jaxdl("predict", "run", "--data", table_file, "--out", "found.csv") == 0
    assert "1 of 3 networks diverged in training and are left out\n300 predictions of 2" in capsys.readouterr().out
    spoil([0, 1, 2])
    assert jaxdl("predict", "run", "--data", table_file, "--out", "none.csv") == 2
    assert "run must hold a network to predict with, but all of run diverged" in capsys.readouterr().err
