"""Normalization within each example, from its own statistics, independent of the rest of the batch.

A variance or mean square that overflows gives NaN (in float32, inputs of size 10¹⁹).
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxdl.functional._arguments import check_annotations
from jaxdl.functional._precision import widened
from jaxdl.functional._types import Scalar
from jaxdl.functional._validity import finite_or_nan, in_range, is_not_negative, is_positive, over_root


def layer_norm(
    x: Float[Array, "*batch features"],
    scale: Float[Array, "features"],
    bias: Float[Array, "features"],
    *,
    epsilon: Scalar = 1e-5,
) -> Float[Array, "*batch features"]:
    r"""Layer normalization $y = \gamma \hat x + \beta$ with $\hat x = (x - \mu) / \sqrt{v + \epsilon}$ of each row.

    The mean and the (biased) variance are those of the $F$ features of a row, the last axis:

    $$
    \mu = \frac1F \sum_f x_f, \qquad v = \frac1F \sum_f (x_f - \mu)^2 .
    $$

    They are computed in float32 at least.

    Args:
        x: Inputs of shape (..., features).
        scale: Scale $\gamma$ of shape (features,).
        bias: Bias $\beta$ of shape (features,).
        epsilon: Number $\epsilon \ge 0$ added to the variance; may be traced. The default of Flax is 1e-6, that of
            PyTorch 1e-5. A negative one gives NaN.

    Returns:
        Normalized inputs in the shape and dtype of `x`.

    Raises:
        TypeError: If `x`, `scale` or `bias` is not floating.
        ValueError: If `scale` or `bias` does not have one entry per feature.

    References:
        Ba, Kiros and Hinton, *Layer normalization* (2016), section 3.

    Example:
        >>> x = jnp.array([[1.0, 3.0], [100.0, 300.0]])
        >>> F.layer_norm(x, jnp.ones(2), jnp.zeros(2), epsilon=0.0).tolist()
        [[-1.0, 1.0], [-1.0, 1.0]]
    """
    check_annotations(layer_norm, x, scale, bias)
    x_hat, _ = _normalize(x, -1, epsilon)
    return scale * x_hat + bias


def layer_norm_vjp(g, x, scale, bias, *, epsilon=1e-5):
    r"""Pull $g$ back to $(x, \gamma, \beta)$.

    Scale and bias are shared by all rows $n$, so their gradients are sums:

    $$
    \bar\gamma_f = \sum_n g_{nf}\, \hat x_{nf}, \qquad \bar\beta_f = \sum_n g_{nf} .
    $$

    Each row is normalized on its own, so for $x$ we leave out the index $n$. The cotangent of $\hat x_f$ is
    $h_f = \gamma_f\, g_f$. With $r = 1 / \sqrt{v + \epsilon}$, $\hat x_k = r\,(x_k - \mu)$. An input $x_f$ changes
    every $\hat x_k$: directly for $k = f$, and through $\mu$ and $v$ for all $k$. The statistics have the derivatives

    $$
    \begin{aligned}
    \frac{\partial \mu}{\partial x_f} &= \frac1F \\
    \frac{\partial v}{\partial x_f}
    &= \frac1F \sum_k 2\,(x_k - \mu) \left([k = f] - \frac1F\right) = \frac2F (x_f - \mu) ,
    \end{aligned}
    $$

    because the differences from the mean sum to 0. The chain rule for $r = (v + \epsilon)^{-1/2}$ gives

    $$
    \frac{\partial r}{\partial x_f}
    = -\frac12 (v + \epsilon)^{-3/2}\, \frac{\partial v}{\partial x_f}
    = -\frac12 r^3 \cdot \frac2F (x_f - \mu)
    = -\frac1F r^2 \hat x_f .
    $$

    Now the product rule for $\hat x_k = r\,(x_k - \mu)$, with $r\,(x_k - \mu) = \hat x_k$ in the second step:

    $$
    \begin{aligned}
    \frac{\partial \hat x_k}{\partial x_f}
    &= r \left([k = f] - \frac1F\right) - (x_k - \mu)\, \frac1F r^2 \hat x_f \\
    &= r \left([k = f] - \frac1F - \frac1F \hat x_k \hat x_f\right) .
    \end{aligned}
    $$

    The chain rule multiplies by $h_k$ and sums over $k$:

    $$
    \bar x_f = r \left(h_f - \frac1F \sum_k h_k - \hat x_f \frac1F \sum_k h_k \hat x_k\right) .
    $$

    The two subtracted terms remove the components of $h$ that would shift or scale the whole row. A shift does not
    change the output, and for $\epsilon = 0$ neither does a scaling.
    """
    batch = tuple(range(x.ndim - 1))
    x_hat, r = _normalize(x, -1, epsilon)
    h = scale * g
    x_bar = r * (h - h.mean(-1, keepdims=True) - x_hat * (h * x_hat).mean(-1, keepdims=True))
    return x_bar, (g * x_hat).sum(batch), g.sum(batch)


def layer_norm_examples(random):
    """A table, sequences, and one row without a batch; a large and an invalid epsilon."""
    for batch, settings in [((9,), {}), ((4, 3), {"epsilon": 0.5}), ((), {}), ((9,), {"epsilon": -1e-5})]:
        x, (scale, bias) = random.standard_normal((*batch, 7)), random.standard_normal((2, 7))
        yield (2 * x + 1, scale, bias), settings


def rms_norm(
    x: Float[Array, "*batch features"],
    scale: Float[Array, "features"],
    *,
    epsilon: Scalar = 1e-5,
) -> Float[Array, "*batch features"]:
    r"""Root mean square normalization $y = \gamma \hat x$ with $\hat x = x / \sqrt{\frac1F \sum_f x_f^2 + \epsilon}$.

    It is layer normalization without subtracting the mean: it fixes only the size of the $F$ features of a row, the
    last axis. The mean square is computed in float32 at least.

    Args:
        x: Inputs of shape (..., features).
        scale: Scale $\gamma$ of shape (features,).
        epsilon: Number $\epsilon \ge 0$ added to the mean square; may be traced. The default of Flax is 1e-6, that of
            PyTorch the machine epsilon of the dtype. A negative one gives NaN.

    Returns:
        Normalized inputs in the shape and dtype of `x`.

    Raises:
        TypeError: If `x` or `scale` is not floating.
        ValueError: If `scale` does not have one entry per feature.

    References:
        Zhang and Sennrich, *Root mean square layer normalization* (2019), section 4.

    Example:
        >>> print(np.asarray(F.rms_norm(jnp.array([[1.0, 7.0]]), jnp.ones(2), epsilon=0.0)).round(3))
        [[0.2 1.4]]
    """
    check_annotations(rms_norm, x, scale)
    return scale * (x * _inverse_rms(x, epsilon))


def rms_norm_vjp(g, x, scale, *, epsilon=1e-5):
    r"""Pull $g$ back to $(x, \gamma)$.

    All rows $n$ share the scale, hence $\bar\gamma_f = \sum_n g_{nf}\, \hat x_{nf}$.

    For $x$, take one row. The cotangent of $\hat x_f$ is $h_f = \gamma_f\, g_f$. With the mean square
    $q = \frac1F \sum_f x_f^2$ and $r = (q + \epsilon)^{-1/2}$, $\hat x_k = r\,x_k$. An input $x_f$ changes $\hat x_f$
    directly, and every $\hat x_k$ through $r$. As $\partial q / \partial x_f = \frac2F x_f$, the chain rule gives

    $$
    \frac{\partial r}{\partial x_f}
    = -\frac12 (q + \epsilon)^{-3/2}\, \frac{\partial q}{\partial x_f}
    = -\frac12 r^3 \cdot \frac2F x_f
    = -\frac1F r^2 \hat x_f .
    $$

    Now the product rule for $\hat x_k = r\,x_k$:

    $$
    \frac{\partial \hat x_k}{\partial x_f}
    = r\,[k = f] - x_k\, \frac1F r^2 \hat x_f
    = r \left([k = f] - \frac1F \hat x_k \hat x_f\right) .
    $$

    The chain rule multiplies by $h_k$ and sums over $k$:

    $$
    \bar x_f = r \left(h_f - \hat x_f \frac1F \sum_k h_k \hat x_k\right) .
    $$

    The subtracted term removes the component of $h$ that would scale the whole row. For $\epsilon = 0$ a scaling does
    not change the output.
    """
    r = _inverse_rms(x, epsilon)
    x_hat = r * x
    h = scale * g
    x_bar = r * (h - x_hat * (h * x_hat).mean(-1, keepdims=True))
    return x_bar, (g * x_hat).sum(tuple(range(x.ndim - 1)))


def rms_norm_examples(random):
    """A table, sequences, and one row without a batch; a large and an invalid epsilon."""
    for batch, settings in [((9,), {}), ((4, 3), {"epsilon": 0.5}), ((), {}), ((9,), {"epsilon": -1e-5})]:
        yield (2 * random.standard_normal((*batch, 7)) + 1, random.standard_normal(7)), settings


def group_norm(
    x: Float[Array, "batch *space channels"],
    scale: Float[Array, "channels"],
    bias: Float[Array, "channels"],
    *,
    groups: int = 32,
    epsilon: Scalar = 1e-5,
) -> Float[Array, "batch *space channels"]:
    r"""Group normalization $y = \gamma \hat x + \beta$ with $\hat x = (x - \mu) / \sqrt{v + \epsilon}$ of each group.

    The channels are split into groups of equal size, each of neighboring channels. $\mu$ and $v$ are the mean and the
    (biased) variance of one group of one example, over its channels and all pixels. Channels are the last axis, as in
    Flax; in PyTorch they are the second.

    Args:
        x: Inputs of shape (batch, ..., channels), for example images or sequences.
        scale: Scale $\gamma$ of shape (channels,).
        bias: Bias $\beta$ of shape (channels,).
        groups: Number of groups; must divide `channels`.
        epsilon: Number $\epsilon \ge 0$ added to the variance; may be traced. A negative one gives NaN.

    Returns:
        Normalized inputs in the shape and dtype of `x`.

    Raises:
        TypeError: If `x`, `scale` or `bias` is not floating.
        ValueError: If `groups` does not divide the channels, `x` has no batch axis, or `scale` or `bias` does not have
            one entry per channel.

    References:
        Wu and He, *Group normalization* (2018), section 3.

    Example:
        Each half of the channels gets the mean 0 on its own:

        >>> x = jnp.array([[1.0, 3.0, 10.0, 30.0]])
        >>> F.group_norm(x, jnp.ones(4), jnp.zeros(4), groups=2, epsilon=0.0).tolist()
        [[-1.0, 1.0, -1.0, 1.0]]
    """
    check_annotations(group_norm, x, scale, bias)
    grouped = _split_into_groups(x, groups)
    x_hat, _ = _normalize(grouped, _group_axes(grouped), epsilon)
    return scale * x_hat.reshape(x.shape) + bias


def group_norm_vjp(g, x, scale, bias, *, groups=32, epsilon=1e-5):
    r"""Pull $g$ back to $(x, \gamma, \beta)$.

    Scale and bias are shared by all examples and pixels, which we number by $p$. So their gradients are sums:

    $$
    \bar\gamma_c = \sum_p g_{pc}\, \hat x_{pc}, \qquad \bar\beta_c = \sum_p g_{pc} .
    $$

    For $x$, number the inputs of one group of one example from 1 to $M$, over its channels and all pixels. No other
    output depends on them. The cotangent of $\hat x_m$ is $h_m = \gamma\, g_m$, with the $\gamma$ of its channel. The
    rest is layer normalization of these $M$ numbers. With $r = 1 / \sqrt{v + \epsilon}$, and because the differences
    from the mean sum to 0,

    $$
    \begin{gathered}
    \frac{\partial \mu}{\partial x_m} = \frac1M, \qquad
    \frac{\partial v}{\partial x_m} = \frac2M (x_m - \mu), \\
    \frac{\partial r}{\partial x_m} = -\frac12 r^3\, \frac{\partial v}{\partial x_m} = -\frac1M r^2 \hat x_m .
    \end{gathered}
    $$

    The product rule for $\hat x_k = r\,(x_k - \mu)$ gives

    $$
    \begin{aligned}
    \frac{\partial \hat x_k}{\partial x_m}
    &= r \left([k = m] - \frac1M\right) - (x_k - \mu)\, \frac1M r^2 \hat x_m \\
    &= r \left([k = m] - \frac1M - \frac1M \hat x_k \hat x_m\right) .
    \end{aligned}
    $$

    The chain rule multiplies by $h_k$ and sums over the group:

    $$
    \bar x_m = r \left(h_m - \frac1M \sum_k h_k - \hat x_m \frac1M \sum_k h_k \hat x_k\right) .
    $$

    The components of $h$ that shift or scale the whole group are removed.
    """
    pixels = tuple(range(x.ndim - 1))
    grouped, h = _split_into_groups(x, groups), _split_into_groups(scale * g, groups)
    axes = _group_axes(grouped)
    x_hat, r = _normalize(grouped, axes, epsilon)
    x_bar = r * (h - h.mean(axes, keepdims=True) - x_hat * (h * x_hat).mean(axes, keepdims=True))
    return x_bar.reshape(x.shape), (g * x_hat.reshape(x.shape)).sum(pixels), g.sum(pixels)


def group_norm_examples(random):
    """Images, sequences, tables, and a batch size 1; one and several groups; a large and an invalid epsilon."""
    for shape, settings in [
        ((3, 4, 5, 6), {"groups": 2}),
        ((3, 5, 6), {"groups": 3, "epsilon": 0.5}),
        ((4, 6), {"groups": 1}),
        ((1, 2, 6), {"groups": 6}),
        ((2, 2, 64), {}),
        ((3, 5, 6), {"groups": 3, "epsilon": -1e-5}),
    ]:
        x, (scale, bias) = random.standard_normal(shape), random.standard_normal((2, shape[-1]))
        yield (2 * x + 1, scale, bias), settings


def instance_norm(
    x: Float[Array, "batch *space channels"],
    scale: Float[Array, "channels"],
    bias: Float[Array, "channels"],
    *,
    epsilon: Scalar = 1e-5,
) -> Float[Array, "batch *space channels"]:
    r"""Instance normalization $y = \gamma \hat x + \beta$ with $\hat x = (x - \mu) / \sqrt{v + \epsilon}$ over pixels.

    $\mu$ and $v$ are the mean and the (biased) variance of one channel of one example, which removes the contrast of an
    image. It equals group normalization with one channel per group. With a single pixel, $y$ is $\beta$. Channels are
    the last axis, as in Flax; in PyTorch they are the second.

    Args:
        x: Inputs of shape (batch, ..., channels), for example images or sequences.
        scale: Scale $\gamma$ of shape (channels,).
        bias: Bias $\beta$ of shape (channels,).
        epsilon: Number $\epsilon \ge 0$ added to the variance; may be traced. A negative one gives NaN.

    Returns:
        Normalized inputs in the shape and dtype of `x`.

    Raises:
        TypeError: If `x`, `scale` or `bias` is not floating.
        ValueError: If `x` has no batch axis, or `scale` or `bias` does not have one entry per channel.

    References:
        Ulyanov, Vedaldi and Lempitsky, *Instance normalization: the missing ingredient for fast stylization* (2016).

    Example:
        An image and the same image with more contrast give the same result:

        >>> image = jnp.arange(4.0).reshape(1, 2, 2, 1)
        >>> normalize = lambda x: F.instance_norm(x, jnp.ones(1), jnp.zeros(1), epsilon=0.0)
        >>> bool(jnp.allclose(normalize(image), normalize(10 * image - 3), atol=1e-5))
        True
    """
    check_annotations(instance_norm, x, scale, bias)
    x_hat, _ = _normalize(x, tuple(range(1, x.ndim - 1)), epsilon)
    return scale * x_hat + bias


def instance_norm_vjp(g, x, scale, bias, *, epsilon=1e-5):
    r"""Pull $g$ back to $(x, \gamma, \beta)$.

    Scale and bias are shared by all examples and pixels $p$, hence $\bar\gamma_c = \sum_p g_{pc}\, \hat x_{pc}$ and
    $\bar\beta_c = \sum_p g_{pc}$.

    For $x$, each channel of each example is normalized on its own, over its $S$ pixels. With $h = \gamma g$ and
    $r = 1 / \sqrt{v + \epsilon}$, the steps of `layer_norm_vjp` give

    $$
    \frac{\partial \hat x_k}{\partial x_s} = r \left([k = s] - \frac1S - \frac1S \hat x_k \hat x_s\right) .
    $$

    The chain rule multiplies by $h_k$ and sums over the pixels $k$:

    $$
    \bar x_s = r \left(h_s - \frac1S \sum_k h_k - \hat x_s \frac1S \sum_k h_k \hat x_k\right) .
    $$
    """
    space, pixels = tuple(range(1, x.ndim - 1)), tuple(range(x.ndim - 1))
    x_hat, r = _normalize(x, space, epsilon)
    h = scale * g
    x_bar = r * (h - h.mean(space, keepdims=True) - x_hat * (h * x_hat).mean(space, keepdims=True))
    return x_bar, (g * x_hat).sum(pixels), g.sum(pixels)


def instance_norm_examples(random):
    """Images, sequences, and a batch size 1; a large and an invalid epsilon."""
    for space, settings in [((3, 4, 5), {}), ((3, 5), {"epsilon": 0.5}), ((1, 9), {}), ((3, 5), {"epsilon": -1e-5})]:
        x, (scale, bias) = random.standard_normal((*space, 6)), random.standard_normal((2, 6))
        yield (2 * x + 1, scale, bias), settings


def local_response_norm(
    x: Float[Array, "*batch channels"],
    *,
    size: int = 5,
    alpha: Scalar = 1e-4,
    beta: Scalar = 0.75,
    k: Scalar = 1.0,
) -> Float[Array, "*batch channels"]:
    r"""Local response normalization: divide each channel by a measure of the channels near it.

    $$
    y_i = x_i\, d_i^{-\beta}, \qquad d_i = k + \frac{\alpha}{n} \sum_{j \in W(i)} x_j^2
    $$

    The window $W(i)$ contains the $n$ channels from $i - \lfloor n / 2 \rfloor$ to $i + \lfloor (n - 1) / 2 \rfloor$;
    channels that do not exist count as zeros. The definition and the defaults (except that of $n$) are those of
    PyTorch. AlexNet has no division by $n$: its $\alpha$ is our $\alpha / n$.

    Args:
        x: Inputs of shape (..., channels); all axes but the last are independent.
        size: Number of channels $n \ge 1$ of a window.
        alpha: Factor $\alpha \ge 0$; may be traced. A negative one gives NaN.
        beta: Exponent $\beta \ge 0$; may be traced. A negative one gives NaN.
        k: Number $k > 0$ that is added to the mean of the squares; may be traced. Other values give NaN.

    Returns:
        Normalized inputs in the shape and dtype of `x`.

    Raises:
        TypeError: If `x` is not floating.
        ValueError: If `x` has no axis, or `size` is not an integer of at least 1.

    References:
        Krizhevsky, Sutskever and Hinton, *ImageNet classification with deep convolutional neural networks* (2012),
        section 3.3.

    Example:
        A strong channel inhibits its neighbor, but not a channel outside the window:

        >>> x = jnp.array([1.0, 3.0, 0.0, 1.0])
        >>> [round(y, 3) for y in F.local_response_norm(x, size=3, alpha=3.0, beta=0.5).tolist()]
        [0.302, 0.905, 0.0, 0.707]
    """
    check_annotations(local_response_norm, x)
    d, beta, _ = _local_response(x, size, alpha, beta, k)
    return (widened(x) * d**-beta).astype(x.dtype)


def local_response_norm_vjp(g, x, *, size=5, alpha=1e-4, beta=0.75, k=1.0):
    r"""Pull $g$ back to $x$.

    A channel $x_j$ is in the sum $d_i$ of each window that contains it:

    $$
    \frac{\partial d_i}{\partial x_j} = \frac{2 \alpha}{n}\, x_j\,[j \in W(i)] .
    $$

    The product rule for $y_i = x_i\, d_i^{-\beta}$ and the chain rule for the power give

    $$
    \frac{\partial y_i}{\partial x_j}
    = [i = j]\, d_i^{-\beta} - \beta\, x_i\, d_i^{-\beta - 1}\, \frac{2 \alpha}{n}\, x_j\,[j \in W(i)] .
    $$

    The chain rule multiplies by $g_i$ and sums over $i$:

    $$
    \bar x_j = g_j\, d_j^{-\beta}
    - \frac{2 \alpha \beta}{n}\, x_j \sum_{i:\; j \in W(i)} g_i\, x_i\, d_i^{-\beta - 1} .
    $$

    The last sum is over the mirrored window, from $j - \lfloor (n - 1) / 2 \rfloor$ to $j + \lfloor n / 2 \rfloor$.
    """
    d, beta, share = _local_response(x, size, alpha, beta, k)
    wide_g, wide = widened(g), widened(x)
    power = d**-beta
    inhibition = _window_sums(wide_g * wide * power / d, (size - 1) // 2, size // 2)
    return ((wide_g * power - 2 * share * beta * wide * inhibition).astype(x.dtype),)


def local_response_norm_examples(random):
    """Odd and even windows, also larger than the number of channels; images, one row; an invalid setting."""
    x = random.standard_normal((2, 3, 4, 6))
    yield (x,), {}
    yield (10 * x,), {"size": 4, "alpha": 0.5, "beta": 0.6, "k": 2.0}
    yield (x[0, 0, 0],), {"size": 9, "alpha": 3.0}
    yield (x,), {"k": 0.0}


def _local_response(x, size, alpha, beta, k):
    r"""Return $d$ and, in its dtype, $\beta$ and $\alpha / n$; NaN if a setting is out of range."""
    if not (isinstance(size, int) and size >= 1):
        raise ValueError(f"size must be an integer of at least 1, the number of channels of a window, got {size!r}.")
    squares = widened(x) ** 2
    alpha = in_range(alpha, is_not_negative(alpha), squares.dtype)
    beta = in_range(beta, is_not_negative(beta), squares.dtype)
    k = in_range(k, is_positive(k), squares.dtype)
    d = k + alpha / size * _window_sums(squares, size // 2, (size - 1) // 2)
    return finite_or_nan(d), beta, alpha / size


def _window_sums(x, before, after):
    """Return, for each channel, the sum over itself, `before` channels before it and `after` channels after it."""
    padded = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(before, after)])
    return sum(padded[..., start : start + x.shape[-1]] for start in range(before + after + 1))


def _normalize(x, axes, epsilon):
    r"""Return $\hat x = (x - \mu) r$ and $r = 1 / \sqrt{v + \epsilon}$, with mean and biased variance over the axes."""
    wide = widened(x)
    centered = wide - wide.mean(axes, keepdims=True)
    r = over_root((centered**2).mean(axes, keepdims=True), epsilon)
    return (centered * r).astype(x.dtype), r.astype(x.dtype)


def _inverse_rms(x, epsilon):
    r"""Return $1 / \sqrt{\frac1F \sum_f x_f^2 + \epsilon}$ of each row."""
    return over_root((widened(x) ** 2).mean(-1, keepdims=True), epsilon).astype(x.dtype)


def _split_into_groups(x, groups):
    """Reshape the channels to (groups, channels per group)."""
    channels = x.shape[-1]
    if groups < 1 or channels % groups:
        raise ValueError(f"groups must divide the {channels} channels, got {groups}. Choose a divisor of {channels}.")
    return x.reshape(*x.shape[:-1], groups, channels // groups)


def _group_axes(grouped):
    """Return the axes of one group of one example: all but the batch (first) and the groups (last but one)."""
    return (*range(1, grouped.ndim - 2), grouped.ndim - 1)
