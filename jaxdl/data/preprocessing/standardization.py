"""Standardization: inputs of mean 0 and standard deviation 1, fitted to the training part alone."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from jaxdl._formatting import format_argument
from jaxdl.data._arguments import check_data, check_split
from jaxdl.data.dataset import Dataset, Split, counted
from jaxdl.data.preprocessing.weighted import uneven_weights, weighted_moments

SAFE_STDS = 1e-12, 1e18  # standard deviations whose squares float32 holds
SAFE_RATIO = 1e3  # of mean and standard deviation, up to which float32 computes both


class Standardization(NamedTuple):
    """Mean and standard deviation of the training part, in the units of the inputs.

    Attributes:
        mean: Mean of each feature, or of each channel of images.
        std: Standard deviation of each; 1 for a feature that is constant.
    """

    mean: Float[Array, "features"] | np.ndarray
    std: Float[Array, "features"] | np.ndarray


def check_fitted(name: str, fitted: Any, kind: type) -> None:
    """Raise TypeError unless an argument is of the kind that is fitted to the training part."""
    if not isinstance(fitted, kind):
        raise TypeError(
            f"{name} must be a {kind.__name__}, got {format_argument(fitted)}: fit one to the training part with "
            f"data.fit_{kind.__name__.lower()}(train), and give it before the data."
        )


def fit_standardization(data: Dataset) -> Standardization:
    """Return mean and standard deviation of each feature of a table, or of each channel of images.

    Both are computed over all axes but the last. A constant feature gets the standard deviation 1, so that
    `standardize` makes it 0. Both are weighted by the weights of the examples.

    Args:
        data: A data set with inputs (examples, ..., features).

    Returns:
        The standardization: in float64 for inputs that are a numpy array of float64, else in float32.

    Example:
        >>> from jaxdl import data
        >>> fitted = data.fit_standardization(data.from_arrays([[1.0, 7.0], [3.0, 7.0]], [0, 1]))
        >>> fitted.mean.tolist(), fitted.std.tolist()
        ([2.0, 7.0], [1.0, 1.0])
    """
    check_data(data)
    if not hasattr(data.inputs, "ndim"):
        raise TypeError(
            f"inputs must be an array, got {format_argument(data.inputs)}: prepare a table with data.prepared."
        )
    data = counted(data)
    inputs, weights = data.inputs, uneven_weights(data)
    if weights is not None:
        return _weighted(inputs, weights)
    if isinstance(inputs, Tracer):
        return _moments(inputs)
    if isinstance(inputs, np.ndarray) and inputs.dtype == np.float64:
        return _exact_moments(inputs)
    fitted = _moments(inputs)
    mean, std = np.asarray(fitted.mean), np.asarray(fitted.std)
    if ((std > SAFE_STDS[0]) & (std < SAFE_STDS[1]) & (np.abs(mean) < SAFE_RATIO * std)).all():
        return fitted
    return Standardization(*(jnp.asarray(array, jnp.float32) for array in _exact_moments(np.asarray(inputs))))


def _weighted(inputs, weights) -> Standardization:
    moments = weighted_moments(inputs, weights)
    exact = isinstance(inputs, np.ndarray) and inputs.dtype == np.float64
    return Standardization(*(moments if exact else (jnp.asarray(array, jnp.float32) for array in moments)))


def _exact_moments(inputs) -> Standardization:
    """Compute in float64, where numbers far from 0, and squares of tiny and of huge ones, keep their digits."""
    inputs = inputs.astype(np.float64, copy=False)
    axes = tuple(range(inputs.ndim - 1))
    first = inputs[(0,) * len(axes)]
    with np.errstate(over="ignore", invalid="ignore"):
        centered = inputs - first
        varies = centered.any(axes)
        return Standardization(first + centered.mean(axes), np.where(varies, centered.std(axes), 1.0))


@jax.jit
def _moments(inputs) -> Standardization:
    axes = tuple(range(inputs.ndim - 1))
    varies = jnp.ptp(inputs, axes) > 0  # the mean of a constant is rounded, so its computed std is not exactly 0
    first = inputs[(0,) * len(axes)]
    return Standardization(jnp.where(varies, inputs.mean(axes), first), jnp.where(varies, inputs.std(axes), 1.0))


def standardize(standardization: Standardization, data: Dataset) -> Dataset:
    r"""Standardize the inputs: $(x - \mu) / s$.

    Args:
        standardization: Mean $\mu$ and standard deviation $s$.
        data: A data set with inputs (examples, ..., features).

    Returns:
        The data set with standardized inputs.

    Raises:
        ValueError: If the number of features differs from the fitted one.

    Example:
        >>> from jaxdl import data
        >>> line = data.from_arrays([[1.0], [3.0]], [0, 1])
        >>> data.standardize(data.fit_standardization(line), line).inputs.tolist()
        [[-1.0], [1.0]]
    """
    check_fitted("standardization", standardization, Standardization)
    check_data(data)
    return data._replace(inputs=scaled(standardization, data.inputs))


def scaled(standardization: Standardization, inputs: Any) -> Any:
    """Return standardized inputs. Raises ValueError if their number of features differs from the fitted one."""
    if np.shape(inputs)[-1:] != standardization.mean.shape:
        raise ValueError(
            f"the standardization was fitted to {standardization.mean.size} features, got inputs of the shape "
            f"{np.shape(inputs)}."
        )
    return (inputs - standardization.mean) / standardization.std


def standardized(split: Split) -> Split:
    """Standardize all parts with mean and standard deviation of the training part.

    Args:
        split: A split of arrays. For tables, names and regression targets use `prepared`.

    Returns:
        The standardized split.

    Example:
        >>> from jaxdl import data
        >>> split = data.standardized(data.random_split(jax.random.key(0), data.xor(), shares=(0.5, 0.25, 0.25)))
        >>> bool(jnp.allclose(split.train.inputs.mean(axis=0), 0, atol=1e-6))
        True
    """
    check_split(split)
    fitted = fit_standardization(split.train)
    return Split(*(standardize(fitted, part) for part in split))
