"""Is it worth laying a large convolution out as patches on a CPU?

    python -m benchmarks run lowering

Inside a `scan` yes: 0.074 s for two gradients, while jax's own convolution takes 9.1 times as long (8.1 to 11.0).
Called step by step from Python both take about the same, 1.9 and 1.7 times that. Median and range of 7 rounds on 2 CPU
cores, jax 0.10.2.

The work: two gradients with respect to the kernel of a 3×3 convolution from 16 to 16 channels on 128 images of 32×32.
Their patches hold 2^24.2 numbers: more than `PATCHES`, fewer than `CPU_PATCHES` of `jaxdl/functional/_kernels.py`.
"""

import functools

import jax

from benchmarks.benchmark import Benchmark, Competitor
from jaxdl.functional import _kernels

TIMES = 2


def _loss(lowering, x, kernel):
    return (lowering(x, kernel, stride=(1, 1), dilation=(1, 1), groups=1) ** 2).mean()


def _descend(lowering, x, kernel):
    return kernel - jax.grad(functools.partial(_loss, lowering), 1)(x, kernel)


def _drawn():
    x = jax.random.normal(jax.random.key(0), (128, 34, 34, 16))
    return x, 0.1 * jax.random.normal(jax.random.key(1), (3, 3, 16, 16))


def in_a_scan(lowering):
    """Both gradients in one program."""
    x, kernel = _drawn()
    descend = jax.jit(
        lambda x, kernel: jax.lax.scan(lambda k, _: (_descend(lowering, x, k), None), kernel, length=TIMES)[0].sum()
    )
    descend(x, kernel).block_until_ready()
    return lambda: float(descend(x, kernel))


def step_by_step(lowering):
    """Two calls from Python."""
    x, kernel = _drawn()
    descend = jax.jit(functools.partial(_descend, lowering))

    def run():
        return float(functools.reduce(lambda k, _: descend(x, k), range(TIMES), kernel).sum())

    run()
    return run


def competitors() -> list[Competitor]:
    """Both lowerings, inside a scan and called from Python."""
    return [
        Competitor(f"{name}, {how}", functools.partial(prepare, lowering))
        for how, prepare in [("in a scan", in_a_scan), ("step by step", step_by_step)]
        for name, lowering in [("patches", _kernels.by_patches), ("jax's own", _kernels.stock)]
    ]


benchmark = Benchmark(
    name="lowering",
    question="How long do two gradients of one large convolution take?",
    competitors=competitors,
    same_work=1e-3,
)
