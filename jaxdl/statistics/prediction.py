"""Prediction intervals by split conformal prediction."""

import math

import numpy as np

from jaxdl._types import ArrayLike
from jaxdl.statistics._arguments import checked_level, to_numbers


def conformal_radius(residuals: ArrayLike, *, weights: ArrayLike | None = None, level: float = 0.9) -> float:
    r"""Compute the half-width of prediction intervals by split conformal prediction.

    Among $n$ absolute residuals $|y_i - \hat y_i|$ of examples that were not trained on, it is the $k$-th smallest,
    $k = \lceil (n + 1)\,\mathrm{level} \rceil$. The interval $\hat y \pm$ radius then contains a new label with a
    probability of at least `level`, on average over residuals and new examples, if new examples and those of the
    residuals are exchangeable, for example independent and of the same distribution. Nothing else is assumed.

    With weights $w_i$ it is the smallest residual $r$ with

    $$
    \sum_{|y_i - \hat y_i| \le r} w_i \;\ge\; \mathrm{level} \left(\sum_i w_i + \max_i w_i\right) .
    $$

    This holds for new examples of another distribution, if the weights are proportional to the ratio of its density to
    that of the residuals, and that of the new example is at most the largest of them.

    Args:
        residuals: Differences of $n \ge 1$ labels from their predictions; their signs do not matter.
        weights: Weights of the residuals, at least 0. Default: equal weights.
        level: Probability to cover a new label, between 0 and 1.

    Returns:
        The radius; infinity if $n < \mathrm{level} / (1 - \mathrm{level})$, which is fewer than 9 for the level 0.9.

    Raises:
        ValueError: There is no residual, one is NaN, they are not one-dimensional, the weights do not fit, or the level
            is not between 0 and 1.

    References:
        Lei, G'Sell, Rinaldo, Tibshirani and Wasserman, *Distribution-free predictive inference for regression* (2018),
        algorithm 2.
        Tibshirani, Foygel Barber, Candès and Ramdas, *Conformal prediction under covariate shift* (2019), equation 7.

    Example:
        Nine of the nine residuals are needed for 90 %, and five of them for 50 %:

        >>> from jaxdl import statistics
        >>> residuals = [-4.0, 1.0, 3.0, -2.0, 5.0, 6.0, -7.0, 8.0, 9.0]
        >>> statistics.conformal_radius(residuals), statistics.conformal_radius(residuals, level=0.5)
        (9.0, 5.0)
        >>> statistics.conformal_radius(residuals, level=0.95)
        inf
    """
    residuals = np.abs(to_numbers("residuals", residuals))
    if residuals.ndim != 1 or len(residuals) == 0 or np.isnan(residuals).any():
        raise ValueError(
            f"residuals must be one-dimensional with at least one number and without NaN, got the shape "
            f"{residuals.shape} with {int(np.isnan(residuals).sum())} NaN: give one residual for each example."
        )
    weights = np.ones(len(residuals)) if weights is None else to_numbers("weights", weights)
    if weights.shape != residuals.shape or not (np.isfinite(weights).all() and weights.min() >= 0 and weights.any()):
        raise ValueError(
            f"weights must be finite, at least 0 and not all 0, one for each residual, got the shape {weights.shape}."
        )
    order = np.argsort(residuals)
    shares = weights[order].cumsum() / (weights.sum() + weights.max())
    first = int(np.searchsorted(shares, checked_level(level) - 1e-12))  # 100 * 0.55 is 55, not a little more
    return float(residuals[order[first]]) if first < len(order) else math.inf
