"""Run experiments: measure, judge and write results; measurements that are still valid are read from disk."""

import functools
import re
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxdl._formatting import format_argument, is_integer
from jaxdl.experiment.claim import OUTCOMES, Arm, Claim, Experiment, Measured, Panel, Unavailable, number_text
from jaxdl.experiment.course import chapter_of
from jaxdl.experiment.files_read import are_unchanged, unrecorded
from jaxdl.experiment.fingerprint import fingerprint, settings_of, versions
from jaxdl.experiment.measurement import measure_arms
from jaxdl.experiment.reached import reached_by
from jaxdl.experiment.rules import arms_of, describe_comparison
from jaxdl.runs import files
from jaxdl.runs.contents import RESULT
from jaxdl.runs.directory import environment
from jaxdl.runs.manifest import digest_of_file, has_right_digest, with_digest
from jaxdl.statistics import bootstrap_interval

REMEDY = "Restore it from a copy; or delete both files and repeat the command of the experiment, which measures again."
MIN_SEEDS = 16  # of a statistical claim
FACTS = ("functions", "versions", "inputs", "unknown", "seconds", "date", "key")  # of a measurement


class Conditions(NamedTuple):
    """Conditions of a run.

    Attributes:
        seed: Seed that the keys of all experiments are derived from.
        full: Use `Experiment.full`, with more or larger data, for the experiments that have it.
    """

    seed: int = 0
    full: bool = False


