"""Measure, judge, write: per-seed numbers that are still true are read back, and the verdict is computed from them."""

import sys
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxdl.experiment.claim import VERDICTS, Arm, Claim, Comparison, Experiment, Measured, Panel, Unavailable
from jaxdl.experiment.course import chapter_of
from jaxdl.experiment.fingerprint import content, fingerprint, settings_of
from jaxdl.experiment.rules import RATIO
from jaxdl.runs import files
from jaxdl.runs.directory import environment
from jaxdl.statistics import bootstrap_interval

FEWEST_SEEDS = 16


def unwatched(done: int, of: int) -> None:
    """Nobody is told of progress."""


class Conditions(NamedTuple):
    """Under which experiments run: the seed that all keys come from, and whether with the larger data."""

    seed: int = 0
    full: bool = False


def conduct(
    experiment: Experiment,
    directory: Path,
    conditions: Conditions = Conditions(),  # noqa: B008
    watch: Callable[[int, int], None] = unwatched,
) -> dict[str, Any]:
    """Measure and judge, and write what came of it: NAME.json, and every seed's numbers in NAME.parquet.

    Numbers that are there already are taken where nothing has changed that they depend on. `watch(done, of)` is told of
    every arm that is measured. Raises ValueError where an arm is missing or is none, has not one number a seed, a
    statistical claim has fewer than 16 seeds, or a verdict is none.
    """
    if experiment.tests and experiment.seeds < FEWEST_SEEDS:
        raise ValueError(f"seeds must be at least {FEWEST_SEEDS} for a statistical claim, but are {experiment.seeds}.")
    measure = (experiment.full if conditions.full else None) or experiment.measure
    source, functions = content(measure)
    key = fingerprint(experiment, source, conditions.seed)
    before = _before(experiment, directory, key)
    if before is None:  # a verdict on other numbers is none, also where measuring fails
        (directory / f"{experiment.name}.json").unlink(missing_ok=True)
    measured, cost = before or _measured(experiment, measure, conditions.seed, watch)
    chapter = chapter_of(experiment.item)
    result = {
        "name": experiment.name,
        "item": experiment.item,
        "chapter": chapter.number,
        "sentence": experiment.sentence,
        "claims": [_judged(experiment, claim, measured, chapter.confidence) for claim in experiment.claims],
        "panels": [_shown(panel, measured) for panel in experiment.panels],
        "seeds": experiment.seeds,
        "seed": conditions.seed,
        "full": conditions.full and experiment.full is not None,
        "settings": settings_of(measure),
        "functions": functions,
        **cost,
        "key": key,
    }
    if before is None:
        table = {_column(arm): values for arm, values in measured.items()}
        files.write_table(directory / f"{experiment.name}.parquet", {"seed": range(experiment.seeds), **table})
    files.write_json(directory / f"{experiment.name}.json", result)
    return result


def _before(experiment, directory, key) -> tuple[Measured, dict[str, Any]] | None:
    """The numbers of an earlier run, and what they cost, where they are what would be measured now."""
    path = directory / f"{experiment.name}.json"
    if not path.is_file():
        return None
    try:
        result = files.read_json(path)
        measured = _read_numbers(path, experiment.columns())
        return (measured, {"seconds": result["seconds"], "date": result["date"]}) if result["key"] == key else None
    except (ValueError, KeyError, TypeError):
        return None


def _measured(experiment, measure, seed, watch) -> tuple[Measured, dict[str, Any]]:
    """The numbers of all arms, one after another, and the seconds they took."""
    began, wanted = time.perf_counter(), experiment.columns()
    keys, measured = jax.random.split(jax.random.key(seed), experiment.seeds), {}
    watch(0, len(wanted))
    with jax.default_matmul_precision("highest"):  # elsewhere a product may be rounded to half its digits
        for arm, values in measure(keys):
            measured[arm] = np.asarray(values, np.float64)
            watch(len(measured), len(wanted))
    shapes = {arm: values.shape for arm, values in measured.items()}
    if shapes != dict.fromkeys(wanted, (experiment.seeds,)):
        right = [arm for arm in wanted if shapes.get(arm) == (experiment.seeds,)]
        wrong = {arm: shapes.get(arm) for arm in (*wanted, *shapes) if arm not in right}
        raise ValueError(
            f"measure must give {experiment.seeds} numbers for each arm of the panels and for no other, but gave of "
            f"these the shapes {wrong}."
        )
    cost = {"seconds": time.perf_counter() - began, "date": environment()["date"]}
    return {arm: measured[arm] for arm in wanted}, cost


