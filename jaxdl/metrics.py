"""How good a model's outputs are."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Integer

from jaxdl.functional import weighted_mean


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
