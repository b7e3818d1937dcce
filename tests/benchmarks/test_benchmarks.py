"""The command line, the conventions that every benchmark follows, and the stored measurements."""

import importlib
import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import benchmarks
from benchmarks.__main__ import all_benchmarks, main, workload_of
from benchmarks.competitors import workload

RESULTS = pathlib.Path(benchmarks.__file__).parent / "results"


def test_list_prints_every_benchmark(capsys):
    assert main(["list"]) == 0
    printed = capsys.readouterr().out
    assert all(f"{each.name}: {each.question}" in printed for each in all_benchmarks().values())


def test_an_unknown_benchmark_is_an_error(capsys, monkeypatch):
    monkeypatch.setattr("jax.config.update", lambda *_: None)
    assert main(["run", "speed"]) == 2
    message = capsys.readouterr().err
    assert "'speed'" in message
    assert "populations, time_to_accuracy" in message


def test_run_writes_measurements_and_report_reads_them(tmp_path, monkeypatch, capsys):
    pytest.importorskip("vl_convert")
    from benchmarks.harness.measure import Benchmark, BenchmarkCase, Competitor

    monkeypatch.setattr("jax.config.update", lambda *_: None)
    case = BenchmarkCase("example", lambda: [Competitor("only", lambda: lambda: 1.0)], 0.0)
    monkeypatch.setattr("benchmarks.__main__.all_benchmarks", lambda: {"mlp": Benchmark("mlp", "How long?", (case,))})
    assert main(["run", "mlp", "--rounds", "1", "--out", str(tmp_path)]) == 0
    written = json.loads((tmp_path / "mlp.json").read_text())
    assert set(written) > {"environment", "versions", "workload", "cases", "total_seconds"}
    assert main(["report", str(tmp_path), "--out", str(tmp_path / "page.html")]) == 0
    assert str(tmp_path / "page.html") in capsys.readouterr().out


def test_a_benchmark_with_unequal_work_fails_and_writes_nothing(tmp_path, monkeypatch, capsys):
    from benchmarks.harness.measure import Benchmark, BenchmarkCase, Competitor

    monkeypatch.setattr("jax.config.update", lambda *_: None)
    competitors = [Competitor("one", lambda: lambda: 1.0), Competitor("two", lambda: lambda: 2.0)]
    case = BenchmarkCase("example", lambda: competitors, tolerance=0.1)
    monkeypatch.setattr("benchmarks.__main__.all_benchmarks", lambda: {"mlp": Benchmark("mlp", "How long?", (case,))})
    assert main(["run", "mlp", "--rounds", "1", "--out", str(tmp_path)]) == 1
    assert "mlp failed: the competitors of 'example' did not do the same work" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_the_benchmarks_of_the_design_exist():
    names = "mlp convnet populations convnet_populations time_to_accuracy backward growth limits"
    assert set(names.split()) <= set(all_benchmarks())


@pytest.mark.parametrize("name", all_benchmarks())
def test_a_benchmark_opens_with_question_command_answer_and_workload(name):
    text = importlib.import_module(f"benchmarks.{name}").__doc__
    question, command, answer, *_ = text.split("\n\n")
    assert question.startswith("Benchmark: ")
    assert question.endswith("?")
    assert command.strip() == f"python -m benchmarks run {name}"
    assert any(digit in answer for digit in "0123456789"), "the measured answer"
    assert "CPU cores" in " ".join(text.split())
    assert workload_of(name)


@pytest.mark.parametrize("each", all_benchmarks().values(), ids=lambda each: each.name)
def test_cases_are_complete(each):
    assert each.question.endswith("?")
    assert each.rounds >= 5
    assert len({case.name for case in each.cases}) == len(each.cases) > 0
    for case in each.cases:
        assert callable(case.competitors)
        assert all(target.ratio > 0 for target in case.targets)


def test_targets_name_existing_competitors(monkeypatch):
    small = np.zeros((70_000, 28, 28, 1), np.float32), np.zeros(70_000, np.int32)
    monkeypatch.setattr(workload, "mnist_bytes", lambda: (small, small))
    cases = [case for each in all_benchmarks().values() for case in each.cases if case.targets]
    assert len(cases) == 7
    for case in cases:
        assert {target.competitor for target in case.targets} <= {each.name for each in case.competitors()[1:]}


@pytest.mark.parametrize("name", [path.stem for path in RESULTS.glob("*.json")])
def test_stored_measurements_belong_to_the_benchmark_and_have_every_round(name):
    measured, each = json.loads((RESULTS / f"{name}.json").read_text()), all_benchmarks()[name]
    assert measured["question"] == each.question
    assert measured["workload"] == workload_of(name)
    assert [case["name"] for case in measured["cases"]] == [case.name for case in each.cases]
    header = " ".join((importlib.import_module(f"benchmarks.{name}").__doc__ or "").split())
    for case in measured["cases"]:
        if "skipped" not in case:
            assert f"interval of {case['rounds']} rounds" in header
            assert all(len(row["seconds_per_round"]) == case["rounds"] for row in case["rows"])


def test_programs_timed_from_the_start_of_the_interpreter_import_no_jax_by_accident():
    code = "import sys, benchmarks.competitors.mnist, benchmarks.to_accuracy.goals; print('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
