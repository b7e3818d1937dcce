"""Time competitors that do the same work: compiling apart from running, medians, ratios and intervals.

A benchmark asks one question and answers it with one or more cases. For each case the harness prepares every competitor
(compiles it, warms it up, finds its fastest configuration) and then times all of them round after round. Each round
starts with a different competitor. Times are divided by the units of work per run, so a loop over 4 networks can be
compared with a program that trains 128. Ratios to the first competitor are taken within each round, because a
disturbance on a shared machine affects the whole round.
"""

import gc
import importlib.util
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from benchmarks.harness.intervals import coverage, median_interval
from benchmarks.harness.requirements import MissingRequirementError

ROUNDS = 7


class PreparedCompetitor(NamedTuple):
    """A competitor that is compiled, warmed up and ready to be timed.

    Attributes:
        run: Does the work and returns when it is complete. It returns a number that must agree between competitors
            (such as a loss); or that number and the seconds to report, if only a part of the run is to be timed; or
            None, if there is nothing to compare.
        configuration: The configuration that was fastest, in words.
        compile_seconds: Time for compiling; None for the whole preparation time.
        memory_bytes: Memory besides arguments and results; None if unknown.
        tried: The configurations that were tried, each with the seconds of its short trial run.
    """

    run: Callable[[], float | tuple[float, float] | None]
    configuration: str = ""
    compile_seconds: float | None = None
    memory_bytes: int | None = None
    tried: tuple[tuple[str, float], ...] = ()


class Competitor(NamedTuple):
    """One way to do the work of a case.

    Attributes:
        name: The name in tables.
        prepare: Does the one-time work and returns a `PreparedCompetitor`, or only its `run` function.
        units: Units of work in one run; times are reported per unit.
        size: Position on the axis of the case, if its competitors differ in a size.
        requires: Packages that must be installed; without them the harness skips the competitor.
    """

    name: str
    prepare: Callable[[], PreparedCompetitor | Callable[[], Any]]
    units: float = 1.0
    size: float | None = None
    requires: tuple[str, ...] = ()


class SpeedTarget(NamedTuple):
    """A goal: the first competitor is at least `ratio` times as fast as `competitor`.

    Attributes:
        competitor: Name of the competitor.
        ratio: Smallest ratio of the competitor's time to that of the first competitor.
        explanation: Reason why the goal is missed; empty if it is not known to be missed.
    """

    competitor: str
    ratio: float
    explanation: str = ""


class BenchmarkCase(NamedTuple):
    """One comparison of competitors.

    Attributes:
        name: The title of the table.
        competitors: Returns the competitors. The others are compared with the first.
        tolerance: Largest allowed relative difference between the numbers that the runs return.
        unit: The unit of work that times are reported for.
        targets: Goals for the first competitor.
        axis: Axis title of the chart; cases with the same axis share a chart.
        size: Position of the case on the axis, unless the competitors have sizes of their own.
    """

    name: str
    competitors: Callable[[], list[Competitor]]
    tolerance: float
    unit: str = "run"
    targets: tuple[SpeedTarget, ...] = ()
    axis: str = ""
    size: float | None = None


class Benchmark(NamedTuple):
    """A question about speed and the cases that answer it.

    Attributes:
        name: The name of the file.
        question: The question, ending in a question mark.
        cases: The comparisons.
        rounds: How many times each competitor is timed; slow benchmarks use fewer rounds.
        warm_up_rounds: Rounds before the timed ones, which are not recorded.
    """

    name: str
    question: str
    cases: tuple[BenchmarkCase, ...]
    rounds: int = ROUNDS
    warm_up_rounds: int = 1


def run_benchmark(
    benchmark: Benchmark, rounds: int | None = None, on_case: Callable[[dict[str, Any]], object] | None = None
) -> dict[str, Any]:
    """Run every case and return the measurements as JSON values.

    Args:
        benchmark: The benchmark to run.
        rounds: Number of timed rounds; None for the number that the benchmark sets.
        on_case: Called with the result of each case as soon as it is measured.

    Returns:
        Name, question, one result per case and the total time in seconds. A case whose requirements are missing has the
        reason under `skipped`.

    Raises:
        RuntimeError: If the competitors of a case did not do the same work.
    """
    start, results = time.perf_counter(), []
    for case in benchmark.cases:
        try:
            count = benchmark.rounds if rounds is None else rounds
            results.append(run_case(case, count, benchmark.warm_up_rounds))
        except MissingRequirementError as missing:
            results.append(_case_header(case) | {"skipped": str(missing)})
        gc.collect()
        if on_case is not None:
            on_case(results[-1])
    total = time.perf_counter() - start
    return {"name": benchmark.name, "question": benchmark.question, "cases": results, "total_seconds": total}


