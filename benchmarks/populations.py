"""Benchmark: how long does it take to train each MLP of a population, in jaxdl and in other libraries?

    python -m benchmarks run populations

In a population of 128 MLPs 64-64-10, jaxdl takes 0.93 ms per network for three epochs of digits. A PyTorch loop takes
36 times as long (35 to 37), scikit-learn 26 times (24 to 26), scikit-learn with joblib 18 times (16 to 19),
`torch.func.vmap` 1.4 times (1.3 to 1.5), and `jax.vmap` over Flax 1.6 times (1.6 to 1.7). In a population of 32 MLPs
784-256-128-10, jaxdl takes 16.0 ms per network for 20 steps of MNIST. The PyTorch loop takes 2.5 times as long (2.1 to
3.4), `torch.func.vmap` 1.6 times (1.5 to 2.2), `jax.vmap` over Flax 1.7 times (1.6 to 1.9), and scikit-learn 3.3 times
(3.0 to 4.6). For a single such MLP, PyTorch takes about as long as jaxdl (1.05; 0.81 to 1.19). Median and interval of 6
rounds on 2 CPU cores, jax 0.10.2, PyTorch 2.13.0, scikit-learn 1.9.1.

Workload: MLPs 64-64-10 on digits for three epochs of 33 batches of 32, and MLPs 784-256-128-10 on MNIST for 20 batches
of 128. Each library stores the images as uint8 or float32, whichever is faster. All use Adam, and each network has its
own initial weights and data order. Times are per network. Libraries that train one network after another train only a
few, because their time per network does not depend on how many follow. `jax.vmap` is applied to the step of the plain
Flax loop.
"""

import functools

from benchmarks.competitors import libraries, workload
from benchmarks.harness.measure import Benchmark, BenchmarkCase, SpeedTarget

LOOP_MEMBERS = 4  # networks that are timed when a library trains them one after another
EPOCHS, STEPS = 3, 20
EXPLANATION = (
    "At the rate of a large matrix product, which `limits` measures, the products of one step would take 0.66 of the "
    "0.80 ms that jaxdl takes per step. PyTorch takes 1.95 ms per step, 2.96 times as long as those products alone, so "
    "a factor of 3 is out of reach. Adam's update and gathering the batches take the rest of the 0.80 ms."
)
DIGITS_SIZES, MNIST_SIZES = (1, 8, 128, 1024), (1, 8, 32, 64)


def competitors(build, members, with_loops):
    """Return all libraries that train a population of MLPs; `with_loops` adds those that train one after another."""
    training = build()
    return [
        libraries.jaxdl_population(training, members),
        libraries.flax_vmap(training, members),
        libraries.pytorch_vmap(training, members),
        *(_loops(training, min(LOOP_MEMBERS, members)) if with_loops else ()),
    ]


def _loops(training, members):
    """Return the libraries that train one network after another."""
    return (
        libraries.pytorch_loop(training, members, name="PyTorch, one after another"),
        libraries.scikit_learn_loop(training, members),
        *((libraries.scikit_learn_joblib(training, members),) if members > 1 else ()),
    )


def _case(members, network, duration, build, targets, tolerance):
    """Return the case of one population size; loops are timed for a single network and if there are targets."""
    first, rest = network.split(" ", 1)
    plural = f"{first}{'s' if members > 1 else ''} {rest}"
    return BenchmarkCase(
        name=f"{members} {plural}, {duration}",
        competitors=functools.partial(competitors, build, members, members == 1 or bool(targets)),
        tolerance=tolerance,
        unit="network",
        targets=targets,
        axis=f"population size ({first}s {rest})",
        size=members,
    )


def _digits(members):
    ratios = {"PyTorch, one after another": 30, "scikit-learn": 18, "scikit-learn with joblib": 18}
    targets = tuple(SpeedTarget(name, ratio) for name, ratio in ratios.items()) if members == 128 else ()
    build = functools.partial(workload.digits_mlp, epochs=EPOCHS)
    return _case(members, "MLP 64-64-10 on digits", f"{EPOCHS} epochs", build, targets, 0.25)


def _mnist(members):
    targets = (SpeedTarget("PyTorch, one after another", 3, EXPLANATION), SpeedTarget("torch.func.vmap", 1.4))
    build = functools.partial(workload.mnist_mlp, steps=STEPS)
    network = "MLP 784-256-128-10 on MNIST"
    return _case(members, network, f"{STEPS} steps", build, targets if members == 32 else (), 0.1)


benchmark = Benchmark(
    name="populations",
    question="How long does it take to train each MLP of a population?",
    cases=(*map(_digits, DIGITS_SIZES), *map(_mnist, MNIST_SIZES)),
    rounds=6,
)
