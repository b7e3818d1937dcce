"""How a question about speed is answered: competitors take turns, compiling is timed apart, medians and ratios.

A benchmark asks one question in one or more cases. In each case the competitors are prepared (compiled, warmed up,
their best setting found) and then timed in turn, round after round, each round beginning with another one. Their
seconds are divided by the units of work that they do, so that a loop over four networks can stand beside a program of
128. The ratio to the first competitor is taken in each round: what disturbs a shared machine disturbs a whole round.
"""

import gc
import importlib.util
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.special

from benchmarks.absence import AbsentError as AbsentError
from jaxdl.statistics import Interval

ROUNDS = 7


class Prepared(NamedTuple):
    """What is timed, the setting that it was found to be fastest in, what it took to compile, and the memory it takes.

    `run()` returns only when its work is done, and returns a number that says that the work was the same; or that
    number and the seconds that a part of it took, where only that part is what is asked for; or None for work that is
    not to be compared, such as that of a rate of the machine.
    """

    run: Callable[[], float | tuple[float, float] | None]
    setting: str = ""
    compile: float | None = None  # seconds; without them, all that the preparation took
    memory: int | None = None  # bytes, besides arguments and results
    tried: tuple[tuple[str, float], ...] = ()  # settings, and the seconds of a short piece of the work in each


class Competitor(NamedTuple):
    """`prepare()` does what is done once and gives the `Prepared` that is timed, or its `run()` alone.

    One run does `units` units of the case's work. `at` is where the competitor stands on the axis of a case whose
    competitors differ by a size, and `needs` are the packages without which it is left out.
    """

    name: str
    prepare: Callable[[], Prepared | Callable[[], Any]]
    units: float = 1.0
    at: float | None = None
    needs: tuple[str, ...] = ()


class Target(NamedTuple):
    """The first competitor is to be at least so many times as fast as this one; if it is known not to be, then why."""

    competitor: str
    ratio: float
    why: str = ""


class Case(NamedTuple):
    """One comparison: the first competitor is the one that the others are compared with.

    `same_work` is the largest relative difference between the numbers that they return. `axis` names what the case or
    its competitors stand at, for a chart; cases with the same axis are drawn as one.
    """

    name: str
    competitors: Callable[[], list[Competitor]]
    same_work: float
    unit: str = "run"
    targets: tuple[Target, ...] = ()
    axis: str = ""
    at: float | None = None


class Benchmark(NamedTuple):
    """A question, and the cases that answer it; long ones may ask for fewer rounds."""

    name: str
    question: str
    cases: tuple[Case, ...]
    rounds: int = ROUNDS
    warm_up: int = 1  # rounds before those that count


def silent(case: dict[str, Any]) -> None:
    """Tell nothing."""


def run(benchmark: Benchmark, rounds: int | None = None, tell: Callable[[dict], None] = silent) -> dict[str, Any]:
    """Answer the question: what was measured in each case, as JSON can hold it; `tell(case)` is called after each.

    Raises RuntimeError where competitors did not do the same work.
    """
    began, answered = time.perf_counter(), []
    for case in benchmark.cases:
        try:
            answered.append(run_case(case, benchmark.rounds if rounds is None else rounds, benchmark.warm_up))
        except AbsentError as absent:
            answered.append(_described(case) | {"skipped": str(absent)})
        gc.collect()
        tell(answered[-1])
    seconds = time.perf_counter() - began
    return {"name": benchmark.name, "question": benchmark.question, "cases": answered, "seconds": seconds}


def run_case(case: Case, rounds: int, warm_up: int = 0) -> dict[str, Any]:
    """Prepare all competitors of a case, then time them in turn; rounds to warm up are not counted.

    Raises RuntimeError where they did not do the same work, and AbsentError where the case cannot be run here.
    """
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, but was {rounds}: 6 give an interval of 95 %.")
    there, left_out = _prepared(case.competitors())
    runs = [made.run for _, made in there]
    _timed(runs, warm_up)
    seconds, results = _timed(runs, rounds)
    worked = np.median(results, axis=0)
    _check_same_work(case, [competitor.name for competitor, _ in there], worked)
    per_unit = seconds / [competitor.units for competitor, _ in there]
    rows = []
    for place, (competitor, made) in enumerate(there):
        ratio = median_interval(per_unit[:, place] / per_unit[:, 0])
        rows.append(
            {
                "name": competitor.name,
                "setting": made.setting,
                "tried": made.tried,
                "seconds": float(np.median(per_unit[:, place])),  # for one unit
                "ratio": ratio.estimate,
                "ratio_low": ratio.low,
                "ratio_high": ratio.high,
                "compile": made.compile,
                "memory": made.memory,
                "result": None if np.isposinf(worked[place]) else float(worked[place]),
                "at": competitor.at,
                "units": competitor.units,
                "rounds": seconds[:, place].tolist(),  # for a whole run, all its units
            }
        )
    about = {"rounds": rounds, "coverage": coverage(rounds), "left_out": left_out}
    return _described(case) | about | {"rows": rows, "targets": [judged(target, rows) for target in case.targets]}


