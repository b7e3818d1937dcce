"""Benchmark: which fraction of the machine's arithmetic rate and memory bandwidth does a population reach?

    python -m benchmarks run limits

A population of 32 MLPs reaches 0.85 of the arithmetic rate of a large matrix product, with SGD (0.84 to 0.92) as with
Adam (0.84 to 0.85). Eight small convolutional networks reach 0.55 of it (0.54 to 0.57), and 0.87 of the memory
bandwidth of a copy (0.83 to 0.93). 128 MLPs 64-64-10 reach 0.35 of the arithmetic rate (0.33 to 0.37), because their
matrix products are small; their parameters stay in the cache, so they reach 3.2 times the bandwidth of a copy (2.4 to
3.2). Median and interval of 5 rounds on 2 CPU cores, jax 0.10.2.

Workload: populations trained for 30 steps, or for ten epochs of digits. The limits are measured in the same rounds. The
arithmetic rate is that of one large product of float32 matrices on each device, or of one product on all cores,
whichever is faster. The memory bandwidth is that of copying a large array, counting bytes read and bytes written, with
a part on each device or all on one, whichever is faster. The operations of a population are counted with formulas. In
each step, a layer from n_i to n_{i+1} units takes 2·batch·n_i·n_{i+1} multiplications and additions in the forward
pass, as many for the gradient of its weights, and as many for the gradient of its inputs, except in the first layer. A
convolution takes these at each pixel, with n_i the number of inputs in a window. Activations, losses and the optimizer
are not counted. The bytes are the least that must move if nothing stays in a cache: each batch of inputs is read; the
outputs of each layer and their gradients are written and read; the gradient of the parameters is written and read; and
the optimizer reads and writes parameters and moments once. If data do stay in a cache, the fraction can exceed 1.
"""

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from benchmarks.competitors import by_jaxdl, workload
from benchmarks.competitors.tuning import Configuration, fastest_configuration
from benchmarks.competitors.workload import CLASSES, Workload
from benchmarks.harness.measure import Benchmark, BenchmarkCase, Competitor, PreparedCompetitor, SpeedTarget
from jaxdl import optimizers

STEPS = 30
PRODUCT, COPY = "a matrix product with as many operations", "a copy of as many bytes"


class ReferenceSizes(NamedTuple):
    """Sizes of the reference measurements.

    Attributes:
        side: Rows of the square matrices.
        copied: Numbers in the copied array.
    """

    side: int
    copied: int


def reference_sizes() -> ReferenceSizes:
    """Return sizes that keep the devices busy; they are larger on an accelerator, which is faster."""
    return ReferenceSizes(2048, 2**26) if jax.default_backend() == "cpu" else ReferenceSizes(8192, 2**29)


def operations(training: Workload) -> float:
    """Return the multiplications and additions of training one network, by the formula in the module's docstring."""
    layers, positions = _layers(training)
    forward = [
        2 * training.batch * places * inputs * outputs
        for places, (inputs, outputs) in zip(positions, layers, strict=True)
    ]
    return training.epochs * training.steps * (3 * sum(forward) - forward[0])


def _layers(training) -> tuple[list[tuple[int, int]], list[int]]:
    """Return the inputs and outputs of each layer's matrix product, and the number of pixels at which it is taken."""
    layers, positions, features = [], [], training.inputs.shape[-1]
    height, width = training.inputs.shape[1:3] if training.filters else (1, 1)
    for filters in training.filters:
        layers.append((9 * features, filters))
        positions.append(height * width)
        features, height, width = filters, height // 2, width // 2
    for outputs in (*training.hidden, CLASSES):
        layers.append((features * height * width, outputs))
        positions.append(1)
        features, height, width = outputs, 1, 1
    return layers, positions


def least_bytes(training: Workload, moments: int) -> float:
    """Return the least bytes that training one network reads and writes, by the formula in the module's docstring.

    `moments` is the number of moments that the optimizer stores per parameter: 0 for SGD, 2 for Adam.
    """
    layers, positions = _layers(training)
    params = sum(inputs * outputs + outputs for inputs, outputs in layers)
    signals = sum(places * outputs for places, (_, outputs) in zip(positions, layers, strict=True))
    batch = training.batch * (training.inputs.itemsize * math.prod(training.inputs.shape[1:]) + 4 * 4 * signals)
    return training.epochs * training.steps * (4 * params * (2 + 2 * moments + 2) + batch)


