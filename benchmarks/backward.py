"""What does a hand-derived backward sweep cost against jax's own, in time and in memory?

    python -m benchmarks run backward

Little that matters: by hand an MLP takes as long as by jax.grad (0.99; 0.82 to 1.27) in the same 5.2 MiB, and a
convolutional network 1.08 times as long (0.61 to 1.17), in 21.3 MiB instead of 15.8: by hand windows are not weighted
in pairs of rows. Median and interval of 7 rounds on 2 CPU cores, jax 0.10.2.

The work: 60 steps of training a network 784-256-128-10 on MNIST with Adam in batches of 128, and eight of a small
convolutional network in batches of 64, in one program. By hand, each function's gradient is the derivation that stands
beside it, which keeps nothing but its arguments and computes again what it needs; otherwise jax differentiates the same
functions. Memory is what the compiled program needs besides its arguments and results.
"""

import functools
import time

import jax

import jaxdl.functional
from benchmarks.benchmark import Benchmark, Case, Competitor, Prepared
from benchmarks.competitors import by_jaxdl, work
from jaxdl import derivation

WAYS = {"jax.grad": lambda: jaxdl.functional, "by hand": derivation.by_hand}


def trained(of, functional) -> Prepared:
    """One network by the gradient of these functions."""
    examples, key = by_jaxdl.examples_of(of), jax.random.key(1)
    last_loss = by_jaxdl.last_loss(of, by_jaxdl.task_of(of, functional()))
    began = time.perf_counter()
    program = jax.jit(last_loss).lower(examples, key).compile()
    compiling = time.perf_counter() - began
    program(examples, key).block_until_ready()
    return Prepared(lambda: float(program(examples, key)), compile=compiling, memory=memory_of(program))


def memory_of(program) -> int | None:
    """Bytes besides arguments and results, where the platform tells them."""
    analysis = program.memory_analysis()
    return analysis and analysis.temp_size_in_bytes


def both(made) -> list[Competitor]:
    """By hand, and by jax."""
    of = made()
    return [Competitor(name, functools.partial(trained, of, functional)) for name, functional in WAYS.items()]


MADE = {
    "784-256-128-10, 60 steps of 128 images": functools.partial(work.mnist_mlp, steps=60),
    "16 and 32 filters, eight steps of 64 images": functools.partial(work.mnist_convnet, steps=8),
}
benchmark = Benchmark(
    name="backward",
    question="What does a hand-derived backward sweep cost against jax's own?",
    cases=tuple(Case(name, functools.partial(both, made), same_work=1e-3) for name, made in MADE.items()),
)
