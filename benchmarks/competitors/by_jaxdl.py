"""Train the workload with jaxdl: `train` compiled as one program, for one network or for a population."""

from typing import Any

import jax
import numpy as np

import jaxdl.functional
from benchmarks.competitors.tuning import counted
from benchmarks.competitors.workload import CLASSES, Workload, unit_scaled
from benchmarks.harness.measure import PreparedCompetitor
from jaxdl import data, initializers, models, optimizers
from jaxdl.training import Task, train
from jaxdl.training.layout import Layout
from jaxdl.training.population.population import compile_population
from jaxdl.training.population.sharding import replicated


def model_of(workload: Workload, functional: Any = jaxdl.functional) -> models.Model:
    """Return the network of the workload, computed with the given functions."""
    if workload.filters:
        return models.convnet(workload.filters, workload.hidden, CLASSES, functional=functional)
    return models.mlp(workload.hidden, CLASSES, kernel_init=initializers.glorot_uniform, functional=functional)


def task_of(workload: Workload, functional: Any = jaxdl.functional, optimizer: Any = None) -> Task:
    """Return network, loss and optimizer; by default gradient descent for a convolutional network, else Adam."""
    model = model_of(workload, functional)
    build = optimizer or (optimizers.sgd if workload.filters else optimizers.adam)
    return Task(model, functional.cross_entropy, build(workload.learning_rate), workload.batch, transform=unit_scaled)


def examples_of(workload: Workload) -> data.Dataset:
    """Return the examples on the device. Images stay uint8, also as vectors."""
    return jax.device_put(data.from_arrays(workload.inputs, workload.labels)._replace(inputs=workload.inputs))


def last_loss(workload: Workload, task: Task):
    """Return a function of examples and key that trains and returns the mean loss of the last epoch."""
    return lambda examples, key: train(task, examples, key, epochs=workload.epochs)[1].loss[-1]


def single(workload: Workload) -> PreparedCompetitor:
    """Prepare one network, in the layout that jaxdl chooses."""
    return in_layout(None, workload, 1)


def population(workload: Workload, members: int, optimizer: Any = None) -> PreparedCompetitor:
    """Prepare `members` networks, in the layout that jaxdl chooses."""
    return in_layout(None, workload, members, optimizer)


def in_layout(layout: Layout | None, workload: Workload, members: int, optimizer: Any = None) -> PreparedCompetitor:
    """Compile and warm up the population in a layout; None lets jaxdl choose."""
    examples, keys = examples_of(workload), jax.random.split(jax.random.key(1), members)
    train_one = last_loss(workload, task_of(workload, optimizer=optimizer))
    program = compile_population(train_one, keys, shared=(examples,), layout=layout)
    shared = jax.device_put((examples,), replicated(program.mesh))
    run = lambda: float(np.mean(program.run(shared, (keys,))))  # noqa: E731
    run()
    return PreparedCompetitor(run, in_words(program.layout))


def in_words(layout: Layout) -> str:
    """Return a layout in words, such as "2 devices, 16 members at a time"."""
    devices = layout.by_member * layout.by_batch
    split = ", each batch split" if layout.by_batch > 1 else ""
    return f"{counted(devices, 'device')}{split}, {counted(layout.at_once, 'member')} at a time"
