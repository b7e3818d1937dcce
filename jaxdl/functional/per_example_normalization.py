"""Normalization within an example: its own features are given a mean and a variance, whatever else is in the batch."""

from jaxtyping import Array, ArrayLike, Float

from jaxdl.functional._arguments import as_annotated
from jaxdl.functional._precision import widened
from jaxdl.functional._validity import over_root


def layer_norm(
    x: Float[Array, "*batch features"],
    scale: Float[Array, "features"],
    bias: Float[Array, "features"],
    *,
    epsilon: Float[ArrayLike, ""] = 1e-5,
) -> Float[Array, "*batch features"]:
    r"""Layer normalization $y = \gamma \hat x + \beta$ with $\hat x = (x - \mu) / \sqrt{v + \epsilon}$ of each row.

    $\mu = \frac1F \sum_f x_f$ and $v = \frac1F \sum_f (x_f - \mu)^2$ are the mean and the (biased) variance of the
    $F$ features of a row, the last axis. Flax's default for $\epsilon$ is 1e-6, PyTorch's 1e-5; a negative one gives
    NaN. Raises where shapes or dtypes are not as annotated.
    Ba, Kiros and Hinton, *Layer normalization* (2016), section 3.
    """
    as_annotated(layer_norm, x, scale, bias)
    normal, _ = _normal(x, -1, epsilon)
    return scale * normal + bias


def layer_norm_vjp(g, x, scale, bias, *, epsilon=1e-5):
    r"""Pull $g$ back to $(x, \gamma, \beta)$.

    Scale and bias are shared by all rows $n$: $\bar\gamma = \sum_n g_n \hat x_n$ and $\bar\beta = \sum_n g_n$. To $x$,
    with $h = \gamma g$ and $r = 1 / \sqrt{v + \epsilon}$: from $\partial \mu / \partial x_f = \frac1F$ and
    $\partial r / \partial x_f = -\frac12 r^3 \cdot \frac2F (x_f - \mu) = -\frac1F r^2 \hat x_f$ (through $\mu$ nothing
    comes to $v$, for deviations from the mean sum to 0) follows
    $\partial \hat x_k / \partial x_f = r \left([k = f] - \frac1F - \frac1F \hat x_k \hat x_f\right)$, hence
    $\bar x_f = r \left(h_f - \frac1F \sum_k h_k - \hat x_f \frac1F \sum_k h_k \hat x_k\right)$: what shifts or
    stretches the whole row is taken away.
    """
    batch = tuple(range(x.ndim - 1))
    normal, r = _normal(x, -1, epsilon)
    h = scale * g
    x_bar = r * (h - h.mean(-1, keepdims=True) - normal * (h * normal).mean(-1, keepdims=True))
    return x_bar, (g * normal).sum(batch), g.sum(batch)


def layer_norm_examples(random):
    """A table, sequences, one row without a batch; an epsilon that matters, and one that is none."""
    for batch, settings in [((9,), {}), ((4, 3), {"epsilon": 0.5}), ((), {}), ((2,), {"epsilon": -1e-5})]:
        x, (scale, bias) = random.standard_normal((*batch, 7)), random.standard_normal((2, 7))
        yield (2 * x + 1, scale, bias), settings


def rms_norm(
    x: Float[Array, "*batch features"],
    scale: Float[Array, "features"],
    *,
    epsilon: Float[ArrayLike, ""] = 1e-5,
) -> Float[Array, "*batch features"]:
    r"""Root mean square normalization $y = \gamma \hat x$ with $\hat x = x / \sqrt{\frac1F \sum_f x_f^2 + \epsilon}$.

    Layer normalization without the mean: of a row's $F$ features only the size is fixed. Flax's default for $\epsilon$
    is 1e-6, PyTorch's the machine epsilon of the dtype; a negative one gives NaN. Raises where shapes or dtypes are not
    as annotated.
    Zhang and Sennrich, *Root mean square layer normalization* (2019), section 4.
    """
    as_annotated(rms_norm, x, scale)
    return scale * (x * _over_rms(x, epsilon))


