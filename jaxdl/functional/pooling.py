"""Pooling: summarize each window of an image by one number."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxdl.functional._arguments import check_annotations
from jaxdl.functional._windows import (
    Padding,
    crop,
    fold,
    pad,
    padding_around,
    to_batch_first,
    to_batch_last,
    unfold,
    window_spans,
)


def max_pool(
    x: Float[Array, "batch height width channels"],
    *,
    window: tuple[int, int] = (2, 2),
    stride: tuple[int, int] = (2, 2),
    padding: Padding = "VALID",
    dilation: tuple[int, int] = (1, 1),
) -> Float[Array, "batch pooled_height pooled_width channels"]:
    r"""Maximum of each window, $y_{nhwc} = \max_{ij} x_{n,\,h s + i d,\,w t + j e,\,c}$.

    $(s, t)$ is the stride and $(d, e)$ the dilation. Windows may overlap. Rows and columns that do not fill a window
    are dropped, so with the window $k$ a height $H$ becomes $\lfloor (H - (k - 1) d - 1) / s \rfloor + 1$. PyTorch's
    `ceil_mode` rounds up, as padding at the bottom does here. Padding is never the maximum, also if all pixels are -∞.
    The kink is at a tie; there the gradient goes to the first maximum in row-major order, as in PyTorch. NaN stays NaN
    (of several NaN the last is chosen).

    Args:
        x: Images of shape (batch, height, width, channels).
        window: Rows and columns of a window.
        stride: Rows and columns between the starts of two neighboring windows.
        padding: "VALID" (no padding), "SAME" (output size is input size / stride, rounded up), or the rows and columns
            to add as ((top, bottom), (left, right)); each must be smaller than the span of the window.
        dilation: Rows and columns between the pixels of a window; (1, 1) for windows of neighbors.

    Returns:
        Pooled images of shape (batch, pooled height, pooled width, channels).

    Raises:
        TypeError: If `x` is not floating.
        ValueError: If `x` does not have four axes, `window`, `stride`, `padding` or `dilation` is invalid, no window
            fits into the padded image, or a window contains only padding.

    References:
        Goodfellow, Bengio and Courville, *Deep Learning* (2016), section 9.3.

    Example:
        >>> x = jnp.arange(16.0).reshape(1, 4, 4, 1)
        >>> F.max_pool(x)[0, :, :, 0].tolist()
        [[5.0, 7.0], [13.0, 15.0]]
    """
    check_annotations(max_pool, x)
    ends = _pool_padding(x, window, stride, padding, dilation)
    pixels = _pixels(pad(to_batch_last(x), ends, -jnp.inf), window, stride, dilation)
    return to_batch_first(_maximum(pixels, _first_pixels(x.shape[1:3], ends, window, stride, dilation)))


def max_pool_vjp(g, x, *, window=(2, 2), stride=(2, 2), padding="VALID", dilation=(1, 1)):
    r"""Pull $g$ back to $x$.

    Near a point without ties, an output equals one pixel of its window, the maximum, and does not depend on the others.
    At a tie the first maximum counts. Let $a_{nhwc}$ be the position of the pixel that the output $y_{nhwc}$ selects;
    it is never padding. For the pixel at $(p, q)$

    $$
    \frac{\partial y_{nhwc}}{\partial x_{npqc}} = [(p, q) = a_{nhwc}] .
    $$

    The chain rule sums over all windows that selected a pixel:

    $$
    \bar x_{npqc} = \sum_{h,\,w} g_{nhwc}\,[(p, q) = a_{nhwc}] .
    $$

    The maximum of each window gets the cotangent $g$ of this window, overlapping windows add up, and a pixel that is
    the maximum of no window gets 0.
    """
    ends = _pool_padding(x, window, stride, padding, dilation)
    padded = pad(to_batch_last(x), ends, -jnp.inf)
    first_pixels = _first_pixels(x.shape[1:3], ends, window, stride, dilation)
    routed = _route(to_batch_last(g), _pixels(padded, window, stride, dilation), first_pixels)
    return (to_batch_first(crop(_from_pixels(routed, padded.shape, window, stride, dilation), ends)),)


def max_pool_examples(random):
    """Many ties, as after a ReLU; overlapping and dilated windows; dropped rows and columns; padding; batch size 1."""
    rectified = random.standard_normal((3, 7, 6, 2)).clip(min=0)
    yield (rectified,), {}
    yield (rectified,), {"window": (3, 2), "stride": (2, 1)}
    yield (random.standard_normal((1, 9, 8, 3)),), {"window": (2, 3), "stride": (3, 2)}
    yield (rectified - 1,), {"window": (3, 3), "stride": (2, 2), "padding": ((1, 1), (0, 2))}
    settings = {"window": (3, 2), "stride": (2, 1), "padding": "SAME", "dilation": (1, 2)}
    yield (random.standard_normal((2, 7, 5, 1)),), settings
    yield (rectified,), {"window": (2, 3), "stride": (2, 1), "padding": ((1, 0), (1, 2)), "dilation": (3, 2)}


def avg_pool(
    x: Float[Array, "batch height width channels"],
    *,
    window: tuple[int, int] = (2, 2),
    stride: tuple[int, int] = (2, 2),
    padding: Padding = "VALID",
    count_include_pad: bool = True,
    dilation: tuple[int, int] = (1, 1),
) -> Float[Array, "batch pooled_height pooled_width channels"]:
    r"""Mean of each window, $y_{nhwc} = \frac1m \sum_{ij} x_{n,\,h s + i d,\,w t + j e,\,c}$.

    $(s, t)$ is the stride, $(d, e)$ the dilation (which PyTorch has only in `max_pool`), and $m$ is the number of
    pixels of the window. The pooling is linear: a convolution of each channel with a kernel of $1/m$. Windows are
    placed as in `max_pool`.

    Args:
        x: Images of shape (batch, height, width, channels).
        window: Rows and columns of a window.
        stride: Rows and columns between the starts of two neighboring windows.
        padding: "VALID", "SAME" or ((top, bottom), (left, right)), as for `max_pool`. Padding consists of zeros.
        count_include_pad: Whether $m$ includes the zeros of the padding, as is the default in PyTorch and Flax.
        dilation: Rows and columns between the pixels of a window, as for `max_pool`.

    Returns:
        Pooled images of shape (batch, pooled height, pooled width, channels).

    Raises:
        TypeError: If `x` is not floating.
        ValueError: If `x` does not have four axes, `window`, `stride`, `padding` or `dilation` is invalid, no window
            fits into the padded image, or a window contains only padding.

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
    ends = _pool_padding(x, window, stride, padding, dilation)
    count = _counts(x, ends, window, stride, dilation, count_include_pad)
    return to_batch_first(_sums(pad(to_batch_last(x), ends), window, stride, dilation) / count)


