"""Standardization: inputs of mean 0 and deviation 1, by what the training part alone says."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxdl.data.dataset import Dataset, Split


class Standardization(NamedTuple):
    """The mean and deviation to standardize by, in the units of the inputs."""

    mean: Float[Array, "features"] | np.ndarray
    deviation: Float[Array, "features"] | np.ndarray


def fit_standardization(data: Dataset) -> Standardization:
    """The mean and deviation of each feature of a table, or each channel of images: over all axes but the last.

    A feature that never varies gets the deviation 1, so that it becomes 0 everywhere.
    """
    return _moments(data.inputs)


@jax.jit
def _moments(inputs) -> Standardization:
    axes = tuple(range(inputs.ndim - 1))
    varies = jnp.ptp(inputs, axes) > 0  # the rounding of a mean makes a deviation of what never varies
    first = inputs[(0,) * len(axes)]
    return Standardization(jnp.where(varies, inputs.mean(axes), first), jnp.where(varies, inputs.std(axes), 1.0))


def standardize(standardization: Standardization, data: Dataset) -> Dataset:
    r"""The same data with inputs $(x - \mu) / s$. Raises ValueError for other features than it was fitted on."""
    if data.inputs.shape[-1:] != standardization.mean.shape:
        raise ValueError(
            f"data must have the {standardization.mean.size} features that were fitted, but has inputs of the shape "
            f"{data.inputs.shape}."
        )
    return data._replace(inputs=(data.inputs - standardization.mean) / standardization.deviation)


def standardized(split: Split) -> Split:
    """All three parts, standardized by what the training part says."""
    fitted = fit_standardization(split.train)
    return Split(*(standardize(fitted, part) for part in split))
