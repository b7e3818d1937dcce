"""Benchmark: how long does it take to train one small convolutional network on MNIST, in jaxdl, Flax and PyTorch?

    python -m benchmarks run convnet

jaxdl takes 0.34 s, which is 5.3 ms per step. PyTorch on two threads takes 1.3 times as long with NCHW images, its
default (1.2 to 1.4), and 0.96 times as long with channels-last images (0.85 to 0.99). On one thread it takes 2.0 and
1.5 times as long. `torch.compile` makes PyTorch slower: 2.1 times as long (2.0 to 2.3). Flax's layers take 4.4 times as
long (4.2 to 4.8). Median and interval of 9 rounds on 2 CPU cores, jax 0.10.2, PyTorch 2.13.0.

Workload: 64 steps of plain gradient descent with batches of 64 images of 28×28. The network has 3×3 convolutions with
16 and 32 filters, each followed by ReLU and 2×2 max-pooling, and a dense layer. Flax uses `nn.Conv` and `nn.max_pool`
and is called once per step, which is faster for it than a `scan`. The mean losses must agree.
"""

import os

from benchmarks.competitors import libraries, workload
from benchmarks.competitors.tuning import counted
from benchmarks.harness.measure import Benchmark, BenchmarkCase, SpeedTarget

STEPS = 64
COUNTS = sorted({1, min(2, os.cpu_count() or 1), os.cpu_count() or 1})
ALL_CORES = counted(COUNTS[-1], "thread")
DEFAULT, FASTEST = f"PyTorch, NCHW, {ALL_CORES}", f"PyTorch, channels last, {ALL_CORES}"


def competitors():
    """Return all libraries that train one convolutional network, with one row per PyTorch configuration."""
    steps = workload.mnist_convnet(steps=STEPS)
    return [
        libraries.jaxdl_single(steps),
        libraries.flax_loop(steps),
        *(_pytorch(steps, memory_format, count) for memory_format in ("NCHW", "channels last") for count in COUNTS),
        libraries.pytorch_loop(steps, name="PyTorch, torch.compile", compiled=(True,), threads=COUNTS[-1:]),
    ]


def _pytorch(steps, memory_format, count):
    """Return eager PyTorch with one memory format and thread count."""
    return libraries.pytorch_loop(
        steps,
        name=f"PyTorch, {memory_format}, {counted(count, 'thread')}",
        memory_formats=(memory_format,),
        threads=(count,),
        compiled=(False,),
    )


benchmark = Benchmark(
    name="convnet",
    question="How long does it take to train one small convolutional network on MNIST?",
    cases=(
        BenchmarkCase(
            name="ConvNet with 16 and 32 filters, 64 steps, batch size 64",
            competitors=competitors,
            tolerance=0.25,  # after 64 steps, losses from different initial weights differ by this much
            unit="run of 64 steps",
            targets=(SpeedTarget(DEFAULT, 1.2), SpeedTarget(FASTEST, 0.9)),
        ),
    ),
    rounds=9,
)
