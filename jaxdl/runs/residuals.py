"""Absolute residuals of a regression on the dev part, from which prediction intervals are computed."""

import pathlib
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree

from jaxdl import data
from jaxdl.runs import files

RESIDUALS = "dev_residuals.parquet"


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


def write_residuals(directory: pathlib.Path, residuals: np.ndarray) -> None:
    """Write residuals (examples, targets) into a run directory, with a column for each target."""
    columns = {f"target_{number}": column for number, column in enumerate(residuals.T)}
    files.write_table(directory / RESIDUALS, columns)


def read_residuals(directory: pathlib.Path, targets: int) -> np.ndarray | None:
    """Read the residuals (examples, targets) of a run directory, or None for a run without, such as an older one.

    Raises ValueError if the file is damaged or is that of another run.
    """
    path = directory / RESIDUALS
    if not path.is_file():
        return None
    columns = files.read_table(path, {})
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
    return residuals
