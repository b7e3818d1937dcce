"""How long does one small convolutional network take on MNIST: in jaxdl, with Flax's layers, and in PyTorch?

    python -m benchmarks run convnet

In 0.34 s with jaxdl, 5.3 ms a step. PyTorch on two threads takes 1.3 times as long with images as people write them
(NCHW; 1.2 to 1.4), and 0.96 times with channels last (0.85 to 0.99); on one thread 2.0 and 1.5 times. `torch.compile`
makes it slower, 2.1 times as long (2.0 to 2.3), and Flax's layers take 4.4 times as long (4.2 to 4.8). Median and
interval of 9 rounds on 2 CPU cores, jax 0.10.2, PyTorch 2.13.0.

The work: 64 steps of plain gradient descent, batches of 64 images of 28×28; 3×3 convolutions with 16 and 32 filters,
each followed by ReLU and 2×2 max-pooling, and a dense layer. Flax's layers are `nn.Conv` and `nn.max_pool`, called step
by step, which is faster for them than a `scan`. The mean of the losses must be the same.
"""

import os

from benchmarks import competitors
from benchmarks.benchmark import Benchmark, Case, Target
from benchmarks.competitors import work
from benchmarks.competitors.settings import threads

STEPS = 64
COUNTS = sorted({1, min(2, os.cpu_count() or 1), os.cpu_count() or 1})
AS_WRITTEN, BEST = f"PyTorch, NCHW, {threads(COUNTS[-1])}", f"PyTorch, channels last, {threads(COUNTS[-1])}"


def everybody():
    """All who train one convolutional network; each way of PyTorch for itself, and compiled at its best."""
    steps = work.mnist_convnet(steps=STEPS)
    return [
        competitors.jaxdl_alone(steps),
        competitors.flax_loop(steps),
        *(_in_pytorch(steps, layout, count) for layout in ("NCHW", "channels last") for count in COUNTS),
        competitors.pytorch_loop(steps, name="PyTorch, torch.compile", compiled=(True,), threads=COUNTS[-1:]),
    ]


def _in_pytorch(steps, layout, count):
    """One way of PyTorch."""
    name = f"PyTorch, {layout}, {threads(count)}"
    return competitors.pytorch_loop(steps, name=name, layouts=(layout,), threads=(count,), compiled=(False,))


benchmark = Benchmark(
    name="convnet",
    question="How long does one small convolutional network take on MNIST?",
    cases=(
        Case(
            name="16 and 32 filters, 64 steps of 64 images",
            competitors=everybody,
            same_work=0.25,  # networks from different first weights differ so much after 64 steps
            unit="run of 64 steps",
            targets=(Target(AS_WRITTEN, 1.2), Target(BEST, 0.9)),
        ),
    ),
    rounds=9,
)
