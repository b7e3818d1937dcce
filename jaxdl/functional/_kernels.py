"""Fast products of kernels and images: the windows of an image become the columns of a matrix (im2col).

The pixels of one window are a patch. The patches of one row of windows, for the whole batch, times the kernel are one
matrix product, also inside `scan` and `vmap`. jax's own convolution is different: on a CPU its derivative is many times
slower inside a `scan`, and under a `vmap` over kernels it becomes a grouped convolution, whose derivative is slow on
every platform. But patches need memory: they hold each pixel once for every window that contains it. With 3x3 windows
they are nine times as large as the image, and training keeps them from the forward pass until the reverse pass.
Therefore patches are used only up to a size, counted in numbers: PATCHES on every platform (such models are small
enough to be members of a population), CPU_PATCHES on a CPU, which has more memory and the slowest derivative. Above
that, jax's own convolution is used, which needs no patches. `benchmarks/convolution.py` measures both sides.

On a CPU images are stored as (height, group, channel of the group, width, batch). The batch is last, so that every
slice, shift and sum reads long contiguous pieces of memory. The height is first, so that rows are slices.
"""

import functools
import math

import jax
import jax.numpy as jnp

from jaxdl.functional._windows import Pair, fold, pad, to_batch_first, to_batch_last, unfold, window_spans

PATCHES = 2**22  # 16 MiB of float32
CPU_PATCHES = 2**26  # 256 MiB
CHANNELS = 3  # from 3 channels on, pairs of rows took 0.5 to 0.8 times as long on a CPU; with one channel, 1.3 times


def convolve(x, kernel, bias, *, padding: tuple, stride: Pair, dilation: Pair, groups: int) -> jax.Array:
    """Return the convolution of the padded images plus the bias, by the method that the module docstring describes."""
    settings = {"padding": padding, "stride": stride, "dilation": dilation, "groups": groups}
    patches = patches_size(x, kernel.shape[:2], padding, stride, dilation)
    if patches > CPU_PATCHES:
        return jax_convolution(x, kernel, bias, **settings)
    elsewhere = by_rows if patches <= PATCHES else jax_convolution
    lowerings = {"cpu": by_patches, "default": elsewhere}
    lowerings = {platform: functools.partial(lowering, **settings) for platform, lowering in lowerings.items()}
    return jax.lax.platform_dependent(x, kernel, bias, **lowerings)


