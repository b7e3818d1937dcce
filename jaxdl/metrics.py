"""How good a model's outputs are."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Integer

from jaxdl.functional import absolute_error, squared_error, weighted_mean


def predictions(logits: Float[Array, "batch classes"]) -> Integer[Array, "batch"]:
    """The class with the largest logit; -1, which is no class, where a logit is NaN."""
    return jnp.where(jnp.isnan(logits).any(axis=-1), -1, logits.argmax(axis=-1))


def accuracy(
    logits: Float[Array, "batch classes"], labels: Integer[Array, "batch"], weights: Float[Array, "batch"]
) -> Float[Array, ""]:
    """The weighted share of examples whose class is predicted, between 0 and 1; what is NaN is never right."""
    return weighted_mean(((predictions(logits) == labels) & (labels >= 0)).astype(logits.dtype), weights)


def confusion_matrix(
    predicted: Integer[Array, "batch"], labels: Integer[Array, "batch"], *, classes: int
) -> Integer[Array, "classes classes"]:
    """How many examples of each class (row) were taken for each class (column); what is no class counts nowhere."""
    rows, columns = (jnp.where(of < 0, classes, of) for of in (labels, predicted))  # a negative index would wrap
    return jnp.zeros((classes, classes), int).at[rows, columns].add(1, mode="drop")


def r_squared(
    predictions: Float[Array, "batch outputs"], targets: Float[Array, "batch outputs"], weights: Float[Array, "batch"]
) -> Float[Array, ""]:
    r"""The share of the variance that is explained, $R^2 = 1 - \sum_n w_n |y_n - t_n|^2 / \sum_n w_n |t_n - \bar t|^2$.

    1 for what is always right, 0 for the mean of the targets, and below for what is worse; NaN for targets that are all
    the same. Wright, *Correlation and causation* (1921).
    """
    mean = jnp.average(targets, axis=0, weights=weights)
    spread = weighted_mean(squared_error(jnp.broadcast_to(mean, targets.shape), targets), weights)
    missed = weighted_mean(squared_error(predictions, targets), weights)
    return jnp.where(spread > 0, 1 - missed / spread, jnp.nan)


def root_mean_squared_error(
    predictions: Float[Array, "batch outputs"], targets: Float[Array, "batch outputs"], weights: Float[Array, "batch"]
) -> Float[Array, ""]:
    """The root of the weighted mean of the squared errors, in the unit of the target."""
    return jnp.sqrt(weighted_mean(squared_error(predictions, targets), weights))


def mean_absolute_error(
    predictions: Float[Array, "batch outputs"], targets: Float[Array, "batch outputs"], weights: Float[Array, "batch"]
) -> Float[Array, ""]:
    """The weighted mean of the absolute errors, in the unit of the target."""
    return weighted_mean(absolute_error(predictions, targets), weights)
