"""Benchmark: how much time does `fit` add to the compiled epochs alone, on the 60,000 images of MNIST?

    python -m benchmarks run driver

Little: `fit` takes 1.03 times as long as the 5.1 s of the compiled epochs (0.83 to 1.26), and 1.04 times as long with
checkpoints (0.98 to 1.09). Median and interval of 5 rounds on 2 CPU cores, jax 0.10.2.

Workload: one MLP 784-256-128-10 trained with Adam and batch size 128 for ten epochs, with its loss and accuracy on the
10,000 test images after each. "Compiled epochs alone" is `train`, compiled for all epochs as one program, which reports
nothing until it ends. Times include everything from the first step to the last file, but not compiling, which both do
once. `fit` writes checkpoints at the start and at the end, which is often for so short a run. mnist.npz must be in the
directory that `JAXDL_DATA` names or in shared/data beside the project.
"""

import tempfile

import jax

import jaxdl.functional as F
from benchmarks.competitors.mnist import mnist
from benchmarks.harness.measure import Benchmark, BenchmarkCase, Competitor
from jaxdl import data, metrics, models, optimizers
from jaxdl.training import Checkpoints, Task, fit, train
from jaxdl.training.population.population import compile_population

EPOCHS, BATCH = 10, 128
MODEL = models.mlp((256, 128), 10)
TASK = Task(MODEL, F.cross_entropy, optimizers.adam(1e-3), BATCH, metrics={"accuracy": metrics.accuracy})


def mnist_datasets() -> tuple[data.Dataset, data.Dataset]:
    """Return the training images and the test images, scaled to [0, 1]."""
    images, test = (data.from_arrays(*part) for part in mnist())
    return images, test


def epochs_alone(images, test):
    """Prepare the epochs as one program."""
    key = jax.random.split(jax.random.key(1), 1)

    def epochs(images, test, key):
        return train(TASK, images, key, epochs=EPOCHS, dev=test)

    program = compile_population(epochs, key, shared=(images, test))
    jax.block_until_ready(program.run((images, test), (key,)))

    def run():
        _, history = jax.block_until_ready(program.run((images, test), (key,)))
        return float(history.loss.mean())

    return run


def with_fit(images, test, checkpoints):
    """Prepare the same epochs with `fit`; `checkpoints(directory)` returns its checkpoint settings."""

    def run():
        with tempfile.TemporaryDirectory() as directory:
            key = jax.random.split(jax.random.key(1), 1)
            fitted = fit(TASK, images, key, epochs=EPOCHS, dev=test, checkpoints=checkpoints(directory))
        return float(fitted.history.loss.mean()), fitted.seconds.run

    run()
    return run


def competitors() -> list[Competitor]:
    """Return the epochs alone, and `fit` without and with checkpoints."""
    images, test = mnist_datasets()
    return [
        Competitor("compiled epochs alone", lambda: epochs_alone(images, test)),
        Competitor("fit", lambda: with_fit(images, test, lambda _: None)),
        Competitor("fit, with checkpoints", lambda: with_fit(images, test, lambda directory: Checkpoints(directory))),
    ]


benchmark = Benchmark(
    name="driver",
    question="How much time does `fit` add to the compiled epochs alone?",
    cases=(BenchmarkCase(f"MLP 784-256-128-10 on MNIST, {EPOCHS} epochs", competitors, tolerance=0.02),),
    rounds=5,
)