def patches_size(x: jax.Array, window: tuple[int, ...], padding: tuple, stride: Pair, dilation: Pair) -> int:
    """Return how many numbers the patches of an image hold."""
    padded = [n + sum(ends) for n, ends in zip(x.shape[1:3], padding, strict=True)]
    spans = window_spans(window, stride, dilation)
    positions = [(n - span) // s + 1 for n, span, s in zip(padded, spans, stride, strict=True)]
    return x.shape[0] * x.shape[3] * math.prod(window) * math.prod(positions)


def by_patches(x, kernel, bias, *, padding=((0, 0), (0, 0)), stride, dilation, groups) -> jax.Array:
    """Convolve with the windows as columns of matrices; for a window of three rows, in pairs of output rows."""
    image, weights = split_groups(pad(to_batch_last(x), padding), groups), weights_of(kernel, groups)
    if kernel.shape[0] == 3 and stride[0] == dilation[0] == 1 and kernel.shape[2] >= CHANNELS:
        columns = jnp.concatenate(unfold(image, 3, kernel.shape[1], stride[1], dilation[1]), axis=2)
        return to_batch_first(merge_groups(matmul_row_pairs(weights, columns, bias)))
    return to_batch_first(
        merge_groups(matmul(*with_bias(weights, im2col(image, kernel.shape[:2], stride, dilation), bias)))
    )


def by_rows(x, kernel, bias, *, padding=((0, 0), (0, 0)), stride, dilation, groups) -> jax.Array:
    """Convolve with all windows as the rows of one matrix: the method for all platforms but the CPU."""
    rows, columns, channels, filters = kernel.shape
    padded = jnp.pad(x, ((0, 0), *padding, (0, 0)))
    strips = jnp.concatenate(unfold(padded, 2, columns, stride[1], dilation[1]), axis=-1)
    patches = jnp.concatenate(unfold(strips, 1, rows, stride[0], dilation[0]), axis=-1)
    if groups == 1:
        return patches @ kernel.reshape(rows * columns * channels, filters) + bias
    places = patches.reshape(*patches.shape[:3], rows * columns, groups, channels)
    y = jnp.einsum("nhwkgc,kcgo->nhwgo", places, split_last(kernel.reshape(rows * columns, channels, filters), groups))
    return y.reshape(*y.shape[:3], filters) + bias


def jax_convolution(x, kernel, bias, *, padding=((0, 0), (0, 0)), stride, dilation, groups) -> jax.Array:
    """Convolve with jax's own convolution."""
    return bias + jax.lax.conv_general_dilated(
        x,
        kernel,
        stride,
        padding,
        rhs_dilation=dilation,
        feature_group_count=groups,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def im2col(image: jax.Array, window: tuple[int, ...], stride: Pair, dilation: Pair) -> jax.Array:
    """Return the patches (im2col): the axis of channels becomes (row, column, channel) of a window, in this order."""
    columns = jnp.concatenate(unfold(image, 3, window[1], stride[1], dilation[1]), axis=2)
    return jnp.concatenate(unfold(columns, 0, window[0], stride[0], dilation[0]), axis=2)


def col2im(patches: jax.Array, size: Pair, window: tuple[int, ...], stride: Pair, dilation: Pair) -> jax.Array:
    """Return an image of this height and width from patches (col2im): the copies of a pixel are summed."""
    columns = fold(jnp.split(patches, window[0], axis=2), 0, size[0], stride[0], dilation[0])
    return fold(jnp.split(columns, window[1], axis=2), 3, size[1], stride[1], dilation[1])


def matmul(weights: jax.Array, image: jax.Array) -> jax.Array:
    """Multiply the channels of every pixel with the weights (group, channel, filter): one matrix product per row."""
    height, groups, channels, width, batch = image.shape
    pixels = image.reshape(height * groups, channels, width * batch)
    rows = jnp.broadcast_to(weights, (height, *weights.shape)).reshape(height * groups, *weights.shape[1:])
    y = jax.lax.dot_general(pixels, rows, (((1,), (1,)), ((0,), (0,)))).swapaxes(1, 2)
    return y.reshape(height, groups, weights.shape[2], width, batch)


def with_bias(weights: jax.Array, image: jax.Array, bias: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Add a channel of ones to the image, and the bias as its weight to the weights.

    The gradient of the bias is then part of a matrix product. As a separate sum over all pixels it took as long on a
    CPU as all the rest of a small convolution's training step.
    """
    groups, _, filters = weights.shape
    ones = jnp.ones((*image.shape[:2], 1, *image.shape[3:]), image.dtype)
    return (
        jnp.concatenate([weights, bias.reshape(groups, 1, filters)], axis=1),
        jnp.concatenate([image, ones], axis=2),
    )


def matmul_row_pairs(weights: jax.Array, columns: jax.Array, bias: jax.Array) -> jax.Array:
    """Multiply three rows of `columns` with the weights of each row, add them and the bias, for pairs of output rows.

    Windows with the rows a, b, c and b, c, d need six products with the weights A, B, C of a row. Four are enough:
    with p = (a - c) A, q = (b + c) (A + B + C)/2 + bias, r = (c - b) (A - B + C)/2 and s = (b - d) C they are
    p + q + r and q - r - s. Winograd, *Arithmetic complexity of computations* (1980); Lavin and Gray, *Fast algorithms
    for convolutional neural networks* (2016).
    """
    height = len(columns) - 2
    even = jnp.pad(columns, ((0, height % 2), *[(0, 0)] * 4))
    a, b, c, d = unfold(even, 0, 4, stride=2)
    above, middle, below = jnp.split(weights, 3, axis=1)
    p, s = matmul(above, a - c), matmul(below, b - d)
    q = matmul(*with_bias((above + middle + below) / 2, b + c, bias))
    r = matmul((above - middle + below) / 2, c - b)
    return fold([p + q + r, q - r - s], 0, height, stride=2)


def weights_gradient(patches: jax.Array, g: jax.Array) -> jax.Array:
    """Return the gradient of the weights of `matmul`: channels times filters, summed over all pixels."""
    patches, g = (image.reshape(*image.shape[:3], math.prod(image.shape[3:])) for image in (patches, g))
    return jax.lax.dot_general(patches, g, (((3,), (3,)), ((0, 1), (0, 1)))).sum(0)


def weights_of(kernel: jax.Array, groups: int) -> jax.Array:
    """Return the kernel as (group, places times channels of the group, filter of the group)."""
    return split_last(kernel.reshape(math.prod(kernel.shape[:3]), kernel.shape[3]), groups).swapaxes(0, 1)


def add_kernels(x: jax.Array, kernel: jax.Array, size: Pair, stride: Pair, dilation: Pair, groups: int) -> jax.Array:
    """Return the transpose of `convolve`: add the kernel, times the value of each pixel, at its window in an image."""
    rows, columns, channels, filters = kernel.shape
    weights = split_last(kernel.reshape(rows * columns, channels, filters), groups).transpose(2, 1, 0, 3)
    weights = weights.reshape(groups, channels, rows * columns * (filters // groups))
    patches = matmul(weights, split_groups(to_batch_last(x), groups))
    return merge_groups(col2im(patches, size, kernel.shape[:2], stride, dilation))


def split_groups(image: jax.Array, groups: int) -> jax.Array:
    """Reshape (height, channel, width, batch) to (height, group, channel of the group, width, batch)."""
    height, channels, *rest = image.shape
    return image.reshape(height, groups, channels // groups, *rest)


def merge_groups(image: jax.Array) -> jax.Array:
    """Reshape (height, group, channel of the group, width, batch) to (height, channel, width, batch)."""
    height, groups, channels, *rest = image.shape
    return image.reshape(height, groups * channels, *rest)


def sum_over_images(pull, numbers: int, *images: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return `pull(*images)`: a sum over images and a result per image; one by one if the patches are too large."""
    if numbers <= CPU_PATCHES:
        return pull(*images)

    def add(total, one):
        more, of_one = pull(*(image[None] for image in one))
        return total + more, of_one[0]

    total, _ = jax.eval_shape(pull, *images)
    return jax.lax.scan(add, jnp.zeros(total.shape, total.dtype), images)


def swap_channels(kernel: jax.Array, groups: int) -> jax.Array:
    """Exchange the filters and channels of a kernel: (rows, columns, C/G, F) becomes (rows, columns, F/G, C)."""
    exchanged = jnp.swapaxes(split_last(kernel, groups), 2, 4)
    return exchanged.reshape(*exchanged.shape[:3], kernel.shape[2] * groups)


def split_last(x: jax.Array, groups: int) -> jax.Array:
    """Reshape the last axis to (group, member of the group)."""
    return x.reshape(*x.shape[:-1], groups, x.shape[-1] // groups)


def check_groups(channels: int, kernel: jax.Array, groups: int) -> None:
    """Raise ValueError if the number of groups does not fit the channels and the kernel."""
    _, _, of_group, filters = kernel.shape
    if groups < 1 or channels % groups or filters % groups or of_group != channels // groups:
        raise ValueError(
            "groups must divide channels and filters, and kernel must have channels / groups input channels, got "
            f"{channels} channels, {filters} filters, groups = {groups} and a kernel of shape {tuple(kernel.shape)}."
        )
