"""Pooling: a region of the image is summarised by one number."""

import functools

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxdl.functional._arguments import as_annotated
from jaxdl.functional._windows import Padding, crop, fold, inside, outside, pad, padding_around, unfold


def max_pool(
    x: Float[Array, "batch height width channels"],
    *,
    window: tuple[int, int] = (2, 2),
    stride: tuple[int, int] = (2, 2),
    padding: Padding = "VALID",
) -> Float[Array, "batch pooled_height pooled_width channels"]:
    r"""The largest pixel of each window, $y_{nhwc} = \max_{ij} x_{n,\,h s + i,\,w t + j,\,c}$, for a stride $(s, t)$.

    Windows may overlap; rows and columns that fill no window are left out, so a height $H$ becomes
    $\lfloor (H - k) / s \rfloor + 1$; what padding adds is never the largest. The kink is at a tie; there the first
    largest pixel in row-major order is the one chosen, as in PyTorch. NaN stays NaN (of several the last is chosen).
    Raises where no window fits, where a window could see nothing but padding, and where shapes or dtypes are not as
    annotated. Goodfellow, Bengio and Courville, *Deep Learning* (2016), section 9.3.
    """
    as_annotated(max_pool, x)
    ends = _padding_of_pool(x, window, stride, padding)
    return outside(_largest(_pixels(pad(inside(x), ends, -jnp.inf), window, stride)))


def max_pool_vjp(g, x, *, window=(2, 2), stride=(2, 2), padding="VALID"):
    r"""Pull $g$ back to $x$: each window's $g$ goes to the pixel that was chosen, and overlapping windows add up.

    $\partial y_{nhwc} / \partial x_p = [p \text{ is the first pixel of the window that no other exceeds}]$.
    """
    ends = _padding_of_pool(x, window, stride, padding)
    padded = pad(inside(x), ends, -jnp.inf)
    routed = _routed(inside(g), _pixels(padded, window, stride))
    return (outside(crop(_from_pixels(routed, padded.shape, window, stride), ends)),)


def max_pool_examples(random):
    """Ties everywhere, as after a ReLU; overlapping windows; a remainder that fills no window; padding; one image."""
    rectified = random.standard_normal((3, 7, 6, 2)).clip(min=0)
    yield (rectified,), {}
    yield (rectified,), {"window": (3, 2), "stride": (2, 1)}
    yield (random.standard_normal((2, 9, 8, 3)),), {"window": (2, 3), "stride": (3, 2)}
    yield (rectified - 1,), {"window": (3, 3), "stride": (2, 2), "padding": ((1, 1), (0, 2))}
    yield (random.standard_normal((1, 5, 7, 1)),), {"window": (2, 3), "stride": (1, 2), "padding": "SAME"}


def avg_pool(
    x: Float[Array, "batch height width channels"],
    *,
    window: tuple[int, int] = (2, 2),
    stride: tuple[int, int] = (2, 2),
    padding: Padding = "VALID",
    count_include_pad: bool = True,
) -> Float[Array, "batch pooled_height pooled_width channels"]:
    r"""The mean of each window, $y_{nhwc} = \frac1m \sum_{ij} x_{n,\,h s + i,\,w t + j,\,c}$, for a stride $(s, t)$.

    $m$ is the number of pixels of the window; the zeros of the padding are counted among them, as in PyTorch and Flax,
    unless `count_include_pad` is False. Windows lie as in `max_pool`. It is linear: a convolution of each channel
    with a kernel of $1/m$. Raises as `max_pool` does. LeCun et al., *Gradient-based learning applied to document
    recognition* (1998), section II.
    """
    as_annotated(avg_pool, x)
    ends = _padding_of_pool(x, window, stride, padding)
    return outside(_sums(pad(inside(x), ends), window, stride) / _counts(x, ends, window, stride, count_include_pad))


