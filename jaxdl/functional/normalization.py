"""Normalization over the batch: every feature gets a given mean and variance.

A variance that overflows gives NaN (in float32, inputs of size 10¹⁹).
"""

import math

from jaxtyping import Array, Float

from jaxdl.functional._arguments import check_annotations
from jaxdl.functional._precision import widened
from jaxdl.functional._types import Scalar
from jaxdl.functional._validity import over_root


def batch_norm(
    x: Float[Array, "*batch features"],
    scale: Float[Array, "features"],
    bias: Float[Array, "features"],
    *,
    epsilon: Scalar = 1e-5,
) -> tuple[Float[Array, "*batch features"], Float[Array, "features"], Float[Array, "features"]]:
    r"""Batch normalization in training, with the statistics of the batch.

    $$
    \begin{gathered}
    y = \gamma \hat x + \beta, \qquad
    \hat x = \frac{x - \mu}{\sqrt{v + \epsilon}}, \\
    \mu = \frac1N \sum_n x_n, \qquad
    v = \frac1N \sum_n (x_n - \mu)^2
    \end{gathered}
    $$

    The mean $\mu$ and the (biased) variance $v$ of each feature are taken over all other axes: the batch and, for
    images, the pixels. With batch size 1 and no other axes, the output is the bias $\beta$.

    Running averages are computed from the returned $\mu$ and $v$. Flax also averages the biased variance; PyTorch
    averages the unbiased one, which is $N / (N - 1)$ times as large.

    Args:
        x: Signals of shape (*batch, features).
        scale: Scale $\gamma$ of shape (features,), the standard deviation of the outputs.
        bias: Bias $\beta$ of shape (features,), the mean of the outputs.
        epsilon: Number $\epsilon \ge 0$ that is added to the variance; if negative, $y$ is NaN.

    Returns:
        $(y, \mu, v)$: the normalized signals in the shape of `x`, the means and the variances of shape (features,).

    Raises:
        TypeError: If a dtype differs from the annotation.
        ValueError: If a shape differs from the annotation.

    References:
        Ioffe and Szegedy, *Batch normalization* (2015).

    Example:
        >>> x = jnp.array([[1.0, 10.0], [3.0, 30.0]])
        >>> y, mean, variance = F.batch_norm(x, jnp.ones(2), jnp.array([0.0, 5.0]))
        >>> y.round().tolist(), mean.tolist(), variance.tolist()
        ([[-1.0, 4.0], [1.0, 6.0]], [2.0, 20.0], [1.0, 100.0])
    """
    check_annotations(batch_norm, x, scale, bias)
    centered, mean, variance = _moments(x)
    normal = centered * over_root(variance, epsilon)
    return scale * normal.astype(x.dtype) + bias, mean.astype(x.dtype), variance.astype(x.dtype)


def batch_norm_vjp(g, x, scale, bias, *, epsilon=1e-5):
    r"""Pull $g = (\bar y, \bar\mu, \bar v)$ back to $(x, \gamma, \beta)$.

    Each feature is normalized on its own, so we derive the gradient for one feature with the inputs $x_1, \dots, x_N$.
    With $r = 1 / \sqrt{v + \epsilon}$ the output is $y_n = \gamma \hat x_n + \beta$, $\hat x_n = r\,(x_n - \mu)$.

    Scale and bias are shared by all $N$ rows, so their gradients are sums:

    $$
    \bar\gamma = \sum_n \bar y_n \hat x_n, \qquad \bar\beta = \sum_n \bar y_n .
    $$

    The cotangent of $\hat x_n$ is $h_n = \gamma\,\bar y_n$. For $x$, note that an input $x_n$ changes every $\hat x_k$:
    directly for $k = n$, and through $\mu$ and $v$ for all $k$. The statistics have the derivatives

    $$
    \begin{aligned}
    \frac{\partial \mu}{\partial x_n} &= \frac1N \\
    \frac{\partial v}{\partial x_n}
    &= \frac1N \sum_k 2\,(x_k - \mu) \left([k = n] - \frac1N\right) = \frac2N (x_n - \mu) ,
    \end{aligned}
    $$

    because the differences from the mean sum to 0. The chain rule for $r = (v + \epsilon)^{-1/2}$ gives

    $$
    \frac{\partial r}{\partial x_n}
    = -\frac12 (v + \epsilon)^{-3/2}\, \frac{\partial v}{\partial x_n}
    = -\frac12 r^3 \cdot \frac2N (x_n - \mu)
    = -\frac1N r^2 \hat x_n .
    $$

    Now the product rule for $\hat x_k = r\,(x_k - \mu)$, with $r\,(x_k - \mu) = \hat x_k$ in the second step:

    $$
    \begin{aligned}
    \frac{\partial \hat x_k}{\partial x_n}
    &= r \left([k = n] - \frac1N\right) - (x_k - \mu)\, \frac1N r^2 \hat x_n \\
    &= r \left([k = n] - \frac1N - \frac1N \hat x_k \hat x_n\right) .
    \end{aligned}
    $$

    The chain rule multiplies by $h_k$ and sums over $k$. This is the part of $\bar x_n$ that comes through $y$:

    $$
    \sum_k h_k \frac{\partial \hat x_k}{\partial x_n}
    = r \left(h_n - \frac1N \sum_k h_k - \hat x_n \frac1N \sum_k h_k \hat x_k\right) .
    $$

    The statistics are outputs too. Their cotangents, times the derivatives above, are the other part:

    $$
    \bar x_n
    = r \left(h_n - \frac1N \sum_k h_k - \hat x_n \frac1N \sum_k h_k \hat x_k\right)
    + \frac1N \left(\bar\mu + 2\,\bar v\,(x_n - \mu)\right) .
    $$

    The two subtracted terms remove the parts of $h$ that would shift or stretch all inputs together. A shift does not
    change the output, and for $\epsilon = 0$ neither does a stretch.
    """
    g_y, g_mean, g_variance = g
    axes = tuple(range(x.ndim - 1))
    size = math.prod(x.shape[:-1])
    centered, _, variance = _moments(x)
    r = over_root(variance, epsilon)
    normal, r, centered = (a.astype(x.dtype) for a in (centered * r, r, centered))
    h = scale * g_y
    through_y = r * (h - h.mean(axes) - normal * (h * normal).mean(axes))
    through_statistics = (g_mean + 2 * g_variance * centered) / size
    return through_y + through_statistics, (g_y * normal).sum(axes), g_y.sum(axes)


