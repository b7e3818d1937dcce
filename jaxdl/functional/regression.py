"""Losses for real-valued targets, one number per example."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxdl.functional._arguments import check_annotations
from jaxdl.functional._types import Scalar
from jaxdl.functional._validity import in_range, is_not_negative, one_or_nan


def squared_error(
    predictions: Float[Array, "batch outputs"], targets: Float[Array, "batch outputs"]
) -> Float[Array, "batch"]:
    r"""Squared error $L_n = \sum_o (y_{no} - t_{no})^2$.

    Args:
        predictions: Predictions $y$ of shape (batch, outputs).
        targets: Targets $t$ of the same shape.

    Returns:
        Losses of shape (batch,), in squared units of the target. They are summed, not averaged, over the outputs.

    Raises:
        TypeError: If an argument is not floating.
        ValueError: If the shapes differ; (N, 1) and (N,) are not broadcast.

    References:
        Legendre, *Nouvelles méthodes pour la détermination des orbites des comètes* (1805).

    Example:
        >>> F.squared_error(jnp.array([[1.0, 2.0], [3.0, 5.0]]), jnp.array([[0.0, 4.0], [3.0, 4.0]])).tolist()
        [5.0, 1.0]
    """
    check_annotations(squared_error, predictions, targets)
    return ((predictions - targets) ** 2).sum(axis=-1)


def squared_error_vjp(g, predictions, targets):
    r"""Pull $g$ back to $(y, t)$.

    Each prediction is in one term $(y_{no} - t_{no})^2$ of the loss of its example. The chain rule for the square, with
    the inner derivative 1 for $y$ and $-1$ for $t$, gives

    $$
    \frac{\partial L_n}{\partial y_{no}} = 2\,(y_{no} - t_{no}) ,
    \qquad
    \frac{\partial L_n}{\partial t_{no}} = -2\,(y_{no} - t_{no}) .
    $$

    Times the cotangent $g_n$ of the loss of the example, these are

    $$
    \bar y_{no} = 2\,g_n\,(y_{no} - t_{no}) , \qquad \bar t_{no} = -\bar y_{no} .
    $$
    """
    slope = 2 * g[:, None] * (predictions - targets)
    return slope, -slope


def absolute_error(
    predictions: Float[Array, "batch outputs"], targets: Float[Array, "batch outputs"]
) -> Float[Array, "batch"]:
    r"""Absolute error $L_n = \sum_o |y_{no} - t_{no}|$.

    The kink is at $y = t$; there the derivative is taken to be 0, the middle of the subgradients $[-1, 1]$, as in
    PyTorch. In jax the derivative of `jnp.abs` is 1 there, which is why $|e|$ is computed as $e\,\mathrm{sign}(e)$.

    Args:
        predictions: Predictions $y$ of shape (batch, outputs).
        targets: Targets $t$ of the same shape.

    Returns:
        Losses of shape (batch,), in units of the target. They are summed, not averaged, over the outputs.

    Raises:
        TypeError: If an argument is not floating.
        ValueError: If the shapes differ; (N, 1) and (N,) are not broadcast.

    References:
        Boyd and Vandenberghe, *Convex Optimization* (2004), section 6.1.

    Example:
        Only the sign of an error matters for the gradient, not its size:

        >>> predictions, targets = jnp.array([[0.0, 10.0, 4.0]]), jnp.array([[1.0, 1.0, 4.0]])
        >>> F.absolute_error(predictions, targets).tolist()
        [10.0]
        >>> F.absolute_error_vjp(jnp.ones(1), predictions, targets)[0].tolist()
        [[-1.0, 1.0, 0.0]]
    """
    check_annotations(absolute_error, predictions, targets)
    error = predictions - targets
    return (error * jnp.sign(error)).sum(axis=-1)


def absolute_error_vjp(g, predictions, targets):
    r"""Pull $g$ back to $(y, t)$.

    With the error $e = y - t$, $\partial |e| / \partial e = \mathrm{sign}(e)$, and 0 at the kink. Hence

    $$
    \bar y_{no} = g_n\,\mathrm{sign}(y_{no} - t_{no}) , \qquad \bar t_{no} = -\bar y_{no} .
    $$

    The gradient does not depend on the size of the error.
    """
    slope = g[:, None] * jnp.sign(predictions - targets)
    return slope, -slope


def absolute_error_examples(random):
    """Errors of both signs, and errors that are exactly zero."""
    predictions, targets = random.standard_normal((2, 9, 4))
    targets[::2, 1:3] = predictions[::2, 1:3]
    yield (predictions, targets), {}
    yield (predictions[:1], targets[:1]), {}
    yield (1e4 * predictions, targets), {}


def huber(
    predictions: Float[Array, "batch outputs"],
    targets: Float[Array, "batch outputs"],
    *,
    delta: Scalar = 1.0,
) -> Float[Array, "batch"]:
    r"""Huber loss $L_n = \sum_o h(y_{no} - t_{no})$: quadratic for small errors, linear for large ones.

    $$
    h(e) = \begin{cases}
    \tfrac12 e^2 & |e| \le \delta \\
    \delta \left(|e| - \tfrac12 \delta\right) & |e| > \delta
    \end{cases}
    $$

    as PyTorch's `huber_loss`. With the error clipped to $[-\delta, \delta]$, called $c$, both pieces are
    $c\,(e - c / 2)$. They meet with the same value and slope. Where they meet, the second derivative is 1.

    Args:
        predictions: Predictions $y$ of shape (batch, outputs).
        targets: Targets $t$ of the same shape.
        delta: Error $\delta > 0$ at which the loss becomes linear, in units of the target; may be traced. Other values
            give NaN.

    Returns:
        Losses of shape (batch,), in squared units of the target. They are summed, not averaged, over the outputs.

    Raises:
        TypeError: If `predictions` or `targets` is not floating.
        ValueError: If the shapes differ; (N, 1) and (N,) are not broadcast.

    References:
        Huber, *Robust estimation of a location parameter* (1964).

    Example:
        An outlier counts less than in half the squared error:

        >>> predictions, targets = jnp.array([[0.5], [10.0]]), jnp.zeros((2, 1))
        >>> F.huber(predictions, targets).tolist()
        [0.125, 9.5]
        >>> (F.squared_error(predictions, targets) / 2).tolist()
        [0.125, 50.0]
    """
    check_annotations(huber, predictions, targets)
    error = predictions - targets
    clipped = _clip(error, delta)
    return (clipped * (error - clipped / 2)).sum(axis=-1)


def huber_vjp(g, predictions, targets, *, delta=1.0):
    r"""Pull $g$ back to $(y, t)$.

    The derivative of the quadratic piece is $e$, and that of the linear piece is $\delta\,\mathrm{sign}(e)$. In both
    cases it is the error clipped to $[-\delta, \delta]$:

    $$
    h'(e) = \begin{cases}
    e & |e| \le \delta \\
    \delta\,\mathrm{sign}(e) & |e| > \delta
    \end{cases}
    \;=\; c .
    $$

    The error is $e = y - t$, hence $\bar y = g\,c$ and $\bar t = -\bar y$.
    """
    slope = g[:, None] * _clip(predictions - targets, delta)
    return slope, -slope


def huber_examples(random):
    """Errors inside, outside and exactly delta; other values of delta, valid and invalid."""
    predictions, targets = 2 * random.standard_normal((2, 9, 4))
    targets[0], predictions[0] = 0, [1, -1, 0.5, 0]
    for delta in (1.0, 0.5, 3.0, 0.0, -1.0):
        yield (predictions, targets), {"delta": delta}
    yield (predictions[:1], targets[:1]), {}
    yield (1e4 * predictions, targets), {}


def poisson_nll(
    log_rates: Float[Array, "batch outputs"], targets: Float[Array, "batch outputs"]
) -> Float[Array, "batch"]:
    r"""Negative log-likelihood of counts under Poisson distributions, without the term that depends on counts alone.

    For counts $t$ and the logarithm $z$ of their rates (means) $\lambda = e^z$ it is

    $$
    L_n = \sum_o \left(e^{z_{no}} - t_{no} z_{no}\right) .
    $$

    The likelihood is $\lambda^t e^{-\lambda} / t!$. Its negative logarithm also has the term $\log t!$, which does not
    depend on $z$. It is PyTorch's `poisson_nll_loss` with `log_input=True` and `full=False`, its defaults. For rates
    instead of their logarithms, pass `jnp.log(rates)`. The gradient in $z$ is 0 where the rate equals the count.

    Args:
        log_rates: Logarithms $z$ of the rates, of shape (batch, outputs); any number is valid.
        targets: Counts $t \ge 0$ of the same shape, not necessarily integers. A negative one gives NaN in the loss and
            its gradients.

    Returns:
        Losses of shape (batch,), in nats. They are summed, not averaged, over the outputs.

    Raises:
        TypeError: If an argument is not floating.
        ValueError: If the shapes differ; (N, 1) and (N,) are not broadcast.

    References:
        Nelder and Wedderburn, *Generalized linear models* (1972).

    Example:
        The best rate is the mean of the counts:

        >>> counts = jnp.array([[1.0, 2.0, 6.0]])
        >>> loss = lambda rate: float(F.poisson_nll(jnp.full((1, 3), jnp.log(rate)), counts)[0])
        >>> min([2.0, 2.5, 3.0, 3.5, 4.0], key=loss)
        3.0
    """
    check_annotations(poisson_nll, log_rates, targets)
    return (jnp.exp(log_rates) - _counts(targets) * log_rates).sum(axis=-1)


def poisson_nll_vjp(g, log_rates, targets):
    r"""Pull $g$ back to $(z, t)$.

    Each logarithm of a rate is in one term $e^z - t z$, whose derivative is $e^z - t$. The loss is linear in $t$. Hence

    $$
    \bar z = g\,(e^z - t) , \qquad \bar t = -g\,z .
    $$
    """
    g, targets = g[:, None], _counts(targets)
    return g * (jnp.exp(log_rates) - targets), -g * log_rates * one_or_nan(targets >= 0, g.dtype)


def poisson_nll_examples(random):
    """Counts that are integers, other numbers, zero and negative; rates near 0 and large rates."""
    log_rates, counts = random.standard_normal((7, 4)), 1.0 * random.integers(1, 5, (7, 4))
    yield (log_rates, counts), {}
    yield (log_rates[:1], random.uniform(0.1, 0.9, (1, 4))), {}
    yield (20 * log_rates, counts - 1), {}
    yield (log_rates, counts - 2), {}


def _counts(targets):
    """Return the targets, or NaN where they are negative."""
    return in_range(targets, is_not_negative(targets), targets.dtype)


def _clip(error, delta):
    """Return the error clipped to [-delta, delta], or NaN if delta is not positive."""
    delta = in_range(delta, delta > 0, error.dtype)
    return jnp.where(jnp.abs(error) <= delta, error, delta * jnp.sign(error))
