"""Train the workload with jaxdl: `train` compiled as one program, for one network or for a population."""

import functools
from typing import Any

import jax
import numpy as np

import jaxdl.functional
from benchmarks.competitors.tuning import Configuration, counted, fastest_configuration
from benchmarks.competitors.workload import CLASSES, Workload, unit_scaled
from benchmarks.harness.measure import PreparedCompetitor
from jaxdl import data, initializers, models, optimizers
from jaxdl.training import Task, train
from jaxdl.training.layout import Layout
from jaxdl.training.population.layout_choice import possible_layouts
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
    """Prepare one network: on one device, or with each batch split over all devices, whichever is faster."""
    counts = {1: None, jax.device_count(): None}
    layouts = [Layout(1, count, 1) for count in counts if workload.batch % count == 0]
    return _in_fastest_layout(layouts, workload, task_of(workload), 1)


def population(workload: Workload, members: int, optimizer: Any = None) -> PreparedCompetitor:
    """Prepare `members` networks in the fastest layout. `population` finds it by itself in longer trainings."""
    return _in_fastest_layout(possible_layouts(members), workload, task_of(workload, optimizer=optimizer), members)


def _in_fastest_layout(layouts: list[Layout], workload: Workload, task: Task, members: int) -> PreparedCompetitor:
    return fastest_configuration(
        {_in_words(layout): functools.partial(_build, layout, workload, task, members) for layout in layouts}
    )


def _build(layout: Layout, workload: Workload, task: Task, members: int) -> Configuration:
    """Compile the population in one layout."""
    examples, keys = examples_of(workload), jax.random.split(jax.random.key(1), members)
    program = compile_population(last_loss(workload, task), keys, shared=(examples,), layout=layout)
    shared = jax.device_put((examples,), replicated(program.mesh))
    run = lambda: float(np.mean(program.run(shared, (keys,))))  # noqa: E731
    return Configuration(run, run)


def _in_words(layout: Layout) -> str:
    """Return a layout in words, such as "2 devices, 16 members at a time"."""
    devices = layout.by_member * layout.by_batch
    split = ", each batch split" if layout.by_batch > 1 else ""
    return f"{counted(devices, 'device')}{split}, {counted(layout.at_once, 'member')} at a time"