def _judged(experiment: Experiment, claim: Claim, measured: Measured, confidence: float) -> dict[str, Any]:
    """A claim with its verdict, in words and numbers."""
    judgement = claim.rule.judge(measured, confidence)
    if judgement.verdict not in VERDICTS:
        raise ValueError(f"verdict must be one of {', '.join(VERDICTS)}, but was {judgement.verdict!r}.")
    sentences = [judgement.finding, *(told(each, experiment.name_of) for each in judgement.comparisons)]
    return {
        "says": claim.says,
        "reading": claim.reading,
        "kind": "statistical" if claim.rule.tests else "exact",
        "rule": claim.rule.told(experiment.name_of),
        "verdict": judgement.verdict,
        "finding": " ".join(sentence for sentence in sentences if sentence),
        "comparisons": [_finite(each._asdict()) for each in judgement.comparisons],
    }


def told(comparison: Comparison, name: Callable[[Arm | float], str]) -> str:
    """What a comparison found, in a sentence."""
    sign = "/" if comparison.scale == RATIO.name else "−"
    compared = f"{name(comparison.of)} {sign} {name(comparison.against)}"
    if not np.isfinite(comparison.estimate):
        return f"{compared}: not finite for some seeds, which decides nothing."
    needed = f"; {comparison.needed:,} seeds would decide" if comparison.needed else ""
    return (
        f"{compared}: {comparison.estimate:.3g}, {100 * comparison.confidence:.4g} % interval {comparison.low:.3g} to "
        f"{comparison.high:.3g}, margin {comparison.margin:g}{needed}."
    )


def _shown(panel, measured) -> dict[str, Any]:
    """A panel with each arm's mean and its 95 % interval, to look at; None where there is none."""
    means = []
    for column in panel.columns():
        arm, at = column if isinstance(column, tuple) else (column, None)
        means.append({"arm": arm, "at": at, **_finite(bootstrap_interval(measured[column])._asdict())})
    return {**panel._asdict(), "means": means}


def _finite(told: dict[str, Any]) -> dict[str, Any]:
    """None for what is not finite, which JSON has no word for."""
    return {
        name: None if isinstance(value, float) and not np.isfinite(value) else value for name, value in told.items()
    }


def _column(arm: Arm) -> str:
    """The name of an arm's numbers in a table."""
    return arm if isinstance(arm, str) else f"{arm[0]} @ {arm[1]:g}"


def conduct_all(
    experiments: Sequence[Experiment],
    directory: Path,
    tell: Callable[[dict[str, Any]], None],
    conditions: Conditions = Conditions(),  # noqa: B008
    watch: Callable[[Experiment, int, int], None] = lambda experiment, done, of: None,  # noqa: ARG005
) -> list[str]:
    """Conduct one after another, telling each result; one that fails stops no other. Returns the names that failed.

    One that needs what is not here is skipped, and says so.
    """
    failed = []
    for experiment in experiments:
        try:
            tell(conduct(experiment, directory, conditions, lambda done, of, which=experiment: watch(which, done, of)))
        except Unavailable as missing:
            print(f"{experiment.name} skipped: {missing}", file=sys.stderr)
        except Exception:
            traceback.print_exc()
            failed.append(experiment.name)
    return failed


def results(directory: Path) -> list[tuple[dict[str, Any], Measured]]:
    """What experiments have written into a directory, with every seed's numbers, by item of the course."""
    found = []
    for path in directory.glob("*.json"):
        result = files.read_json(path)
        panels = [Panel(*(panel[field] for field in Panel._fields)) for panel in result["panels"]]
        found.append((result, _read_numbers(path, [column for panel in panels for column in panel.columns()])))
    return sorted(found, key=lambda pair: (pair[0]["item"], pair[0]["name"]))


def _read_numbers(path: Path, arms: Iterable[Arm]) -> Measured:
    """Every seed's numbers of these arms, which lie beside a result NAME.json."""
    table = files.read_table(path.with_suffix(".parquet"))
    return {arm: np.asarray(table[_column(arm)], np.float64) for arm in arms}
