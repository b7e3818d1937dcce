"""Benchmark: how long does it take to train one MLP for an epoch of MNIST, in jaxdl and in other libraries?

    python -m benchmarks run mlp

jaxdl takes 0.52 s. A Python loop around a compiled step of Flax and optax takes 1.2 times as long (0.9 to 1.4), one of
Equinox 1.5 times (1.5 to 1.9), eager PyTorch 1.5 times (1.1 to 1.8), PyTorch with `torch.compile` 1.6 times (1.3 to
2.3), and scikit-learn 2.1 times (2.0 to 3.3). Median and interval of 7 rounds on 2 CPU cores, jax 0.10.2, PyTorch
2.13.0, Equinox 0.13.8, scikit-learn 1.9.1.

Workload: one MLP 784-256-128-10 trained with Adam for one epoch of 468 batches of 128 images in random order. The
images are in memory as uint8 or float32, whichever is faster. The mean losses must agree.
"""

from benchmarks.competitors import libraries, workload
from benchmarks.harness.measure import Benchmark, BenchmarkCase, SpeedTarget


def competitors():
    """Return all libraries that train one MLP."""
    epoch = workload.mnist_mlp()
    return [
        libraries.jaxdl_single(epoch),
        libraries.flax_loop(epoch),
        libraries.equinox_loop(epoch),
        libraries.pytorch_loop(epoch, name="PyTorch, eager", compiled=(False,)),
        libraries.pytorch_loop(epoch, name="PyTorch, torch.compile", compiled=(True,)),
        libraries.scikit_learn_loop(epoch),
    ]


benchmark = Benchmark(
    name="mlp",
    question="How long does it take to train one MLP for an epoch of MNIST?",
    cases=(
        BenchmarkCase(
            name="MLP 784-256-128-10, one epoch, batch size 128",
            competitors=competitors,
            tolerance=0.1,
            unit="epoch",
            targets=(SpeedTarget("PyTorch, eager", 1.2), SpeedTarget("PyTorch, torch.compile", 1.2)),
        ),
    ),
)
