"""Benchmark: how much faster than the layout that jaxdl chooses is any other layout of a population?

    python -m benchmarks run layouts

None by more than 3 %. Of MLPs 64-16-10 and 64-64-10, jaxdl trains 16 at a time on each device; one at a time takes 1.34
times as long (1.30 to 1.35) and 1.17 times (1.15 to 1.19). It trains larger networks one at a time; 16 at a time take
0.98 times as long (0.89 to 1.70) for MLPs 64-256-10 and 1.40 times (1.34 to 1.44) for 784-256-128-10. Median and
interval of 5 rounds on 2 CPU cores, jax 0.10.2.

Workload: 128 MLPs 64-16-10, 64-64-10 and 64-256-10 on digits, 32 MLPs 784-256-128-10 and 16 ConvNets with 16 and 32
filters on MNIST. Every case trains the population in the chosen layout, and in all those that `layout="measured"` would
try. Times are per network.
"""

import functools

from benchmarks.competitors import by_jaxdl, workload
from benchmarks.competitors.mnist import mnist_bytes
from benchmarks.harness.measure import Benchmark, BenchmarkCase, Competitor
from jaxdl.training.population.layout_choice import possible_layouts

CHOSEN = "the layout that jaxdl chooses"
DIGITS = functools.partial(workload.digits_mlp, epochs=3)
CASES = {  # the number of members and the workload of each
    "MLPs 64-16-10 on digits": (128, functools.partial(DIGITS, hidden=(16,))),
    "MLPs 64-64-10 on digits": (128, DIGITS),
    "MLPs 64-256-10 on digits": (128, functools.partial(DIGITS, hidden=(256,))),
    "MLPs 784-256-128-10 on MNIST": (32, functools.partial(workload.mnist_mlp, steps=20)),
    "ConvNets with 16 and 32 filters on MNIST": (16, functools.partial(workload.mnist_convnet, steps=8)),
}


def competitors(members, build):
    """Return the population in the chosen layout, and in every possible one."""
    mnist_bytes()  # raises if MNIST is missing
    training = build()
    return [
        Competitor(CHOSEN, lambda: by_jaxdl.population(training, members), members),
        *(
            Competitor(
                by_jaxdl.in_words(layout), functools.partial(by_jaxdl.in_layout, layout, training, members), members
            )
            for layout in possible_layouts(members)
        ),
    ]


benchmark = Benchmark(
    name="layouts",
    question="How much faster than the layout that jaxdl chooses is any other layout of a population?",
    cases=tuple(
        BenchmarkCase(f"{members} {name}", functools.partial(competitors, members, build), 0.25, "network")
        for name, (members, build) in CASES.items()
    ),
    rounds=5,
)
