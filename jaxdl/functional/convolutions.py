"""Convolutions: a small kernel slides over the image, and every position is weighted by the same numbers.

Images are (batch, height, width, channels), kernels (rows, columns, channels, filters). `_kernels` says how it is
computed: mostly as a dense layer of patches.
"""

from jaxtyping import Array, Float

from jaxdl.functional._arguments import as_annotated
from jaxdl.functional._kernels import (
    bring_back,
    by_group,
    check_groups,
    correlate,
    lay_out,
    merged,
    numbers_in_patches,
    sum_in_bounds,
    times,
    weigh,
    weights_of,
)
from jaxdl.functional._windows import Padding, crop, inside, outside, pad, padding_around


def output_size(size: int, window: int, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    r"""How many positions a window has along an axis, $\lfloor (n + 2p - d(k - 1) - 1) / s \rfloor + 1$.

    $n$ pixels with $p$ added at each end, a window of $k$ pixels $d$ apart, moving by $s$. Raises ValueError where no
    window fits. Dumoulin and Visin, *A guide to convolution arithmetic for deep learning* (2016).
    """
    square = [(number, number) for number in (size, window, stride, padding, dilation)]
    ends, _ = padding_around(*square[:3], (square[3],) * 2, square[4])
    return (size + sum(ends) - dilation * (window - 1) - 1) // stride + 1


def conv2d(
    x: Float[Array, "batch height width channels"],
    kernel: Float[Array, "rows columns channels_of_group filters"],
    bias: Float[Array, "filters"],
    *,
    stride: tuple[int, int] = (1, 1),
    padding: Padding = "VALID",
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
) -> Float[Array, "batch new_height new_width filters"]:
    r"""The layer $y_{nhwo} = b_o + \sum_{ijc} x_{n,\,hs + id,\,wt + je,\,c} K_{ijco}$.

    The stride is $(s, t)$, the dilation $(d, e)$, and $x$ the image after padding: "VALID" adds nothing, "SAME" enough
    zeros for an output of $\lceil H / s \rceil$ (the odd one at the end), ((top, bottom), (left, right)) just those. It
    is the cross-correlation that all libraries call convolution; `convolution` turns the kernel round. With groups $G$
    each of $G$ equal parts of the filters sees its own part of the channels, so the kernel has $C / G$. PyTorch's
    kernel is (filters, channels, rows, columns). Raises where shapes or dtypes are not as annotated, and where no
    window fits. LeCun et al., *Gradient-based learning applied to document recognition* (1998), section II.
    """
    as_annotated(conv2d, x, kernel, bias)
    check_groups(x.shape[-1], kernel, groups)
    ends = padding_around(x.shape[1:3], kernel.shape[:2], stride, padding, dilation)
    return weigh(x, kernel, bias, padding=ends, stride=stride, dilation=dilation, groups=groups)


def conv2d_vjp(g, x, kernel, bias, *, stride=(1, 1), padding="VALID", dilation=(1, 1), groups=1):
    r"""Pull $g$ back to $(x, K, b)$.

    With the windows of the image as the rows of a matrix $P$ and the kernel as a matrix with a row for each place and
    channel, $y = P K + b$ is a dense layer, so $\bar K = P^\top g$: all positions and examples share the kernel, and
    their gradients add up. Back to the patches goes $\bar P = g K^\top$. A pixel lies in many patches, at another place
    $(i, j)$ in each, $P_{nhw,\,ijc} = x_{n,\,hs + id,\,wt + je,\,c}$; hence $\bar x$ is the sum of what comes back to
    all of them, which is the transposed convolution of $g$. The bias is added everywhere:
    $\bar b_o = \sum_{nhw} g_{nhwo}$. Patches beyond `CPU_PATCHES` are laid out one image at a time.
    """
    ends = padding_around(x.shape[1:3], kernel.shape[:2], stride, padding, dilation)
    window = kernel.shape[:2], stride, dilation

    def pull(x, g):
        image, g = pad(inside(x), ends), by_group(inside(g), groups)
        patches_bar = times(weights_of(kernel, groups).swapaxes(1, 2), g)
        image_bar = merged(bring_back(patches_bar, (image.shape[0], image.shape[2]), *window))
        return correlate(lay_out(by_group(image, groups), *window), g), outside(crop(image_bar, ends))

    numbers = numbers_in_patches(x, kernel.shape[:2], ends, stride, dilation)
    weights_bar, x_bar = sum_in_bounds(pull, numbers, x, g)
    return x_bar, weights_bar.swapaxes(0, 1).reshape(kernel.shape), g.sum((0, 1, 2))


def conv2d_examples(random):
    """Strides, paddings and dilations that differ, groups, a window as large as the image, one image, one channel.

    Windows of three rows, an odd and an even number of them.
    """
    for shape, kernel, settings in [
        ((3, 7, 6, 2), (3, 2, 2, 5), {"stride": (2, 1), "padding": "SAME"}),
        ((1, 6, 9, 1), (2, 3, 1, 3), {"stride": (1, 3), "padding": ((0, 2), (1, 0)), "dilation": (3, 2)}),
        ((2, 5, 4, 6), (2, 3, 3, 4), {"groups": 2, "padding": ((1, 0), (1, 1)), "stride": (2, 2)}),
        ((1, 3, 2, 4), (3, 2, 4, 1), {}),
        ((2, 6, 5, 4), (3, 2, 4, 3), {"padding": "SAME"}),
    ]:
        yield tuple(map(random.standard_normal, (shape, kernel, kernel[-1:]))), settings


def conv1d(
    x: Float[Array, "batch length channels"],
    kernel: Float[Array, "window channels_of_group filters"],
    bias: Float[Array, "filters"],
    *,
    stride: int = 1,
    padding: str | tuple[int, int] = "VALID",
    dilation: int = 1,
    groups: int = 1,
) -> Float[Array, "batch new_length filters"]:
    r"""The layer $y_{nto} = b_o + \sum_{ic} x_{n,\,ts + id,\,c} K_{ico}$ of sequences: `conv2d` of images with one row.

    Padding is "VALID", "SAME" or the zeros (before, after). With (k - 1, 0) for a window of k the output is causal.
    Raises as `conv2d` does. Waibel et al., *Phoneme recognition using time-delay neural networks* (1989).
    """
    as_annotated(conv1d, x, kernel, bias)
    settings = _of_one_row(stride, padding, dilation)
    return conv2d(x[:, None], kernel[None], bias, **settings, groups=groups)[:, 0]


def conv1d_vjp(g, x, kernel, bias, *, stride=1, padding="VALID", dilation=1, groups=1):
    r"""Pull $g$ back to $(x, K, b)$: as in `conv2d`, with one row.

    $\bar K_{ico} = \sum_{nt} g_{nto}\, x_{n,\,ts + id,\,c}$, each $x_{n,\,ts + id,\,c}$ receives
    $\sum_o g_{nto} K_{ico}$, and $\bar b_o = \sum_{nt} g_{nto}$.
    """
    settings = _of_one_row(stride, padding, dilation)
    x_bar, kernel_bar, bias_bar = conv2d_vjp(g[:, None], x[:, None], kernel[None], bias, **settings, groups=groups)
    return x_bar[:, 0], kernel_bar[0], bias_bar


def conv1d_examples(random):
    """Strides, paddings, a dilation and groups."""
    for shape, kernel, settings in [
        ((2, 7, 3), (3, 3, 4), {}),
        ((3, 8, 2), (3, 2, 5), {"stride": 2, "padding": "SAME"}),
        ((1, 9, 4), (2, 2, 6), {"padding": (3, 0), "dilation": 3, "groups": 2}),
    ]:
        yield tuple(map(random.standard_normal, (shape, kernel, kernel[-1:]))), settings


def convolution(
    x: Float[Array, "batch height width channels"],
    kernel: Float[Array, "rows columns channels_of_group filters"],
    bias: Float[Array, "filters"],
    *,
    stride: tuple[int, int] = (1, 1),
    padding: Padding = "VALID",
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
) -> Float[Array, "batch new_height new_width filters"]:
    r"""The convolution of mathematics, $(x * K)_{hw} = \sum_{ij} x_{h - i,\,w - j} K_{ij}$: the kernel is turned round.

    It is `conv2d` with a kernel whose rows and columns run backwards. The output begins where the kernel first fits:
    with a padding of k - 1 on every side at the $h, w$ of the formula, with "VALID" k - 1 later. With one channel, one
    filter, stride 1, no bias and a padding of k - 1 on every side it commutes, $x * K = K * x$; the cross-correlation
    of `conv2d` does not. Raises as `conv2d` does. Oppenheim and Schafer, *Discrete-time signal processing* (2010),
    section 2.3.
    """
    as_annotated(convolution, x, kernel, bias)
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return conv2d(x, kernel[::-1, ::-1], bias, **settings)


def convolution_vjp(g, x, kernel, bias, *, stride=(1, 1), padding="VALID", dilation=(1, 1), groups=1):
    r"""Pull $g$ back to $(x, K, b)$: as in `conv2d`, and what comes back to the turned kernel is turned back."""
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    x_bar, turned, bias_bar = conv2d_vjp(g, x, kernel[::-1, ::-1], bias, **settings)
    return x_bar, turned[::-1, ::-1], bias_bar


def convolution_examples(random):
    """A window that is not square, with all settings."""
    settings = {"stride": (2, 1), "padding": ((1, 0), (0, 2)), "dilation": (1, 2), "groups": 2}
    yield tuple(map(random.standard_normal, ((2, 5, 6, 4), (2, 3, 2, 6), (6,)))), settings


def _of_one_row(stride, padding, dilation):
    """The settings of `conv2d` for images of one row."""
    for name, number in [("stride", stride), ("dilation", dilation)]:
        if not isinstance(number, int):
            raise ValueError(f"{name} of a sequence must be one number, as 2, but was {number!r}.")
    if not isinstance(padding, str):
        if not (isinstance(padding, tuple) and len(padding) == 2):
            raise ValueError(f'padding of a sequence must be "SAME", "VALID" or (before, after), but was {padding!r}.')
        padding = ((0, 0), padding)
    return {"stride": (1, stride), "padding": padding, "dilation": (1, dilation)}