def _described(case) -> dict[str, Any]:
    return {"name": case.name, "unit": case.unit, "axis": case.axis, "at": case.at, "same_work": case.same_work}


def _prepared(competitors: Sequence[Competitor]) -> tuple[list[tuple[Competitor, Prepared]], list[str]]:
    """Those that can run here, ready to run; and of the others a sentence each. The first one must be able to."""
    there, left_out = [], []
    for competitor in competitors:
        missing = [name for name in competitor.needs if importlib.util.find_spec(name) is None]
        if missing:
            left_out.append(f"{competitor.name}: {' and '.join(missing)} not installed")
            continue
        began = time.perf_counter()
        try:
            made = competitor.prepare()
        except AbsentError as absent:
            left_out.append(f"{competitor.name}: {absent}")
            continue
        made = made if isinstance(made, Prepared) else Prepared(made)
        took = time.perf_counter() - began if made.compile is None else made.compile
        there.append((competitor, made._replace(compile=took)))
    if not there or there[0][0] is not competitors[0]:
        raise AbsentError(f"what the others are compared with cannot run here ({'; '.join(left_out)})")
    return there, left_out


def _timed(runs, rounds) -> tuple[np.ndarray, np.ndarray]:
    """Seconds and results, a row a round; each round begins with the competitor after the one before."""
    seconds, results = np.zeros((2, rounds, len(runs)))
    for number in range(rounds):
        for place in np.roll(np.arange(len(runs)), -number).tolist():
            began = time.perf_counter()
            done, took = runs[place](), time.perf_counter() - began
            result, seconds[number, place] = done if isinstance(done, tuple) else (done, took)
            results[number, place] = np.inf if result is None else result
    return seconds, results


def _check_same_work(case, names, worked) -> None:
    """Refuse results that differ by more than the case allows; an infinite one stands for none."""
    compared = worked[~np.isposinf(worked)]
    if compared.size and not np.ptp(compared) <= case.same_work * abs(compared).max():
        told = dict(zip(names, worked.tolist(), strict=True))
        raise RuntimeError(f"the competitors of {case.name!r} did not do the same work: {told}")


def median_interval(values: np.ndarray, *, level: float = 0.95) -> Interval:
    """The median, between two of the values themselves that hold the true one with probability `level` or more.

    The k-th smallest and k-th largest of n independent values do not hold it between them only if fewer than k of the
    values lie on one side of it, which has the probability of so few heads in n tosses, twice: no distribution is
    assumed. k is the largest that is allowed. With fewer than six values none is, and the interval is from the
    smallest to the largest: `coverage` says what that is worth. W. R. Thompson, *On confidence ranges for the median*
    (1936).
    """
    ordered = np.sort(values)
    k = _order(len(ordered), level)
    return Interval(float(np.median(ordered)), float(ordered[k - 1]), float(ordered[-k]))


def coverage(rounds: int, *, level: float = 0.95) -> float:
    """The probability with which `median_interval` of so many values holds the true median."""
    return float(1 - 2 * scipy.special.bdtr(_order(rounds, level) - 1, rounds, 0.5))


def _order(count, level) -> int:
    allowed = [k for k in range(1, count // 2 + 1) if 2 * scipy.special.bdtr(k - 1, count, 0.5) <= 1 - level]
    return max(allowed, default=1)


def judged(target: Target, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Was it reached? By the median of the ratios; `sure` says that the whole interval lies on that side."""
    said = {"competitor": target.competitor, "at_least": target.ratio}
    found = [row for row in rows if row["name"] == target.competitor]
    if not found:
        return said | {"reached": None, "why": "there is nothing to compare with"}
    ratio, low, high = (found[0][name] for name in ("ratio", "ratio_low", "ratio_high"))
    reached = ratio >= target.ratio
    sure = low >= target.ratio if reached else high < target.ratio
    why = "" if reached else target.why
    return said | {"ratio": ratio, "low": low, "high": high, "reached": reached, "sure": sure, "why": why}
