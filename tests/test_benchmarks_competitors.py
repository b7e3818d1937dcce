"""The competitors of the benchmarks do the same work, and what they are counted by is counted right."""

import importlib

import jax
import numpy as np
import pytest

from benchmarks import limits
from benchmarks.absence import AbsentError
from benchmarks.benchmark import Prepared
from benchmarks.competitors import settings, work
from benchmarks.to_accuracy.course import COURSES, until_reached


def test_operations_and_bytes_are_counted_as_the_formula_says():
    inputs, labels = np.zeros((6, 5), np.float32), np.zeros(6, np.int32)
    mlp = work.Work(inputs, labels, batch=2, epochs=1, rate=0.1, hidden=(3,))
    assert limits.operations(mlp) == 3 * (3 * (2 * 2 * 5 * 3 + 2 * 2 * 3 * 10) - 2 * 2 * 5 * 3)
    params, signals = 5 * 3 + 3 + 3 * 10 + 10, 3 + 10
    assert limits.least_bytes(mlp, moments=2) == 4 * 3 * (params * 8 + 2 * (5 + 4 * signals))
    images = np.zeros((6, 4, 4, 1), np.float32)
    convnet = work.Work(images, labels, batch=2, epochs=1, rate=0.1, hidden=(), filters=(2,))
    forward = 2 * 2 * 16 * 9 * 2, 2 * 2 * 8 * 10
    assert limits.operations(convnet) == 3 * (3 * sum(forward) - forward[0])


def test_training_ends_where_the_accuracy_is_reached():
    course = COURSES["97"]
    assert until_reached(course, iter([0.9, 0.971, 0.98])) == (0.971, 2)
    with pytest.raises(RuntimeError, match=r"accuracy must reach 0.97, but was \[0.5"):
        until_reached(course, iter([0.5] * 100))
    assert course.rate(0, 10) == course.peak
    assert course.rate(10**6, 10) == pytest.approx(0.02 * course.peak)


def test_what_runs_on_the_cpu_is_not_compared_with_an_accelerator(monkeypatch):
    monkeypatch.setattr("jax.default_backend", lambda: "gpu")
    with pytest.raises(AbsentError, match="it would run on the CPU, and jax runs on gpu"):
        settings.on_cpus_alone()


TRAINERS = {
    "jaxdl": ("by_jaxdl", "alone"),
    "jaxdl population": ("by_jaxdl", "population", 2),
    "Flax": ("by_flax", "alone"),
    "jax.vmap": ("by_flax", "vmapped", 2),
    "Equinox": ("by_equinox", "alone"),
    "scikit-learn": ("by_scikit_learn", "loop", 2),
}


def small_digits():
    """As bytes, which competitors may keep as numbers, too."""
    digits = work.digits_mlp(epochs=3)
    inputs = digits.inputs - digits.inputs.min(axis=0)
    inputs = np.rint(255 * inputs / np.maximum(inputs.max(axis=0), 1e-6)).astype(np.uint8)
    return digits._replace(inputs=inputs, rate=1e-2)


def test_bytes_stand_for_the_same_numbers_in_every_package():
    digits = small_digits()
    wanted = digits.inputs.astype(np.float32) / np.float32(255)
    kept = digits.kept()
    assert (kept["bytes"].inputs.dtype, kept["float32"].inputs.dtype) == (np.uint8, np.float32)
    np.testing.assert_allclose(kept["float32"].inputs, wanted, rtol=2e-7)
    np.testing.assert_allclose(work.numbers(jax.numpy.asarray(digits.inputs)), wanted, rtol=2e-7)
    assert list(kept["float32"].kept()) == ["float32"]
    torch = pytest.importorskip("torch")
    np.testing.assert_allclose(work.numbers(torch.from_numpy(digits.inputs)), wanted, rtol=2e-7)


@pytest.mark.parametrize("trainer", TRAINERS)
def test_competitors_do_the_same_work(trainer):
    module, function, *members = TRAINERS[trainer]
    for package, user in (("equinox", "by_equinox"), ("sklearn", "by_scikit_learn"), ("joblib", "by_scikit_learn")):
        if module == user:
            pytest.importorskip(package)
    train = getattr(importlib.import_module(f"benchmarks.competitors.{module}"), function)
    prepared = train(small_digits(), *members)
    assert isinstance(prepared, Prepared)
    assert prepared.run() == pytest.approx(0.18, rel=0.25)


@pytest.mark.parametrize("function", ["loop", "vmapped"])
def test_pytorch_does_the_same_work(function):
    pytest.importorskip("torch")
    from benchmarks.competitors import by_pytorch

    ways = by_pytorch.Ways(threads=(1,), layouts=("NCHW",), compiled=(False,))
    assert getattr(by_pytorch, function)(small_digits(), 2, ways).run() == pytest.approx(0.18, rel=0.25)
