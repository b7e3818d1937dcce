"""Residuals on the dev part: they agree with the saved networks, and damaged files are named."""

import numpy as np
import pytest

from jaxdl import data, runs
from jaxdl.runs import files
from jaxdl.runs.examples import load_examples
from jaxdl.runs.residuals import RESIDUALS, absolute_residuals, finite_members, read_residuals, write_residuals
from jaxdl.runs.settings import Train

UNIT = data.Standardization(np.array([5.0, 0.0]), np.array([10.0, 0.5]))
OUTPUTS = np.array([[[0.0, 1.0]], [[2.0, 3.0]], [[np.nan, 90.0]]])  # three networks, one example, two targets


def test_residuals_are_those_of_the_mean_of_the_finite_networks_in_the_unit_of_the_labels():
    found = absolute_residuals(OUTPUTS, [[4.0, 1.5]], np.array([True, True, False]), UNIT)
    np.testing.assert_allclose(found, [[30.0, 0.25]])  # |1 − 4| · 10 and |2 − 1.5| · 0.5


def test_residuals_of_no_finite_network_or_of_nan_outputs_are_infinite():
    assert absolute_residuals(OUTPUTS, [[4.0, 1.5]], np.zeros(3, bool), UNIT).tolist() == [[np.inf, np.inf]]
    assert absolute_residuals(OUTPUTS, [[4.0, 1.0]], np.ones(3, bool), UNIT)[0, 0] == np.inf


def test_a_member_with_any_parameter_that_is_not_finite_is_not_finite():
    params = {"kernel": np.ones((4, 2, 3)), "bias": np.zeros((4, 3))}
    params["kernel"][1, 1, 2], params["bias"][3, 0] = np.nan, -np.inf
    assert finite_members((params, {})).tolist() == [True, False, True, False]


def test_residuals_are_read_as_they_were_written(tmp_path, random):
    residuals = random.exponential(size=(7, 2))
    residuals[3, 1] = np.inf
    write_residuals(tmp_path, residuals)
    np.testing.assert_array_equal(read_residuals(tmp_path, 2)[0], residuals)
    assert read_residuals(tmp_path, 2)[1] is None
    write_residuals(tmp_path, residuals, np.arange(7) / 4)
    np.testing.assert_array_equal(read_residuals(tmp_path, 2)[1], np.arange(7) / 4)


def test_a_run_without_stored_residuals_has_none(tmp_path):
    assert read_residuals(tmp_path, 1) == (None, None)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"target_0": [1.0]}, f"{RESIDUALS} must have a column for each of the 2 targets, got target_0:"),
        ({"target_0": [1.0], "target_1": [-1.0]}, f"{RESIDUALS} must hold absolute residuals, .* below 0"),
        ({"target_0": [1.0], "target_1": [np.nan]}, f"{RESIDUALS} must hold absolute residuals, .* NaN"),
        (
            {"target_0": [1.0], "target_1": [1.0], "weight": [np.nan]},
            f"{RESIDUALS} must hold finite weights of at least 0, and one above 0",
        ),
        ({"target_0": [], "target_1": []}, f"{RESIDUALS} must hold absolute residuals, but has no row"),
    ],
)
def test_residuals_of_another_run_or_damaged_ones_are_an_error(tmp_path, columns, message):
    files.write_table(tmp_path / RESIDUALS, {name: np.array(values, float) for name, values in columns.items()})
    with pytest.raises(ValueError, match=message):
        read_residuals(tmp_path, 2)


def test_a_run_stores_the_residuals_of_its_predictions_on_dev(regression_run):
    path = str(files.read_json(regression_run / "settings.json")["data"])
    dev = load_examples(Train(data=path, label="wealth", ignore=("label",))).raw.dev
    run = runs.load_run(regression_run)
    predicted = runs.predict(run, dev.inputs).estimate
    np.testing.assert_allclose(
        run.residuals, np.abs(predicted - np.asarray(dev.labels)), atol=0.1
    )  # labels near 50,000


def test_prediction_intervals_are_weighted(regression_run):
    """All weight is on the largest residual of the run."""
    run = runs.load_run(regression_run)
    weights = np.where(run.residuals[:, 0] == run.residuals.max(), 1e6, 1.0)
    dev = load_examples(Train(data=str(run.settings.data), label="wealth", ignore=("label",))).raw.dev.inputs
    inputs = {name: column[:1] for name, column in dev.items()}
    found = runs.predict(run._replace(residual_weights=weights), inputs, level=0.4)
    np.testing.assert_allclose(found.prediction_high - found.estimate, run.residuals.max())


def test_a_run_of_classes_has_no_residuals(classes_run):
    assert not (classes_run / RESIDUALS).exists()
    assert runs.load_run(classes_run).residuals is None
