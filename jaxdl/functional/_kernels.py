"""How a kernel and an image are multiplied, fast: windows are laid out as the columns of matrices (im2col).

A window's pixels are a patch, and the patches of one row of windows, for the whole batch, times the kernel are one
matrix product, which it stays inside `scan` and `vmap`. jax's own convolution does not: on a CPU its derivative is many
times slower inside a `scan`, and under a `vmap` over kernels it becomes a convolution in groups, whose derivative is
slow everywhere. But the patches hold each pixel once for every window it is in: 3x3 windows take nine times the image,
and training keeps them from the forward to the backward sweep. So they are made only up to a size, counted in numbers:
PATCHES on any platform, where models are small enough to be members of a population; CPU_PATCHES on a CPU, which has
more memory and the slowest derivative. Above it jax's own convolution lays out nothing. `benchmarks/convolution.py`
measures both sides.

On a CPU the images are laid out anew, as (height, group, channel of the group, width, batch): the batch last, so that
every slice, shift and sum runs over long pieces of memory, and the height first, so that rows are slices.
"""

import functools
import math

import jax
import jax.numpy as jnp

from jaxdl.functional._windows import Pair, fold, inside, outside, pad, spans_of, unfold

PATCHES = 2**22  # 16 MiB of float32
CPU_PATCHES = 2**26  # 256 MiB
CHANNELS = 3  # from so many on, pairs of windows took 0.5 to 0.8 of the time on a CPU; with one channel 1.3 times it


def weigh(x, kernel, bias, *, padding: tuple, stride: Pair, dilation: Pair, groups: int) -> jax.Array:
    """The sum of each window of the padded image, weighted by the kernel, plus the bias, lowered as the rule says."""
    settings = {"padding": padding, "stride": stride, "dilation": dilation, "groups": groups}
    patches = numbers_in_patches(x, kernel.shape[:2], padding, stride, dilation)
    if patches > CPU_PATCHES:
        return stock(x, kernel, bias, **settings)
    elsewhere = by_rows if patches <= PATCHES else stock
    lowerings = {"cpu": by_patches, "default": elsewhere}
    lowerings = {platform: functools.partial(lowering, **settings) for platform, lowering in lowerings.items()}
    return jax.lax.platform_dependent(x, kernel, bias, **lowerings)