def run_case(case: BenchmarkCase, rounds: int, warm_up_rounds: int = 0) -> dict[str, Any]:
    """Prepare all competitors of a case, time them in turn, and return the measurements as JSON values.

    Args:
        case: The comparison.
        rounds: Number of timed rounds, at least 1.
        warm_up_rounds: Number of rounds that are run first and not recorded.

    Returns:
        The title of the case, one row per competitor, the skipped competitors, and the outcome for each target.

    Raises:
        ValueError: If `rounds` is less than 1.
        RuntimeError: If the competitors did not do the same work.
        MissingRequirementError: If the data or the first competitor are missing.
    """
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, got {rounds}. Use 6 or more for a 95 % interval.")
    prepared, skipped = _prepare(case.competitors())
    runs = [ready.run for _, ready in prepared]
    _time_rounds(runs, warm_up_rounds)
    seconds, values = _time_rounds(runs, rounds)
    results = np.median(values, axis=0)
    _check_same_work(case, [competitor.name for competitor, _ in prepared], results)
    rows = _rows(prepared, seconds, results)
    return {
        **_case_header(case),
        "rounds": rounds,
        "coverage": coverage(rounds),
        "skipped_competitors": skipped,
        "rows": rows,
        "targets": [compare_with_target(target, rows) for target in case.targets],
    }


def _case_header(case) -> dict[str, Any]:
    return {name: getattr(case, name) for name in ("name", "unit", "axis", "size", "tolerance")}


def _rows(prepared, seconds, results) -> list[dict[str, Any]]:
    """Return one row per competitor from `seconds` of shape (rounds, competitors) and one result each."""
    per_unit = seconds / [competitor.units for competitor, _ in prepared]
    rows = []
    for column, (competitor, ready) in enumerate(prepared):
        ratio = median_interval(per_unit[:, column] / per_unit[:, 0])
        rows.append(
            {
                "name": competitor.name,
                "configuration": ready.configuration,
                "tried": ready.tried,
                "seconds_per_unit": float(np.median(per_unit[:, column])),
                "ratio": ratio.estimate,
                "ratio_low": ratio.low,
                "ratio_high": ratio.high,
                "compile_seconds": ready.compile_seconds,
                "memory_bytes": ready.memory_bytes,
                "result": None if np.isposinf(results[column]) else float(results[column]),
                "size": competitor.size,
                "units": competitor.units,
                "seconds_per_round": seconds[:, column].tolist(),  # whole runs, all units
            }
        )
    return rows


def _prepare(competitors: Sequence[Competitor]) -> tuple[list[tuple[Competitor, PreparedCompetitor]], list[str]]:
    """Return the competitors that can run here, prepared, and a sentence for each that was skipped.

    Raises MissingRequirementError if the first competitor cannot run.
    """
    prepared, skipped = [], []
    for competitor in competitors:
        missing = [name for name in competitor.requires if importlib.util.find_spec(name) is None]
        if missing:
            skipped.append(f"{competitor.name}: {' and '.join(missing)} not installed")
            continue
        start = time.perf_counter()
        try:
            ready = competitor.prepare()
        except MissingRequirementError as error:
            skipped.append(f"{competitor.name}: {error}")
            continue
        ready = ready if isinstance(ready, PreparedCompetitor) else PreparedCompetitor(ready)
        if ready.compile_seconds is None:
            ready = ready._replace(compile_seconds=time.perf_counter() - start)
        prepared.append((competitor, ready))
    if not prepared or prepared[0][0] is not competitors[0]:
        raise MissingRequirementError(
            f"the first competitor, which the others are compared with, cannot run here ({'; '.join(skipped)})"
        )
    return prepared, skipped


def _time_rounds(runs, rounds) -> tuple[np.ndarray, np.ndarray]:
    """Return seconds and results, both (rounds, competitors). Round n starts with competitor n, modulo their number."""
    seconds, results = np.zeros((2, rounds, len(runs)))
    for number in range(rounds):
        for column in np.roll(np.arange(len(runs)), -number).tolist():
            start = time.perf_counter()
            returned, elapsed = runs[column](), time.perf_counter() - start
            result, seconds[number, column] = returned if isinstance(returned, tuple) else (returned, elapsed)
            results[number, column] = np.inf if result is None else result
    return seconds, results


def _check_same_work(case, names, results) -> None:
    """Raise RuntimeError if results differ by more than the tolerance. Positive infinity marks a run without result."""
    compared = results[~np.isposinf(results)]
    if compared.size and not np.ptp(compared) <= case.tolerance * abs(compared).max():
        found = dict(zip(names, results.tolist(), strict=True))
        raise RuntimeError(f"the competitors of {case.name!r} did not do the same work: {found}")


def compare_with_target(target: SpeedTarget, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Compare the measured ratio with a target.

    Args:
        target: The goal.
        rows: The rows of the case, as `run_case` returns them.

    Returns:
        The target, the ratio and its interval. `reached` is decided by the median ratio, and is None if the competitor
        was not timed. `conclusive` is True if the whole interval lies on the same side of the target.
    """
    found = [row for row in rows if row["name"] == target.competitor]
    goal = {"competitor": target.competitor, "at_least": target.ratio}
    if not found:
        return goal | {"reached": None, "explanation": f"{target.competitor} was not timed"}
    ratio, low, high = (found[0][name] for name in ("ratio", "ratio_low", "ratio_high"))
    reached = ratio >= target.ratio
    conclusive = low >= target.ratio if reached else high < target.ratio
    measured = {"ratio": ratio, "low": low, "high": high, "reached": reached, "conclusive": conclusive}
    return goal | measured | {"explanation": "" if reached else target.explanation}
