"""How a kernel and an image are multiplied, fast: windows are laid out as the rows of a matrix (im2col).

A window's pixels in one row are a patch, and the patches times the kernel are one matrix product, which it stays inside
`scan` and `vmap`. jax's own convolution does not: on a CPU its derivative is many times slower inside a `scan`, and
under a `vmap` over kernels it becomes a convolution in groups, whose derivative is slow everywhere. But the patches
hold each pixel once for every window it is in: 3x3 windows take nine times the image, and training keeps them from the
forward to the backward sweep. So they are made only up to a size, counted in numbers: PATCHES on any platform, where
models are small enough to be members of a population; CPU_PATCHES on a CPU, which has more memory and the slowest
derivative. Above it jax's own convolution lays out nothing. `benchmarks/convolution.py` measures both sides.
"""

import functools
import math

import jax
import jax.numpy as jnp

from jaxdl.functional._windows import Pair, fold, spans_of, unfold

PATCHES = 2**22  # 16 MiB of float32
CPU_PATCHES = 2**26  # 256 MiB


def weigh(x: jax.Array, kernel: jax.Array, stride: Pair, dilation: Pair, groups: int) -> jax.Array:
    """The sum of each window of the (padded) image, weighted by the kernel, lowered as the rule says."""
    patches = numbers_in_patches(x, kernel.shape[:2], stride, dilation)
    settings = {"stride": stride, "dilation": dilation, "groups": groups}
    laid_out, as_it_is = (functools.partial(lowering, **settings) for lowering in (by_patches, stock))
    if patches <= PATCHES:
        return laid_out(x, kernel)
    if patches <= CPU_PATCHES:
        return jax.lax.platform_dependent(x, kernel, cpu=laid_out, default=as_it_is)
    return as_it_is(x, kernel)


def numbers_in_patches(x: jax.Array, window: tuple[int, ...], stride: Pair, dilation: Pair) -> int:
    """How many numbers the patches of a (padded) image hold."""
    spans = spans_of(window, stride, dilation)
    positions = [(n - span) // s + 1 for n, span, s in zip(x.shape[1:3], spans, stride, strict=True)]
    return x.shape[0] * x.shape[3] * math.prod(window) * math.prod(positions)


def by_patches(x, kernel, *, stride, dilation, groups) -> jax.Array:
    """All windows as the rows of one matrix, times the kernel."""
    patches = lay_out(x, kernel.shape[:2], stride, dilation)
    if groups == 1:
        return patches @ kernel.reshape(-1, kernel.shape[-1])
    y = jnp.einsum("nhwkgc,kcgo->nhwgo", *by_group(patches, kernel, groups))
    return y.reshape(*y.shape[:3], kernel.shape[-1])


def stock(x, kernel, *, stride, dilation, groups) -> jax.Array:
    """The convolution of jax."""
    return jax.lax.conv_general_dilated(
        x,
        kernel,
        stride,
        "VALID",
        rhs_dilation=dilation,
        feature_group_count=groups,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def lay_out(x: jax.Array, window: tuple[int, ...], stride: Pair, dilation: Pair) -> jax.Array:
    """The patches (batch, new height, new width, rows times columns times channels): every window in one row."""
    columns = jnp.concatenate(unfold(x, 2, window[1], stride[1], dilation[1]), axis=-1)
    return jnp.concatenate(unfold(columns, 1, window[0], stride[0], dilation[0]), axis=-1)


def bring_back(patches: jax.Array, size: Pair, window: tuple[int, ...], stride: Pair, dilation: Pair) -> jax.Array:
    """The way back to an image of this height and width (col2im): what lay in several patches adds up."""
    columns = fold(jnp.split(patches, window[0], axis=-1), 1, size[0], stride[0], dilation[0])
    return fold(jnp.split(columns, window[1], axis=-1), 2, size[1], stride[1], dilation[1])


def by_group(patches: jax.Array, kernel: jax.Array, groups: int) -> tuple[jax.Array, jax.Array]:
    """Patches as (batch, height, width, place, group, channel), the kernel as (place, channel, group, filter)."""
    places = kernel.shape[0] * kernel.shape[1]
    patches = patches.reshape(*patches.shape[:3], places, groups, kernel.shape[2])
    return patches, split(kernel.reshape(places, *kernel.shape[2:]), groups)


def stamp(x: jax.Array, kernel: jax.Array, size: Pair, stride: Pair, dilation: Pair, groups: int) -> jax.Array:
    """The transpose of `weigh`: every pixel weighs the kernel, and sends it to its window in an image of this size."""
    places, filters = kernel.shape[0] * kernel.shape[1], kernel.shape[3]
    weights = split(kernel.reshape(places, *kernel.shape[2:]), groups)
    patches = jnp.einsum("nhwgc,kcgo->nhwkgo", split(x, groups), weights)
    return bring_back(patches.reshape(*x.shape[:3], places * filters), size, kernel.shape[:2], stride, dilation)


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
