"""What leaves a run gives elsewhere what it gives here."""

import importlib.util
import pathlib
import shutil
import subprocess

import jax
import numpy as np
import pytest

from jaxdl import data
from jaxdl.runs import files
from jaxdl.runs.load import load_run
from jaxdl.runs.prediction import member_outputs
from tests.end_to_end.people import run as jaxdl

ROOT = pathlib.Path(__file__).parents[2]
ONNX = ROOT / ".venv-onnx" / "bin" / "python"


def inputs_of(directory, random):
    """Five inputs as an exported network takes them."""
    shape = files.read_json(directory / "preparation.json")["shape"]
    return random.normal(size=(5, *shape)).astype(np.float32)


def found_here(directory, inputs, member=None):
    """The mean probability or target over the members, or that of one, by the parameters of the run alone."""
    source = load_run(directory)
    fitted, labels = source.preparation.inputs, source.preparation.labels
    if isinstance(fitted, data.Standardization):
        inputs = (inputs - fitted.mean) / fitted.deviation
    classes, inputs = isinstance(labels, data.Classes), jax.numpy.asarray(inputs)
    every = np.asarray(member_outputs(source.model, source.params, source.stats, inputs, classes=classes))
    every = every if classes else data.rescaled(every, labels)
    return every.mean(axis=0) if member is None else every[member]


RUNS = pytest.mark.parametrize("name", ["classes_run", "regression_run", "images_run"])


@RUNS
def test_pytorch_computes_the_same_from_the_files_alone(request, name, random, torch, tmp_path):
    directory = request.getfixturevalue(name)
    assert jaxdl("export", directory, "--to", "torch", "--member", 1, "--out", tmp_path / "out") == 0
    spec = importlib.util.spec_from_file_location("exported", tmp_path / "out" / "model.py")
    exported = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(exported)
    inputs = inputs_of(directory, random)
    theirs = torch.from_numpy(inputs.transpose(0, 3, 1, 2).copy() if inputs.ndim == 4 else inputs)
    found = exported.predict(exported.load(), theirs).numpy()
    np.testing.assert_allclose(found, found_here(directory, inputs, member=1), rtol=1e-4, atol=1e-5)
    told = files.read_json(tmp_path / "out" / "model.json")
    assert told["outputs"].get("classes") == exported.CLASSES


@RUNS
@pytest.mark.parametrize("member", [None, 1])
def test_jax_export_computes_the_same_for_any_number_of_examples(request, name, random, tmp_path, member):
    directory = request.getfixturevalue(name)
    which = [] if member is None else ["--member", member]
    assert jaxdl("export", directory, "--to", "stablehlo", *which, "--out", tmp_path / "out") == 0
    exported = jax.export.deserialize(bytearray((tmp_path / "out" / "model.stablehlo").read_bytes()))
    inputs = inputs_of(directory, random)
    for rows in (1, 5):
        found = exported.call(inputs[:rows])
        np.testing.assert_allclose(found, found_here(directory, inputs[:rows], member), rtol=1e-4, atol=1e-5)
    assert {"cpu", "cuda", "tpu"} <= {*exported.platforms}


def test_what_goes_in_and_comes_out_is_written_beside_it(classes_run, tmp_path):
    assert jaxdl("export", classes_run, "--to", "stablehlo", "--out", tmp_path / "out") == 0
    told = files.read_json(tmp_path / "out" / "model.json")
    assert told["outputs"] == {"name": "outputs", "classes": ["ja ✓", "nein", "selten"]}
    assert told["members"] == 3
    features = told["inputs"]["features"]
    assert told["inputs"]["shape"] == ["batch", len(features)]
    assert {"age", "age is missing", "city = 東京", "city is missing", "score"} <= {*features}
    assert data.from_json(told["preparation"]) == load_run(classes_run).preparation


def test_the_shape_of_an_image_is_told_as_the_export_takes_it(images_run, tmp_path):
    for to, shape in {"torch": ["batch", 3, 12, 10], "stablehlo": ["batch", 12, 10, 3]}.items():
        assert jaxdl("export", images_run, "--to", to, "--out", tmp_path / to) == 0
        assert files.read_json(tmp_path / to / "model.json")["inputs"]["shape"] == shape


@RUNS
@pytest.mark.skipif(not ONNX.exists(), reason="make onnx has not been said: jax2onnx has an environment of its own")
def test_onnxruntime_computes_the_same(request, name, random, tmp_path):
    directory = request.getfixturevalue(name)
    command = [ONNX, "-m", "jaxdl", "export", directory, "--to", "onnx", "--out", tmp_path / "out"]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    inputs = inputs_of(directory, random)
    np.save(tmp_path / "inputs.npy", inputs)
    code = """
import numpy, onnxruntime, sys
session = onnxruntime.InferenceSession(sys.argv[1] + "/out/model.onnx")
numpy.save(sys.argv[1] + "/found.npy", session.run(["outputs"], {"inputs": numpy.load(sys.argv[1] + "/inputs.npy")})[0])
"""
    subprocess.run([ONNX, "-c", code, str(tmp_path)], check=True, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "found.npy"), found_here(directory, inputs), rtol=1e-4, atol=1e-5)


def test_mistakes_are_told(classes_run, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "jax2onnx", None)
    shutil.copytree(classes_run, tmp_path / "copy")
    for arguments, sentence in [
        (["copy", "--member", 3], "member must be from 0 to 2, but was 3"),
        (["copy", "--out", "copy"], "out must be a new or an empty directory, but copy is not"),
        (["nowhere"], "run must be a directory that jaxdl train has written to its end"),
        (["copy", "--to", "onnx"], "onnx needs jax2onnx, whose requirements differ from jaxdl's: say make onnx"),
    ]:
        assert jaxdl("export", *arguments) == 2
        assert sentence in capsys.readouterr().err
    assert not list((tmp_path / "copy").rglob("export/*/*"))