def conduct(
    experiment: Experiment,
    directory: Path,
    conditions: Conditions = Conditions(),  # noqa: B008
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Measure and judge an experiment; write NAME.json and, with the numbers of every seed, NAME.parquet.

    If the directory holds measurements of the same code, values, files, package versions, device and seeds, they are
    read instead of measured again, and only judged again. Code is that which `measure` can reach, with all modules
    outside the installed packages; values are those of globals, closures, defaults and bound arguments; files are those
    that Python opened before or during the measurement. If any of these cannot be known, "unknown" in the result says
    what, and every run measures again.

    Args:
        experiment: The experiment.
        directory: Directory in which the results are read and written.
        conditions: Seed, and choice of the data.
        on_progress: Called as `on_progress(done, total)` before the first arm and after every arm that is measured.

    Returns:
        The content of NAME.json. `result["claims"]` holds one entry per claim with "says", "rule", "verdict" and
        "finding".

    Raises:
        TypeError: If the experiment, its claims, rules, panels or measurements are of another type.
        ValueError: If an arm of the panels is missing, an arm is in no panel, an arm does not have one number per seed,
            a statistical claim has fewer than 16 seeds, or a rule returns an unknown outcome.
        Unavailable: If the data of the experiment are not installed.

    Example:
        >>> import pathlib, tempfile
        >>> from jaxdl.experiment import Claim, Experiment, Greater, Panel, conduct
        >>> def measure(keys):
        ...     noise = 0.01 * jax.vmap(jax.random.normal)(keys)
        ...     yield "dropout", 0.9 + noise  # both arms share the seeds, and here also the noise
        ...     yield "plain", 0.8 + noise
        >>> rule = Greater("dropout", "plain", margin=0.02, expected_sd=0.01)
        >>> claim = Claim("Dropout raises the accuracy.", rule)
        >>> panel = Panel("accuracy", {"dropout": "with dropout", "plain": "without"})
        >>> example = Experiment("example", 61, "Approach 1", (claim,), (panel,), 16, measure)
        >>> result = conduct(example, pathlib.Path(tempfile.mkdtemp()))
        >>> result["claims"][0]["verdict"], result["claims"][0]["finding"]
        ('supported', 'with dropout − without: 0.1, 99.88 % interval 0.1 to 0.1, margin 0.02.')
    """
    if not isinstance(experiment, Experiment):
        raise TypeError(
            f"experiment must be an Experiment, got {format_argument(experiment)}: put claims and rules in one."
        )
    directory = Path(directory)
    _check_parts(experiment)
    if experiment.tests and experiment.seeds < MIN_SEEDS:
        raise ValueError(f"seeds must be at least {MIN_SEEDS} for a statistical claim, got {experiment.seeds}.")
    measure = (experiment.full if conditions.full else None) or experiment.measure
    path, reached = directory / f"{experiment.name}.json", reached_by(measure)
    key = fingerprint(experiment, reached, conditions.seed)
    with unrecorded():
        stored = _stored(experiment, path, key)
        is_new = stored is None
        if is_new:  # remove a verdict on outdated numbers, also in case measuring fails
            path.unlink(missing_ok=True)
    if stored is None:
        cached, seed = reached.has_cache, conditions.seed
        made = measure_arms(experiment, measure, seed, directory, has_cache=cached, on_progress=on_progress)
        stored = made.measured, _facts(made, reached, key)
    measured, facts = stored
    result = {
        "name": experiment.name,
        "item": experiment.item,
        "chapter": chapter_of(experiment.item).number,
        "sentence": experiment.sentence,
        "claims": [],
        "panels": [_summary(panel, measured) for panel in experiment.panels],
        "seeds": experiment.seeds,
        "seed": conditions.seed,
        "full": conditions.full and experiment.full is not None,
        "settings": settings_of(measure),
        **facts,
    }
    with unrecorded():
        if is_new:
            columns = {_column(arm): values for arm, values in measured.items()}
            files.write_table(_numbers(path), {"seed": range(experiment.seeds), **columns})
            _write(path, result)  # a mistake in a rule or a finding must not lose the numbers
        return _write(path, {**result, "claims": _judge_all(experiment, measured)})


def conduct_all(
    experiments: Sequence[Experiment],
    directory: Path,
    on_result: Callable[[dict[str, Any]], None],
    conditions: Conditions = Conditions(),  # noqa: B008
    on_progress: Callable[[Experiment, int, int], None] = lambda experiment, done, total: None,  # noqa: ARG005
    on_failure: Callable[[Experiment, Exception], None] = lambda experiment, error: None,  # noqa: ARG005
) -> list[str]:
    """Conduct several experiments; if one fails, the others still run.

    An experiment whose data are not installed is skipped.

    Args:
        experiments: The experiments, in the order to run them.
        directory: Directory in which the results are read and written.
        on_result: Called with each result, as `conduct` returns it.
        conditions: Seed, and choice of the data.
        on_progress: Called as `on_progress(experiment, done, total)`.
        on_failure: Called as `on_failure(experiment, error)` for an experiment that fails or is skipped; the error of a
            skipped one is an `Unavailable`.

    Returns:
        The names of the experiments that failed; skipped ones are not among them.

    Example:
        >>> import pathlib, tempfile
        >>> from jaxdl.experiment import Claim, Exact, Experiment, Panel, conduct_all
        >>> zero = Exact("it is 0", lambda m: m["a"] == 0, lambda m: f"At most {m['a'].max()}.")
        >>> def example(name, number):
        ...     return Experiment(name, 1, "Intro", (Claim("It is 0.", zero),), (Panel("number", {"a": "all"}),), 2,
        ...                       lambda keys: [("a", np.full(2, number))])
        >>> conduct_all([example("zero", 0), example("one", 1)], pathlib.Path(tempfile.mkdtemp()),
        ...             lambda result: print(result["name"], result["claims"][0]["verdict"]))
        zero supported
        one refuted
        []
    """
    failed, names = [], Counter(experiment.name for experiment in experiments)
    if twice := [name for name, count in names.items() if count > 1]:
        raise ValueError(
            f"experiments must have different names, because each writes NAME.json, got {twice[0]!r} twice."
        )
    for experiment in experiments:
        try:
            progress = functools.partial(on_progress, experiment)
            on_result(conduct(experiment, directory, conditions, progress))
        except Unavailable as missing:
            on_failure(experiment, missing)
        except Exception as error:
            on_failure(experiment, error)
            failed.append(experiment.name)
    return failed


def results(directory: Path) -> list[tuple[dict[str, Any], Measured]]:
    """Read the results in a directory, sorted by item of the course.

    Returns:
        Pairs of a result, as `conduct` returns it, and the numbers of every seed by arm.

    Raises:
        ValueError: If a result file is damaged.

    Example:
        >>> import pathlib, tempfile
        >>> from jaxdl.experiment import Experiment, Panel, conduct, results
        >>> directory = pathlib.Path(tempfile.mkdtemp())
        >>> panel = Panel("number", {"a": "all"})
        >>> _ = conduct(Experiment("one", 1, "Intro", (), (panel,), 2, lambda keys: [("a", np.ones(2))]), directory)
        >>> [(result["name"], measured["a"].tolist()) for result, measured in results(directory)]
        [('one', [1.0, 1.0])]
    """
    found = []
    for path in Path(directory).glob("*.json"):
        result = read_result(path)
        panels = [Panel(*(panel[field] for field in Panel._fields)) for panel in result["panels"]]
        for panel, stored in zip(panels, result["panels"], strict=True):
            means = [(mean["arm"], mean["at"]) if panel.over else mean["arm"] for mean in stored["means"]]
            if not panel.arms or means != panel.columns():
                raise ValueError(f"{path} is damaged: a panel must have one mean for each of its arms.")
        found.append((result, _read_numbers(path, result, [column for panel in panels for column in panel.columns()])))
    return sorted(found, key=lambda pair: (pair[0]["item"], pair[0]["name"]))


def read_result(path: Path) -> dict[str, Any]:
    """Read NAME.json, as `conduct` has written it; results of earlier versions have no SHA-256 to verify.

    Raises ValueError, which names the file, if it is damaged.
    """
    with unrecorded():
        result = files.read_json(path, RESULT)
    if "sha256" in result and not has_right_digest(result):
        raise ValueError(f"{path} is damaged: its content does not have the SHA-256 in it. {REMEDY}")
    return result


def _numbers(path) -> Path:
    """Return the path of the numbers of every seed, beside that of the result."""
    return path.with_suffix(".parquet")


def _stored(experiment, path, key) -> tuple[Measured, dict[str, Any]] | None:
    """Return numbers and facts of an earlier run with this fingerprint whose inputs have not changed, or None."""
    if not path.is_file():
        return None
    try:
        result = read_result(path)
        measured = _read_numbers(path, result, experiment.columns())
        is_valid = result["key"] == key and are_unchanged(result["inputs"])
        return (measured, {name: result[name] for name in FACTS}) if is_valid else None
    except (ValueError, KeyError, TypeError):
        return None


def _facts(made, reached, key) -> dict[str, Any]:
    """Return what is known of a new measurement. If it depends on anything unknown, the key is that of no other."""
    unknown = [*reached.unknown, *made.inputs.unknown]
    return {
        "functions": reached.functions,
        "versions": versions(reached),
        "inputs": made.inputs.files,
        "unknown": unknown,
        "seconds": made.seconds,
        "date": environment()["date"],
        "key": uuid.uuid4().hex if unknown else key,
    }


def _write(path, result) -> dict[str, Any]:
    """Write a result with the digests of its content and its numbers; return it with them."""
    result = with_digest({**result, "numbers_sha256": digest_of_file(_numbers(path))})
    files.write_json(path, result)
    return result


def _check_parts(experiment) -> None:
    """Raise TypeError unless an experiment has claims with rules, and panels."""
    for name, kind in (("claims", Claim), ("panels", Panel)):
        parts = getattr(experiment, name)
        if isinstance(parts, kind) or not all(isinstance(part, kind) for part in parts):
            raise TypeError(
                f"{name} must be a tuple, each entry a {kind.__name__}, got {format_argument(parts)}: write one as "
                f"({kind.__name__}(...),)."
            )
    for claim in experiment.claims:
        if not callable(getattr(claim.rule, "judge", None)):
            raise TypeError(f"rule must be a rule, such as Greater(...), got {format_argument(claim.rule)}.")
    if not is_integer(experiment.seeds) or experiment.seeds < 1:
        raise ValueError(f"seeds must be an integer of at least 1, got {format_argument(experiment.seeds)}.")
    if not re.fullmatch(r"[\w-]+", experiment.name):
        raise ValueError(
            f"name must consist of letters, digits, _ and -, because it names files, got {experiment.name!r}."
        )
    _check_columns(experiment)


def _check_columns(experiment) -> None:
    """Raise ValueError unless the columns of each panel differ, and hold every arm that a rule names."""
    columns = experiment.columns()
    lists = [[_column(arm) for arm in panel.columns()] for panel in experiment.panels] + [[*map(_column, columns)]]
    for texts in lists:
        if twice := [text for text, count in Counter(texts).items() if count > 1]:
            raise ValueError(f"every arm of a panel must be a column of its own, got {twice[0]!r} twice.")
    for arm in [arm for claim in experiment.claims for arm in arms_of(claim.rule)]:
        experiment.name_of(arm)  # raises for an unknown name
        if arm not in columns:
            raise ValueError(f"a rule names the arm {arm!r}, but the panels have {', '.join(map(_column, columns))}.")


def _judge_all(experiment, measured) -> list[dict[str, Any]]:
    confidence = chapter_of(experiment.item).confidence
    return [_judge(experiment, claim, measured, confidence) for claim in experiment.claims]


def _judge(experiment: Experiment, claim: Claim, measured: Measured, confidence: float) -> dict[str, Any]:
    """Judge a claim; return its entry of the result."""
    verdict = claim.rule.judge(measured, confidence)
    if verdict.outcome not in OUTCOMES:
        raise ValueError(f"a rule must return one of {', '.join(OUTCOMES)}, got {verdict.outcome!r}.")
    sentences = [
        verdict.finding,
        *(describe_comparison(comparison, experiment.name_of) for comparison in verdict.comparisons),
    ]
    return {
        "says": claim.says,
        "reading": claim.reading,
        "kind": "statistical" if claim.rule.tests else "exact",
        "rule": claim.rule.describe(experiment.name_of),
        "verdict": verdict.outcome,
        "finding": " ".join(sentence for sentence in sentences if sentence),
        "comparisons": [_finite(comparison._asdict()) for comparison in verdict.comparisons],
    }


def _summary(panel, measured) -> dict[str, Any]:
    """Return a panel with the mean of each arm and its 95 % bootstrap interval, for display only."""
    means = []
    for column in panel.columns():
        arm, at = column if isinstance(column, tuple) else (column, None)
        means.append({"arm": arm, "at": at, **_finite(bootstrap_interval(measured[column])._asdict())})
    return {**panel._asdict(), "means": means}


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """Replace numbers that are not finite by None, because JSON cannot hold them."""
    return {
        name: None if isinstance(value, float) and not np.isfinite(value) else value for name, value in values.items()
    }


def _column(arm: Arm) -> str:
    """Return the column name of an arm in the Parquet table."""
    return arm if isinstance(arm, str) else f"{arm[0]} @ {number_text(arm[1])}"


def _read_numbers(path: Path, result: Mapping[str, Any], arms: Sequence[Arm]) -> Measured:
    """Read the numbers of every seed of these arms from NAME.parquet, beside the result NAME.json."""
    numbers = _numbers(path)
    if "numbers_sha256" in result and numbers.is_file() and digest_of_file(numbers) != result["numbers_sha256"]:
        raise ValueError(f"{numbers} is damaged, or {path.name} is that of other numbers. {REMEDY}")
    with unrecorded():
        table = files.read_table(numbers, {_column(arm): "number" for arm in arms})
    return {arm: np.asarray(table[_column(arm)], np.float64) for arm in arms}
