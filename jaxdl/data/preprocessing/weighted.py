"""Weighted means, standard deviations and medians: those of examples that are repeated as often as they weigh."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jaxdl.data.dataset import Dataset


def uneven_weights(data: Dataset) -> Any:
    """Return the weights if they differ or are traced, else None: equal weights change no mean."""
    if isinstance(data.weights, Tracer):
        return data.weights
    weights = np.asarray(data.weights, np.float64)
    return weights if (weights != weights[:1]).any() else None


def weighted_moments(array: Any, weights: Any) -> tuple[Any, Any]:
    """Return mean and standard deviation over all axes but the last; 1 for the standard deviation of a constant.

    The weights belong to the first axis. Those of other axes are equal. Numbers of numpy are computed in float64.
    """
    traced = any(isinstance(tree, Tracer) for tree in (array, weights))
    xp: Any = jnp if traced else np
    array = array if traced else np.asarray(array, np.float64)
    axes = tuple(range(array.ndim - 1))
    counts = (weights > 0).reshape(-1, *(1,) * (array.ndim - 1))
    low = xp.min(array, axes, where=counts, initial=np.inf)
    high = xp.max(array, axes, where=counts, initial=-np.inf)
    average = lambda numbers: xp.average(numbers, 0, weights).mean(axes[:-1])  # noqa: E731
    mean = low + average(array - low)  # keeps the digits of numbers far from 0
    return mean, xp.where(high > low, xp.sqrt(average((array - mean) ** 2)), 1.0)


def weighted_median(numbers: np.ndarray, weights: np.ndarray) -> float:
    """Return the number with half of the weight on either side; the mean of two numbers if both are."""
    order = np.argsort(numbers)
    sums, half = np.cumsum(weights[order]), weights.sum() / 2
    first, last = np.searchsorted(sums, half), np.searchsorted(sums, half, side="right")
    return float(numbers[order[[first, min(last, len(order) - 1)]]].mean())
