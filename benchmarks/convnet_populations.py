"""Benchmark: how long does it take to train each small convolutional network of a population?

    python -m benchmarks run convnet_populations

In a population of 8, jaxdl takes 31 ms per network for eight steps. A PyTorch loop takes 2.0 times as long (1.6 to
2.4), `torch.func.vmap` 2.2 times (1.8 to 2.4), and `jax.vmap` over Flax 14 times (11 to 14), because jax turns the
networks' convolutions into one grouped convolution. In a population of 16, jaxdl takes 27 ms per network and the
PyTorch loop 1.9 times as long (1.6 to 2.0). For a single network, jaxdl takes 56 ms and PyTorch about as long (1.04;
0.94 to 1.3). Median and interval of 6 rounds on 2 CPU cores, jax 0.10.2, PyTorch 2.13.0.

Workload: eight steps of the training in `convnet`. Each network has its own initial weights and data order. Times are
per network; PyTorch trains two, one after another. `jax.vmap` is applied to the step of the plain Flax loop with
`nn.Conv`, which results in one grouped convolution over the kernels of all networks.
"""

import functools

from benchmarks.competitors import libraries, workload
from benchmarks.harness.measure import Benchmark, BenchmarkCase, SpeedTarget

STEPS = 8
LOOP_MEMBERS = 2  # networks that are timed when a library trains them one after another
FLAX_SIZES = (1, 8)  # population sizes for which jax.vmap over Flax, which is slow, is timed


def competitors(members):
    """Return all libraries that train a population of convolutional networks."""
    steps = workload.mnist_convnet(steps=STEPS)
    return [
        libraries.jaxdl_population(steps, members),
        *((libraries.flax_vmap(steps, members),) if members in FLAX_SIZES else ()),
        libraries.pytorch_loop(steps, min(LOOP_MEMBERS, members), name="PyTorch, one after another"),
        libraries.pytorch_vmap(steps, members),
    ]


def _case(members):
    targets = (
        SpeedTarget("PyTorch, one after another", 1.2),
        SpeedTarget("torch.func.vmap", 1.2),
        SpeedTarget("jax.vmap over Flax", 8),
    )
    return BenchmarkCase(
        name=f"{members} ConvNet{'s' if members > 1 else ''} with 16 and 32 filters, {STEPS} steps, batch size 64",
        competitors=functools.partial(competitors, members),
        tolerance=0.25,
        unit="network",
        targets=targets if members == 8 else (),
        axis="population size (ConvNets with 16 and 32 filters on MNIST)",
        size=members,
    )


benchmark = Benchmark(
    name="convnet_populations",
    question="How long does it take to train each small convolutional network of a population?",
    cases=tuple(_case(members) for members in (1, 4, 8, 16)),
    rounds=6,
)
