"""Run experiments: measure, judge and write results; measurements that are still valid are read from disk."""

import contextlib
import functools
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxdl._formatting import format_argument, is_integer
from jaxdl.experiment.checks import check_experiment, column_name, confidence_of
from jaxdl.experiment.claim import Arm, Experiment, Measured, Panel, Unavailable
from jaxdl.experiment.course import chapter_of
from jaxdl.experiment.files_read import are_unchanged, unrecorded
from jaxdl.experiment.fingerprint import fingerprint, settings_of, versions
from jaxdl.experiment.judgment import finite, judge_all
from jaxdl.experiment.measurement import measure_arms
from jaxdl.experiment.reached import reached_by
from jaxdl.experiment.registration import (
    DRAFT_STREAM,
    Registration,
    deciding_hash,
    keys_of,
    read_registrations,
    register,
)
from jaxdl.runs import files
from jaxdl.runs.contents import RESULT
from jaxdl.runs.directory import environment
from jaxdl.runs.manifest import digest_of_file, has_right_digest, with_digest
from jaxdl.statistics import bootstrap_interval

REMEDY = "Restore it from a copy; or delete both files and repeat the command of the experiment, which measures again."
REGISTRATIONS = "registrations.jsonl"
FACTS = ("functions", "versions", "inputs", "unknown", "seconds", "date", "key")  # of a measurement


class Conditions(NamedTuple):
    """Conditions of a run.

    Attributes:
        full: Use `Experiment.full`, with more or larger data, for the experiments that have it.
        draft: Use the fixed draft seeds, to choose margins and the number of seeds; there is no verdict.
        replication: Number of the set of deciding seeds: 1 for that of the verdict, 2, 3, … for independent ones.
        registrations: File of all rules that were measured, or None for registrations.jsonl beside the results.
    """

    full: bool = False
    draft: bool = False
    replication: int = 1
    registrations: Path | None = None


