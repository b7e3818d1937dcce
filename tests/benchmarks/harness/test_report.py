"""Measurements that are read back, the terminal's tables and the HTML page."""

import io

import pytest
from rich.console import Console

from benchmarks.__main__ import main
from benchmarks.harness import report, tables
from benchmarks.harness.absence import MissingRequirementError
from benchmarks.harness.measure import Benchmark, BenchmarkCase, Competitor, SpeedTarget, run_benchmark
from jaxdl.run import read_json, write_json

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


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A directory with the measurements of one benchmark of four cases."""
    uninstalled = Competitor("uninstalled", lambda: lambda: 1.0, requires=("no_such_package",))
    partial = BenchmarkCase("partial", lambda: [Competitor("available", lambda: lambda: 1.0), uninstalled], 0.0)
    cases = (growing_case(1), growing_case(8), partial, BenchmarkCase("skipped", no_data, 0.0))
    environment = dict.fromkeys(("cores", "device", "machine", "python", "jax", "flax", "optax", "date"), "2026-11-28")
    origin = {"environment": environment, "versions": {}, "workload": "Workload: `none`."}
    directory = tmp_path_factory.mktemp("results")
    write_json(directory / "example.json", origin | run_benchmark(Benchmark("example", "How long?", cases, rounds=3)))
    return directory


def test_the_page_has_answers_targets_skipped_parts_and_charts(results, tmp_path):
    pytest.importorskip("vl_convert")
    measured = read_json(results / "example.json")
    assert report.growth_curves(measured)["members"][-1] == {
        "line": "number 1",
        "at": 8,
        "seconds": 16.0,
        "unit": "member",
    }
    page = report.write_report(results, tmp_path / "new" / "page.html").read_text()
    for text in (
        "Time per member: number 0 1 s; number 1 2 times as long (2 to 2).",
        "Target: at least 1.2 times as fast as number 1. Reached: 2 (2 to 2).",
        "Not reached: 2 (2 to 2). Because.",
        "Not compared: absent was not timed.",
        "2 of 4",
        "Skipped: uninstalled: no_such_package not installed",
        "Skipped: no data",
        "Workload: <code>none</code>.",
        "vegaEmbed",
    ):
        assert text in page


def test_the_terminal_shows_the_same_as_the_page(results):
    stream = io.StringIO()
    for case in read_json(results / "example.json")["cases"]:
        tables.print_case(case, Console(file=stream, width=200))
    for text in (
        "growing: time per member",
        "75 % interval",
        "Time per member: number 0 1 s; number 1 2 times as long (2 to 2).",
        "Not reached: 2 (2 to 2). Because.",
        "skipped: uninstalled: no_such_package not installed",
        "skipped: skipped (no data)",
    ):
        assert text in stream.getvalue()


def test_competitors_of_different_sizes_are_all_named_in_the_sentence():
    rows = [{"name": f"width {size}", "size": size, "ratio": size, "seconds_per_unit": 2e-3} for size in (1, 2, 4)]
    sentence = tables.summary_sentence({"unit": "epoch", "rows": rows})
    assert sentence == "Time per epoch: width 1 2 ms. Times relative to it: width 2 2, width 4 4."


def test_a_report_without_measurements_is_an_error(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 2
    assert "contains no benchmark results (NAME.json)" in capsys.readouterr().err


def test_measurements_of_another_version_are_an_error(tmp_path, capsys):
    write_json(tmp_path / "old.json", {"environment": {}, "cases": []})
    assert main(["report", str(tmp_path)]) == 2
    assert "old.json was written by another version of the benchmarks" in capsys.readouterr().err
