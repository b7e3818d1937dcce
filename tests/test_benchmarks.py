"""The benchmarks' harness and page, and what all benchmarks have; times are told where they are run."""

import importlib
import json
import pathlib

import numpy as np
import pytest

from benchmarks import mnist, report, tables
from benchmarks.__main__ import every_benchmark, main, work_of
from benchmarks.absence import AbsentError
from benchmarks.benchmark import (
    Benchmark,
    Case,
    Competitor,
    Target,
    coverage,
    judged,
    median_interval,
    run,
    run_case,
)
from benchmarks.competitors import settings, work
from jaxdl.runs.files import read_json, write_json

FOLDER = pathlib.Path(report.__file__).parent


def made(*results, **more):
    """A case whose competitors return these results."""
    competitors = [
        Competitor(f"number {place}", lambda result=result: lambda: result) for place, result in enumerate(results)
    ]
    return Case("made", lambda: competitors, **{"same_work": 0.1} | more)


def answered(tmp_path, *cases, name="made"):
    """What is read back of a benchmark of these cases."""
    write_json(tmp_path / f"{name}.json", run(Benchmark(name, "How long?", cases), rounds=3))
    return read_json(tmp_path / f"{name}.json")


def test_every_competitor_is_compared_with_the_first():
    rows = run_case(made(1.0, 1.05), rounds=3)["rows"]
    assert [row["name"] for row in rows] == ["number 0", "number 1"]
    assert rows[0]["ratio"] == rows[0]["ratio_low"] == rows[0]["ratio_high"] == 1
    assert rows[1]["ratio_low"] <= rows[1]["ratio"] <= rows[1]["ratio_high"]
    assert [row["result"] for row in rows] == [1.0, 1.05]


def test_competitors_take_turns_and_take_turns_to_begin():
    turns = []
    competitors = [Competitor(name, lambda name=name: lambda: turns.append(name) or 1.0) for name in "abc"]
    run_case(Case("made", lambda: competitors, same_work=0.0), rounds=4)
    assert "".join(turns) == "abcbcacababc"
    turns.clear()
    run_case(Case("made", lambda: competitors, same_work=0.0), rounds=1, warm_up=2)
    assert "".join(turns) == "abcbcaabc"


def test_a_competitor_may_time_the_part_that_is_asked_for():
    rows = run_case(made((1.0, 2.0), (1.0, 3.0)), rounds=3)["rows"]
    assert [row["seconds"] for row in rows] == [2.0, 3.0]
    assert rows[1]["ratio"] == 1.5
    assert rows[1]["rounds"] == [3.0, 3.0, 3.0]


def test_seconds_are_for_one_unit_of_work():
    competitors = [
        Competitor("128 at once", lambda: lambda: (1.0, 64.0), units=128),
        Competitor("a loop over four", lambda: lambda: (1.0, 8.0), units=4),
    ]
    rows = run_case(Case("made", lambda: competitors, same_work=0.0), rounds=1)["rows"]
    assert [row["seconds"] for row in rows] == [0.5, 2.0]
    assert rows[1]["ratio"] == 4.0


@pytest.mark.parametrize("results", [(1.0, 1.2), (1.0, float("nan"))])
def test_unequal_work_is_refused(results):
    with pytest.raises(RuntimeError, match="'made' did not do the same work: {'number 0': 1.0"):
        run_case(made(*results), rounds=1)


def test_a_rate_of_the_machine_is_not_compared():
    assert run_case(made((1.0, 2.0), (None, 4.0)), rounds=1)["rows"][1]["result"] is None


def test_what_is_not_there_is_left_out_and_said_to_be():
    def no_compiler():
        raise AbsentError("there is no compiler")

    there = Competitor("there", lambda: lambda: 1.0)
    others = [Competitor("elsewhere", lambda: lambda: 1.0, needs=("no_such_package",)), Competitor("it", no_compiler)]
    measured = run_case(Case("made", lambda: [there, *others], same_work=0.0), rounds=1)
    assert [row["name"] for row in measured["rows"]] == ["there"]
    assert measured["left_out"] == ["elsewhere: no_such_package not installed", "it: there is no compiler"]
    with pytest.raises(AbsentError, match="what the others are compared with cannot run here"):
        run_case(Case("made", lambda: [others[0], there], same_work=0.0), rounds=1)


