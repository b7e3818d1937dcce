"""A claim with a falsifier: what is measured, and the rule that judges it, are written down before it runs."""

import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, Key
from rich.console import Console

from jaxdl import run

Measured = dict[str, Float[np.ndarray, "seeds"]]

VERDICTS = ("supported", "refuted", "conditional", "inconclusive")


class Judgement(NamedTuple):
    """A verdict, and in one sentence the figures it rests on.

    supported and refuted: the rule decided. conditional: true in one declared regime, false in another.
    inconclusive: the measurement cannot tell.
    """

    verdict: str
    finding: str


class Experiment(NamedTuple):
    """A sentence of the course, made precise enough to fail.

    `measure(keys)` gives each arm one number a seed; all arms get the same keys, and so the same data and the same
    order of it. `judge(measured)` applies the rule. Where the numbers of an arm are not those of seeds but of depths or
    epochs, `index` says so: ("depth", (1, 2, 3)), and `seeds` how many there are.
    """

    name: str
    item: int
    sentence: str
    claim: str
    arms: dict[str, str]
    metric: str
    rule: str
    thresholds: tuple[float, ...]
    seeds: int
    measure: Callable[[Key[Array, "seeds"]], dict[str, Any]]
    judge: Callable[[Measured], Judgement]
    index: tuple[str, tuple[int, ...]] | None = None


class Unavailable(Exception):  # noqa: N818  nothing is wrong
    """What an experiment needs is not here; the message says what, and how to bring it."""


def conduct(experiment: Experiment, directory: Path) -> dict[str, Any]:
    """Measure and judge, and write what came of it: NAME.json, and every seed's numbers in NAME.parquet.

    Raises ValueError where an arm is missing, has not one number a seed, or the verdict is none.
    """
    began = time.perf_counter()
    keys = jax.random.split(jax.random.key(0), experiment.seeds)
    with jax.default_matmul_precision("highest"):  # elsewhere a product may be rounded to half its digits
        measured = {arm: np.asarray(values, np.float64) for arm, values in experiment.measure(keys).items()}
    if {arm: values.shape for arm, values in measured.items()} != dict.fromkeys(experiment.arms, (experiment.seeds,)):
        raise ValueError(
            f"measure must give {experiment.seeds} numbers for each of {', '.join(experiment.arms)}, but gave "
            f"{ {arm: values.shape for arm, values in measured.items()} }."
        )
    judgement = experiment.judge(measured)
    if judgement.verdict not in VERDICTS:
        raise ValueError(f"verdict must be one of {', '.join(VERDICTS)}, but was {judgement.verdict!r}.")
    told = {name: value for name, value in experiment._asdict().items() if not callable(value)}
    result = {**told, **judgement._asdict(), "seconds": time.perf_counter() - began}
    of, numbers = experiment.index or ("seed", range(experiment.seeds))
    run.write_table(directory / f"{experiment.name}.parquet", {of: numbers, **measured})
    run.write_json(directory / f"{experiment.name}.json", result)
    return result


def conduct_all(experiments: list[Experiment], directory: Path, tell: Callable[[dict], None]) -> list[str]:
    """Conduct one after another, telling each result; one that fails stops no other. Returns the names that failed.

    One that needs what is not here is skipped, and says so.
    """
    failed = []
    for experiment in experiments:
        try:
            tell(conduct(experiment, directory))
        except Unavailable as missing:
            print(f"{experiment.name} skipped: {missing}", file=sys.stderr)
        except Exception:
            traceback.print_exc()
            failed.append(experiment.name)
    return failed


def tell(result: dict[str, Any], console: Console) -> None:
    """Print a verdict and what it rests on."""
    colour = {"supported": "green", "refuted": "red", "conditional": "yellow"}.get(result["verdict"], "white")
    verdict = f"[bold]{result['name']}[/bold] [{colour}]{result['verdict']}[/{colour}]."
    console.print(f"{verdict} {result['finding']}", highlight=False)


def results(directory: Path) -> list[tuple[dict[str, Any], Measured]]:
    """What experiments have written into a directory, with every seed's numbers, by item of the course."""
    found = [(run.read_json(path), run.read_table(path.with_suffix(".parquet"))) for path in directory.glob("*.json")]
    return sorted(
        ((result, {arm: np.asarray(table[arm]) for arm in result["arms"]}) for result, table in found),
        key=lambda pair: (pair[0]["item"], pair[0]["name"]),
    )