def rms_norm_vjp(g, x, scale, *, epsilon=1e-5):
    r"""Pull $g$ back to $(x, \gamma)$.

    $\bar\gamma = \sum_n g_n \hat x_n$. To $x$, with $h = \gamma g$ and
    $r = 1 / \sqrt{\frac1F \sum_f x_f^2 + \epsilon}$: from
    $\partial r / \partial x_f = -\frac12 r^3 \cdot \frac2F x_f = -\frac1F r^2 \hat x_f$ follows
    $\partial \hat x_k / \partial x_f = r \left([k = f] - \frac1F \hat x_k \hat x_f\right)$, hence
    $\bar x_f = r \left(h_f - \hat x_f \frac1F \sum_k h_k \hat x_k\right)$: what stretches the whole row is taken away.
    """
    r = _over_rms(x, epsilon)
    normal = r * x
    h = scale * g
    x_bar = r * (h - normal * (h * normal).mean(-1, keepdims=True))
    return x_bar, (g * normal).sum(tuple(range(x.ndim - 1)))


def rms_norm_examples(random):
    """A table, sequences, one row without a batch; an epsilon that matters, and one that is none."""
    for batch, settings in [((9,), {}), ((4, 3), {"epsilon": 0.5}), ((), {}), ((2,), {"epsilon": -1e-5})]:
        yield (2 * random.standard_normal((*batch, 7)) + 1, random.standard_normal(7)), settings


def group_norm(
    x: Float[Array, "batch *space channels"],
    scale: Float[Array, "channels"],
    bias: Float[Array, "channels"],
    *,
    groups: int = 32,
    epsilon: Float[ArrayLike, ""] = 1e-5,
) -> Float[Array, "batch *space channels"]:
    r"""Group normalization $y = \gamma \hat x + \beta$ with $\hat x = (x - \mu) / \sqrt{v + \epsilon}$ of each group.

    Neighbouring channels are taken together in so many groups of equal size; $\mu$ and $v$ are the mean and the
    (biased) variance over a group's channels and all of space, of one example. Channels are the last axis, as in Flax;
    in PyTorch they are the second. A negative $\epsilon$ gives NaN. Raises where the groups do not divide the channels,
    or shapes or dtypes are not as annotated.
    Wu and He, *Group normalization* (2018), section 3.
    """
    as_annotated(group_norm, x, scale, bias)
    grouped = _grouped(x, groups)
    normal, _ = _normal(grouped, _within(grouped), epsilon)
    return scale * normal.reshape(x.shape) + bias


def group_norm_vjp(g, x, scale, bias, *, groups=32, epsilon=1e-5):
    r"""Pull $g$ back to $(x, \gamma, \beta)$.

    Scale and bias are shared by all examples and pixels $p$: $\bar\gamma = \sum_p g_p \hat x_p$ and
    $\bar\beta = \sum_p g_p$. To $x$, with $h = \gamma g$ and $r = 1 / \sqrt{v + \epsilon}$, it is layer normalization
    of the $M$ numbers of a group:
    $\partial \hat x_k / \partial x_m = r \left([k = m] - \frac1M - \frac1M \hat x_k \hat x_m\right)$ within a group and
    0 between two, hence $\bar x_m = r \left(h_m - \frac1M \sum_k h_k - \hat x_m \frac1M \sum_k h_k \hat x_k\right)$.
    """
    pixels = tuple(range(x.ndim - 1))
    grouped, h = _grouped(x, groups), _grouped(scale * g, groups)
    axes = _within(grouped)
    normal, r = _normal(grouped, axes, epsilon)
    x_bar = r * (h - h.mean(axes, keepdims=True) - normal * (h * normal).mean(axes, keepdims=True))
    return x_bar.reshape(x.shape), (g * normal.reshape(x.shape)).sum(pixels), g.sum(pixels)


def group_norm_examples(random):
    """Images, sequences, no space at all, one example; one group and many; an epsilon that matters, and none."""
    for shape, settings in [
        ((3, 4, 5, 6), {"groups": 2}),
        ((3, 5, 6), {"groups": 3, "epsilon": 0.5}),
        ((4, 6), {"groups": 1}),
        ((1, 2, 6), {"groups": 6}),
        ((2, 2, 64), {}),
        ((2, 2, 6), {"groups": 2, "epsilon": -1e-5}),
    ]:
        x, (scale, bias) = random.standard_normal(shape), random.standard_normal((2, shape[-1]))
        yield (2 * x + 1, scale, bias), settings