def test_a_case_without_its_data_is_skipped_with_the_reason(monkeypatch, tmp_path):
    monkeypatch.setenv("JAXDL_DATA", str(tmp_path))
    mnist.mnist_bytes.cache_clear()
    skipped = Case("images", work.mnist_mlp, same_work=0.0)
    cases = run(Benchmark("made", "How long?", (skipped, made(1.0))), rounds=1)["cases"]
    assert "needs mnist.npz" in cases[0]["skipped"]
    assert "rows" in cases[1]


def test_no_round_is_refused():
    with pytest.raises(ValueError, match="rounds must be at least 1, but was 0"):
        run_case(made(1.0), rounds=0)


def test_the_interval_holds_the_median_as_often_as_it_says():
    assert median_interval(np.array([3.0, 1.0, 2.0, 5.0, 4.0])) == (3.0, 1.0, 5.0)
    assert [coverage(rounds) for rounds in (5, 6, 7)] == [0.9375, 0.96875, 0.984375]
    assert median_interval(np.arange(9.0)) == (4.0, 1.0, 7.0)
    drawn = np.random.default_rng(0).lognormal(size=(4000, 9))
    intervals = [median_interval(values) for values in drawn]
    held = np.mean([low <= 1 <= high for _, low, high in intervals])
    assert held == pytest.approx(coverage(9), abs=0.01)


@pytest.mark.parametrize(
    ("ratio", "reached", "sure", "why"),
    [((4.0, 3.5, 5.0), True, True, ""), ((3.2, 2.0, 5.0), True, False, ""), ((2.0, 1.0, 2.5), False, True, "slow")],
)
def test_a_target_is_reached_or_not(ratio, reached, sure, why):
    row = {"name": "loop", **dict(zip(("ratio", "ratio_low", "ratio_high"), ratio, strict=True))}
    said = judged(Target("loop", 3.0, why="slow"), [row])
    assert (said["reached"], said["sure"], said["why"]) == (reached, sure, why)
    told = tables.told(said)
    assert told.startswith("at least 3 times as fast as loop: " + ("reached" if reached else "not reached"))
    assert told.endswith("slow") == (not reached)


def test_a_target_without_its_competitor_is_not_compared():
    assert judged(Target("loop", 3.0), [])["reached"] is None
    assert "not compared" in tables.told(judged(Target("loop", 3.0), []))


def test_the_fastest_setting_is_kept(monkeypatch):
    clock = iter(np.cumsum([0, 9, 0, 0.5, 0, 0.4, 0, 1, 0, 3]).tolist())
    monkeypatch.setattr(settings.time, "perf_counter", lambda: next(clock))
    make = lambda name: lambda: settings.Setting(lambda: None, lambda: name)
    best = settings.fastest({"2 threads": make("two"), "1 thread": make("one")})
    assert (best.setting, best.compile, best.run()) == ("2 threads", 9, "two")
    assert dict(best.tried) == pytest.approx({"2 threads": 0.4, "1 thread": 3})  # the second, which is long, once


