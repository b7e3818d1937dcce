"""Measure an experiment: one number for each arm and seed, with the files that were read for them."""

import pathlib
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Key

from jaxdl._formatting import format_argument
from jaxdl.experiment import files_read
from jaxdl.experiment.claim import Arm, Experiment, Measured
from jaxdl.experiment.origins import is_own


class Measurement(NamedTuple):
    """The numbers of an experiment.

    Attributes:
        measured: One number per seed for each arm, in the order of the panels.
        seconds: Time that it took.
        inputs: The files that were read.
    """

    measured: Measured
    seconds: float
    inputs: files_read.Inputs


def measure_arms(
    experiment: Experiment,
    measure: Callable[..., Iterable[tuple[Arm, Any]]],
    keys: Key[Array, "seeds"],
    results: pathlib.Path,
    *,
    has_cache: bool = True,
    on_progress: Callable[[int, int], None] | None = None,
) -> Measurement:
    """Measure all arms of an experiment.

    Args:
        experiment: The experiment.
        measure: Its measuring function, or that of more data.
        keys: One key for each seed.
        results: A directory whose files are no inputs.
        has_cache: Whether a function may have read a file before and keep its content.
        on_progress: Called as `on_progress(done, total)`.

    Raises:
        TypeError: If `measure` does not yield pairs of an arm and real numbers.
        ValueError: If it does not yield one number per seed for each arm, or yields an arm twice.
    """
    start, columns = time.perf_counter(), experiment.columns()
    measured = {}
    report = on_progress or (lambda done, total: None)  # noqa: ARG005
    report(0, len(columns))
    files_read.begin()
    modules = set(sys.modules)
    with jax.default_matmul_precision("highest"):  # some devices round products to fewer digits by default
        for arm, values in _pairs(measure(keys)):
            if arm in measured:
                raise ValueError(f"measure must yield each arm once, got {arm!r} twice.")
            measured[arm] = _numbers(arm, values)
            report(len(measured), len(columns))
    for name in sorted(set(sys.modules) - modules):  # by a text, or by reading an object from a file
        if is_own(sys.modules[name]) and getattr(sys.modules[name], "__file__", None):
            files_read.add(str(sys.modules[name].__file__))
    inputs = files_read.end(results, has_cache=has_cache)
    shapes = {arm: values.shape for arm, values in measured.items()}
    if shapes != dict.fromkeys(columns, (experiment.seeds,)):
        right = [arm for arm in columns if shapes.get(arm) == (experiment.seeds,)]
        wrong = {arm: shapes.get(arm) for arm in (*columns, *shapes) if arm not in right}
        raise ValueError(
            f"measure must yield {experiment.seeds} numbers for each arm of the panels and for no other arm. Shapes of "
            f"arms that are wrong, missing (None) or in no panel: {wrong}."
        )
    return Measurement({arm: measured[arm] for arm in columns}, time.perf_counter() - start, inputs)


def _pairs(pairs) -> Iterable[tuple[Arm, Any]]:
    """Return the pairs of an arm and its numbers that a measurement yields. Raises TypeError for anything else."""
    if isinstance(pairs, Mapping) or not isinstance(pairs, Iterable):
        raise TypeError(
            f"measure must yield pairs of an arm and its numbers, got {format_argument(pairs)}: write yield arm, "
            "numbers."
        )
    for pair in pairs:
        is_pair = isinstance(pair, tuple | list) and len(pair) == 2
        is_arm = is_pair and isinstance(pair[0], str | tuple)
        if not is_arm:
            raise TypeError(
                f"measure must yield pairs of an arm and its numbers, got {format_argument(pair)} in place of a pair: "
                "write yield arm, numbers."
            )
        yield pair[0], pair[1]


def _numbers(arm, values) -> np.ndarray:
    """Return the numbers of an arm. Raises TypeError unless they are real numbers."""
    found = values if isinstance(values, jax.Array) else np.asarray(values)
    if (not isinstance(found, jax.Array) and found.dtype.kind in "OSUc") or jax.numpy.iscomplexobj(found):
        raise TypeError(
            f"measure must yield real numbers for the arm {arm!r}, one for each key, got {format_argument(values)}."
        )
    return np.asarray(found, np.float64)