def matrix_product() -> PreparedCompetitor:
    """Prepare the faster large matrix product: one per device, or one on the first device, which uses all cores."""
    key, side = jax.random.key(0), reference_sizes().side
    each, one = (jax.random.normal(key, (count, side, side)) for count in (jax.device_count(), 1))
    return fastest_configuration(
        {"one per device": lambda: _on_devices(_product, each), "one on all cores": lambda: _on_one(_product, one)}
    )


def copy() -> PreparedCompetitor:
    """Prepare the faster copy of a large array: a part per device, or all on the first device, which uses all cores."""
    array = jnp.ones((jax.device_count(), reference_sizes().copied // jax.device_count()))
    return fastest_configuration(
        {
            "a part per device": lambda: _on_devices(_negated, array),
            "one on all cores": lambda: _on_one(_negated, array),
        }
    )


def _product(matrices):
    return matrices @ matrices


def _negated(array):
    return -array  # the compiler would remove a plain copy


def _on_devices(function: Callable, array) -> Configuration:
    """Build the function with the first axis of the array divided over all devices."""
    mesh = jax.make_mesh((jax.device_count(),), ("devices",), axis_types=(jax.sharding.AxisType.Auto,))
    divided = jax.device_put(array, jax.NamedSharding(mesh, jax.P("devices")))
    program = jax.jit(jax.shard_map(function, mesh=mesh, in_specs=jax.P("devices"), out_specs=jax.P("devices")))
    return _repeated(program, divided, len(array))


def _on_one(function: Callable, array) -> Configuration:
    """Build the function on the first device."""
    return _repeated(jax.jit(function), array, len(array))


def _repeated(program, array, share) -> Configuration:
    """Call the program often enough that all configurations do the same work."""

    def run():
        for _ in range(jax.device_count() // share if share < jax.device_count() else 1):
            last = program(array)
        last.block_until_ready()

    return Configuration(run, run)


def competitors(build, members, optimizer, moments):
    """Return a population, and a product and a copy with as many operations and bytes as the population."""
    training = build()
    flop, moved = members * operations(training), members * least_bytes(training, moments)
    product_units = 2 * reference_sizes().side ** 3 * jax.device_count() / flop
    copy_units = 2 * 4 * reference_sizes().copied / moved
    counts = f"{flop / 1e9:.4g} GFLOP, at least {moved / 1e9:.3g} GB"
    return [
        Competitor("jaxdl", lambda: by_jaxdl.population(training, members, optimizer)._replace(configuration=counts)),
        Competitor(PRODUCT, matrix_product, product_units),
        Competitor(COPY, copy, copy_units),
    ]


MLPS, CONVNETS = (functools.partial(build, steps=STEPS) for build in (workload.mnist_mlp, workload.mnist_convnet))
POPULATIONS = {
    "32 MLPs 784-256-128-10 on MNIST, SGD": (MLPS, 32, optimizers.sgd, 0),
    "32 MLPs 784-256-128-10 on MNIST, Adam": (MLPS, 32, optimizers.adam, 2),
    "8 ConvNets with 16 and 32 filters on MNIST, SGD": (CONVNETS, 8, optimizers.sgd, 0),
    "128 MLPs 64-64-10 on digits, Adam": (workload.digits_mlp, 128, optimizers.adam, 2),
}


ADAM = (
    "In each step, Adam reads and writes 235,146 parameters in three loops, because XLA writes one array per loop on a "
    "CPU, with a square root and a division each, besides the 129 million multiplications and additions."
)
SGD = (
    "Between the matrix products of a step, the images of a batch are gathered from all over the memory, and "
    "activations, losses and parameters are read and written."
)


def _case(name):
    explanation = ADAM if "Adam" in name else SGD
    targets = (SpeedTarget(PRODUCT, 0.85, explanation),) if "784" in name else ()
    return BenchmarkCase(
        name, functools.partial(competitors, *POPULATIONS[name]), tolerance=0.0, unit="population", targets=targets
    )


benchmark = Benchmark(
    name="limits",
    question="Which fraction of the machine's arithmetic rate and memory bandwidth does a population reach?",
    cases=tuple(map(_case, POPULATIONS)),
    rounds=5,
)