def avg_pool_vjp(g, x, *, window=(2, 2), stride=(2, 2), padding="VALID", count_include_pad=True):
    r"""Pull $g$ back to $x$: $\partial y / \partial x_p = 1/m$ for each pixel $p$ of the window.

    Hence every window spreads $g / m$ evenly over its pixels, and overlapping windows add up.
    """
    ends = _padding_of_pool(x, window, stride, padding)
    share = inside(g) / _counts(x, ends, window, stride, count_include_pad)
    shape = pad(inside(x), ends).shape
    return (outside(crop(_from_pixels([share] * (window[0] * window[1]), shape, window, stride), ends)),)


def avg_pool_examples(random):
    """Overlapping windows, a remainder, and padding that counts or does not."""
    x = random.standard_normal((3, 7, 6, 2))
    yield (x,), {}
    yield (x[:1],), {"window": (3, 2), "stride": (2, 3)}
    for count_include_pad in (True, False):
        settings = {"window": (3, 3), "stride": (2, 1), "padding": ((1, 1), (0, 2))}
        yield (x,), {**settings, "count_include_pad": count_include_pad}
    yield (x,), {"window": (2, 3), "stride": (2, 2), "padding": "SAME", "count_include_pad": False}


def global_avg_pool(x: Float[Array, "batch height width channels"]) -> Float[Array, "batch channels"]:
    r"""The mean of each channel, $y_{nc} = \frac{1}{HW} \sum_{hw} x_{nhwc}$.

    Raises where shapes or dtypes are not as annotated. Lin, Chen and Yan, *Network in network* (2014).
    """
    as_annotated(global_avg_pool, x)
    return x.mean(axis=(1, 2))


def global_avg_pool_vjp(g, x):
    r"""Pull $g$ back to $x$: $\partial y_{nc} / \partial x_{nhwc} = 1 / HW$, the same for every pixel."""
    _, height, width, _ = x.shape
    return (jnp.broadcast_to(g[:, None, None, :] / (height * width), x.shape),)


def _pixels(image, window, stride):
    """The first pixel of every window, the second, …, in row-major order."""
    rows = unfold(image, 0, window[0], stride[0])
    return [pixel for row in rows for pixel in unfold(row, 2, window[1], stride[1])]


def _from_pixels(pixels, shape, window, stride):
    """The way back to an image of this shape: what lay in several windows adds up."""
    of_row = [pixels[start : start + window[1]] for start in range(0, len(pixels), window[1])]
    return fold([fold(row, 2, shape[2], stride[1]) for row in of_row], 0, shape[0], stride[0])


def _largest(parts):
    """The largest of the parts, place by place; the first among equals."""
    return functools.reduce(lambda largest, part: jnp.where(_exceeds(part, largest), part, largest), parts)


def _routed(g, parts):
    """For each part, $g$ where it is the one that `_largest` chose, and 0 elsewhere."""
    largest, chosen = parts[0], jnp.zeros(g.shape, int)
    for number, part in enumerate(parts[1:], start=1):
        better = _exceeds(part, largest)
        largest, chosen = jnp.where(better, part, largest), jnp.where(better, number, chosen)
    return [jnp.where(chosen == number, g, 0) for number in range(len(parts))]


def _exceeds(part, largest):
    """Is it larger? NaN is larger than all, and equal is not larger."""
    return (part > largest) | jnp.isnan(part)


def _sums(x, window, stride):
    """The sum of each window."""
    columns = functools.reduce(jnp.add, unfold(x, 2, window[1], stride[1]))
    return functools.reduce(jnp.add, unfold(columns, 0, window[0], stride[0]))


def _counts(x, ends, window, stride, count_include_pad):
    """How many pixels of each window count."""
    if count_include_pad:
        return window[0] * window[1]
    return _sums(pad(inside(jnp.ones_like(x[:1, :, :, :1])), ends), window, stride)


def _padding_of_pool(x, window, stride, padding):
    """What padding adds at each end; no window may see nothing else."""
    ends = padding_around(x.shape[1:3], window, stride, padding)
    if max(ends[0]) >= window[0] or max(ends[1]) >= window[1]:
        raise ValueError(
            f"padding must be smaller than the window {window}, or a window would see nothing else, but was {ends}."
        )
    return ends
