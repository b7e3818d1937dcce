"""Metrics of classifiers and regressions, as functions of outputs, labels and example weights.

All arguments are jax or numpy arrays. Another type or dtype raises TypeError, and another shape ValueError.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Integer, Real

from jaxdl._formatting import format_argument, is_integer
from jaxdl._names import offer_public_names
from jaxdl.functional import absolute_error, squared_error, weighted_mean
from jaxdl.functional._arguments import check_annotations
from jaxdl.functional._types import Scalar
from jaxdl.functional._validity import check_number

__all__ = [
    "accuracy",
    "binary_accuracy",
    "confusion_matrix",
    "mean_absolute_error",
    "predictions",
    "r_squared",
    "root_mean_squared_error",
]

COUNTS = "compute it from metrics.confusion_matrix."
HINTS = dict.fromkeys(("f1", "f1_score", "precision", "recall", "specificity", "sensitivity"), COUNTS)
HINTS |= {"mse": "use the square of root_mean_squared_error, or functional.squared_error as loss."}
HINTS |= dict.fromkeys(("r2", "r2_score"), "did you mean r_squared?")

offer_public_names(__name__, HINTS)


def predictions(logits: Float[Array, "*batch classes"]) -> Integer[Array, "*batch"]:
    r"""Return the class with the largest logit, $\mathrm{argmax}_k\, z_k$, or -1 if any logit is NaN.

    Args:
        logits: Logits $z$ of shape (batch, classes), or with more axes in front, such as the members of a population.

    Example:
        >>> from jaxdl import metrics
        >>> metrics.predictions(jnp.array([[0.1, 2.0], [0.3, -1.0], [jnp.nan, 1.0]])).tolist()
        [1, 0, -1]
    """
    check_annotations(predictions, logits)
    return jnp.where(jnp.isnan(logits).any(axis=-1), -1, logits.argmax(axis=-1))


def accuracy(
    logits: Float[Array, "batch classes"], labels: Integer[Array, "batch"], weights: Float[Array, "batch"]
) -> Float[Array, ""]:
    r"""Return the weighted share of correct predictions, $\sum_n w_n [\hat y_n = y_n] / \sum_n w_n$.

    An example with a NaN logit or a negative label counts as an error.

    Args:
        logits: Logits of shape (batch, classes).
        labels: Classes $y_n$ of shape (batch,).
        weights: Example weights $w_n$ of shape (batch,); 0 ignores an example.

    Returns:
        Accuracy between 0 and 1, in the dtype of `weights`.

    Raises:
        TypeError: If a dtype differs from the annotation.
        ValueError: If a shape differs from the annotation, or if there is one logit per example: `binary_accuracy`
            compares it with a threshold.

    Example:
        >>> from jaxdl import metrics
        >>> logits = jnp.array([[2.0, 1.0], [0.0, 1.0], [3.0, 1.0], [3.0, 1.0]])
        >>> labels = jnp.array([0, 0, 0, 0])
        >>> float(metrics.accuracy(logits, labels, jnp.ones(4)))
        0.75
        >>> float(metrics.accuracy(logits, labels, jnp.array([1.0, 1.0, 0.0, 0.0])))
        0.5
    """
    shape = getattr(logits, "shape", ())
    if len(shape) in (1, 2) and shape[1:] in ((), (1,)) and jnp.issubdtype(logits.dtype, jnp.floating):
        raise ValueError(
            f"accuracy needs logits of the shape (batch, classes), with at least two classes, got {shape}: for one "
            "logit per example use metrics.binary_accuracy, for one probability with threshold=0.5."
        )
    _check(accuracy, logits, labels, weights)
    correct = (predictions(logits) == labels) & (labels >= 0)
    return weighted_mean(correct.astype(jnp.result_type(weights)), weights)


def binary_accuracy(
    logits: Float[Array, "batch *outputs"],
    labels: Real[Array, "batch *outputs"],
    weights: Float[Array, "batch"],
    *,
    threshold: Scalar = 0.0,
) -> Float[Array, ""]:
    r"""Return the weighted share of correct predictions of two classes, $\sum_n w_n [\hat y_n = y_n] / \sum_n w_n$.

    The positive class is predicted, $\hat y_n = 1$, if the logit is above the threshold, $z_n > t$. With more outputs
    per example, each of them a yes or no, the share of an example is its mean over them. A NaN logit and a label
    outside [-1, 1] count as errors.

    Args:
        logits: One logit $z_n$ per example (batch,), or several (batch, outputs).
        labels: Labels $y_n$ of the same shape: 1 for the positive class, 0 or -1 for the other; or its probability.
        weights: Example weights $w_n$ of shape (batch,); 0 ignores an example.
        threshold: Logits above it are predicted as positive: 0 for logits, 0.5 for probabilities, such as
            `functools.partial(metrics.binary_accuracy, threshold=0.5)`.

    Returns:
        Accuracy between 0 and 1, in the dtype of `weights`.

    Raises:
        TypeError: If a dtype differs from the annotation.
        ValueError: If a shape differs from the annotation.

    Example:
        >>> from jaxdl import metrics
        >>> logits, labels = jnp.array([2.0, -1.0, 0.5, -3.0]), jnp.array([1, 0, 0, 0])
        >>> float(metrics.binary_accuracy(logits, labels, jnp.ones(4)))
        0.75
        >>> float(metrics.binary_accuracy(F.sigmoid(logits), labels, jnp.ones(4), threshold=0.5))
        0.75
    """
    check_number("threshold", threshold)
    check_annotations(binary_accuracy, logits, labels, weights)
    targets = jnp.asarray(labels, jnp.result_type(logits))
    correct = ((logits > threshold) == (targets > 0.5)) & (jnp.abs(targets) <= 1) & ~jnp.isnan(logits)
    shares = correct.astype(jnp.result_type(weights)).mean(axis=range(1, correct.ndim))
    return weighted_mean(shares, weights)


def confusion_matrix(
    predicted: Integer[Array, "batch"], labels: Integer[Array, "batch"], *, classes: int
) -> Integer[Array, "classes classes"]:
    """Count the examples of each class (row) that were predicted as each class (column).

    Args:
        predicted: Predicted classes of shape (batch,), such as the result of `predictions`.
        labels: True classes of shape (batch,).
        classes: Number of classes. Labels and predictions outside 0 to `classes` - 1 are not counted.

    Raises:
        TypeError: If an argument does not hold integers.
        ValueError: If the arguments are not of the same length, with one axis.

    Example:
        >>> from jaxdl import metrics
        >>> metrics.confusion_matrix(jnp.array([0, 1, 1, 1]), jnp.array([0, 0, 1, 1]), classes=2).tolist()
        [[1, 1], [0, 2]]
    """
    check_annotations(confusion_matrix, predicted, labels)
    if not is_integer(classes):
        raise TypeError(f"classes must be the number of classes, got {format_argument(classes)}: give len(names).")
    if classes < 1:
        raise ValueError(f"classes must be at least 1, got {classes}.")
    rows, columns = (jnp.where(index < 0, classes, index) for index in (labels, predicted))  # negative ones would wrap
    return jnp.zeros((classes, classes), int).at[rows, columns].add(1, mode="drop")


def r_squared(
    predictions: Float[Array, "batch outputs"], targets: Float[Array, "batch outputs"], weights: Float[Array, "batch"]
) -> Float[Array, ""]:
    r"""Return the share of explained variance, $R^2 = 1 - \sum_n w_n |y_n - t_n|^2 / \sum_n w_n |t_n - \bar t|^2$.

    It is 1 for perfect predictions, 0 for predicting the mean target $\bar t$, and negative for worse predictions.

    Args:
        predictions: $y_n$ of shape (batch, outputs).
        targets: $t_n$ of shape (batch, outputs).
        weights: Example weights $w_n$ of shape (batch,).

    Returns:
        $R^2$, or NaN if all targets are equal.

    References:
        Wright, *Correlation and causation* (1921).

    Example:
        >>> from jaxdl import metrics
        >>> targets = jnp.array([[1.0], [2.0], [3.0]])
        >>> float(metrics.r_squared(jnp.array([[1.0], [2.0], [2.0]]), targets, jnp.ones(3)))
        0.5
    """
    _check(r_squared, predictions, targets, weights)
    mean = jnp.average(targets, axis=0, weights=weights)
    total = weighted_mean(squared_error(jnp.broadcast_to(mean, targets.shape), targets), weights)
    unexplained = weighted_mean(squared_error(predictions, targets), weights)
    return jnp.where(total > 0, 1 - unexplained / total, jnp.nan)


def root_mean_squared_error(
    predictions: Float[Array, "batch outputs"], targets: Float[Array, "batch outputs"], weights: Float[Array, "batch"]
) -> Float[Array, ""]:
    r"""Return $\sqrt{\sum_n w_n |y_n - t_n|^2 / \sum_n w_n}$, in the unit of the targets.

    Args:
        predictions: $y_n$ of shape (batch, outputs).
        targets: $t_n$ of shape (batch, outputs).
        weights: Example weights $w_n$ of shape (batch,).

    Example:
        >>> from jaxdl import metrics
        >>> targets = jnp.array([[4.0], [0.0], [0.0], [0.0]])
        >>> float(metrics.root_mean_squared_error(jnp.zeros((4, 1)), targets, jnp.ones(4)))
        2.0
    """
    _check(root_mean_squared_error, predictions, targets, weights)
    return jnp.sqrt(weighted_mean(squared_error(predictions, targets), weights))


def mean_absolute_error(
    predictions: Float[Array, "batch outputs"], targets: Float[Array, "batch outputs"], weights: Float[Array, "batch"]
) -> Float[Array, ""]:
    r"""Return $\sum_n w_n |y_n - t_n|_1 / \sum_n w_n$, in the unit of the targets.

    Args:
        predictions: $y_n$ of shape (batch, outputs).
        targets: $t_n$ of shape (batch, outputs).
        weights: Example weights $w_n$ of shape (batch,).

    Example:
        One large error counts less than in the `root_mean_squared_error`, which is 2 here:

        >>> from jaxdl import metrics
        >>> targets = jnp.array([[4.0], [0.0], [0.0], [0.0]])
        >>> float(metrics.mean_absolute_error(jnp.zeros((4, 1)), targets, jnp.ones(4)))
        1.0
    """
    _check(mean_absolute_error, predictions, targets, weights)
    return weighted_mean(absolute_error(predictions, targets), weights)


def _check(metric, outputs, labels, weights) -> None:
    """Raise TypeError or ValueError unless the arguments have the shapes and dtypes in the signature of the metric."""
    kinds = [jnp.issubdtype(getattr(array, "dtype", object), jnp.integer) for array in (outputs, labels)]
    if kinds == [True, False] and getattr(labels, "ndim", 0) == 2:
        raise TypeError(f"{metric.__name__} takes outputs before labels, got integers first: exchange the arguments.")
    check_annotations(metric, outputs, labels, weights)
