"""How good a model's outputs are."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxdl.functional import weighted_mean


def predictions(logits: Float[Array, "batch classes"]) -> Int[Array, "batch"]:
    """The class with the largest logit; -1, which is no class, where a logit is NaN."""
    return jnp.where(jnp.isnan(logits).any(axis=-1), -1, logits.argmax(axis=-1))


def accuracy(
    logits: Float[Array, "batch classes"], labels: Int[Array, "batch"], weights: Float[Array, "batch"]
) -> Float[Array, ""]:
    """The weighted share of examples whose class is predicted, between 0 and 1; what is NaN is never right."""
    return weighted_mean((predictions(logits) == labels).astype(logits.dtype), weights)


def confusion_matrix(
    predicted: Int[Array, "batch"], labels: Int[Array, "batch"], *, classes: int
) -> Int[Array, "classes classes"]:
    """How many examples of each class (row) were taken for each class (column); predictions of -1 count nowhere."""
    return (
        jnp.zeros((classes, classes), int).at[labels, jnp.where(predicted < 0, classes, predicted)].add(1, mode="drop")
    )
