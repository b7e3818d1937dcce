"""The choice of the fastest configuration."""

import numpy as np
import pytest

from benchmarks.competitors import tuning
from benchmarks.harness.requirements import MissingRequirementError


def test_the_fastest_configuration_is_chosen(monkeypatch):
    clock = iter(np.cumsum([0, 9, 0, 0.5, 0, 0.4, 0, 1, 0, 3]).tolist())
    monkeypatch.setattr(tuning.time, "perf_counter", lambda: next(clock))
    build = lambda name: lambda: tuning.Configuration(lambda: None, lambda: name)
    best = tuning.fastest_configuration({"2 threads": build("two"), "1 thread": build("one")})
    assert (best.configuration, best.compile_seconds, best.run()) == ("2 threads", 9, "two")
    # The trial of the second one takes longer than LONG_TRIAL and is not repeated.
    assert dict(best.tried) == pytest.approx({"2 threads": 0.4, "1 thread": 3})


def test_no_configuration_is_an_error():
    with pytest.raises(ValueError, match="at least one configuration, got none"):
        tuning.fastest_configuration({})


def test_competitors_that_need_the_cpu_are_not_compared_with_an_accelerator(monkeypatch):
    monkeypatch.setattr("jax.default_backend", lambda: "gpu")
    with pytest.raises(MissingRequirementError, match="it runs on the CPU only, but jax runs on gpu"):
        tuning.require_cpu_backend()
