"""The description of an export, and the function that is exported."""

import jax
import numpy as np
import pytest

from jaxdl import data, runs
from jaxdl.runs import export, files


def test_the_description_lists_inputs_outputs_and_preparation(classes_run, tmp_path):
    run = runs.load_run(classes_run)
    export.export_stablehlo(tmp_path, run, None)
    described = files.read_json(tmp_path / "model.json")
    assert described["outputs"] == {"name": "outputs", "classes": ["ja ✓", "nein", "selten"]}
    assert described["members"] == 3
    features = described["inputs"]["features"]
    assert described["inputs"]["shape"] == ["batch", len(features)]
    assert {"age", "age is missing", "city = 東京", "city is missing", "score"} <= {*features}
    assert described["preparation"] == files.read_json(classes_run / "preparation.json")


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
