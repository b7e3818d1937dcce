"""Exported networks compute elsewhere what they compute in jaxdl."""

import importlib.util
import pathlib
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
    """Return five inputs of an exported network."""
    shape = files.read_json(directory / "preparation.json")["shape"]
    return random.normal(size=(5, *shape)).astype(np.float32)


def expected_outputs(directory, inputs, member=None):
    """Return the mean probability or target over the members, or that of one, from the parameters of the run."""
    source = load_run(directory)
    fitted, labels = source.preparation.inputs, source.preparation.labels
    if isinstance(fitted, data.Standardization):
        inputs = (inputs - fitted.mean) / fitted.std
    classes, inputs = isinstance(labels, data.Classes), jax.numpy.asarray(inputs)
    every = np.asarray(member_outputs(source.model, source.params, source.stats, inputs, classes=classes))
    every = every if classes else data.rescaled(every, labels)
    return every.mean(axis=0) if member is None else every[member]


RUNS = pytest.mark.parametrize("name", ["classes_run", "regression_run", "images_run"])


@RUNS
def test_the_pytorch_module_computes_the_same_from_its_files(request, name, random, torch, tmp_path):
    directory = request.getfixturevalue(name)
    assert jaxdl("export", directory, "--to", "torch", "--member", 1, "--out", tmp_path / "out") == 0
    spec = importlib.util.spec_from_file_location("exported", tmp_path / "out" / "model.py")
    exported = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(exported)
    inputs = inputs_of(directory, random)
    tensor = torch.from_numpy(inputs.transpose(0, 3, 1, 2).copy() if inputs.ndim == 4 else inputs)
    found = exported.predict(exported.load(), tensor).numpy()
    np.testing.assert_allclose(found, expected_outputs(directory, inputs, member=1), rtol=1e-4, atol=1e-5)
    described = files.read_json(tmp_path / "out" / "model.json")
    assert described["outputs"].get("classes") == exported.CLASSES


@RUNS
@pytest.mark.parametrize("member", [None, 1])
def test_the_stablehlo_program_computes_the_same_for_any_number_of_examples(request, name, random, tmp_path, member):
    directory = request.getfixturevalue(name)
    chosen = [] if member is None else ["--member", member]
    assert jaxdl("export", directory, "--to", "stablehlo", *chosen, "--out", tmp_path / "out") == 0
    exported = jax.export.deserialize(bytearray((tmp_path / "out" / "model.stablehlo").read_bytes()))
    inputs = inputs_of(directory, random)
    for rows in (1, 5):
        found = exported.call(inputs[:rows])
        np.testing.assert_allclose(found, expected_outputs(directory, inputs[:rows], member), rtol=1e-4, atol=1e-5)
    assert {"cpu", "cuda", "tpu"} <= {*exported.platforms}


@RUNS
@pytest.mark.skipif(not ONNX.exists(), reason="jax2onnx is not installed: make onnx sets up its environment")
def test_the_onnx_model_computes_the_same(request, name, random, tmp_path):
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
    expected = expected_outputs(directory, inputs)
    np.testing.assert_allclose(np.load(tmp_path / "found.npy"), expected, rtol=1e-4, atol=1e-5)