def batch_norm_examples(random):
    """A table and images, with cotangents for the statistics too; a large and a negative epsilon; zero features."""
    for batch in [(9,), (4, 3, 5)]:
        x = 2 * random.standard_normal((*batch, 6)) + 1
        yield (x, random.standard_normal(6), random.standard_normal(6)), {}
        yield (x, random.standard_normal(6), random.standard_normal(6)), {"epsilon": 0.5}
    yield (x, random.standard_normal(6), random.standard_normal(6)), {"epsilon": -1e-5}
    yield (x[..., :0], random.standard_normal(0), random.standard_normal(0)), {}


def batch_norm_inference(
    x: Float[Array, "*batch features"],
    scale: Float[Array, "features"],
    bias: Float[Array, "features"],
    mean: Float[Array, "features"],
    variance: Float[Array, "features"],
    *,
    epsilon: Scalar = 1e-5,
) -> Float[Array, "*batch features"]:
    r"""Batch normalization in inference, with given statistics.

    For given $\mu$ and $v$ it is

    $$
    y = \gamma\, \frac{x - \mu}{\sqrt{v + \epsilon}} + \beta .
    $$

    As these do not depend on $x$, this is an affine map of each feature, and no example depends on another.

    Args:
        x: Signals of shape (*batch, features).
        scale: Scale $\gamma$ of shape (features,).
        bias: Bias $\beta$ of shape (features,).
        mean: Means $\mu$ of shape (features,), usually running averages of those that `batch_norm` returns.
        variance: Variances $v \ge 0$ of shape (features,), as the means.
        epsilon: Number $\epsilon \ge 0$ that is added to the variance; NaN if negative.

    Returns:
        The normalized signals, in the shape of `x`.

    Raises:
        TypeError: If a dtype differs from the annotation.
        ValueError: If a shape differs from the annotation.

    References:
        Ioffe and Szegedy, *Batch normalization* (2015), section 3.1.

    Example:
        >>> x, one, mean, variance = jnp.array([[6.0]]), jnp.ones(1), jnp.array([2.0]), jnp.array([4.0])
        >>> F.batch_norm_inference(x, one, 10 * one, mean, variance, epsilon=0.0).tolist()  # (6 - 2) / 2 + 10
        [[12.0]]
    """
    check_annotations(batch_norm_inference, x, scale, bias, mean, variance)
    return scale * (x - mean) * over_root(variance, epsilon) + bias


def batch_norm_inference_vjp(g, x, scale, bias, mean, variance, *, epsilon=1e-5):
    r"""Pull $g$ back to $(x, \gamma, \beta, \mu, v)$.

    With $r = 1 / \sqrt{v + \epsilon}$ the map is $y_n = \gamma r (x_n - \mu) + \beta$, and $\mu$ and $r$ are not
    computed from $x$. Hence

    $$
    \bar x_n = \gamma\,r\,g_n .
    $$

    All rows share the other four arguments, so their gradients are sums. The variance acts through $r$ alone, with the
    derivative $\partial r / \partial v = -\frac12 (v + \epsilon)^{-3/2} = -\frac12 r^3$:

    $$
    \begin{aligned}
    \bar\gamma &= r \sum_n g_n (x_n - \mu) \\
    \bar\beta &= \sum_n g_n \\
    \bar\mu &= -\gamma\,r \sum_n g_n = -\sum_n \bar x_n \\
    \bar v &= -\frac12 r^3 \gamma \sum_n g_n (x_n - \mu)
    \end{aligned}
    $$
    """
    axes = tuple(range(x.ndim - 1))
    r = over_root(variance, epsilon)
    x_bar = scale * r * g
    along = (g * (x - mean)).sum(axes)
    return x_bar, r * along, g.sum(axes), -x_bar.sum(axes), -(r**3) * scale * along / 2


def batch_norm_inference_examples(random):
    """A table, images and a single row; a large and a negative epsilon."""
    for batch, settings in [((9,), {}), ((4, 3, 5), {}), ((1,), {"epsilon": 0.5}), ((9,), {"epsilon": -1e-5})]:
        x, (scale, bias, mean, std) = random.standard_normal((*batch, 6)), random.standard_normal((4, 6))
        yield (2 * x + 1, scale, bias, mean, std**2 + 0.1), settings


def _moments(x):
    """Return x minus its mean, the mean and the biased variance of each feature over all other axes."""
    axes, x = tuple(range(x.ndim - 1)), widened(x)
    mean = x.mean(axes)
    centered = x - mean
    return centered, mean, (centered**2).mean(axes)
