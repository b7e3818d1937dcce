"""Transposed convolution: enlarge an image by adding a weighted copy of the kernel for each pixel."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxdl.functional._arguments import check_annotations
from jaxdl.functional._kernels import add_kernels, check_groups, swap_channels
from jaxdl.functional._windows import Padding, crop, padding_around, to_batch_first, window_spans
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
    r"""Transposed convolution: each pixel adds the kernel, weighted by its value, to the output.

    With the stride $(s, t)$ and the dilation $(d, e)$ the output $y$ is $b_o$ plus all of

    $$
    y_{n,\,hs + id,\,wt + je,\,o} \mathrel{+}= \sum_c x_{nhwc}\, K_{ijco} \qquad \text{for all } h, w, i, j .
    $$

    It is the transpose of a `conv2d` from images like $y$ to images like $x$, and enlarges by the stride. PyTorch's
    kernel is (channels, filters, rows, columns); Flax's `ConvTranspose` flips the kernel in both directions, unless its
    `transpose_kernel` is set.

    Args:
        x: Images of shape (batch, height, width, channels).
        kernel: Kernel $K$ of shape (rows, columns, channels / groups, filters).
        bias: Bias $b$ of shape (filters,).
        stride: Rows and columns between the copies of the kernel of two neighboring pixels.
        padding: Padding of the `conv2d` that is transposed, so rows and columns that are cropped from $y$. "VALID"
            crops none: a height $H$ becomes $(H - 1) s + d (k - 1) + 1$ with a kernel of $k$ rows. "SAME" gives $H s$
            (jax and Flax give that for "VALID" too if the stride exceeds the window). ((top, bottom), (left, right))
            crops as stated.
        dilation: Rows and columns between two neighboring entries of the kernel.
        groups: Number of groups of channels that are convolved separately; divides channels and filters.

    Returns:
        Images of shape (batch, new height, new width, filters).

    Raises:
        TypeError: If `x`, `kernel` or `bias` is not floating.
        ValueError: If the shapes do not fit together, `stride`, `padding`, `dilation` or `groups` is invalid, or the
            padding would crop all pixels.

    References:
        Dumoulin and Visin, *A guide to convolution arithmetic for deep learning* (2016), chapter 4.

    Example:
        >>> x = jnp.array([1.0, 10.0]).reshape(1, 1, 2, 1)
        >>> kernel = jnp.array([[1.0, 2.0], [3.0, 4.0]]).reshape(2, 2, 1, 1)
        >>> F.conv2d_transpose(x, kernel, jnp.zeros(1), stride=(2, 2))[0, :, :, 0].tolist()
        [[1.0, 2.0, 10.0, 20.0], [3.0, 4.0, 30.0, 40.0]]
    """
    check_annotations(conv2d_transpose, x, kernel, bias)
    check_groups(x.shape[-1], kernel, groups)
    size, ends = _size_and_crop(x, kernel, stride, padding, dilation)
    return to_batch_first(crop(add_kernels(x, kernel, size, stride, dilation, groups), ends) + bias[:, None, None])


def conv2d_transpose_vjp(g, x, kernel, bias, *, stride=(1, 1), padding="VALID", dilation=(1, 1), groups=1):
    r"""Pull $g$ back to $(x, K, b)$.

    Each product $x_{nhwc} K_{ijco}$ is added to one entry of $y$, so the product gets the $g$ of that entry. Its
    derivative with respect to one factor is the other factor. The chain rule sums over all products with that factor:

    $$
    \begin{aligned}
    \bar x_{nhwc} &= \sum_{ijo} g_{n,\,hs + id,\,wt + je,\,o}\, K_{ijco} \\
    \bar K_{ijco} &= \sum_{nhw} g_{n,\,hs + id,\,wt + je,\,o}\, x_{nhwc} \\
    \bar b_o &= \sum_{nhw} g_{nhwo}
    \end{aligned}
    $$

    The first is the `conv2d` of the image $g$ with channels and filters of the kernel exchanged. The second is the
    gradient of the kernel in that `conv2d`, with $x$ as the cotangent of its output, exchanged back. The bias is added
    to every pixel.
    """
    _, ends = _size_and_crop(x, kernel, stride, padding, dilation)
    settings = {"stride": stride, "padding": ends, "dilation": dilation, "groups": groups}
    exchanged, no_bias = swap_channels(kernel, groups), jnp.zeros(x.shape[-1], x.dtype)
    x_bar = conv2d(g, exchanged, no_bias, **settings)
    _, kernel_bar, _ = conv2d_vjp(x, g, exchanged, no_bias, **settings)
    return x_bar, swap_channels(kernel_bar, groups), g.sum((0, 1, 2))


def conv2d_transpose_examples(random):
    """Strides smaller than, equal to and larger than the kernel; paddings, dilations, groups; a batch size 1."""
    for shape, kernel, settings in [
        ((3, 3, 2, 2), (3, 2, 2, 5), {"stride": (2, 1), "padding": "SAME", "dilation": (1, 2)}),
        ((1, 2, 3, 2), (2, 2, 1, 4), {"stride": (3, 3), "padding": ((0, 1), (1, 0)), "dilation": (3, 2), "groups": 2}),
        ((2, 2, 3, 6), (2, 1, 3, 4), {"groups": 2, "padding": "SAME", "stride": (2, 3), "dilation": (2, 1)}),
    ]:
        yield tuple(map(random.standard_normal, (shape, kernel, kernel[-1:]))), settings


def _size_and_crop(x, kernel, stride, padding, dilation):
    """Return height and width before cropping, and the rows and columns to crop at each end."""
    spans = window_spans(kernel.shape[:2], stride, dilation)
    size = [(n - 1) * s + span for n, s, span in zip(x.shape[1:3], stride, spans, strict=True)]
    if padding == "SAME":
        size = [max(n * s, n_all) for n, s, n_all in zip(x.shape[1:3], stride, size, strict=True)]
        kept = tuple(n * s for n, s in zip(x.shape[1:3], stride, strict=True))
        return tuple(size), padding_around(kept, kernel.shape[:2], stride, "SAME", dilation)
    ends = padding_around(tuple(size), kernel.shape[:2], stride, padding, dilation)
    if min(n - sum(both) for n, both in zip(size, ends, strict=True)) < 1:
        raise ValueError(f"padding {ends} crops all of the {tuple(size)} pixels. Make it smaller.")
    return tuple(size), ends