def avg_pool_vjp(g, x, *, window=(2, 2), stride=(2, 2), padding="VALID", count_include_pad=True, dilation=(1, 1)):
    r"""Pull $g$ back to $x$.

    The mean depends on each of the $m$ pixels of its window with the same derivative:

    $$
    \frac{\partial y_{nhwc}}{\partial x_{npqc}} = \frac1m\,[(p, q) \in W(h, w)] ,
    $$

    where $W(h, w)$ is the set of pixels $(hs + id,\, wt + je)$ of the window. The chain rule sums over all windows that
    contain a pixel:

    $$
    \bar x_{npqc} = \sum_{h,\,w:\; (p, q) \in W(h, w)} \frac{g_{nhwc}}{m} .
    $$

    Each pixel of a window gets an equal share $g / m$, and overlapping windows add up. If padding is not counted, $m$
    differs from window to window, and each window divides by its own $m$.
    """
    ends = _pool_padding(x, window, stride, padding, dilation)
    count = _counts(x, ends, window, stride, dilation, count_include_pad)
    shares = [to_batch_last(g) / count] * (window[0] * window[1])
    shape = pad(to_batch_last(x), ends).shape
    return (to_batch_first(crop(_from_pixels(shares, shape, window, stride, dilation), ends)),)


def avg_pool_examples(random):
    """Overlapping and dilated windows, dropped rows and columns, and padding that is counted or not."""
    x = random.standard_normal((3, 7, 6, 2))
    yield (x,), {}
    yield (x[:1],), {"window": (2, 3), "stride": (3, 2), "padding": "SAME"}
    for count_include_pad in (True, False):
        settings = {"window": (3, 3), "stride": (2, 1), "padding": ((1, 1), (0, 2))}
        yield (x,), {**settings, "count_include_pad": count_include_pad}
    settings = {"window": (2, 3), "stride": (1, 2), "padding": "SAME", "dilation": (2, 1)}
    yield (x[:, :5],), {**settings, "count_include_pad": False}
    settings = {"window": (2, 3), "stride": (2, 1), "padding": ((1, 0), (1, 2)), "dilation": (3, 2)}
    yield (x,), {**settings, "count_include_pad": False}


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
    r"""Pull $g$ back to $x$: $\partial y_{nc} / \partial x_{nhwc} = 1 / HW$, the same for every pixel.

    Hence each pixel gets an equal share, $\bar x_{nhwc} = g_{nc} / HW$.
    """
    _, height, width, _ = x.shape
    return (jnp.broadcast_to(g[:, None, None, :] / (height * width), x.shape),)


