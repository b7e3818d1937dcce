"""Is it worth laying a convolution out as patches on a CPU, a small one and a large one?

    python -m benchmarks run convolution

Inside a `scan` yes: jax's own convolution takes 76 times as long for the small one (38 to 79), and 16 times for the
large one (13 to 19). Called step by step from Python it takes 2.7 and 2.8 times as long as patches do inside of one,
which themselves take 2.2 and 1.8 times as long there. Median and interval of 5 rounds on 2 CPU cores, jax 0.10.2.

The work: eight gradients with respect to the kernel of a 3×3 convolution from 16 to 32 channels on 64 images of 14×14,
whose patches hold 2^20.8 numbers, fewer than `PATCHES` of `jaxdl/functional/_kernels.py`; and two gradients of one from
16 to 16 channels on 128 images of 32×32, whose patches hold 2^24.2 numbers, more than `PATCHES` and fewer than
`CPU_PATCHES`.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from benchmarks.benchmark import Benchmark, Case, Competitor
from jaxdl.functional import _kernels


class Size(NamedTuple):
    """A convolution, and how often its gradient is taken."""

    images: int
    side: int
    channels: tuple[int, int]
    times: int


def _loss(lowering, x, kernel):
    bias = jnp.zeros(kernel.shape[-1])
    return (lowering(x, kernel, bias, stride=(1, 1), dilation=(1, 1), groups=1) ** 2).mean()


def _descend(lowering, x, kernel):
    return kernel - jax.grad(functools.partial(_loss, lowering), 1)(x, kernel)


def _drawn(size):
    x = jax.random.normal(jax.random.key(0), (size.images, size.side + 2, size.side + 2, size.channels[0]))
    return x, 0.1 * jax.random.normal(jax.random.key(1), (3, 3, *size.channels))


def in_a_scan(lowering, size):
    """All gradients in one program."""
    x, kernel = _drawn(size)

    @jax.jit
    def descend(x, kernel):
        return jax.lax.scan(lambda k, _: (_descend(lowering, x, k), None), kernel, length=size.times)[0].sum()

    descend(x, kernel).block_until_ready()
    return lambda: float(descend(x, kernel))


def step_by_step(lowering, size):
    """Calls from Python."""
    x, kernel = _drawn(size)
    descend = jax.jit(functools.partial(_descend, lowering))

    def run():
        return float(functools.reduce(lambda k, _: descend(x, k), range(size.times), kernel).sum())

    run()
    return run


def competitors(size) -> list[Competitor]:
    """Both lowerings, inside a scan and called from Python."""
    return [
        Competitor(f"{name}, {how}", functools.partial(prepare, lowering, size))
        for how, prepare in [("in a scan", in_a_scan), ("step by step", step_by_step)]
        for name, lowering in [("patches", _kernels.by_patches), ("jax's own", _kernels.stock)]
    ]


SIZES = {
    "small: 64 images of 14×14, 16 to 32 channels, eight gradients": Size(64, 14, (16, 32), 8),
    "large: 128 images of 32×32, 16 to 16 channels, two gradients": Size(128, 32, (16, 16), 2),
}
benchmark = Benchmark(
    name="convolution",
    question="How long do gradients of one convolution take, laid out as patches and as jax does it?",
    cases=tuple(Case(name, functools.partial(competitors, size), same_work=1e-3) for name, size in SIZES.items()),
)
