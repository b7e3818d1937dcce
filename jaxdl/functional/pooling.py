"""Pooling: summarize each window of an image by one number."""

import functools

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxdl.functional._arguments import check_annotations
from jaxdl.functional._windows import Padding, crop, fold, pad, padding_around, to_batch_first, to_batch_last, unfold


def max_pool(
    x: Float[Array, "batch height width channels"],
    *,
    window: tuple[int, int] = (2, 2),
    stride: tuple[int, int] = (2, 2),
    padding: Padding = "VALID",
) -> Float[Array, "batch pooled_height pooled_width channels"]:
    r"""Maximum of each window, $y_{nhwc} = \max_{ij} x_{n,\,h s + i,\,w t + j,\,c}$, for a stride $(s, t)$.

    Windows may overlap. Rows and columns that do not fill a window are dropped, so with the window $k$ a height $H$
    becomes $\lfloor (H - k) / s \rfloor + 1$. Padding is never the maximum. The kink is at a tie; there the gradient
    goes to the first maximum in row-major order, as in PyTorch. NaN stays NaN (of several NaN the last is chosen).

    Args:
        x: Images of shape (batch, height, width, channels).
        window: Rows and columns of a window.
        stride: Rows and columns between the starts of two neighboring windows.
        padding: "VALID" (no padding), "SAME" (output size is input size / stride, rounded up), or the rows and columns
            to add as ((top, bottom), (left, right)); each must be smaller than the window.

    Returns:
        Pooled images of shape (batch, pooled height, pooled width, channels).

    Raises:
        TypeError: If `x` is not floating.
        ValueError: If `x` does not have four axes, `window`, `stride` or `padding` is invalid, no window fits into the
            padded image, or a window could contain only padding.

    References:
        Goodfellow, Bengio and Courville, *Deep Learning* (2016), section 9.3.

    Example:
        >>> x = jnp.arange(16.0).reshape(1, 4, 4, 1)
        >>> F.max_pool(x)[0, :, :, 0].tolist()
        [[5.0, 7.0], [13.0, 15.0]]
    """
    check_annotations(max_pool, x)
    ends = _pool_padding(x, window, stride, padding)
    return to_batch_first(_maximum(_pixels(pad(to_batch_last(x), ends, -jnp.inf), window, stride)))


def max_pool_vjp(g, x, *, window=(2, 2), stride=(2, 2), padding="VALID"):
    r"""Pull $g$ back to $x$: the first maximum of each window gets its $g$, and overlapping windows add up.

    $\partial y_{nhwc} / \partial x_p = [p \text{ is the first maximum of the window}]$.
    """
    ends = _pool_padding(x, window, stride, padding)
    padded = pad(to_batch_last(x), ends, -jnp.inf)
    routed = _route(to_batch_last(g), _pixels(padded, window, stride))
    return (to_batch_first(crop(_from_pixels(routed, padded.shape, window, stride), ends)),)


def max_pool_examples(random):
    """Many ties, as after a ReLU; overlapping windows; dropped rows and columns; padding; a batch size 1."""
    rectified = random.standard_normal((3, 7, 6, 2)).clip(min=0)
    yield (rectified,), {}
    yield (rectified,), {"window": (3, 2), "stride": (2, 1)}
    yield (random.standard_normal((1, 9, 8, 3)),), {"window": (2, 3), "stride": (3, 2)}
    yield (rectified - 1,), {"window": (3, 3), "stride": (2, 2), "padding": ((1, 1), (0, 2))}
    yield (random.standard_normal((2, 7, 5, 1)),), {"window": (3, 2), "stride": (2, 1), "padding": "SAME"}


def avg_pool(
    x: Float[Array, "batch height width channels"],
    *,
    window: tuple[int, int] = (2, 2),
    stride: tuple[int, int] = (2, 2),
    padding: Padding = "VALID",
    count_include_pad: bool = True,
) -> Float[Array, "batch pooled_height pooled_width channels"]:
    r"""Mean of each window, $y_{nhwc} = \frac1m \sum_{ij} x_{n,\,h s + i,\,w t + j,\,c}$, for a stride $(s, t)$.

    $m$ is the number of pixels of the window. The pooling is linear: a convolution of each channel with a kernel of
    $1/m$. Windows are placed as in `max_pool`.

    Args:
        x: Images of shape (batch, height, width, channels).
        window: Rows and columns of a window.
        stride: Rows and columns between the starts of two neighboring windows.
        padding: "VALID", "SAME" or ((top, bottom), (left, right)), as for `max_pool`. Padding consists of zeros.
        count_include_pad: Whether $m$ includes the zeros of the padding, as is the default in PyTorch and Flax.

    Returns:
        Pooled images of shape (batch, pooled height, pooled width, channels).

    Raises:
        TypeError: If `x` is not floating.
        ValueError: If `x` does not have four axes, `window`, `stride` or `padding` is invalid, no window fits into the
            padded image, or a window could contain only padding.

    References:
        LeCun et al., *Gradient-based learning applied to document recognition* (1998), section II.

    Example:
        Padding lowers the means at the border, unless it is not counted:

        >>> ones = jnp.ones((1, 2, 2, 1))
        >>> settings = {"stride": (1, 1), "padding": ((1, 0), (0, 0))}
        >>> F.avg_pool(ones, **settings)[0, :, :, 0].tolist()
        [[0.5], [1.0]]
        >>> F.avg_pool(ones, **settings, count_include_pad=False)[0, :, :, 0].tolist()
        [[1.0], [1.0]]
    """
    check_annotations(avg_pool, x)
    ends = _pool_padding(x, window, stride, padding)
    return to_batch_first(
        _sums(pad(to_batch_last(x), ends), window, stride) / _counts(x, ends, window, stride, count_include_pad)
    )


