"""Pooling: a region of the image is summarised by one number."""

import functools

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxdl.functional._arguments import as_annotated


def max_pool(
    x: Float[Array, "batch height width channels"],
    *,
    window: tuple[int, int] = (2, 2),
    stride: tuple[int, int] = (2, 2),
) -> Float[Array, "batch pooled_height pooled_width channels"]:
    r"""The largest pixel of each window, $y_{nhwc} = \max_{ij} x_{n,\,h s + i,\,w t + j,\,c}$, for a stride $(s, t)$.

    Windows may overlap; rows and columns that fill no window are left out, so a height $H$ becomes
    $\lfloor (H - k) / s \rfloor + 1$. The kink is at a tie; there the first largest pixel in row-major order is
    the one chosen, as in PyTorch. NaN stays NaN. Raises where no window fits, or shapes or dtypes are not as
    annotated.
    Goodfellow, Bengio and Courville, *Deep Learning* (2016), section 9.3.
    """
    as_annotated(max_pool, x)
    return functools.reduce(
        lambda largest, pixel: jnp.where(_exceeds(pixel, largest), pixel, largest),
        [x[place] for place in _places(x.shape, window, stride)],
    )


def max_pool_vjp(g, x, *, window=(2, 2), stride=(2, 2)):
    r"""Pull $g$ back to $x$: each window's $g$ goes to the pixel that was chosen, and overlapping windows add up.

    $\partial y_{nhwc} / \partial x_p = [p \text{ is the first pixel of the window that no other exceeds}]$.
    """
    places = _places(x.shape, window, stride)
    largest, chosen = x[places[0]], jnp.zeros(g.shape, int)
    for number, place in enumerate(places[1:], start=1):
        better = _exceeds(x[place], largest)
        largest, chosen = jnp.where(better, x[place], largest), jnp.where(better, number, chosen)
    x_bar = jnp.zeros_like(x)
    for number, place in enumerate(places):
        x_bar = x_bar.at[place].add(jnp.where(chosen == number, g, 0))
    return (x_bar,)


def max_pool_examples(random):
    """Ties everywhere, as after a ReLU; overlapping windows; a remainder that fills no window."""
    rectified = random.standard_normal((3, 7, 6, 2)).clip(min=0)
    yield (rectified,), {}
    yield (rectified,), {"window": (3, 2), "stride": (2, 1)}
    yield (random.standard_normal((2, 9, 8, 3)),), {"window": (2, 3), "stride": (3, 2)}


def _exceeds(pixel, largest):
    """Is the pixel larger? NaN is larger than all, and equal is not larger."""
    return (pixel > largest) | jnp.isnan(pixel)


def _places(shape, window, stride):
    """For each pixel of a window, in row-major order, where it lies in the image for all windows at once."""
    _, height, width, _ = shape
    for name, pair in [("window", window), ("stride", stride)]:
        if not (isinstance(pair, tuple) and len(pair) == 2 and min(pair) >= 1):
            raise ValueError(f"{name} must be two numbers of at least 1, as (2, 2), but was {pair}.")
    if window[0] > height or window[1] > width:
        raise ValueError(
            f"window must fit into the image, but a window {window} was given for an image {(height, width)}: "
            "pool less, or earlier."
        )
    rows, columns = ((size - k) // s * s + 1 for size, k, s in zip((height, width), window, stride, strict=True))
    return [
        jnp.index_exp[:, i : i + rows : stride[0], j : j + columns : stride[1]]
        for i in range(window[0])
        for j in range(window[1])
    ]
