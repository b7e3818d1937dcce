"""How long does one MLP take for an epoch of MNIST: in jaxdl, and elsewhere?

    python -m benchmarks run mlp

ANSWER

The work: one network 784-256-128-10, an epoch of 468 batches of 128 with Adam, in a random order, with the images in
memory. The mean of its losses must be the same.
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
