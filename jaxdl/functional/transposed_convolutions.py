"""The transposed convolution: an image is enlarged, each pixel by a weighted copy of the kernel."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxdl.functional._arguments import as_annotated
from jaxdl.functional._kernels import check_groups, stamp, transposed
from jaxdl.functional._windows import Padding, crop, outside, padding_around, spans_of
from jaxdl.functional.convolutions import conv2d, conv2d_vjp


def conv2d_transpose(
    x: Float[Array, "batch height width channels"],
    kernel: Float[Array, "rows columns channels_of_group filters"],
    bias: Float[Array, "filters"],
    *,
    stride: tuple[int, int] = (1, 1),
    padding: Padding = "VALID",
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
) -> Float[Array, "batch new_height new_width filters"]:
    r"""The transposed convolution: every pixel stamps the kernel on the output, weighted by its own value.

    $y_{n,\,hs + id,\,wt + je,\,o} \mathrel{+}= \sum_c x_{nhwc} K_{ijco}$ for all $h, w, i, j$, plus $b_o$. It is the
    transpose of a `conv2d` from images like $y$ to images like $x$, and enlarges by the stride. Padding is that of this
    `conv2d`, so it takes away from $y$: "VALID" nothing, a height of $(H - 1) s + d (k - 1) + 1$; "SAME" leaves $H s$
    (where the stride exceeds the window, jax and Flax leave that for "VALID" too); ((top, bottom), (left, right)) just
    those. PyTorch's kernel is (channels, filters, rows, columns); Flax's `ConvTranspose` turns the kernel round, unless
    its `transpose_kernel` is set. Raises where shapes or dtypes are not as annotated. Dumoulin and Visin, *A guide to
    convolution arithmetic for deep learning* (2016), chapter 4.
    """
    as_annotated(conv2d_transpose, x, kernel, bias)
    check_groups(x.shape[-1], kernel, groups)
    size, ends = _of_transpose(x, kernel, stride, padding, dilation)
    return outside(crop(stamp(x, kernel, size, stride, dilation, groups), ends) + bias[:, None, None])


def conv2d_transpose_vjp(g, x, kernel, bias, *, stride=(1, 1), padding="VALID", dilation=(1, 1), groups=1):
    r"""Pull $g$ back to $(x, K, b)$.

    Each product $x_{nhwc} K_{ijco}$ is added to one place of $y$, so with the $g$ of that place
    $\bar x_{nhwc} = \sum_{ijo} g_{n,\,hs + id,\,wt + je,\,o} K_{ijco}$ and
    $\bar K_{ijco} = \sum_{nhw} g_{n,\,hs + id,\,wt + je,\,o}\, x_{nhwc}$. The first is the `conv2d` of the image $g$
    with the kernel whose channels and filters are exchanged. The second is the kernel's gradient in that `conv2d` when
    $x$ is what comes back to its output, exchanged again. The bias is added everywhere:
    $\bar b_o = \sum_{nhw} g_{nhwo}$.
    """
    _, ends = _of_transpose(x, kernel, stride, padding, dilation)
    settings = {"stride": stride, "padding": ends, "dilation": dilation, "groups": groups}
    exchanged, no_bias = transposed(kernel, groups), jnp.zeros(x.shape[-1], x.dtype)
    x_bar = conv2d(g, exchanged, no_bias, **settings)
    _, kernel_bar, _ = conv2d_vjp(x, g, exchanged, no_bias, **settings)
    return x_bar, transposed(kernel_bar, groups), g.sum((0, 1, 2))


def conv2d_transpose_examples(random):
    """Strides that overlap, fit and leave gaps; paddings, dilations, groups; one image."""
    for shape, kernel, settings in [
        ((3, 3, 2, 2), (3, 2, 2, 5), {"stride": (2, 1), "padding": "SAME"}),
        ((1, 2, 3, 1), (2, 2, 1, 3), {"stride": (3, 3), "padding": ((0, 1), (1, 0)), "dilation": (3, 2)}),
        ((2, 2, 3, 6), (2, 1, 3, 4), {"groups": 2, "padding": "SAME", "stride": (2, 3)}),
    ]:
        yield tuple(map(random.standard_normal, (shape, kernel, kernel[-1:]))), settings


def _of_transpose(x, kernel, stride, padding, dilation):
    """Height and width before anything is taken away, and what the padding takes away at each end."""
    spans = spans_of(kernel.shape[:2], stride, dilation)
    size = [(n - 1) * s + span for n, s, span in zip(x.shape[1:3], stride, spans, strict=True)]
    if padding == "SAME":
        size = [max(n * s, n_all) for n, s, n_all in zip(x.shape[1:3], stride, size, strict=True)]
        kept = tuple(n * s for n, s in zip(x.shape[1:3], stride, strict=True))
        return tuple(size), padding_around(kept, kernel.shape[:2], stride, "SAME", dilation)
    ends = padding_around(tuple(size), kernel.shape[:2], stride, padding, dilation)
    if min(n - sum(both) for n, both in zip(size, ends, strict=True)) < 1:
        raise ValueError(f"padding must leave some of the {tuple(size)} pixels, but takes away {ends}.")
    return tuple(size), ends
