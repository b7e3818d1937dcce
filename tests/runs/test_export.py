"""The description of an export, and the function that is exported."""

import runpy

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import data, runs
from jaxdl.runs import export, files
from jaxdl.runs.prediction import member_outputs
from jaxdl.runs.pytorch_module import module_text


def test_the_description_lists_inputs_outputs_and_preparation(classes_run, tmp_path):
    run = runs.load_run(classes_run)
    export.export_stablehlo(tmp_path, run, None)
    described = files.read_json(tmp_path / "model.json")
    assert described["outputs"] == {"name": "outputs", "dtype": "float32", "classes": ["ja ✓", "nein", "selten"]}
    assert described["members"] == 3
    features = described["inputs"]["features"]
    assert described["inputs"]["shape"] == ["batch", len(features)]
    assert {"age", "age is missing", "city = 東京", "city is missing", "score"} <= {*features}
    assert described["preparation"] == files.read_json(classes_run / "preparation.json")


def test_targets_far_from_zero_are_as_exact_as_in_predict(regression_run, tmp_path, random):
    """Targets of 1.7e9 ± 100: float32 holds only multiples of 128 there, and predictions are exact to 1e-5 of 100."""
    run = runs.load_run(regression_run)
    unit = data.Standardization(np.array([1.7e9]), np.array([100.0]))
    run = run._replace(preparation=run.preparation._replace(labels=unit))
    inputs = random.normal(size=(5, *run.preparation.shape)).astype(np.float32)
    outputs = np.asarray(member_outputs(run.model, run.params, run.stats, jnp.asarray(inputs), classes=False))
    expected = data.rescaled(outputs, unit)
    export.export_stablehlo(tmp_path, run, None)
    program = jax.export.deserialize(bytearray((tmp_path / "model.stablehlo").read_bytes()))
    found = program.call(inputs)
    assert (found.dtype, program.in_avals[0].dtype) == (np.float64, np.float32)
    np.testing.assert_allclose(found, expected.mean(axis=0), rtol=0, atol=1e-3)
    assert files.read_json(tmp_path / "model.json")["outputs"] == {"name": "outputs", "dtype": "float64", "targets": 1}
    text = module_text(run)
    restored = "outputs.double() * torch.tensor([100.0], dtype=torch.float64) + torch.tensor([1700000000.0], dtype=to"
    assert restored in text
    torch = pytest.importorskip("torch")
    export.export_pytorch(tmp_path, run, 1)
    module = runpy.run_path(tmp_path / "model.py")
    found = module["predict"](module["load"](), torch.from_numpy(inputs)).numpy()
    np.testing.assert_allclose(found, expected[1], rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("write", "shape"),
    [(export.export_pytorch, ["batch", 3, 12, 10]), (export.export_stablehlo, ["batch", 12, 10, 3])],
    ids=["torch", "stablehlo"],
)
def test_the_shape_of_an_image_is_that_of_the_format(images_run, tmp_path, write, shape):
    write(tmp_path, runs.load_run(images_run), 0)
    described = files.read_json(tmp_path / "model.json")
    assert described["inputs"]["shape"] == shape
    assert described["members"] == 1
    assert described["inputs"]["features"] is None


@pytest.mark.parametrize("name", ["digits_run", "images_run"])
def test_the_exported_function_predicts_what_the_run_predicts(request, name, random):
    """Its convolutions and its ReLU are those of jax, which other runtimes have."""
    run = runs.load_run(request.getfixturevalue(name))
    inputs = random.uniform(size=(4, *run.preparation.shape)).astype(np.float32)
    expected = runs.predict(run, inputs).estimate
    functions = [export.predictor(run, member) for member in (None, *range(run.members))]
    mean, *each = jax.jit(lambda inputs: [function(inputs) for function in functions])(inputs)
    np.testing.assert_allclose(mean, expected, atol=1e-5)
    np.testing.assert_allclose(np.mean(jax.device_get(each), axis=0), expected, atol=1e-5)
    assert isinstance(run.preparation.labels, data.Classes)
