"""The benchmarks run and refuse unequal work; their times are told where they are run, not here."""

import pytest

from benchmarks.__main__ import every_benchmark, main
from benchmarks.benchmark import Benchmark, Competitor, run


def made(*results):
    competitors = [Competitor(f"number {result}", lambda result=result: lambda: result) for result in results]
    return Benchmark("made", "How long?", lambda: competitors, same_work=0.1)


def test_every_competitor_is_compared_with_the_first():
    rows = run(made(1.0, 1.05), rounds=3)
    assert [row["name"] for row in rows] == ["number 1.0", "number 1.05"]
    assert rows[0]["ratio"] == rows[0]["ratio_low"] == rows[0]["ratio_high"] == 1
    assert rows[1]["ratio_low"] <= rows[1]["ratio"] <= rows[1]["ratio_high"]


def test_a_competitor_may_time_the_part_that_is_asked_for():
    rows = run(made((1.0, 2.0), (1.0, 3.0)), rounds=3)
    assert [row["seconds"] for row in rows] == [2.0, 3.0]
    assert rows[1]["ratio"] == 1.5


@pytest.mark.parametrize("results", [(1.0, 1.2), (1.0, float("nan"))])
def test_unequal_work_is_refused(results):
    with pytest.raises(RuntimeError, match="did not do the same work"):
        run(made(*results), rounds=1)


def test_the_benchmarks_are_listed_with_their_questions(capsys):
    assert main(["list"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in every_benchmark())


def test_an_unknown_benchmark_is_told(capsys):
    assert main(["run", "speed"]) == 2
    assert "population), but 'speed' is none" in capsys.readouterr().err
