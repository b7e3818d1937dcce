"""Normalization over the batch: every feature is given a mean and a variance."""

from jaxtyping import Array, ArrayLike, Float

from jaxdl.functional._arguments import as_annotated
from jaxdl.functional._precision import widened
from jaxdl.functional._validity import over_root


def batch_norm(
    x: Float[Array, "*batch features"],
    scale: Float[Array, "features"],
    bias: Float[Array, "features"],
    *,
    epsilon: Float[ArrayLike, ""] = 1e-5,
) -> tuple[Float[Array, "*batch features"], Float[Array, "features"], Float[Array, "features"]]:
    r"""Batch normalization as in training: $y = \gamma \hat x + \beta$ with $\hat x = (x - \mu) / \sqrt{v + \epsilon}$.

    $\mu = \frac1N \sum_n x_n$ and $v = \frac1N \sum_n (x_n - \mu)^2$ are each feature's mean and (biased) variance over
    all other axes: the batch, and of images the pixels too. Returns $(y, \mu, v)$; running averages are taken from
    these. Like Flax, that averages the biased variance; PyTorch averages the unbiased one, which is $N / (N - 1)$ times
    as large. Of a single row $y$ is $\beta$. A negative $\epsilon$ makes $y$ NaN. Raises where shapes or dtypes are not
    as annotated. Ioffe and Szegedy, *Batch normalization* (2015).
    """
    as_annotated(batch_norm, x, scale, bias)
    centered, mean, variance = _moments(x)
    normal = centered * over_root(variance, epsilon)
    return scale * normal.astype(x.dtype) + bias, mean.astype(x.dtype), variance.astype(x.dtype)


def batch_norm_vjp(g, x, scale, bias, *, epsilon=1e-5):
    r"""Pull $g = (\bar y, \bar\mu, \bar v)$ back to $(x, \gamma, \beta)$.

    $\bar\gamma = \sum_n \bar y_n \hat x_n$ and $\bar\beta = \sum_n \bar y_n$. To $x$, with $h = \gamma \bar y$ and
    $r = 1 / \sqrt{v + \epsilon}$: $\partial \mu / \partial x_n = \frac1N$, and
    $\partial v / \partial x_n = \frac2N (x_n - \mu)$, for what comes through $\mu$ is a sum of deviations from the
    mean, which is 0. From
    $\partial r / \partial x_n = -\frac12 r^3\, \partial v / \partial x_n = -\frac1N r^2 \hat x_n$ follows
    $\partial \hat x_k / \partial x_n = r \left([k = n] - \frac1N - \frac1N \hat x_k \hat x_n\right)$, so that
    $r \left(h_n - \frac1N \sum_k h_k - \hat x_n \frac1N \sum_k h_k \hat x_k\right)$ comes through $y$. The outputs
    $\mu$ and $v$ add $\frac1N \left(\bar\mu + 2 \bar v\,(x_n - \mu)\right)$.
    """
    g_y, g_mean, g_variance = g
    axes = tuple(range(x.ndim - 1))
    size = x.size // x.shape[-1]
    centered, _, variance = _moments(x)
    r = over_root(variance, epsilon)
    normal, r, centered = (a.astype(x.dtype) for a in (centered * r, r, centered))
    h = scale * g_y
    inside = r * (h - h.mean(axes) - normal * (h * normal).mean(axes))
    outside = (g_mean + 2 * g_variance * centered) / size
    return inside + outside, (g_y * normal).sum(axes), g_y.sum(axes)


def batch_norm_examples(random):
    """A table and images, with cotangents for the statistics too, and an epsilon that matters."""
    for batch in [(9,), (4, 3, 5)]:
        x = 2 * random.standard_normal((*batch, 6)) + 1
        yield (x, random.standard_normal(6), random.standard_normal(6)), {}
        yield (x, random.standard_normal(6), random.standard_normal(6)), {"epsilon": 0.5}
    yield (x, random.standard_normal(6), random.standard_normal(6)), {"epsilon": -1e-5}


def batch_norm_inference(
    x: Float[Array, "*batch features"],
    scale: Float[Array, "features"],
    bias: Float[Array, "features"],
    mean: Float[Array, "features"],
    variance: Float[Array, "features"],
    *,
    epsilon: Float[ArrayLike, ""] = 1e-5,
) -> Float[Array, "*batch features"]:
    r"""Batch normalization once trained: $y = \gamma (x - \mu) / \sqrt{v + \epsilon} + \beta$ for given $\mu$ and $v$.

    The statistics are usually running averages of those that `batch_norm` returns. They no longer depend on $x$, so
    that this is an affine map of each feature, and no example depends on another. A negative $\epsilon$ gives NaN.
    Raises where shapes or dtypes are not as annotated.
    Ioffe and Szegedy, *Batch normalization* (2015), section 3.1.
    """
    as_annotated(batch_norm_inference, x, scale, bias, mean, variance)
    return scale * (x - mean) * over_root(variance, epsilon) + bias


def batch_norm_inference_vjp(g, x, scale, bias, mean, variance, *, epsilon=1e-5):
    r"""Pull $g$ back to $(x, \gamma, \beta, \mu, v)$.

    With $r = 1 / \sqrt{v + \epsilon}$ the map is $y = \gamma r (x - \mu) + \beta$, hence $\bar x = \gamma r g$. The
    other four are shared by all rows $n$ and get sums: $\bar\gamma = \sum_n g_n r (x_n - \mu)$,
    $\bar\beta = \sum_n g_n$, $\bar\mu = -\sum_n \bar x_n$, and, as $\partial r / \partial v = -\frac12 r^3$,
    $\bar v = -\frac12 r^3 \gamma \sum_n g_n (x_n - \mu)$.
    """
    axes = tuple(range(x.ndim - 1))
    r = over_root(variance, epsilon)
    x_bar = scale * r * g
    along = (g * (x - mean)).sum(axes)
    return x_bar, r * along, g.sum(axes), -x_bar.sum(axes), -(r**3) * scale * along / 2


def batch_norm_inference_examples(random):
    """A table, images and a single row; an epsilon that matters, and one that is none."""
    for batch, settings in [((9,), {}), ((4, 3, 5), {}), ((1,), {"epsilon": 0.5}), ((9,), {"epsilon": -1e-5})]:
        x, (scale, bias, mean, deviation) = random.standard_normal((*batch, 6)), random.standard_normal((4, 6))
        yield (2 * x + 1, scale, bias, mean, deviation**2 + 0.1), settings


def _moments(x):
    """What is left of x without the mean, the mean and the biased variance of each feature over all other axes."""
    axes, x = tuple(range(x.ndim - 1)), widened(x)
    mean = x.mean(axes)
    centered = x - mean
    return centered, mean, (centered**2).mean(axes)
