"""Predictions of arrays and tables: the mean over the networks with its interval, and prediction intervals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from scipy import stats

from jaxdl import data, runs
from jaxdl.runs import files, prediction
from jaxdl.runs.examples import load_examples
from jaxdl.runs.settings import Train
from jaxdl.statistics import mean_intervals


def outputs_of_each(run, inputs):
    """Return the outputs of every network, computed one by one."""
    members = [jax.tree.map(lambda leaf, i=i: leaf[i], (run.params, run.stats)) for i in range(run.members)]
    return np.stack([np.asarray(run.model.apply(*member, jnp.asarray(inputs))[0]) for member in members])


def test_probabilities_are_the_mean_over_the_networks_with_an_interval_in_0_1(digits_run):
    run, digits = runs.load_run(digits_run), data.take(data.load_digits(), np.arange(5))
    found = runs.predict(run, digits.inputs)
    expected = jax.nn.softmax(outputs_of_each(run, data.encode_inputs(run.preparation, digits.inputs)))
    np.testing.assert_allclose(found.estimate, expected.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(found.estimate.sum(axis=1), 1, atol=1e-5)
    for limit, wanted in zip(found[:3], mean_intervals(np.asarray(expected), within=(0.0, 1.0)), strict=True):
        np.testing.assert_allclose(limit, wanted, atol=1e-4)
    assert found.prediction_low is found.prediction_high is None  # a class has no interval


def test_targets_have_the_unit_of_the_labels(regression_run):
    run = runs.load_run(regression_run)
    inputs = {"age": np.array([40.0, np.nan]), "score": np.array([1.0, -1.0])}
    inputs |= {"city": np.array(["Köln", None], object), "joined": np.array(["2020-02-01"] * 2, "datetime64[s]")}
    found = runs.predict(run, inputs)
    assert found.estimate.shape == (2, 1)
    outputs = outputs_of_each(run, data.encode_inputs(run.preparation, inputs))
    expected = data.rescaled(outputs, run.preparation.labels).mean(axis=0)
    np.testing.assert_allclose(found.estimate, expected, rtol=1e-5)
    assert found.estimate[0, 0] > found.estimate[1, 0] > 40_000
    assert (found.mean_low < found.estimate).all()
    assert (found.estimate < found.mean_high).all()


def test_prediction_intervals_contain_the_labels_of_new_examples(regression_run):
    """Of 60 dev residuals the interval has rank 55, so coverage of the 60 test labels is beta-binomial."""
    path = str(files.read_json(regression_run / "settings.json")["data"])
    test = load_examples(Train(data=path, label="wealth", ignore=("label",))).raw.test
    run = runs.load_run(regression_run)
    found, labels = runs.predict(run, test.inputs), np.asarray(test.labels)
    assert run.residuals.shape == (60, 1)
    covered = ((found.prediction_low <= labels) & (labels <= found.prediction_high)).sum()
    assert stats.betabinom.ppf(0.001, 60, 55, 6) <= covered
    radius = np.sort(run.residuals[:, 0])[54]
    np.testing.assert_allclose(found.prediction_high - found.estimate, radius)
    np.testing.assert_allclose(found.estimate - found.prediction_low, radius)


def test_the_level_of_prediction_intervals_is_an_argument(regression_run):
    run = runs.load_run(regression_run)
    row = {"age": np.array([40.0]), "score": np.array([1.0]), "city": np.array(["Köln"], object)}
    row |= {"joined": np.array(["2020-02-01"], "datetime64[s]")}
    narrow, wide, endless = (runs.predict(run, row, level=level) for level in (0.5, 0.9, 0.99))
    assert narrow.prediction_high[0, 0] < wide.prediction_high[0, 0] < endless.prediction_high[0, 0] == np.inf
    with pytest.raises(ValueError, match=r"^level must be between 0 and 1, got 90.0"):
        runs.predict(run, row, level=90.0)


def test_runs_without_stored_residuals_have_no_prediction_intervals(regression_run):
    run = runs.load_run(regression_run)._replace(residuals=None)
    row = {"age": np.array([40.0]), "score": np.array([1.0]), "city": np.array(["Köln"], object)}
    found = runs.predict(run, row | {"joined": np.array(["2020-02-01"], "datetime64[s]")})
    assert found.prediction_low is found.prediction_high is None


def test_a_prediction_does_not_depend_on_the_size_of_chunks(digits_run, monkeypatch):
    run, digits = runs.load_run(digits_run), data.take(data.load_digits(), np.arange(13))
    whole = runs.predict(run, digits.inputs)
    monkeypatch.setattr(prediction, "CHUNK", 5)
    for limit, expected in zip(runs.predict(run, digits.inputs)[:3], whole[:3], strict=True):
        np.testing.assert_allclose(limit, expected, atol=1e-6)


def test_few_programs_are_compiled_for_any_number_of_examples(digits_run):
    run, digits = runs.load_run(digits_run), data.load_digits()
    before = prediction._compiled_outputs._cache_size()
    for size in (33, 40, 50, 64):
        runs.predict(run, data.take(digits, np.arange(size)).inputs)
    assert prediction._compiled_outputs._cache_size() == before + 1


def test_an_image_is_predicted_in_two_lines(images_run, image_folder):
    run = runs.load_run(images_run)
    found = runs.predict(run, np.stack([np.asarray(Image.open(image_folder / "röt" / "01.png")) / 255.0]))
    assert run.preparation.labels.names[found.estimate[0].argmax()] == "röt"
    assert found.mean_low[0, 1] <= found.estimate[0, 1] <= found.mean_high[0, 1]


def test_inputs_of_another_kind_are_an_error(digits_run, regression_run):
    with pytest.raises(ValueError, match="shape"):
        runs.predict(runs.load_run(digits_run), np.zeros((2, 7, 7, 1)))
    with pytest.raises(ValueError, match="table"):
        runs.predict(runs.load_run(regression_run), np.zeros((2, 3)))
