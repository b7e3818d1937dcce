"""How long does a small convolutional network take as a member of a population: in jaxdl, and elsewhere?

    python -m benchmarks run convnet_populations

Of eight one takes 31 ms for eight steps with jaxdl. PyTorch's loop takes 2.0 times as long (1.6 to 2.4),
`torch.func.vmap` 2.2 times (1.8 to 2.4), and `jax.vmap` over Flax, where jax makes one convolution in groups of all
kernels, 14 times (11 to 14). Of sixteen one takes 27 ms, PyTorch's loop 1.9 times as long (1.6 to 2.0). One alone takes
56 ms, and PyTorch as long (1.04; 0.94 to 1.3). Median and interval of 6 rounds on 2 CPU cores, jax 0.10.2, PyTorch
2.13.0.

The work: eight steps of what `convnet` trains, each member with first weights and an order of its own. Times are for
one member; PyTorch trains two, one after another. `jax.vmap` is applied to the step of the plain Flax loop with
`nn.Conv`, which makes one convolution in groups of all members' kernels.
"""

import functools

from benchmarks import competitors
from benchmarks.benchmark import Benchmark, Case, Target
from benchmarks.competitors import work

STEPS, LOOPED = 8, 2
SLOW = (1, 8)  # members for which jax.vmap over Flax is timed too


def everybody(members):
    """All who train many convolutional networks."""
    steps = work.mnist_convnet(steps=STEPS)
    return [
        competitors.jaxdl_population(steps, members),
        *((competitors.flax_vmap(steps, members),) if members in SLOW else ()),
        competitors.pytorch_loop(steps, min(LOOPED, members), name="PyTorch, one after another"),
        competitors.pytorch_vmap(steps, members),
    ]


def _case(members):
    all_three = (
        Target("PyTorch, one after another", 1.2),
        Target("torch.func.vmap", 1.2),
        Target("jax.vmap over Flax", 8),
    )
    return Case(
        name=f"{members} × 16 and 32 filters, {STEPS} steps of 64 images",
        competitors=functools.partial(everybody, members),
        same_work=0.25,
        unit="member",
        targets=all_three if members == 8 else (),
        axis="members, 16 and 32 filters on MNIST",
        at=members,
    )


benchmark = Benchmark(
    name="convnet_populations",
    question="How long does a small convolutional network take as a member of a population?",
    cases=tuple(_case(members) for members in (1, 4, 8, 16)),
    rounds=6,
)
