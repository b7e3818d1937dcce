"""Measurements of one small benchmark, written to a directory."""

import gc

import pytest

from benchmarks.harness.measure import Benchmark, BenchmarkCase, Competitor, SpeedTarget, run_benchmark
from benchmarks.harness.requirements import MissingRequirementError
from jaxdl.runs.files import write_json

TARGETS = (
    SpeedTarget("number 1", 1.2, "Because."),
    SpeedTarget("number 1", 99.0, "Because."),
    SpeedTarget("absent", 2),
)


def growing_case(size):
    """A case of one size whose second competitor takes 2 * size seconds."""
    competitors = [Competitor("number 0", lambda: lambda: (1.0, 1.0))]
    competitors += [Competitor("number 1", lambda: lambda: (1.0, 2.0 * size))]
    return BenchmarkCase("growing", lambda: competitors, 0.0, "member", TARGETS, axis="members", size=size)


def no_data():
    raise MissingRequirementError("no data")


@pytest.fixture(scope="module", autouse=True)
def little_garbage():
    """Let the collections of the harness skip all objects of earlier tests, which take a second each."""
    gc.freeze()


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A directory with the measurements of one benchmark of four cases."""
    uninstalled = Competitor("uninstalled", lambda: lambda: 1.0, requires=("no_such_package",))
    partial = BenchmarkCase("partial", lambda: [Competitor("available", lambda: lambda: 1.0), uninstalled], 0.0)
    cases = (growing_case(1), growing_case(8), partial, BenchmarkCase("skipped", no_data, 0.0))
    environment = dict.fromkeys(
        ("cores", "device", "machine", "python", "jax", "flax", "optax", "date"), "2026-11-28"
    ) | {"cores": 2}
    origin = {"environment": environment, "versions": {}, "workload": "Workload: `none`."}
    directory = tmp_path_factory.mktemp("results")
    write_json(directory / "example.json", origin | run_benchmark(Benchmark("example", "How long?", cases, rounds=3)))
    return directory
