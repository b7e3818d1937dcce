"""Absolute residuals of a regression on the dev part, from which prediction intervals are computed."""

import pathlib
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree

from jaxdl import data
from jaxdl.runs import files

RESIDUALS = "dev_residuals.parquet"
WEIGHT = "weight"  # column of a file of residuals


def finite_members(networks: PyTree) -> np.ndarray:
    """Return which members have only finite parameters and batch statistics: (members,) of bool."""
    finite = [np.isfinite(leaf).reshape(len(leaf), -1).all(axis=1) for leaf in jax.tree.leaves(networks)]
    return np.all(finite, axis=0)


def absolute_residuals(outputs: Any, labels: Any, finite: np.ndarray, unit: data.Standardization) -> np.ndarray:
    """Return the absolute residuals of the mean over the finite members, in the unit of the labels.

    `outputs` (members, examples, targets) and `labels` (examples, targets) are standardized. The result has the shape
    of `labels`. It is infinite where the mean is NaN, and everywhere if no member is finite.
    """
    labels = np.asarray(labels, np.float64)
    if not finite.any():
        return np.full(labels.shape, np.inf)
    mean = np.asarray(outputs, np.float64)[finite].mean(axis=0)
    residuals = np.abs(mean - labels) * unit.std
    return np.where(np.isnan(residuals), np.inf, residuals)


def write_residuals(directory: pathlib.Path, residuals: np.ndarray, weights: np.ndarray | None = None) -> None:
    """Write residuals (examples, targets) into a run directory, with a column for each target and one of weights."""
    columns = {f"target_{number}": column for number, column in enumerate(residuals.T)}
    files.write_table(directory / RESIDUALS, columns | ({} if weights is None else {WEIGHT: weights}))


def read_residuals(directory: pathlib.Path, targets: int) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Read the residuals (examples, targets) of a run directory, and their weights if they are not equal.

    Both are None for a run without residuals, such as an older one. Raises ValueError if the file is damaged or is that
    of another run.
    """
    path = directory / RESIDUALS
    if not path.is_file():
        return None, None
    columns = files.read_table(path, {})
    weights = columns.pop(WEIGHT, None)
    if list(columns) != [f"target_{number}" for number in range(targets)]:
        raise ValueError(
            f"{path} must have a column for each of the {targets} targets, got {', '.join(columns) or 'none'}: the "
            "files belong to different runs. Delete it to predict without prediction intervals."
        )
    residuals = np.stack([np.asarray(column, np.float64) for column in columns.values()], axis=1)
    if len(residuals) == 0 or not (residuals >= 0).all():
        raise ValueError(
            f"{path} must hold absolute residuals, but has no row or a value that is NaN or below 0: it is damaged. "
            "Delete it to predict without prediction intervals."
        )
    if weights is not None:
        weights = np.asarray(weights, np.float64)
        if not (np.isfinite(weights).all() and weights.min() >= 0 and weights.any()):
            raise ValueError(
                f"{path} must hold finite weights of at least 0, and one above 0: it is damaged. Delete it to predict "
                "without prediction intervals."
            )
    return residuals, weights
