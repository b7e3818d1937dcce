"""A run is loaded as it was written, and damage is named."""

import json
import shutil

import jax
import numpy as np
import pytest

from jaxdl import runs
from jaxdl.runs import files
from jaxdl.runs.manifest import complete_run, reopen_run


@pytest.fixture
def copy(digits_run, tmp_path):
    """A copy of a run that may be damaged."""
    return shutil.copytree(digits_run, tmp_path / "copy")


def test_a_run_has_its_networks_preparation_and_settings(digits_run):
    run = runs.load_run(digits_run)
    assert run.members == 3
    assert jax.tree.map(np.shape, run.params)["Dense_0"]["kernel"] == (3, 64, 16)
    assert run.preparation.shape == (8, 8, 1)
    assert run.settings.hidden == (16,)
    assert repr(run) == "Run(3 networks of 1,210 parameters, model 'mlp', data 'digits')"


def test_networks_that_diverged_are_dropped_with_a_warning(copy):
    with np.load(copy / "params.npz") as arrays:
        params = {name: np.array(array) for name, array in arrays.items()}
    params["params/Dense_0/bias"][1, 2] = np.inf
    np.savez(copy / "params.npz", **params)
    complete_run(copy, {})
    with pytest.warns(UserWarning, match="^1 of 3 networks diverged in training and are not used$"):
        run = runs.load_run(copy)
    assert run.members == 2
    np.testing.assert_array_equal(run.params["Dense_1"]["bias"], params["params/Dense_1/bias"][[0, 2]])
    params["params/Dense_1/bias"][:, 0] = np.nan
    np.savez(copy / "params.npz", **params)
    complete_run(copy, {})
    with pytest.raises(ValueError, match=r"copy has no network to predict with: all of them diverged in training."):
        runs.load_run(copy)


@pytest.mark.parametrize("name", ["settings.json", "preparation.json", "params.npz"])
@pytest.mark.filterwarnings("ignore:.* has no manifest.json")
def test_a_damaged_file_of_a_run_without_a_manifest_is_named(copy, name):
    reopen_run(copy)
    for content in (b"{}", b"PK", b""):
        (copy / name).write_bytes(content)
        with pytest.raises(ValueError, match=name.split(".")[0]):
            runs.load_run(copy)
    (copy / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"copy is not a finished run of jaxdl train: it has no {name}."):
        runs.load_run(copy)


def test_parameters_of_another_network_are_an_error_before_they_are_expanded(copy, monkeypatch):
    monkeypatch.delattr("jaxdl.runs.load.read_arrays")
    settings = json.loads((copy / "settings.json").read_text())
    files.write_json(copy / "settings.json", {**settings, "hidden": [9]})
    complete_run(copy, {})
    with pytest.raises(ValueError, match=r"params.npz holds other parameters than the network of settings.json has"):
        runs.load_run(copy)
