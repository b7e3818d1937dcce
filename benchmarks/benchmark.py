"""How a question about speed is answered: competitors take turns, compiling is timed apart, medians and ratios."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

ROUNDS = 7


class Competitor(NamedTuple):
    """`prepare()` does what is done once (compiling, warming up) and gives the `run()` that is timed.

    `run()` returns only when its work is done, and returns a number that says that the work was the same; or, where
    only a part of it is what is asked for, that number and the seconds that the part took.
    """

    name: str
    prepare: Callable[[], Callable[[], float | tuple[float, float]]]


class Benchmark(NamedTuple):
    """A question, and those who answer it; the first competitor is the one that the others are compared with."""

    name: str
    question: str
    competitors: Callable[[], list[Competitor]]
    same_work: float  # the largest relative difference between their numbers


def run(benchmark: Benchmark, rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """Prepare all, then time them in turn, round after round.

    Raises RuntimeError where the competitors did not do the same work.
    """
    runs, rows = [], []
    for competitor in benchmark.competitors():
        began = time.perf_counter()
        runs.append(competitor.prepare())
        rows.append({"name": competitor.name, "prepare": time.perf_counter() - began})
    seconds = np.zeros((rounds, len(runs)))
    results = np.zeros((rounds, len(runs)))
    for number in range(rounds):
        for place, run_once in enumerate(runs):
            began = time.perf_counter()
            done, took = run_once(), time.perf_counter() - began
            results[number, place], seconds[number, place] = done if isinstance(done, tuple) else (done, took)
    worked = np.median(results, axis=0)
    if not np.ptp(worked) <= benchmark.same_work * abs(worked).max():
        raise RuntimeError(f"the competitors of {benchmark.name} did not do the same work: {worked.tolist()}")
    ratios = seconds / seconds[:, :1]
    for place, row in enumerate(rows):
        row |= {
            "seconds": float(np.median(seconds[:, place])),
            "ratio": float(np.median(ratios[:, place])),
            "ratio_low": float(ratios[:, place].min()),
            "ratio_high": float(ratios[:, place].max()),
            "result": float(worked[place]),
        }
    return rows
