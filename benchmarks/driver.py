"""What does `fit` cost over the bare compiled epochs, on the 60,000 images of MNIST?

    python -m benchmarks run driver

Little: 1.03 times the 5.1 s of the bare epochs (0.83 to 1.26), and with checkpoints 1.04 times (0.98 to 1.09). Median
and interval of 5 rounds on 2 CPU cores, jax 0.10.2.

The work: one network 784-256-128-10, ten epochs of batches of 128 with Adam, and its loss and accuracy on the 10,000
test images after each. Bare is `train`, compiled for all epochs at once: one call, which tells nothing until it ends.
Timed is what is run, from the first step to the last file; compiling, which both do once, is not. The checkpoints of
that competitor are written at once and at the end, which for so short a run is often. The images are looked for in
`JAXDL_DATA`, else beside the project.
"""

import tempfile

import jax

import jaxdl.functional as F
from benchmarks.benchmark import Benchmark, Case, Competitor
from benchmarks.mnist import mnist
from jaxdl import data, models, optimizers
from jaxdl.training import Checkpoints, Task, classification, fit, supervised, train
from jaxdl.training.population.population import compile_population

EPOCHS, BATCH = 10, 128
MODEL = models.mlp((256, 128), 10)
TASK = Task(MODEL, supervised(MODEL, F.cross_entropy), optimizers.adam(1e-3), BATCH)
OBSERVE = classification(MODEL)


def images_of_mnist() -> tuple[data.Dataset, data.Dataset]:
    """All images of both parts, between 0 and 1."""
    images, test = (data.from_arrays(*part) for part in mnist())
    return images, test


def bare(images, test):
    """The epochs alone, in one program."""
    key = jax.random.split(jax.random.key(1), 1)

    def epochs(images, test, key):
        return train(TASK, images, key, epochs=EPOCHS, observe=lambda state: OBSERVE(state, test))

    program = compile_population(epochs, key, shared=(images, test))
    jax.block_until_ready(program.run((images, test), (key,)))

    def run():
        _, history = jax.block_until_ready(program.run((images, test), (key,)))
        return float(history.loss.mean())

    return run


def driven(images, test, checkpoints):
    """The same by `fit`; `checkpoints(directory)` says what it keeps below a directory of its own."""

    def run():
        with tempfile.TemporaryDirectory() as directory:
            key = jax.random.split(jax.random.key(1), 1)
            fitted = fit(
                TASK, images, key, epochs=EPOCHS, dev=test, observe=OBSERVE, checkpoints=checkpoints(directory)
            )
        return float(fitted.history.loss.mean()), fitted.seconds.run

    run()
    return run


def competitors() -> list[Competitor]:
    """Bare, driven, and driven with checkpoints."""
    images, test = images_of_mnist()
    return [
        Competitor("bare compiled epochs", lambda: bare(images, test)),
        Competitor("fit", lambda: driven(images, test, lambda _: None)),
        Competitor("fit, with checkpoints", lambda: driven(images, test, lambda directory: Checkpoints(directory))),
    ]


benchmark = Benchmark(
    name="driver",
    question="What does fit cost over the bare compiled epochs?",
    cases=(Case(f"784-256-128-10 on MNIST, {EPOCHS} epochs", competitors, same_work=0.02),),
    rounds=5,
)