def instance_norm(
    x: Float[Array, "batch *space channels"],
    scale: Float[Array, "channels"],
    bias: Float[Array, "channels"],
    *,
    epsilon: Float[ArrayLike, ""] = 1e-5,
) -> Float[Array, "batch *space channels"]:
    r"""Instance normalization $y = \gamma \hat x + \beta$ with $\hat x = (x - \mu) / \sqrt{v + \epsilon}$ over space.

    $\mu$ and $v$ are the mean and the (biased) variance of one channel of one example, so that the contrast of an image
    no longer matters: group normalization with as many groups as channels. Channels are the last axis, as in Flax; in
    PyTorch they are the second. Of a single pixel $y$ is $\beta$. A negative $\epsilon$ gives NaN. Raises where shapes
    or dtypes are not as annotated.
    Ulyanov, Vedaldi and Lempitsky, *Instance normalization: the missing ingredient for fast stylization* (2016).
    """
    as_annotated(instance_norm, x, scale, bias)
    normal, _ = _normal(x, tuple(range(1, x.ndim - 1)), epsilon)
    return scale * normal + bias


def instance_norm_vjp(g, x, scale, bias, *, epsilon=1e-5):
    r"""Pull $g$ back to $(x, \gamma, \beta)$.

    $\bar\gamma = \sum_p g_p \hat x_p$ and $\bar\beta = \sum_p g_p$ over all examples and pixels. To $x$, with
    $h = \gamma g$ and $r = 1 / \sqrt{v + \epsilon}$, each channel of each example is normalized on its own, over its
    $S$ pixels: $\partial \hat x_k / \partial x_s = r \left([k = s] - \frac1S - \frac1S \hat x_k \hat x_s\right)$, hence
    $\bar x_s = r \left(h_s - \frac1S \sum_k h_k - \hat x_s \frac1S \sum_k h_k \hat x_k\right)$.
    """
    space, pixels = tuple(range(1, x.ndim - 1)), tuple(range(x.ndim - 1))
    normal, r = _normal(x, space, epsilon)
    h = scale * g
    x_bar = r * (h - h.mean(space, keepdims=True) - normal * (h * normal).mean(space, keepdims=True))
    return x_bar, (g * normal).sum(pixels), g.sum(pixels)


def instance_norm_examples(random):
    """Images, sequences, one example; an epsilon that matters, and one that is none."""
    for space, settings in [((3, 4, 5), {}), ((3, 5), {"epsilon": 0.5}), ((1, 9), {}), ((2, 3), {"epsilon": -1e-5})]:
        x, (scale, bias) = random.standard_normal((*space, 6)), random.standard_normal((2, 6))
        yield (2 * x + 1, scale, bias), settings


def _normal(x, axes, epsilon):
    r"""$\hat x = (x - \mu) r$ and $r = 1 / \sqrt{v + \epsilon}$ for the mean and the biased variance over some axes."""
    wide = widened(x)
    centered = wide - wide.mean(axes, keepdims=True)
    r = over_root((centered**2).mean(axes, keepdims=True), epsilon)
    return (centered * r).astype(x.dtype), r.astype(x.dtype)


def _over_rms(x, epsilon):
    r"""$1 / \sqrt{\frac1F \sum_f x_f^2 + \epsilon}$ of each row."""
    return over_root((widened(x) ** 2).mean(-1, keepdims=True), epsilon).astype(x.dtype)


def _grouped(x, groups):
    """The channels split into (groups, channels of a group)."""
    channels = x.shape[-1]
    if groups < 1 or channels % groups:
        raise ValueError(f"groups must divide the {channels} channels, but was {groups}: choose one of their divisors.")
    return x.reshape(*x.shape[:-1], groups, channels // groups)


def _within(grouped):
    """The axes of a group of one example: all but the first, the batch, and the last but one, the groups."""
    return (*range(1, grouped.ndim - 2), grouped.ndim - 1)