def adaptive_avg_pool(
    x: Float[Array, "batch height width channels"], *, output_size: tuple[int, int] = (1, 1)
) -> Float[Array, "batch pooled_height pooled_width channels"]:
    r"""Mean of windows that divide an image of any size into a given number of rows and columns.

    $y_{nhwc}$ is the mean of $x_{nijc}$ over the rows $\lfloor h H / P \rfloor \le i < \lceil (h + 1) H / P \rceil$ of
    $H$, for $P$ rows of windows, and over the columns likewise. Neighboring windows share a row if $P$ does not divide
    $H$; with $P > H$ rows are repeated. PyTorch's `adaptive_avg_pool2d` has the same windows.

    Args:
        x: Images of shape (batch, height, width, channels), with at least one pixel.
        output_size: Rows and columns of windows $P$. With (1, 1) the result is that of `global_avg_pool`.

    Returns:
        Pooled images of shape (batch, *output_size, channels).

    Raises:
        TypeError: If `x` is not floating.
        ValueError: If `x` does not have four axes or has no pixels, or `output_size` is not two numbers of at least 1.

    References:
        He et al., *Spatial pyramid pooling in deep convolutional networks for visual recognition* (2014), section 2.2.

    Example:
        The windows of a row of five pixels start at 0, 1 and 3 and end before 2, 4 and 5:

        >>> x = jnp.arange(5.0).reshape(1, 1, 5, 1)
        >>> F.adaptive_avg_pool(x, output_size=(1, 3))[0, :, :, 0].tolist()
        [[0.5, 2.0, 3.5]]
    """
    check_annotations(adaptive_avg_pool, x)
    rows, columns = _adaptive_windows(x.shape[1], x.shape[2], output_size)
    return _means(_means(x, 1, rows), 2, columns)


def adaptive_avg_pool_vjp(g, x, *, output_size=(1, 1)):
    r"""Pull $g$ back to $x$: $\partial y / \partial x_p = 1/m$ for each of the $m$ pixels $p$ of the window.

    Each pixel of a window gets the share $g / m$, and windows that share pixels add up:

    $$
    \bar x_p = \sum_{\text{windows with } p} \frac{g}{m}
    $$

    As $m$ is the number of rows times the number of columns, the columns can be handled first and then the rows.
    """
    _, height, width, _ = x.shape
    rows, columns = _adaptive_windows(height, width, output_size)
    return (_spread(_spread(g, 2, columns, width), 1, rows, height),)


def adaptive_avg_pool_examples(random):
    """Windows that divide the image, that share pixels, and that repeat pixels."""
    x = random.standard_normal((2, 7, 6, 3))
    for output_size in [(1, 1), (3, 2), (9, 4)]:
        yield (x,), {"output_size": output_size}


def _means(x, axis, windows):
    """Return the means along one axis of the entries in each window."""
    means = [jax.lax.slice_in_dim(x, *window, axis=axis).mean(axis) for window in windows]
    return jnp.stack(means, axis)


def _spread(g, axis, windows, size):
    """Return the cotangent of `_means`: give each entry of a window its share, on an axis of this size."""
    whole = jnp.zeros((*g.shape[:axis], size, *g.shape[axis + 1 :]), g.dtype)
    for number, (start, stop) in enumerate(windows):
        part = jax.lax.slice_in_dim(g, number, number + 1, axis=axis) / (stop - start)
        whole = whole.at[(slice(None),) * axis + (slice(start, stop),)].add(part)
    return whole


