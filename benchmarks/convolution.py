"""Benchmark: is it faster on a CPU to compute a convolution from patches than with jax's own convolution?

    python -m benchmarks run convolution

Yes, inside a `scan`: jax's own convolution takes 75 times as long for the small one (63 to 78), and 16 times for the
large one (14 to 19). Called step by step from Python, jax's own convolution takes 2.9 and 2.5 times as long as patches
inside a `scan`, and patches take 2.0 and 1.6 times as long as they do inside a `scan`. Median and interval of 7 rounds
on 2 CPU cores, jax 0.10.2.

Workload: eight gradients with respect to the kernel of a 3×3 convolution from 16 to 32 channels on 64 images of 14×14;
its patches contain 2^20.8 numbers, fewer than `PATCHES` of `jaxdl/functional/_kernels.py`. And two gradients of a 3×3
convolution from 16 to 16 channels on 128 images of 32×32; its patches contain 2^24.2 numbers, more than `PATCHES` and
fewer than `CPU_PATCHES`.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from benchmarks.harness.measure import Benchmark, BenchmarkCase, Competitor
from jaxdl.functional import _kernels


class ConvolutionSize(NamedTuple):
    """A 3×3 convolution and the number of its gradients.

    Attributes:
        images: Number of images.
        side: Height and width of an image.
        channels: Input and output channels.
        gradients: Number of gradients in one run.
    """

    images: int
    side: int
    channels: tuple[int, int]
    gradients: int


def _loss(convolve, x, kernel):
    bias = jnp.zeros(kernel.shape[-1])
    return (convolve(x, kernel, bias, stride=(1, 1), dilation=(1, 1), groups=1) ** 2).mean()


def _descend(convolve, x, kernel):
    return kernel - jax.grad(functools.partial(_loss, convolve), 1)(x, kernel)


def _sample(size):
    """Return random images, padded by one pixel, and a random kernel."""
    x = jax.random.normal(jax.random.key(0), (size.images, size.side + 2, size.side + 2, size.channels[0]))
    return x, 0.1 * jax.random.normal(jax.random.key(1), (3, 3, *size.channels))


def in_a_scan(convolve, size):
    """Prepare all gradients as one program."""
    x, kernel = _sample(size)

    @jax.jit
    def descend(x, kernel):
        return jax.lax.scan(lambda k, _: (_descend(convolve, x, k), None), kernel, length=size.gradients)[0].sum()

    descend(x, kernel).block_until_ready()
    return lambda: float(descend(x, kernel))


def step_by_step(convolve, size):
    """Prepare one call from Python per gradient."""
    x, kernel = _sample(size)
    descend = jax.jit(functools.partial(_descend, convolve))

    def run():
        return float(functools.reduce(lambda k, _: descend(x, k), range(size.gradients), kernel).sum())

    run()
    return run


def competitors(size) -> list[Competitor]:
    """Return both kinds of convolution, inside a scan and called from Python."""
    return [
        Competitor(f"{name}, {how}", functools.partial(prepare, convolve, size))
        for how, prepare in [("in a scan", in_a_scan), ("step by step", step_by_step)]
        for name, convolve in [("patches", _kernels.by_patches), ("jax's convolution", _kernels.jax_convolution)]
    ]


SIZES = {
    "small: 64 images of 14×14, 16 to 32 channels, eight gradients": ConvolutionSize(64, 14, (16, 32), 8),
    "large: 128 images of 32×32, 16 to 16 channels, two gradients": ConvolutionSize(128, 32, (16, 16), 2),
}
benchmark = Benchmark(
    name="convolution",
    question="Is it faster on a CPU to compute a convolution from patches than with jax's own convolution?",
    cases=tuple(
        BenchmarkCase(name, functools.partial(competitors, size), tolerance=1e-3) for name, size in SIZES.items()
    ),
)
