"""Convolutions: a small kernel slides over the image, and all positions share its weights.

Images have the shape (batch, height, width, channels), kernels (rows, columns, channels, filters). The module
`_kernels` computes them, in most cases as a matrix product with the patches of the image.
"""

from jaxtyping import Array, Float

from jaxdl.functional._arguments import check_annotations
from jaxdl.functional._kernels import (
    check_groups,
    col2im,
    convolve,
    im2col,
    matmul,
    merge_groups,
    patches_size,
    split_groups,
    sum_over_images,
    weights_gradient,
    weights_of,
)
from jaxdl.functional._windows import Padding, crop, pad, padding_around, to_batch_first, to_batch_last


def output_size(size: int, window: int, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    r"""Number of positions of a window along an axis.

    $$
    \left\lfloor \frac{n + 2p - d\,(k - 1) - 1}{s} \right\rfloor + 1
    $$

    Args:
        size: Pixels $n$ of the image along the axis.
        window: Pixels $k$ of the window.
        stride: Step $s \ge 1$ from one window to the next, in pixels.
        padding: Pixels $p \ge 0$ that are added at each end.
        dilation: Distance $d \ge 1$ between neighboring pixels of the window.

    Returns:
        The number of positions, at least 1.

    Raises:
        ValueError: If the window does not fit into the padded image, or a number is too small.

    References:
        Dumoulin and Visin, *A guide to convolution arithmetic for deep learning* (2016).

    Example:
        >>> F.output_size(227, 11, stride=4)  # the first layer of AlexNet
        55
        >>> F.output_size(10, 3, padding=1)  # a window of 3 with a padding of 1 keeps the size
        10
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
    r"""2-D convolution layer for images.

    With the stride $(s, t)$, the dilation $(d, e)$ and the padded image $x$ it is

    $$
    y_{nhwo} = b_o + \sum_{ijc} x_{n,\,hs + id,\,wt + je,\,c}\, K_{ijco} .
    $$

    This is the cross-correlation that all libraries call convolution; `convolution` flips the kernel.

    Args:
        x: Images of shape (batch, height, width, channels).
        kernel: Kernel $K$ of shape (rows, columns, channels / groups, filters); PyTorch's axes are
            (filters, channels, rows, columns).
        bias: Bias $b$ of shape (filters,).
        stride: Vertical and horizontal step $(s, t)$ of the window, in pixels.
        padding: "VALID" adds nothing. "SAME" adds zeros until the output has $\lceil H / s \rceil$ rows and
            $\lceil W / t \rceil$ columns, an odd one at the end. ((top, bottom), (left, right)) adds these numbers of
            zeros.
        dilation: Vertical and horizontal distance $(d, e)$ between neighboring pixels of a window.
        groups: Number $G$ of equal parts of the channels and of the filters; each part of the filters sees only its
            part of the channels.

    Returns:
        Images of shape (batch, new_height, new_width, filters); `output_size` gives the sizes. On a CPU, where a window
        contains an infinite pixel, an output can be NaN instead of infinite: windows of three rows are computed in
        pairs, from differences of pixels, which takes 0.5 to 0.8 times as long.

    Raises:
        TypeError: If a dtype differs from the annotation.
        ValueError: If a shape differs from the annotation, the groups do not divide the channels and filters, a setting
            is malformed, or the window does not fit into the padded image.

    References:
        LeCun et al., *Gradient-based learning applied to document recognition* (1998), section II.

    Example:
        >>> x, kernel = jnp.arange(9.0).reshape(1, 3, 3, 1), jnp.arange(4.0).reshape(2, 2, 1, 1)
        >>> F.conv2d(x, kernel, jnp.zeros(1))[0, :, :, 0].tolist()  # 0 * 0 + 1 * 1 + 3 * 2 + 4 * 3 = 19
        [[19.0, 25.0], [37.0, 43.0]]
        >>> F.conv2d(x, kernel, jnp.zeros(1), stride=(2, 2), padding="SAME").shape
        (1, 2, 2, 1)
    """
    check_annotations(conv2d, x, kernel, bias)
    check_groups(x.shape[-1], kernel, groups)
    ends = padding_around(x.shape[1:3], kernel.shape[:2], stride, padding, dilation)
    return convolve(x, kernel, bias, padding=ends, stride=stride, dilation=dilation, groups=groups)


def conv2d_vjp(g, x, kernel, bias, *, stride=(1, 1), padding="VALID", dilation=(1, 1), groups=1):
    r"""Pull $g$ back to $(x, K, b)$.

    Each output is a sum of products of one pixel and one entry of the kernel,

    $$
    y_{nhwo} = b_o + \sum_{ijc} x_{n,\,hs + id,\,wt + je,\,c}\, K_{ijco} ,
    $$

    so the derivative of a product with respect to one factor is the other factor. The rest is to find all outputs in
    which a number is used.

    An entry of the kernel is used at every position $(h, w)$ of every example, and the bias is added there. Their
    gradients are sums over positions and examples:

    $$
    \begin{aligned}
    \bar K_{ijco} &= \sum_{nhw} x_{n,\,hs + id,\,wt + je,\,c}\; g_{nhwo} , \\
    \bar b_o &= \sum_{nhw} g_{nhwo} .
    \end{aligned}
    $$

    A pixel $(p, q)$ is used in each window that contains it, at the place $(i, j)$ with $hs + id = p$ and
    $wt + je = q$. Its gradient is a sum over these windows and over all filters:

    $$
    \bar x_{npqc} = \sum_{h,\,i:\; hs + id = p} \;\; \sum_{w,\,j:\; wt + je = q} \;\; \sum_o g_{nhwo}\, K_{ijco} .
    $$

    This is the transposed convolution of $g$ with the same kernel (`conv2d_transpose`). For stride 1 and dilation 1,
    $h = p - i$ and $w = q - j$: the sum is the convolution of $g$ with $K$ in the mathematical sense. The gradients of
    the padding are dropped. With several groups, all of this holds within each group.

    The code writes the same as a dense layer. Let the windows of the image be the rows of a matrix $P$ (the patches),
    and let the kernel be a matrix with one row for each place in the window and channel. Then

    $$
    y = P K + b, \qquad \bar K = P^\top g, \qquad \bar P = g K^\top,
    $$

    and $\bar x$ is obtained from $\bar P$ by adding up the gradients of all copies of a pixel.
    """
    ends = padding_around(x.shape[1:3], kernel.shape[:2], stride, padding, dilation)
    window = kernel.shape[:2], stride, dilation

    def pull(x, g):
        image, g = pad(to_batch_last(x), ends), split_groups(to_batch_last(g), groups)
        patches_bar = matmul(weights_of(kernel, groups).swapaxes(1, 2), g)
        image_bar = merge_groups(col2im(patches_bar, (image.shape[0], image.shape[2]), *window))
        return weights_gradient(im2col(split_groups(image, groups), *window), g), to_batch_first(crop(image_bar, ends))

    numbers = patches_size(x, kernel.shape[:2], ends, stride, dilation)  # many: one image at a time
    weights_bar, x_bar = sum_over_images(pull, numbers, x, g)
    return x_bar, weights_bar.swapaxes(0, 1).reshape(kernel.shape), g.sum((0, 1, 2))


def conv2d_examples(random):
    """Unequal strides, paddings and dilations; groups; a window as large as the image; one image; one channel.

    Windows of three rows, with an odd and an even number of positions.
    """
    for shape, kernel, settings in [
        ((3, 7, 6, 2), (3, 2, 2, 5), {"stride": (2, 1), "padding": "SAME", "dilation": (1, 2)}),
        ((1, 6, 9, 1), (2, 3, 1, 3), {"stride": (1, 3), "padding": ((0, 2), (1, 0)), "dilation": (3, 2)}),
        ((2, 5, 4, 6), (2, 3, 3, 4), {"groups": 2, "padding": ((1, 2), (1, 1)), "stride": (2, 1), "dilation": (3, 1)}),
        ((1, 3, 2, 4), (3, 2, 4, 1), {}),
        ((2, 6, 5, 6), (3, 2, 3, 4), {"padding": "SAME", "groups": 2}),
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
    r"""1-D convolution layer for sequences.

    With the stride $s$ and the dilation $d$ it is the `conv2d` of images with one row:

    $$
    y_{nto} = b_o + \sum_{ic} x_{n,\,ts + id,\,c}\, K_{ico}
    $$

    Args:
        x: Sequences of shape (batch, length, channels).
        kernel: Kernel $K$ of shape (window, channels / groups, filters).
        bias: Bias $b$ of shape (filters,).
        stride: Step $s$ of the window.
        padding: "VALID", "SAME" or the number of zeros (before, after). For a window of $k$ steps, (k - 1, 0) makes the
            layer causal: no output depends on later inputs.
        dilation: Distance $d$ between neighboring steps of a window.
        groups: Number of equal parts of channels and filters, as in `conv2d`.

    Returns:
        Sequences of shape (batch, new_length, filters).

    Raises:
        TypeError: If a dtype differs from the annotation.
        ValueError: As `conv2d`, or a setting is not one number.

    References:
        Waibel et al., *Phoneme recognition using time-delay neural networks* (1989).

    Example:
        >>> x, difference = jnp.array([1.0, 4.0, 9.0, 16.0]).reshape(1, 4, 1), jnp.array([-1.0, 1.0]).reshape(2, 1, 1)
        >>> F.conv1d(x, difference, jnp.zeros(1)).ravel().tolist()
        [3.0, 5.0, 7.0]
        >>> F.conv1d(x, difference, jnp.zeros(1), padding=(1, 0)).ravel().tolist()  # causal
        [1.0, 3.0, 5.0, 7.0]
    """
    check_annotations(conv1d, x, kernel, bias)
    settings = _settings_for_one_row(stride, padding, dilation)
    return conv2d(x[:, None], kernel[None], bias, **settings, groups=groups)[:, 0]


def conv1d_vjp(g, x, kernel, bias, *, stride=1, padding="VALID", dilation=1, groups=1):
    r"""Pull $g$ back to $(x, K, b)$: as in `conv2d`, with one row.

    All positions and examples share the kernel and the bias. An input at time $q$ is used in each window that contains
    it, at the place $i$ with $ts + id = q$. Hence

    $$
    \begin{aligned}
    \bar K_{ico} &= \sum_{nt} x_{n,\,ts + id,\,c}\; g_{nto} \\
    \bar x_{nqc} &= \sum_{t,\,i:\; ts + id = q} \; \sum_o g_{nto}\, K_{ico} \\
    \bar b_o &= \sum_{nt} g_{nto}
    \end{aligned}
    $$
    """
    settings = _settings_for_one_row(stride, padding, dilation)
    x_bar, kernel_bar, bias_bar = conv2d_vjp(g[:, None], x[:, None], kernel[None], bias, **settings, groups=groups)
    return x_bar[:, 0], kernel_bar[0], bias_bar


def conv1d_examples(random):
    """Strides, paddings, a dilation and groups."""
    for shape, kernel, settings in [
        ((2, 7, 3), (3, 3, 4), {}),
        ((3, 8, 4), (3, 2, 6), {"stride": 2, "padding": "SAME", "dilation": 2, "groups": 2}),
        ((2, 9, 4), (2, 2, 6), {"stride": 2, "padding": (3, 0), "dilation": 3, "groups": 2}),
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
    r"""Convolution in the mathematical sense: `conv2d` with the kernel flipped along both axes.

    $$
    (x * K)_{hw} = \sum_{ij} x_{h - i,\,w - j}\, K_{ij}
    $$

    The output begins at the first position where the kernel fits. With a padding of k - 1 on every side that is
    $h = w = 0$ of the formula; with "VALID" it is k - 1. With one channel, one filter, stride 1, no bias and a padding
    of k - 1 on every side the convolution commutes, $x * K = K * x$; the cross-correlation of `conv2d` does not.

    Args:
        x: Images of shape (batch, height, width, channels).
        kernel: Kernel $K$ of shape (rows, columns, channels / groups, filters).
        bias: Bias of shape (filters,).
        stride: Vertical and horizontal step of the window, as in `conv2d`.
        padding: "VALID", "SAME" or ((top, bottom), (left, right)), as in `conv2d`.
        dilation: Vertical and horizontal distance between neighboring pixels of a window.
        groups: Number of equal parts of channels and filters, as in `conv2d`.

    Returns:
        Images of shape (batch, new_height, new_width, filters).

    Raises:
        TypeError: If a dtype differs from the annotation.
        ValueError: As `conv2d`.

    References:
        Oppenheim and Schafer, *Discrete-time signal processing* (2010), section 2.3.

    Example:
        >>> x, kernel = jnp.arange(4.0).reshape(1, 2, 2, 1), jnp.array([[1.0, 0.0], [0.0, 10.0]])[:, :, None, None]
        >>> F.convolution(x, kernel, jnp.zeros(1)).ravel().tolist()  # 10 * 0 + 1 * 3
        [3.0]
        >>> F.conv2d(x, kernel, jnp.zeros(1)).ravel().tolist()  # 1 * 0 + 10 * 3
        [30.0]
    """
    check_annotations(convolution, x, kernel, bias)
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return conv2d(x, kernel[::-1, ::-1], bias, **settings)


def convolution_vjp(g, x, kernel, bias, *, stride=(1, 1), padding="VALID", dilation=(1, 1), groups=1):
    """Pull $g$ back to $(x, K, b)$: as in `conv2d`; the gradient of the flipped kernel is flipped back."""
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    x_bar, flipped_bar, bias_bar = conv2d_vjp(g, x, kernel[::-1, ::-1], bias, **settings)
    return x_bar, flipped_bar[::-1, ::-1], bias_bar


def convolution_examples(random):
    """A window that is not square, with all settings."""
    for padding in (((1, 0), (0, 2)), "SAME"):
        settings = {"stride": (2, 1), "padding": padding, "dilation": (1, 2), "groups": 2}
        yield tuple(map(random.standard_normal, ((2, 5, 6, 4), (2, 3, 2, 6), (6,)))), settings


def _settings_for_one_row(stride, padding, dilation):
    """Return the settings of `conv2d` for images of one row."""
    for name, number in [("stride", stride), ("dilation", dilation)]:
        if not isinstance(number, int):
            raise ValueError(f"{name} of a sequence must be one number, such as 2, got {number!r}.")
    if not isinstance(padding, str):
        if not (isinstance(padding, tuple) and len(padding) == 2):
            raise ValueError(f'padding of a sequence must be "SAME", "VALID" or (before, after), got {padding!r}.')
        padding = ((0, 0), padding)
    return {"stride": (1, stride), "padding": padding, "dilation": (1, dilation)}
