"""The data of the workloads: missing MNIST, and uint8 images in every package."""

import jax
import numpy as np
import pytest

from benchmarks.competitors import mnist, workload
from benchmarks.harness.requirements import MissingRequirementError


def test_missing_mnist_names_the_file_and_the_variable(monkeypatch, tmp_path):
    monkeypatch.setenv("JAXDL_DATA", str(tmp_path))
    mnist.mnist_bytes.cache_clear()
    with pytest.raises(MissingRequirementError, match="mnist.npz not found; set JAXDL_DATA"):
        workload.mnist_mlp()


def test_uint8_inputs_have_the_same_values_in_every_package():
    inputs = np.random.default_rng(0).integers(0, 256, (6, 5)).astype(np.uint8)
    stored = workload.Workload(inputs, np.zeros(6, np.int32), 2, 1, 0.1, (3,)).by_dtype()
    expected = inputs.astype(np.float32) / np.float32(255)
    assert (stored["uint8"].inputs.dtype, stored["float32"].inputs.dtype) == (np.uint8, np.float32)
    np.testing.assert_allclose(stored["float32"].inputs, expected, rtol=2e-7)
    np.testing.assert_allclose(workload.unit_scaled(jax.numpy.asarray(inputs)), expected, rtol=2e-7)
    assert list(stored["float32"].by_dtype()) == ["float32"]
    torch = pytest.importorskip("torch")
    np.testing.assert_allclose(workload.unit_scaled(torch.from_numpy(inputs)), expected, rtol=2e-7)