def conduct(
    experiment: Experiment,
    directory: Path,
    conditions: Conditions = Conditions(),  # noqa: B008
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Measure and judge an experiment; write NAME.json and, with the numbers of every seed, NAME.parquet.

    The seeds derive from a hash of what decides: the rules, their level, the number of seeds, and the code of the
    experiment. A changed rule therefore meets numbers that nobody has seen. Each such hash is written as a line of
    registrations.jsonl when it is measured. Drafts have fixed seeds and give no verdict.

    If the directory holds measurements of the same code, values, files, package versions, device and seeds, they are
    read instead of measured again, and only judged again. Code is that which `measure` can reach, with all modules
    outside the installed packages; values are those of globals, closures, defaults and bound arguments; files are those
    that Python opened before or during the measurement. If any of these cannot be known, "unknown" in the result says
    what, and every run measures again.

    Args:
        experiment: The experiment.
        directory: Directory in which the results are read and written.
        conditions: Choice of the data and of the seeds.
        on_progress: Called as `on_progress(done, total)` before the first arm and after every arm that is measured.

    Returns:
        The content of NAME.json. `result["claims"]` holds one entry per claim with "says", "rule", "verdict" and
        "finding".

    Raises:
        TypeError: If the experiment, its claims, rules, panels or measurements are of another type.
        ValueError: If an arm of the panels is missing, an arm is in no panel, an arm does not have one number per seed,
            an arm that a rule reads is NaN or failed without a direction of its panel, the seeds are too few for an
            interval, or a rule returns an unknown outcome.
        Unavailable: If the data of the experiment are not installed.

    Example:
        >>> import pathlib, tempfile
        >>> from jaxdl.experiment import MEDIAN, Claim, Experiment, Greater, Panel, conduct
        >>> def measure(keys):
        ...     noise = 0.01 * jax.vmap(jax.random.normal)(keys)
        ...     yield "dropout", 0.9 + noise  # both arms share the seeds, and here also the noise
        ...     yield "plain", 0.8 + noise
        >>> rule = Greater("dropout", "plain", 0.02, MEDIAN)
        >>> claim = Claim("Dropout raises the accuracy.", rule)
        >>> panel = Panel("accuracy", {"dropout": "with dropout", "plain": "without"})
        >>> example = Experiment("example", 61, "Approach 1", (claim,), (panel,), 16, measure)
        >>> result = conduct(example, pathlib.Path(tempfile.mkdtemp()))
        >>> result["claims"][0]["verdict"], result["claims"][0]["finding"]
        ('supported', 'with dropout − without: median 0.1, 99.82 % interval 0.1 to 0.1, threshold 0.02.')
    """
    check_experiment(experiment)
    check_conditions(conditions)
    directory = Path(directory)
    measure = (experiment.full if conditions.full else None) or experiment.measure
    path, reached = directory / f"{experiment.name}.json", reached_by(measure)
    stream = DRAFT_STREAM if conditions.draft else deciding_hash(experiment, measure, confidence_of(experiment))
    key = fingerprint(experiment, reached, f"{stream} {conditions.replication}")
    registered = functools.partial(_register, experiment, directory, conditions, stream)
    with unrecorded():
        stored = _stored(experiment, path, key)
        is_new = stored is None
        if is_new:  # remove a verdict on outdated numbers, also in case measuring fails
            _check_verdict(path, conditions)
            registered()
            path.unlink(missing_ok=True)
    if stored is None:
        keys, cached = keys_of(stream, conditions.replication, experiment.seeds), reached.has_cache
        made = measure_arms(experiment, measure, keys, directory, has_cache=cached, on_progress=on_progress)
        stored = made.measured, _facts(made, reached, key)
    measured, facts = stored
    result = {**_header(experiment, conditions, measure, measured), "registration": stream, **facts}
    with unrecorded():
        if is_new:
            columns = {column_name(arm): values for arm, values in measured.items()}
            files.write_table(_numbers(path), {"seed": range(experiment.seeds), **columns})
            _write(path, result)  # a mistake in a rule or a finding must not lose the numbers
        claims = judge_all(experiment, measured, draft=conditions.draft)
        count = registered(", ".join(claim["verdict"] for claim in claims))
        return _write(path, {**result, "claims": claims, "registrations": count})


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
        conditions: Choice of the data and of the seeds.
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
        panels = [Panel(**{name: panel[name] for name in Panel._fields if name in panel}) for panel in result["panels"]]
        for panel, stored in zip(panels, result["panels"], strict=True):
            means = [(mean["arm"], mean["at"]) if panel.over else mean["arm"] for mean in stored["means"]]
            if not panel.arms or means != panel.columns():
                raise ValueError(f"{path} is damaged: a panel must have one mean for each of its arms.")
        found.append((result, _read_numbers(path, result, [column for panel in panels for column in panel.columns()])))
    return sorted(found, key=lambda pair: (pair[0]["item"] or 0, pair[0]["name"]))


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


def _check_verdict(path, conditions) -> None:
    """Raise ValueError if a draft or a replication would replace a verdict."""
    if not path.is_file() or not (conditions.draft or conditions.replication > 1):
        return
    with contextlib.suppress(ValueError):  # a damaged result is replaced
        result = read_result(path)
        if result.get("draft") is False and result.get("replication") == 1:
            kind = "draft" if conditions.draft else "replication"
            raise FileExistsError(f"{path} holds a verdict, which a {kind} must not replace: choose another directory.")


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


def check_conditions(conditions: Any) -> None:
    """Raise TypeError or ValueError unless conditions can be right."""
    if not isinstance(conditions, Conditions):
        raise TypeError(f"conditions must be Conditions(...), got {format_argument(conditions)}.")
    if not is_integer(conditions.replication) or conditions.replication < 1:
        raise ValueError(
            f"replication must be an integer of at least 1, got {format_argument(conditions.replication)}: 1 is the "
            "set of seeds of the verdict."
        )
    if conditions.draft and conditions.replication != 1:
        raise ValueError("a draft has one set of seeds: give draft or replication, not both.")


def _register(experiment, directory, conditions, stream, outcome="") -> int:
    """Write down that a rule was measured, and its outcome; return the number of registrations of the experiment.

    Drafts and replications decide nothing and are not registered.
    """
    path = conditions.registrations or directory / REGISTRATIONS
    if conditions.draft or conditions.replication > 1:
        return sum(line.experiment == experiment.name for line in read_registrations(path))
    return register(path, Registration(environment()["date"][:10], experiment.name, stream, outcome))


def _header(experiment, conditions, measure, measured) -> dict[str, Any]:
    """Return what a result says of its experiment and its numbers."""
    return {
        "name": experiment.name,
        "item": experiment.item,
        "chapter": "" if experiment.item is None else chapter_of(experiment.item).number,
        "sentence": experiment.sentence,
        "limits": experiment.limits,
        "claims": [],
        "panels": [_summary(panel, measured) for panel in experiment.panels],
        "published": [_beside(number, experiment, measured) for number in experiment.published],
        "seeds": experiment.seeds,
        "level": 1 - confidence_of(experiment) if experiment.tests else None,
        "draft": conditions.draft,
        "replication": conditions.replication,
        "registrations": 0,
        "full": conditions.full and experiment.full is not None,
        "settings": settings_of(measure),
    }


def _summary(panel, measured) -> dict[str, Any]:
    """Return a panel with the mean of each arm and its 95 % bootstrap interval, for display only.

    Runs that failed have no part in the mean; their number is beside it.
    """
    means = []
    for column in panel.columns():
        arm, at = column if isinstance(column, tuple) else (column, None)
        values = measured[column]
        finished = values[~np.isinf(values)] if np.isinf(values).any() else values
        mean = bootstrap_interval(finished)._asdict() if len(finished) else dict.fromkeys(("estimate", "low", "high"))
        means.append({"arm": arm, "at": at, **finite(mean), "failed": len(values) - len(finished)})
    return {**panel._asdict(), "means": means}


def _beside(number, experiment, measured) -> dict[str, Any]:
    """Return a published number with the mean that was measured, and whether they agree within the tolerance."""
    mean = float(measured[number.arm].mean())
    arm, at = number.arm if isinstance(number.arm, tuple) else (number.arm, None)
    agrees = bool(abs(mean - number.value) <= number.tolerance)
    label = experiment.name_of(number.arm)
    return {**number._asdict(), "arm": arm, "at": at, "label": label, **finite({"measured": mean}), "agrees": agrees}


def _read_numbers(path: Path, result: Mapping[str, Any], arms: Sequence[Arm]) -> Measured:
    """Read the numbers of every seed of these arms from NAME.parquet, beside the result NAME.json."""
    numbers = _numbers(path)
    if "numbers_sha256" in result and numbers.is_file() and digest_of_file(numbers) != result["numbers_sha256"]:
        raise ValueError(f"{numbers} is damaged, or {path.name} is that of other numbers. {REMEDY}")
    with unrecorded():
        table = files.read_table(numbers, {column_name(arm): "number" for arm in arms})
    return {arm: np.asarray(table[column_name(arm)], np.float64) for arm in arms}
