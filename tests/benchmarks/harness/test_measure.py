"""Timing in rounds, ratios to the first competitor, equal work, and targets."""

import pytest

from benchmarks.harness.measure import (
    Benchmark,
    BenchmarkCase,
    Competitor,
    SpeedTarget,
    compare_with_target,
    run_benchmark,
    run_case,
)
from benchmarks.harness.requirements import MissingRequirementError
from benchmarks.harness.tables import target_sentence


def case_returning(*results):
    """A case with one competitor per result; a pair is a result and the seconds to report."""
    competitors = [
        Competitor(f"number {place}", lambda result=result: lambda: result) for place, result in enumerate(results)
    ]
    return BenchmarkCase("example", lambda: competitors, tolerance=0.1)


def case_of(*competitors):
    return BenchmarkCase("example", lambda: list(competitors), tolerance=0.0)


def test_every_competitor_is_compared_with_the_first():
    rows = run_case(case_returning(1.0, 1.05), rounds=3)["rows"]
    assert [row["name"] for row in rows] == ["number 0", "number 1"]
    assert rows[0]["ratio"] == rows[0]["ratio_low"] == rows[0]["ratio_high"] == 1
    assert rows[1]["ratio_low"] <= rows[1]["ratio"] <= rows[1]["ratio_high"]
    assert [row["result"] for row in rows] == [1.0, 1.05]


def test_each_round_starts_with_the_next_competitor():
    order = []
    competitors = [Competitor(name, lambda name=name: lambda: order.append(name) or 1.0) for name in "abc"]
    run_case(case_of(*competitors), rounds=4)
    assert "".join(order) == "abcbcacababc"
    order.clear()
    run_case(case_of(*competitors), rounds=1, warm_up_rounds=2)
    assert "".join(order) == "abcbcaabc"


def test_a_competitor_can_report_the_seconds_of_a_part_of_its_run():
    rows = run_case(case_returning((1.0, 2.0), (1.0, 3.0)), rounds=3)["rows"]
    assert [row["seconds_per_unit"] for row in rows] == [2.0, 3.0]
    assert rows[1]["ratio"] == 1.5
    assert rows[1]["seconds_per_round"] == [3.0, 3.0, 3.0]


def test_times_are_per_unit_of_work():
    population = Competitor("128 at once", lambda: lambda: (1.0, 64.0), units=128)
    loop = Competitor("a loop over four", lambda: lambda: (1.0, 8.0), units=4)
    rows = run_case(case_of(population, loop), rounds=1)["rows"]
    assert [row["seconds_per_unit"] for row in rows] == [0.5, 2.0]
    assert rows[1]["ratio"] == 4.0


@pytest.mark.parametrize("results", [(1.0, 1.2), (1.0, float("nan"))])
def test_unequal_work_raises(results):
    with pytest.raises(RuntimeError, match="'example' did not do the same work: {'number 0': 1.0"):
        run_case(case_returning(*results), rounds=1)


def test_a_run_without_result_is_not_compared():
    assert run_case(case_returning((1.0, 2.0), (None, 4.0)), rounds=1)["rows"][1]["result"] is None


def test_competitors_with_missing_requirements_are_skipped_and_listed():
    def no_compiler():
        raise MissingRequirementError("no C++ compiler found")

    available = Competitor("available", lambda: lambda: 1.0)
    uninstalled = Competitor("uninstalled", lambda: lambda: 1.0, requires=("no_such_package",))
    measured = run_case(case_of(available, uninstalled, Competitor("compiled", no_compiler)), rounds=1)
    assert [row["name"] for row in measured["rows"]] == ["available"]
    assert measured["skipped_competitors"] == [
        "uninstalled: no_such_package not installed",
        "compiled: no C++ compiler found",
    ]
    with pytest.raises(MissingRequirementError, match="the first competitor, .* cannot run here"):
        run_case(case_of(uninstalled, available), rounds=1)


def test_a_case_with_missing_requirements_is_skipped_with_the_reason():
    def missing():
        raise MissingRequirementError("mnist.npz not found")

    on_case = []
    example = Benchmark("example", "How long?", (BenchmarkCase("images", missing, 0.0), case_returning(1.0)))
    cases = run_benchmark(example, rounds=1, on_case=on_case.append)["cases"]
    assert on_case == cases
    assert cases[0]["skipped"] == "mnist.npz not found"
    assert "rows" in cases[1]


def test_less_than_one_round_raises():
    with pytest.raises(ValueError, match="rounds must be at least 1, got 0"):
        run_case(case_returning(1.0), rounds=0)


@pytest.mark.parametrize(
    ("ratio", "reached", "conclusive", "explanation"),
    [((4.0, 3.5, 5.0), True, True, ""), ((3.2, 2.0, 5.0), True, False, ""), ((2.0, 1.0, 2.5), False, True, "Slow.")],
)
def test_a_target_is_reached_if_the_median_ratio_is_high_enough(ratio, reached, conclusive, explanation):
    row = {"name": "loop", **dict(zip(("ratio", "ratio_low", "ratio_high"), ratio, strict=True))}
    outcome = compare_with_target(SpeedTarget("loop", 3.0, "Slow."), [row])
    assert (outcome["reached"], outcome["conclusive"], outcome["explanation"]) == (reached, conclusive, explanation)
    sentence = target_sentence(outcome)
    assert sentence.startswith(
        "Target: at least 3 times as fast as loop. " + ("Reached: " if reached else "Not reached: ")
    )
    assert ("the interval contains the target" in sentence) == (not conclusive)
    assert sentence.endswith("Slow.") == (not reached)


def test_a_target_without_its_competitor_is_not_compared():
    outcome = compare_with_target(SpeedTarget("loop", 3.0), [])
    assert outcome["reached"] is None
    assert target_sentence(outcome).endswith("Not compared: loop was not timed.")
