"""Benchmark: how much time and memory does a hand-derived reverse pass take, compared with jax's own?

    python -m benchmarks run backward

About the same. With hand-derived gradients an MLP takes 0.98 times as long as with jax.grad (0.95 to 1.00), in the same
5.2 MiB. A convolutional network takes 1.17 times as long (0.98 to 1.42), in 21.4 MiB instead of 15.9, because the
hand-derived convolution does not multiply rows of windows in pairs. Median and interval of 7 rounds on 2 CPU cores, jax
0.10.2.

Workload: 60 steps of training an MLP 784-256-128-10 on MNIST with Adam and batch size 128, and eight steps of a small
convolutional network with batch size 64, each as one program. "Hand-derived" uses the `f_vjp` beside each function,
which stores only the arguments of the function and recomputes everything else. "jax.grad" differentiates the same
functions. Memory is what the compiled program needs besides its arguments and results.
"""

import functools
import time

import jax

import jaxdl.functional
from benchmarks.competitors import by_jaxdl, workload
from benchmarks.harness.measure import Benchmark, BenchmarkCase, Competitor, PreparedCompetitor
from jaxdl import derivation

GRADIENTS = {"jax.grad": lambda: jaxdl.functional, "hand-derived": derivation.by_hand}


def prepare(training, functional) -> PreparedCompetitor:
    """Prepare one network whose gradient comes from the functions that `functional()` returns."""
    examples, key = by_jaxdl.examples_of(training), jax.random.key(1)
    last_loss = by_jaxdl.last_loss(training, by_jaxdl.task_of(training, functional()))
    start = time.perf_counter()
    program = jax.jit(last_loss).lower(examples, key).compile()
    compile_seconds = time.perf_counter() - start
    program(examples, key).block_until_ready()
    return PreparedCompetitor(
        lambda: float(program(examples, key)), compile_seconds=compile_seconds, memory_bytes=memory_of(program)
    )


def memory_of(program) -> int | None:
    """Return the bytes besides arguments and results, or None if the platform does not report them."""
    analysis = program.memory_analysis()
    return analysis and analysis.temp_size_in_bytes


def competitors(build) -> list[Competitor]:
    """Return jax.grad and the hand-derived gradients."""
    training = build()
    return [
        Competitor(name, functools.partial(prepare, training, functional)) for name, functional in GRADIENTS.items()
    ]


WORKLOADS = {
    "MLP 784-256-128-10, 60 steps, batch size 128": functools.partial(workload.mnist_mlp, steps=60),
    "ConvNet with 16 and 32 filters, 8 steps, batch size 64": functools.partial(workload.mnist_convnet, steps=8),
}
benchmark = Benchmark(
    name="backward",
    question="How much time and memory does a hand-derived reverse pass take, compared with jax's own?",
    cases=tuple(
        BenchmarkCase(name, functools.partial(competitors, build), tolerance=1e-3) for name, build in WORKLOADS.items()
    ),
)
