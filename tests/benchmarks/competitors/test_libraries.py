"""Every library does the same work: the loss after training agrees."""

import importlib

import numpy as np
import pytest

from benchmarks.competitors import workload
from benchmarks.harness.measure import PreparedCompetitor

TRAINERS = {
    "jaxdl": ("by_jaxdl", "single"),
    "jaxdl population": ("by_jaxdl", "population", 2),
    "Flax": ("by_flax", "single"),
    "jax.vmap": ("by_flax", "vmapped", 2),
    "Equinox": ("by_equinox", "single"),
    "scikit-learn": ("by_scikit_learn", "loop", 2),
}


@pytest.fixture(scope="module")
def digits():
    """Digits as uint8, which competitors may store as float32, too."""
    digits = workload.digits_mlp(epochs=3)
    inputs = digits.inputs - digits.inputs.min(axis=0)
    inputs = np.rint(255 * inputs / np.maximum(inputs.max(axis=0), 1e-6)).astype(np.uint8)
    return digits._replace(inputs=inputs, learning_rate=1e-2)


@pytest.mark.parametrize("trainer", TRAINERS)
def test_competitors_do_the_same_work(trainer, digits):
    module, function, *members = TRAINERS[trainer]
    for package, user in (("equinox", "by_equinox"), ("sklearn", "by_scikit_learn"), ("joblib", "by_scikit_learn")):
        if module == user:
            pytest.importorskip(package)
    train = getattr(importlib.import_module(f"benchmarks.competitors.{module}"), function)
    prepared = train(digits, *members)
    assert isinstance(prepared, PreparedCompetitor)
    assert prepared.run() == pytest.approx(0.18, rel=0.25)


@pytest.mark.parametrize("function", ["loop", "vmapped"])
def test_pytorch_does_the_same_work(function, digits):
    pytest.importorskip("torch")
    from benchmarks.competitors import by_pytorch

    options = by_pytorch.PyTorchOptions(threads=(1,), memory_formats=("NCHW",), compiled=(False,))
    assert getattr(by_pytorch, function)(digits, 2, options).run() == pytest.approx(0.18, rel=0.25)
