"""Predict with the networks of a run: the mean over the networks, its interval, and a prediction interval."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from jaxdl import data, models
from jaxdl.runs.load import Run
from jaxdl.statistics import conformal_radius, mean_intervals

CHUNK = 2048  # examples computed at a time


class Prediction(NamedTuple):
    """Predictions with their intervals: arrays (examples, classes or targets).

    Attributes:
        estimate: Mean over the networks: probabilities of the classes, or targets in the unit of the labels.
        mean_low: Lower limit of the 95 % confidence interval of the mean over networks that differ by seed. It measures
            how far the networks agree, and does not cover the labels.
        mean_high: Upper limit of this interval.
        prediction_low: Lower limit of the prediction interval, which contains the true label of a new example with the
            given probability; None for classes, and for runs without stored residuals.
        prediction_high: Upper limit of this interval.
    """

    estimate: np.ndarray
    mean_low: np.ndarray
    mean_high: np.ndarray
    prediction_low: np.ndarray | None = None
    prediction_high: np.ndarray | None = None


def member_outputs(model: models.Model, params: PyTree, stats: PyTree, inputs: Array, *, classes: bool) -> Array:
    """Compute the outputs of every network for prepared inputs: (members, examples, classes or targets).

    The outputs are class probabilities, or targets in standardized units (`data.rescaled` gives them their own unit).
    Traceable. Networks are computed one after another, so that memory does not grow with their number.
    """

    def outputs_of_one(member):
        outputs, _ = model.apply(*member, inputs)
        return jax.nn.softmax(outputs) if classes else outputs

    return jax.lax.map(outputs_of_one, (params, stats))


_compiled_outputs = jax.jit(member_outputs, static_argnums=0, static_argnames="classes")


def predict(run: Run, inputs: Any, *, level: float = 0.9) -> Prediction:
    r"""Predict by the mean over the networks, $\bar y = \frac{1}{M} \sum_m y_m$, with intervals.

    `mean_low` and `mean_high` are Student's 95 % interval of the mean over networks that differ by seed. It measures
    how far the networks agree; it does not cover the noise of the labels.

    `prediction_low` and `prediction_high` of a regression are $\bar y \pm r$. The radius $r$ of each target is
    `statistics.conformal_radius` of the residuals on the dev part, weighted as its examples. The interval contains the
    true label of a new example with a probability of at least `level` if new examples come from the same distribution
    as the dev part. The probability may be lower if dev also served to stop training early or to choose settings. If
    dev is too small for the level, the limits are infinite.

    Args:
        run: The networks, from `load_run`.
        inputs: Inputs as they were read for training: an array (examples, ...), or a dictionary of a table's columns.
        level: Probability of the prediction interval to contain the label, between 0 and 1.

    Returns:
        The mean with the limits of both intervals, each of shape (examples, classes or targets). Classes are in the
        order of `run.preparation.labels.names`.

    Raises:
        ValueError: The inputs have other columns, shapes or types than the run was trained on, or the level is not
            between 0 and 1.

    Example:
        >>> from jaxdl import data, models, runs
        >>> model = models.mlp((), 2)
        >>> keys = jax.random.split(jax.random.key(0), 4)
        >>> params, stats = jax.vmap(lambda key: model.init(key, jnp.zeros((1, 3))))(keys)
        >>> split = data.random_split(jax.random.key(1), data.from_arrays(np.eye(3).repeat(9, 0), np.arange(27) % 2))
        >>> _, preparation = data.prepared(split)
        >>> run = runs.Run(model, params, stats, preparation, settings=None)
        >>> probabilities = runs.predict(run, np.eye(3, dtype=np.float32)).estimate
        >>> probabilities.shape, probabilities.sum(axis=1).round(5).tolist()
        ((3, 2), [1.0, 1.0, 1.0])
    """
    labels = run.preparation.labels
    classes = isinstance(labels, data.Classes)
    within = (0.0, 1.0) if classes else (-np.inf, np.inf)
    ready, chunks = np.asarray(data.encode_inputs(run.preparation, inputs)), []
    for first in range(0, len(ready), CHUNK):
        chunk = ready[first : first + CHUNK]
        size = 1 << (len(chunk) - 1).bit_length()  # powers of two, so that few programs are compiled
        padded = np.concatenate([chunk, np.repeat(chunk[:1], size - len(chunk), axis=0)])
        outputs = np.asarray(_compiled_outputs(run.model, run.params, run.stats, jnp.asarray(padded), classes=classes))
        chunks.append(mean_intervals(outputs[:, : len(chunk)], within=within))
    limits = [np.concatenate(parts) for parts in zip(*chunks, strict=True)]
    if classes:
        return Prediction(*limits)
    mean, *mean_limits = (data.rescaled(limit, labels) for limit in limits)
    if run.residuals is None:
        return Prediction(mean, *mean_limits)
    weights = run.residual_weights
    radius = np.array([conformal_radius(of_target, weights=weights, level=level) for of_target in run.residuals.T])
    return Prediction(mean, *mean_limits, mean - radius, mean + radius)
