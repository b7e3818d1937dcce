"""The conventions that every benchmark follows, and the stored measurements."""

import importlib
import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import benchmarks
from benchmarks.__main__ import all_benchmarks, workload_of
from benchmarks.competitors import workload

RESULTS = pathlib.Path(benchmarks.__file__).parent / "results"


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