def avg_pool_vjp(g, x, *, window=(2, 2), stride=(2, 2), padding="VALID", count_include_pad=True):
    r"""Pull $g$ back to $x$: $\partial y / \partial x_p = 1/m$ for each pixel $p$ of the window.

    Hence each pixel of a window gets $g / m$, and overlapping windows add up.
    """
    ends = _pool_padding(x, window, stride, padding)
    share = to_batch_last(g) / _counts(x, ends, window, stride, count_include_pad)
    shape = pad(to_batch_last(x), ends).shape
    return (to_batch_first(crop(_from_pixels([share] * (window[0] * window[1]), shape, window, stride), ends)),)


def avg_pool_examples(random):
    """Overlapping windows, dropped rows and columns, and padding that is counted or not."""
    x = random.standard_normal((3, 7, 6, 2))
    yield (x,), {}
    yield (x[:1],), {"window": (2, 3), "stride": (3, 2), "padding": "SAME"}
    for count_include_pad in (True, False):
        settings = {"window": (3, 3), "stride": (2, 1), "padding": ((1, 1), (0, 2))}
        yield (x,), {**settings, "count_include_pad": count_include_pad}
    settings = {"window": (2, 3), "stride": (1, 2), "padding": "SAME", "count_include_pad": False}
    yield (x[:, :5],), settings


def global_avg_pool(x: Float[Array, "batch height width channels"]) -> Float[Array, "batch channels"]:
    r"""Mean of each channel over all pixels, $y_{nc} = \frac{1}{HW} \sum_{hw} x_{nhwc}$.

    Args:
        x: Images of shape (batch, height, width, channels).

    Returns:
        Means of shape (batch, channels).

    Raises:
        TypeError: If `x` is not floating.
        ValueError: If `x` does not have four axes.

    References:
        Lin, Chen and Yan, *Network in network* (2014).

    Example:
        >>> F.global_avg_pool(jnp.arange(4.0).reshape(1, 2, 2, 1)).tolist()
        [[1.5]]
    """
    check_annotations(global_avg_pool, x)
    return x.mean(axis=(1, 2))


def global_avg_pool_vjp(g, x):
    r"""Pull $g$ back to $x$: $\partial y_{nc} / \partial x_{nhwc} = 1 / HW$, the same for every pixel."""
    _, height, width, _ = x.shape
    return (jnp.broadcast_to(g[:, None, None, :] / (height * width), x.shape),)


def _pixels(image, window, stride):
    """Return the first pixel of all windows, the second pixel of all windows, and so on, in row-major order."""
    rows = unfold(image, 0, window[0], stride[0])
    return [pixel for row in rows for pixel in unfold(row, 2, window[1], stride[1])]


def _from_pixels(pixels, shape, window, stride):
    """Invert `_pixels`: build an image of this shape, adding up the pixels that overlapping windows share."""
    of_row = [pixels[start : start + window[1]] for start in range(0, len(pixels), window[1])]
    return fold([fold(row, 2, shape[2], stride[1]) for row in of_row], 0, shape[0], stride[0])


def _maximum(parts):
    """Return the elementwise maximum of the parts; at a tie the first."""
    return functools.reduce(lambda largest, part: jnp.where(_exceeds(part, largest), part, largest), parts)


def _route(g, parts):
    """Return, for each part, g where `_maximum` chose this part, and 0 elsewhere."""
    largest, chosen = parts[0], jnp.zeros(g.shape, int)
    for number, part in enumerate(parts[1:], start=1):
        better = _exceeds(part, largest)
        largest, chosen = jnp.where(better, part, largest), jnp.where(better, number, chosen)
    return [jnp.where(chosen == number, g, 0) for number in range(len(parts))]


def _exceeds(part, largest):
    """Return whether the part is greater than the largest so far; NaN is greater than everything."""
    return (part > largest) | jnp.isnan(part)


def _sums(x, window, stride):
    """Return the sum of each window."""
    columns = functools.reduce(jnp.add, unfold(x, 2, window[1], stride[1]))
    return functools.reduce(jnp.add, unfold(columns, 0, window[0], stride[0]))


def _counts(x, ends, window, stride, count_include_pad):
    """Return the number of pixels to divide the sum of each window by."""
    if count_include_pad:
        return window[0] * window[1]
    return _sums(pad(to_batch_last(jnp.ones_like(x[:1, :, :, :1])), ends), window, stride)


def _pool_padding(x, window, stride, padding):
    """Return the padding at each end. Raise ValueError if a window could contain only padding."""
    ends = padding_around(x.shape[1:3], window, stride, padding)
    if max(ends[0]) >= window[0] or max(ends[1]) >= window[1]:
        raise ValueError(
            f"padding must be smaller than the window {window}, got {ends}. Otherwise a window contains only padding."
        )
    return ends