def test_numbers_come_back_from_their_file_and_make_a_page(tmp_path):
    pytest.importorskip("vl_convert")
    targets = (Target("number 1", 1.2, why="because"), Target("number 1", 99.0, why="because"), Target("nobody", 2))
    cases = [made((1.0, 1.0), (1.0, 2.0 * at), at=at, axis="members", targets=targets, unit="member") for at in (1, 8)]
    absent = Competitor("elsewhere", lambda: lambda: 1.0, needs=("no_such_package",))
    cases.append(Case("left", lambda: [Competitor("here", lambda: lambda: 1.0), absent], same_work=0.0))
    cases.append(Case("gone", lambda: (_ for _ in ()).throw(AbsentError("no data")), same_work=0.0))
    measured = answered(tmp_path, *cases)
    write_json(
        tmp_path / "made.json", {"environment": environment(), "versions": {}, "work": "The work: none.", **measured}
    )
    assert report.curves(measured)["members"][-1] == {"line": "number 1", "at": 8, "seconds": 16.0, "unit": "member"}
    page = report.write(tmp_path, tmp_path / "new" / "page.html").read_text()
    for told in (
        "number 0 takes 1 s for one member; number 1 2 times as long (2 to 2).",
        "at least 1.2 times as fast as number 1: reached, 2 (2 to 2)",
        "not reached, 2 (2 to 2); because",
        "2 of 4",
        "elsewhere: no_such_package not installed",
        "Skipped: no data",
        "The work: none.",
        "vegaEmbed",
    ):
        assert told in page


def environment():
    names = ("cores", "device", "machine", "python", "jax", "flax", "optax", "date")
    return dict.fromkeys(names, "2026-11-28")


def test_a_page_without_numbers_is_refused(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 2
    assert "results must be a directory with NAME.json" in capsys.readouterr().err


def test_numbers_of_an_older_version_are_told(tmp_path, capsys):
    write_json(tmp_path / "old.json", {"environment": {}, "rows": []})
    assert main(["report", str(tmp_path)]) == 2
    assert "old.json has no cases: run that benchmark again" in capsys.readouterr().err


def test_the_benchmarks_are_listed_with_their_questions(capsys):
    assert main(["list"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in every_benchmark())


def test_an_unknown_benchmark_is_told(capsys, monkeypatch):
    monkeypatch.setattr("jax.config.update", lambda *_: None)
    assert main(["run", "speed"]) == 2
    assert "populations, time_to_accuracy), but 'speed' is none" in capsys.readouterr().err


def test_there_are_the_eight_questions():
    eight = "mlp convnet populations convnet_populations time_to_accuracy backward growth limits"
    assert set(eight.split()) <= set(every_benchmark())


@pytest.mark.parametrize("name", every_benchmark())
def test_a_file_opens_with_its_question_and_answer(name):
    told = importlib.import_module(f"benchmarks.{name}").__doc__
    question, command, answer, *_ = told.split("\n\n")
    assert question.endswith("?")
    assert command.strip() == f"python -m benchmarks run {name}"
    assert any(digit in answer for digit in "0123456789"), "the measured answer"
    assert "CPU cores" in " ".join(told.split())
    assert work_of(name)


@pytest.mark.parametrize("each", every_benchmark().values(), ids=lambda each: each.name)
def test_cases_are_whole(each):
    assert each.question.endswith("?")
    assert each.rounds >= 5
    assert len({case.name for case in each.cases}) == len(each.cases) > 0
    for case in each.cases:
        assert callable(case.competitors)
        assert all(target.ratio > 0 for target in case.targets)


def test_targets_name_competitors_that_there_are(monkeypatch):
    small = np.zeros((70_000, 28, 28, 1), np.float32), np.zeros(70_000, np.int32)
    monkeypatch.setattr(work, "mnist_bytes", lambda: (small, small))
    cases = [case for each in every_benchmark().values() for case in each.cases if case.targets]
    assert len(cases) == 7
    for case in cases:
        assert {target.competitor for target in case.targets} <= {each.name for each in case.competitors()[1:]}


@pytest.mark.parametrize("name", [path.stem for path in (FOLDER / "results").glob("*.json")])
def test_what_was_measured_is_kept_with_every_round(name):
    measured = json.loads((FOLDER / "results" / f"{name}.json").read_text())
    assert measured["question"] == every_benchmark()[name].question
    for case in measured["cases"]:
        assert "skipped" in case or all(len(row["rounds"]) == case["rounds"] for row in case["rows"])