def _adaptive_windows(height, width, output_size):
    """Return the (start, stop) of each window of rows and of columns. Raise ValueError for a wrong size."""
    if not (
        isinstance(output_size, tuple)
        and len(output_size) == 2
        and all(isinstance(n, int) and n >= 1 for n in output_size)
    ):
        raise ValueError(f"output_size must be two numbers of at least 1, such as (1, 1), got {output_size}.")
    if height == 0 or width == 0:
        raise ValueError(f"images must have at least one pixel, got {height} rows and {width} columns.")
    return [
        [(number * size // count, -(-(number + 1) * size // count)) for number in range(count)]
        for size, count in zip((height, width), output_size, strict=True)
    ]


def _pixels(image, window, stride, dilation):
    """Return the first pixel of all windows, the second pixel of all windows, and so on, in row-major order."""
    rows = unfold(image, 0, window[0], stride[0], dilation[0])
    return [pixel for row in rows for pixel in unfold(row, 2, window[1], stride[1], dilation[1])]


def _from_pixels(pixels, shape, window, stride, dilation):
    """Invert `_pixels`: build an image of this shape, adding up the pixels that overlapping windows share."""
    of_row = [pixels[start : start + window[1]] for start in range(0, len(pixels), window[1])]
    rows = [fold(row, 2, shape[2], stride[1], dilation[1]) for row in of_row]
    return fold(rows, 0, shape[0], stride[0], dilation[0])


def _first_pixels(size, ends, window, stride, dilation):
    """Return, for each place of the window, at which windows it is the first that is not padding, or None if nowhere.

    Padding is -∞, and so are some images: without this, it would be the first of equals.
    """
    rows, columns = map(_first_places, size, ends, window, stride, dilation)
    return [
        (jnp.array(rows) == row)[:, None, None, None] & (jnp.array(columns) == column)[None, None, :, None]
        if row in rows and column in columns
        else None
        for row in range(window[0])
        for column in range(window[1])
    ]


def _maximum(parts, first_pixels):
    """Return the elementwise maximum of the parts; at a tie the first."""
    largest = parts[0]
    for part, first in zip(parts[1:], first_pixels[1:], strict=True):
        largest = jnp.where(_exceeds(part, largest, first), part, largest)
    return largest


def _route(g, parts, first_pixels):
    """Return, for each part, g where `_maximum` chose this part, and 0 elsewhere."""
    largest, chosen = parts[0], jnp.zeros(g.shape, int)
    for number, (part, first) in enumerate(zip(parts[1:], first_pixels[1:], strict=True), start=1):
        better = _exceeds(part, largest, first)
        largest, chosen = jnp.where(better, part, largest), jnp.where(better, number, chosen)
    return [jnp.where(chosen == number, g, 0) for number in range(len(parts))]


def _exceeds(part, largest, first):
    """Return whether the part is greater than the largest so far, NaN, or the first that is not padding."""
    exceeds = (part > largest) | jnp.isnan(part)
    return exceeds if first is None else exceeds | first


def _sums(x, window, stride, dilation):
    """Return the sum of each window."""
    columns = functools.reduce(jnp.add, unfold(x, 2, window[1], stride[1], dilation[1]))
    return functools.reduce(jnp.add, unfold(columns, 0, window[0], stride[0], dilation[0]))


def _counts(x, ends, window, stride, dilation, count_include_pad):
    """Return the number of pixels to divide the sum of each window by."""
    if count_include_pad:
        return window[0] * window[1]
    return _sums(pad(to_batch_last(jnp.ones_like(x[:1, :, :, :1])), ends), window, stride, dilation)


def _pool_padding(x, window, stride, padding, dilation):
    """Return the padding at each end. Raise ValueError if a window contains only padding."""
    size = x.shape[1:3]
    ends = padding_around(size, window, stride, padding, dilation)
    spans = window_spans(window, stride, dilation)
    if max(ends[0]) >= spans[0] or max(ends[1]) >= spans[1]:
        raise ValueError(
            f"padding must be smaller than the window {spans}, got {ends}. Otherwise a window contains only padding."
        )
    if any(None in places for places in map(_first_places, size, ends, window, stride, dilation)):
        raise ValueError(
            f"a window contains only padding: the pixels of a window {window} with the dilation {dilation} lie on both "
            f"sides of the image of {size}. Use less dilation or less padding."
        )
    return ends


def _first_places(size, ends, window, stride, dilation):
    """Return, along one axis, the first place of each window that is not padding; None if all are."""
    before, after = ends
    starts = range(-before, size + after - (window - 1) * dilation, stride)
    return [next((place for place in range(window) if 0 <= start + place * dilation < size), None) for start in starts]
