"""Seeds that are fixed by the rule: whoever changes what decides gets seeds that nobody has seen.

The deciding seeds of an experiment derive from a hash of what decides: the code of the experiment's own modules from
which `measure` and the rules are built, with the values that it uses; arms and metrics that rules read, estimands,
thresholds, level, number of seeds, and whether failures are high or low. Sentences, captions, findings and arms that no
rule reads are not part of it. Draft seeds are fixed; they serve to choose margins and the number of seeds, and give no
verdict.

Each hash that was measured is a registration, one line in a file: a rule that was changed until it gave the wanted
verdict has as many lines.
"""

import contextlib
import functools
import hashlib
import os
import pathlib
from collections.abc import Callable, Generator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.experiment.claim import Experiment
from jaxdl.experiment.columns import Column
from jaxdl.experiment.combined_rules import arms_of, parts_of, statistical_rules
from jaxdl.experiment.deciding_code import PLANNING, deciding_code
from jaxdl.runs import files
from jaxdl.system.schema import Text

DRAFT_STREAM, UNSIGNED = "draft", 0xFFFFFFFF


class Registration(NamedTuple):
    """A line of the registrations: a rule that was measured.

    Attributes:
        date: Day of the first measurement.
        experiment: Name of the experiment.
        hash: Hash of what decides.
        outcome: The outcomes of all claims, or "" if the measurement did not end.
    """

    date: str
    experiment: str
    hash: str
    outcome: str


LINE = {name: Text() for name in Registration._fields}


def keys_of(stream: str, replication: int, seeds: int) -> jax.Array:
    """Return one key for each seed: of the drafts, or of a deciding hash and the number of a replication."""
    words = (0,) if stream == DRAFT_STREAM else (int(stream[:8], 16), int(stream[8:16], 16), replication)
    key = functools.reduce(
        lambda key, word: jax.random.fold_in(key, np.uint32(word & UNSIGNED)), words, jax.random.key(0)
    )
    return jax.vmap(functools.partial(jax.random.fold_in, key))(jnp.arange(seeds))


def deciding_hash(experiment: Experiment, measure: Callable, confidence: float) -> str:
    """Return a hash of everything that decides the verdicts of an experiment."""
    rules = [claim.rule for claim in experiment.claims]
    arms = {arm for rule in rules for arm in arms_of(rule)}
    metrics = sorted({panel.metric for panel in experiment.panels if arms & set(panel.columns())})
    failures = [(panel.columns(), panel.larger_is_better) for panel in experiment.panels]  # which run is the worst
    failures = [(str(column), larger) for columns, larger in failures for column in columns if larger is not None]
    settings = [experiment.seeds, round(1 - confidence, 12), metrics, measure is not experiment.measure, failures]
    settings += [_settings(rule) for rule in rules]
    return hashlib.sha256(f"{settings}\0{deciding_code(experiment, measure)}".encode()).hexdigest()


def read_registrations(path: pathlib.Path) -> list[Registration]:
    """Read the registrations from a file; none if it does not exist. Raises ValueError if it is damaged."""
    if not path.is_file():
        return []
    columns = files.read_lines(path, LINE)
    return [Registration(*row) for row in zip(*(columns.get(name, ()) for name in Registration._fields), strict=True)]


def register(path: pathlib.Path, registration: Registration) -> int:
    """Add a registration unless it is there, or complete one without an outcome; return how many there are.

    An outcome that differs from the registered one, for example with another version of jax, is a line of its own.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path.parent):
        written = read_registrations(path)
        lines = [*written]
        same = [line for line in lines if (line.experiment, line.hash) == (registration.experiment, registration.hash)]
        opened = [line for line in same if not line.outcome]
        if opened and registration.outcome:
            lines[lines.index(opened[0])] = opened[0]._replace(outcome=registration.outcome)
        elif not same or registration.outcome not in ("", *(line.outcome for line in same)):
            lines.append(registration)
        if lines != written:
            files.write_lines(path, [line._asdict() for line in lines])
    return sum(line.experiment == registration.experiment for line in lines)


@contextlib.contextmanager
def _alone(directory) -> Generator[None]:
    """Wait until no other process registers in this directory; on Windows, do not wait."""
    try:
        import fcntl
    except ModuleNotFoundError:
        yield
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _settings(rule) -> Any:
    """Return what decides in a rule, but the functions of an exact one, which are part of the code."""
    if parts := parts_of(rule):
        return [type(rule).__name__, *map(_settings, parts)]
    if not statistical_rules(rule):
        return type(rule).__name__
    return [type(rule).__name__, *(_setting(value) for name, value in rule._asdict().items() if name not in PLANNING)]


def _setting(value) -> Any:
    if isinstance(value, Column):
        return [_setting(arm) for arm in value.arms]
    if hasattr(value, "transform"):  # a scale
        return value.name
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        return float(value)
    return [_setting(entry) for entry in value] if isinstance(value, tuple) else value