def numbers_in_patches(x: jax.Array, window: tuple[int, ...], padding: tuple, stride: Pair, dilation: Pair) -> int:
    """How many numbers the patches of an image hold."""
    padded = [n + sum(ends) for n, ends in zip(x.shape[1:3], padding, strict=True)]
    spans = spans_of(window, stride, dilation)
    positions = [(n - span) // s + 1 for n, span, s in zip(padded, spans, stride, strict=True)]
    return x.shape[0] * x.shape[3] * math.prod(window) * math.prod(positions)


def by_patches(x, kernel, bias, *, padding=((0, 0), (0, 0)), stride, dilation, groups) -> jax.Array:
    """The windows as columns, times the kernel; windows of three rows in pairs."""
    image, weights = by_group(pad(inside(x), padding), groups), weights_of(kernel, groups)
    if kernel.shape[0] == 3 and stride[0] == dilation[0] == 1 and kernel.shape[2] >= CHANNELS:
        columns = jnp.concatenate(unfold(image, 3, kernel.shape[1], stride[1], dilation[1]), axis=2)
        return outside(merged(times_in_pairs(weights, columns, bias)))
    return outside(merged(times(*with_bias(weights, lay_out(image, kernel.shape[:2], stride, dilation), bias))))


def by_rows(x, kernel, bias, *, padding=((0, 0), (0, 0)), stride, dilation, groups) -> jax.Array:
    """All windows as the rows of one matrix, times the kernel: the layout of the images, for platforms but the CPU."""
    rows, columns, channels, filters = kernel.shape
    padded = jnp.pad(x, ((0, 0), *padding, (0, 0)))
    strips = jnp.concatenate(unfold(padded, 2, columns, stride[1], dilation[1]), axis=-1)
    patches = jnp.concatenate(unfold(strips, 1, rows, stride[0], dilation[0]), axis=-1)
    if groups == 1:
        return patches @ kernel.reshape(-1, filters) + bias
    places = patches.reshape(*patches.shape[:3], rows * columns, groups, channels)
    y = jnp.einsum("nhwkgc,kcgo->nhwgo", places, split(kernel.reshape(rows * columns, channels, filters), groups))
    return y.reshape(*y.shape[:3], filters) + bias


def stock(x, kernel, bias, *, padding=((0, 0), (0, 0)), stride, dilation, groups) -> jax.Array:
    """The convolution of jax."""
    return bias + jax.lax.conv_general_dilated(
        x,
        kernel,
        stride,
        padding,
        rhs_dilation=dilation,
        feature_group_count=groups,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def lay_out(image: jax.Array, window: tuple[int, ...], stride: Pair, dilation: Pair) -> jax.Array:
    """The patches: in place of the channels all of a window, (row, column, channel) from the slowest to the fastest."""
    columns = jnp.concatenate(unfold(image, 3, window[1], stride[1], dilation[1]), axis=2)
    return jnp.concatenate(unfold(columns, 0, window[0], stride[0], dilation[0]), axis=2)


def bring_back(patches: jax.Array, size: Pair, window: tuple[int, ...], stride: Pair, dilation: Pair) -> jax.Array:
    """The way back to an image of this height and width (col2im): what lay in several patches adds up."""
    columns = fold(jnp.split(patches, window[0], axis=2), 0, size[0], stride[0], dilation[0])
    return fold(jnp.split(columns, window[1], axis=2), 3, size[1], stride[1], dilation[1])


def times(weights: jax.Array, image: jax.Array) -> jax.Array:
    """The channels of every pixel times the weights (group, channel, filter): a matrix product for each row."""
    height, groups, channels, width, batch = image.shape
    pixels = image.reshape(height * groups, channels, width * batch)
    rows = jnp.broadcast_to(weights, (height, *weights.shape)).reshape(height * groups, channels, -1)
    y = jax.lax.dot_general(pixels, rows, (((1,), (1,)), ((0,), (0,)))).swapaxes(1, 2)
    return y.reshape(height, groups, weights.shape[2], width, batch)


def with_bias(weights: jax.Array, image: jax.Array, bias: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Weights and an image with one more channel, of ones, whose weight is the bias.

    Its gradient is then part of a matrix product, and not a sum of its own over all pixels, which took as long on a CPU
    as all the rest of a small convolution's step.
    """
    groups, _, filters = weights.shape
    ones = jnp.ones_like(image[:, :, :1])
    return (
        jnp.concatenate([weights, bias.reshape(groups, 1, filters)], axis=1),
        jnp.concatenate([image, ones], axis=2),
    )


def times_in_pairs(weights: jax.Array, columns: jax.Array, bias: jax.Array) -> jax.Array:
    """Three rows of `columns` times the weights of each, summed, plus the bias, for two rows of windows at a time.

    Windows with the rows a, b, c and b, c, d need six products with the weights A, B, C of a row. Four are enough:
    with p = (a - c) A, q = (b + c) (A + B + C)/2 + bias, r = (c - b) (A - B + C)/2 and s = (b - d) C they are
    p + q + r and q - r - s. Winograd, *Arithmetic complexity of computations* (1980); Lavin and Gray, *Fast algorithms
    for convolutional neural networks* (2016).
    """
    height = len(columns) - 2
    even = jnp.pad(columns, ((0, height % 2), *[(0, 0)] * 4))
    a, b, c, d = unfold(even, 0, 4, stride=2)
    above, middle, below = jnp.split(weights, 3, axis=1)
    p, s = times(above, a - c), times(below, b - d)
    q = times(*with_bias((above + middle + below) / 2, b + c, bias))
    r = times((above - middle + below) / 2, c - b)
    return fold([p + q + r, q - r - s], 0, height, stride=2)


def correlate(patches: jax.Array, g: jax.Array) -> jax.Array:
    """The gradient of the weights of `times`: channels times filters, summed over all pixels."""
    patches, g = (image.reshape(*image.shape[:3], math.prod(image.shape[3:])) for image in (patches, g))
    return jax.lax.dot_general(patches, g, (((3,), (3,)), ((0, 1), (0, 1)))).sum(0)


def weights_of(kernel: jax.Array, groups: int) -> jax.Array:
    """The kernel as (group, places times channels of the group, filter of the group)."""
    return split(kernel.reshape(-1, kernel.shape[3]), groups).swapaxes(0, 1)


def stamp(x: jax.Array, kernel: jax.Array, size: Pair, stride: Pair, dilation: Pair, groups: int) -> jax.Array:
    """The transpose of `weigh`: every pixel weighs the kernel, and sends it to its window in an image of this size."""
    places, channels = kernel.shape[0] * kernel.shape[1], kernel.shape[2]
    weights = split(kernel.reshape(places, channels, -1), groups).transpose(2, 1, 0, 3).reshape(groups, channels, -1)
    patches = times(weights, by_group(inside(x), groups))
    return merged(bring_back(patches, size, kernel.shape[:2], stride, dilation))


def by_group(image: jax.Array, groups: int) -> jax.Array:
    """(height, channel, width, batch) as (height, group, channel of the group, width, batch)."""
    height, channels, *rest = image.shape
    return image.reshape(height, groups, channels // groups, *rest)


def merged(image: jax.Array) -> jax.Array:
    """The way back from groups to channels."""
    height, groups, channels, *rest = image.shape
    return image.reshape(height, groups * channels, *rest)


def sum_in_bounds(pull, numbers: int, *images: jax.Array) -> tuple[jax.Array, jax.Array]:
    """`pull(*images)`, a sum over the images and something for each; one by one where patches are too large."""
    if numbers <= CPU_PATCHES:
        return pull(*images)

    def add(total, one):
        more, of_one = pull(*(image[None] for image in one))
        return total + more, of_one[0]

    total, _ = jax.eval_shape(pull, *images)
    return jax.lax.scan(add, jnp.zeros(total.shape, total.dtype), images)


def transposed(kernel: jax.Array, groups: int) -> jax.Array:
    """The kernel with filters and channels exchanged: (rows, columns, C/G, F) becomes (rows, columns, F/G, C)."""
    exchanged = jnp.swapaxes(split(kernel, groups), 2, 4)
    return exchanged.reshape(*exchanged.shape[:3], kernel.shape[2] * groups)


def split(x: jax.Array, groups: int) -> jax.Array:
    """The last axis as (group, member of the group)."""
    return x.reshape(*x.shape[:-1], groups, x.shape[-1] // groups)


def check_groups(channels: int, kernel: jax.Array, groups: int) -> None:
    """Raise ValueError where the kernel does not take that many channels in so many groups."""
    _, _, of_group, filters = kernel.shape
    if groups < 1 or channels % groups or filters % groups or of_group != channels // groups:
        raise ValueError(
            f"kernel must have channels / groups inputs, and groups must divide channels and filters, but {channels} "
            f"channels, {filters} filters and groups = {groups} were given with a kernel {tuple(kernel.shape)}."
        )
