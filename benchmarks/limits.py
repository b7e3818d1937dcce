"""Which fraction of what the machine can do does a population reach?

    python -m benchmarks run limits

A population of 32 MLPs trained with SGD runs at 0.85 of the rate of a large matrix product (0.84 to 0.92), as with Adam
(0.84 to 0.86); eight small convolutional networks at 0.55 (0.54 to 0.57), and at 0.87 of the rate of a copy (0.83 to
0.93); 128 networks 64-64-10 at 0.35 (0.33 to 0.37), since their products are small, while their parameters stay in a
cache and move at 3.2 times the rate of a copy (2.4 to 3.2). Median and interval of 5 rounds on 2 CPU cores, jax 0.10.2.

The work: populations are trained for 30 steps, and ten epochs of digits. The limits are measured in the same rounds: of
arithmetic, the rate of one large product of float32 matrices on each device, or of one over all cores, whichever is
faster; of memory, the rate at which a large array is copied, read and written bytes counted, by whichever of the two is
faster. What a population does is counted from its formulas. A step of a network with n_0, n_1, … units multiplies
2·batch·n_i·n_{i+1} numbers and adds as many in each layer forward, as many again for the gradient of the weights, and
again, but for the first layer, for that of the inputs; a convolution does so at each of its pixels, with n_i the
channels of a window. Activations, losses and the optimizer's arithmetic are not counted. Bytes are the least that must
move where nothing stays in a cache: a batch of inputs is read; what comes out of each layer is written and read, and so
is the gradient with respect to it; the gradient of the parameters is written and read, and the optimizer reads and
writes parameters and moments once. Where they do stay, the fraction may be above 1.
"""

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from benchmarks.benchmark import Benchmark, Case, Competitor, Prepared, Target
from benchmarks.competitors import by_jaxdl, work
from benchmarks.competitors.settings import Setting, fastest
from benchmarks.competitors.work import CLASSES, Work
from jaxdl import optimizers

STEPS = 30


class Sizes(NamedTuple):
    """Rows of a matrix that is multiplied, and numbers in an array that is copied."""

    side: int
    copied: int


def sizes() -> Sizes:
    """Large enough for the devices there are: an accelerator is faster, and is called as often."""
    return Sizes(2048, 2**26) if jax.default_backend() == "cpu" else Sizes(8192, 2**29)


def operations(of: Work) -> float:
    """Multiplications and additions of one network's training, exactly, by the formula above."""
    layers, positions = _layers(of)
    forward = [
        2 * of.batch * places * inputs * outputs for places, (inputs, outputs) in zip(positions, layers, strict=True)
    ]
    return of.epochs * of.steps * (3 * sum(forward) - forward[0])


def _layers(of) -> tuple[list[tuple[int, int]], list[int]]:
    """What goes into and comes out of each layer's product, and at how many positions of an image."""
    layers, positions, features = [], [], of.inputs.shape[-1]
    height, width = of.inputs.shape[1:3] if of.filters else (1, 1)
    for filters in of.filters:
        layers.append((9 * features, filters))
        positions.append(height * width)
        features, height, width = filters, height // 2, width // 2
    for outputs in (*of.hidden, CLASSES):
        layers.append((features * height * width, outputs))
        positions.append(1)
        features, height, width = outputs, 1, 1
    return layers, positions


def least_bytes(of: Work, moments: int) -> float:
    """Bytes that one network's training must read and write, by the account above; Adam has two moments."""
    layers, positions = _layers(of)
    params = sum(inputs * outputs + outputs for inputs, outputs in layers)
    signals = sum(places * outputs for places, (_, outputs) in zip(positions, layers, strict=True))
    batch = of.batch * (of.inputs.itemsize * math.prod(of.inputs.shape[1:]) + 4 * 4 * signals)
    return of.epochs * of.steps * (4 * params * (2 + 2 * moments + 2) + batch)


def matrix_product() -> Prepared:
    """The fastest large product of matrices: one on each device, or one on the first alone."""
    key, side = jax.random.key(0), sizes().side
    each, one = (jax.random.normal(key, (count, side, side)) for count in (jax.device_count(), 1))
    return fastest({"one on each device": lambda: _on_devices(_product, each), "one": lambda: _on_one(_product, one)})


def copy() -> Prepared:
    """The fastest copy of a large array: a part on each device, or all on the first alone."""
    numbers = jnp.ones((jax.device_count(), sizes().copied // jax.device_count()))
    return fastest(
        {"a part on each device": lambda: _on_devices(_copied, numbers), "one": lambda: _on_one(_copied, numbers)}
    )


def _product(matrices):
    return matrices @ matrices


def _copied(numbers):
    return -numbers  # what the compiler cannot leave out


def _on_devices(f: Callable, array) -> Setting:
    """The first axis divided over all devices."""
    mesh = jax.make_mesh((jax.device_count(),), ("devices",), axis_types=(jax.sharding.AxisType.Auto,))
    placed = jax.device_put(array, jax.NamedSharding(mesh, jax.P("devices")))
    program = jax.jit(jax.shard_map(f, mesh=mesh, in_specs=jax.P("devices"), out_specs=jax.P("devices")))
    return _repeated(program, placed, len(array))


def _on_one(f: Callable, array) -> Setting:
    return _repeated(jax.jit(f), array, len(array))


def _repeated(program, array, share) -> Setting:
    """As many calls as make the same work of all settings."""

    def run():
        for _ in range(jax.device_count() // share if share < jax.device_count() else 1):
            last = program(array)
        last.block_until_ready()

    return Setting(run, run)


def everything(made, members, optimizer, moments):
    """A population, and the product and the copy, each for as many operations or bytes as the population's."""
    of = made()
    counted = members * operations(of), members * least_bytes(of, moments)
    product, copied = 2 * sizes().side ** 3 * jax.device_count() / counted[0], 2 * 4 * sizes().copied / counted[1]
    said = f"{counted[0] / 1e9:.4g} GFLOP, at least {counted[1] / 1e9:.3g} GB"
    return [
        Competitor("jaxdl", lambda: by_jaxdl.population(of, members, optimizer)._replace(setting=said)),
        Competitor("matrix product of as many operations", matrix_product, product),
        Competitor("copy of as many bytes", copy, copied),
    ]


MLPS, CONVNETS = (functools.partial(of, steps=STEPS) for of in (work.mnist_mlp, work.mnist_convnet))
MADE = {
    "32 × 784-256-128-10 on MNIST, SGD": (MLPS, 32, optimizers.sgd, 0),
    "32 × 784-256-128-10 on MNIST, Adam": (MLPS, 32, optimizers.adam, 2),
    "8 × 16 and 32 filters on MNIST, SGD": (CONVNETS, 8, optimizers.sgd, 0),
    "128 × 64-64-10 on digits, Adam": (work.digits_mlp, 128, optimizers.adam, 2),
}


ADAM = (
    "Adam's update goes through 235,146 parameters a step in three loops, since XLA writes one array in each on a CPU, "
    "with a root and a division, beside 129 million multiplications and additions"
)
SGD = (
    "between the products of a step the rows of a batch are gathered from all over the images, and activations, losses "
    "and parameters are passed over"
)


def _case(name):
    why = ADAM if "Adam" in name else SGD
    reached = (Target("matrix product of as many operations", 0.85, why),) if "784" in name else ()
    return Case(name, functools.partial(everything, *MADE[name]), same_work=0.0, unit="population", targets=reached)


benchmark = Benchmark(
    name="limits",
    question="Which fraction of the machine's arithmetic and of its memory's rate does a population reach?",
    cases=tuple(map(_case, MADE)),
    rounds=5,
)
