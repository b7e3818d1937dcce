"""How long does one MLP take for an epoch of MNIST: in jaxdl, and elsewhere?

    python -m benchmarks run mlp

In 0.52 s with jaxdl. A Python loop around a compiled step of Flax and optax takes 1.2 times as long (0.9 to 1.4),
one of Equinox 1.5 times (1.5 to 1.9), PyTorch 1.5 times eager (1.1 to 1.8) and 1.6 times with `torch.compile` (1.3 to
2.3), and scikit-learn 2.1 times (2.0 to 3.3). Median and interval of 7 rounds on 2 CPU cores, jax 0.10.2, PyTorch
2.13.0, Equinox 0.13.8, scikit-learn 1.9.1.

The work: one network 784-256-128-10, an epoch of 468 batches of 128 with Adam, in a random order, with the images in
memory, as bytes or as numbers, whichever is faster. The mean of its losses must be the same.
"""

from benchmarks import competitors
from benchmarks.benchmark import Benchmark, Case, Target
from benchmarks.competitors import work


def everybody():
    """All who train one MLP."""
    epoch = work.mnist_mlp()
    return [
        competitors.jaxdl_alone(epoch),
        competitors.flax_loop(epoch),
        competitors.equinox_loop(epoch),
        competitors.pytorch_loop(epoch, name="PyTorch, eager", compiled=(False,)),
        competitors.pytorch_loop(epoch, name="PyTorch, torch.compile", compiled=(True,)),
        competitors.scikit_learn_loop(epoch),
    ]


benchmark = Benchmark(
    name="mlp",
    question="How long does one MLP take for an epoch of MNIST?",
    cases=(
        Case(
            name="784-256-128-10, one epoch of batches of 128",
            competitors=everybody,
            same_work=0.1,
            unit="epoch",
            targets=(Target("PyTorch, eager", 1.2), Target("PyTorch, torch.compile", 1.2)),
        ),
    ),
)
