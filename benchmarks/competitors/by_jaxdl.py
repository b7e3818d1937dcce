"""The work as jaxdl does it: `train` is compiled whole, as a population of one member or of many."""

import functools
from typing import Any

import jax
import numpy as np

import jaxdl.functional
from benchmarks.benchmark import Prepared
from benchmarks.competitors.settings import Setting, fastest
from benchmarks.competitors.work import CLASSES, Work, numbers
from jaxdl import data, initializers, models, optimizers
from jaxdl.training import Task, supervised, train
from jaxdl.training.layout import Layout
from jaxdl.training.population.autotune import layouts_for
from jaxdl.training.population.population import compile_population
from jaxdl.training.population.sharding import replicated


def model_of(work: Work, functional: Any = jaxdl.functional) -> models.Model:
    """The network."""
    if work.filters:
        return models.convnet(work.filters, work.hidden, CLASSES, functional=functional)
    return models.mlp(work.hidden, CLASSES, kernel_init=initializers.glorot_uniform, functional=functional)


def task_of(work: Work, functional: Any = jaxdl.functional, optimizer: Any = None) -> Task:
    """The network, its loss and its rule: plain gradient descent for a convolutional one, else Adam."""
    model = model_of(work, functional)
    rule = optimizer or (optimizers.sgd if work.filters else optimizers.adam)
    return Task(model, supervised(model, functional.cross_entropy), rule(work.rate), work.batch, transform=numbers)


def examples_of(work: Work) -> data.Dataset:
    """The data on the device; images as the bytes that they came as, flat ones too."""
    return jax.device_put(data.from_arrays(work.inputs, work.labels)._replace(inputs=work.inputs))


def last_loss(work: Work, task: Task):
    """A function of data and key: the mean loss over the last epoch."""
    return lambda examples, key: train(task, examples, key, epochs=work.epochs)[1].loss[-1]


def alone(work: Work) -> Prepared:
    """One network: on one device, or with each batch shared by all, whichever is faster."""
    layouts = [Layout(1, count, 1) for count in {1: None, jax.device_count(): None} if work.batch % count == 0]
    return _in_the_fastest(layouts, work, task_of(work), 1)


def population(work: Work, members: int, optimizer: Any = None) -> Prepared:
    """So many networks, in the fastest layout, which `population` finds itself where training takes longer."""
    return _in_the_fastest(layouts_for(members), work, task_of(work, optimizer=optimizer), members)


def _in_the_fastest(layouts: list[Layout], work: Work, task: Task, members: int) -> Prepared:
    return fastest({_told(layout): functools.partial(_laid_out, layout, work, task, members) for layout in layouts})


def _laid_out(layout: Layout, work: Work, task: Task, members: int) -> Setting:
    """`train` in `compile_population`."""
    examples, keys = examples_of(work), jax.random.split(jax.random.key(1), members)
    program = compile_population(last_loss(work, task), keys, shared=(examples,), layout=layout)
    there = jax.device_put((examples,), replicated(program.mesh))
    run = lambda: float(np.mean(program.run(there, (keys,))))  # noqa: E731
    return Setting(run, run)


def _told(layout: Layout) -> str:
    """A layout in words."""
    on = f"{layout.by_member * layout.by_batch} device{'s' if layout.by_member * layout.by_batch > 1 else ''}"
    shared = ", which share each batch" if layout.by_batch > 1 else ""
    return f"{on}{shared}, {layout.at_once} at a time"
