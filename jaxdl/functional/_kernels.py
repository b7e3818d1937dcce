"""How a kernel and an image are multiplied, fast: the pixels under the window are laid out as the rows of a matrix.

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
    spans = spans_of(kernel.shape[:2], stride, dilation)
    positions = ((n - span) // s + 1 for n, span, s in zip(x.shape[1:3], spans, stride, strict=True))
    patches = x.shape[0] * x.shape[3] * kernel.shape[0] * kernel.shape[1] * math.prod(positions)
    settings = {"stride": stride, "dilation": dilation, "groups": groups}
    laid_out, as_it_is = (functools.partial(lowering, **settings) for lowering in (by_patches, stock))
    if patches <= PATCHES:
        return laid_out(x, kernel)
    if patches <= CPU_PATCHES:
        return jax.lax.platform_dependent(x, kernel, cpu=laid_out, default=as_it_is)
    return as_it_is(x, kernel)


def by_patches(x, kernel, *, stride, dilation, groups) -> jax.Array:
    """All windows as the rows of one matrix, times the kernel."""
    columns = jnp.concatenate(unfold(x, 2, kernel.shape[1], stride[1], dilation[1]), axis=-1)
    patches = jnp.concatenate(unfold(columns, 1, kernel.shape[0], stride[0], dilation[0]), axis=-1)
    return _product(patches, kernel, groups)


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


def stamp(g: jax.Array, kernel: jax.Array, size: Pair, stride: Pair, dilation: Pair, groups: int) -> jax.Array:
    """The transpose of `weigh`: every position sends the kernel, times its $g$, to the pixels of its window.

    The image has the given height and width, and the channels that the kernel takes in.
    """
    g = split(g, groups)
    rows = []
    for weights in split(kernel, groups):
        pixels = [jnp.einsum("nhwgo,cgo->nhwgc", g, w) for w in weights]
        merged = [pixel.reshape(*pixel.shape[:3], -1) for pixel in pixels]
        rows.append(fold(merged, 2, size[1], stride[1], dilation[1]))
    return fold(rows, 1, size[0], stride[0], dilation[0])


def transposed(kernel: jax.Array, groups: int) -> jax.Array:
    """The kernel with filters and channels exchanged: (rows, columns, C/G, F) becomes (rows, columns, F/G, C)."""
    exchanged = jnp.swapaxes(split(kernel, groups), 2, 4)
    return exchanged.reshape(*exchanged.shape[:3], -1)


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


def _product(patches, kernel, groups):
    """The matrix product, in each group."""
    filters = kernel.shape[-1]
    if groups == 1:
        return patches @ kernel.reshape(-1, filters)
    taps = kernel.shape[0] * kernel.shape[1]
    places = split(patches.reshape(*patches.shape[:3], taps, -1), groups)
    weights = split(kernel.reshape(taps, -1, filters), groups)
    return jnp.einsum("nhwkgc,kcgo->nhwgo", places, weights).reshape(*patches.shape[:3], filters)
