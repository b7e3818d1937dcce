"""Predictions of arrays and tables: the mean over the networks with its interval."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxdl import data, runs
from jaxdl.runs import prediction
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
    for limit, wanted in zip(found, mean_intervals(np.asarray(expected), within=(0.0, 1.0)), strict=True):
        np.testing.assert_allclose(limit, wanted, atol=1e-4)


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
    assert (found.low < found.estimate).all()
    assert (found.estimate < found.high).all()


def test_a_prediction_does_not_depend_on_the_size_of_chunks(digits_run, monkeypatch):
    run, digits = runs.load_run(digits_run), data.take(data.load_digits(), np.arange(13))
    whole = runs.predict(run, digits.inputs)
    monkeypatch.setattr(prediction, "CHUNK", 5)
    for limit, expected in zip(runs.predict(run, digits.inputs), whole, strict=True):
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
    assert found.low[0, 1] <= found.estimate[0, 1] <= found.high[0, 1]


def test_inputs_of_another_kind_are_an_error(digits_run, regression_run):
    with pytest.raises(ValueError, match="shape"):
        runs.predict(runs.load_run(digits_run), np.zeros((2, 7, 7, 1)))
    with pytest.raises(ValueError, match="table"):
        runs.predict(runs.load_run(regression_run), np.zeros((2, 3)))
