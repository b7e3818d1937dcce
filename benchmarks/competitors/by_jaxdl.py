"""The work as jaxdl does it: `train` is compiled whole, alone or as a population."""

import time
from typing import Any

import jax
import numpy as np

import jaxdl.functional
from benchmarks.benchmark import Prepared
from benchmarks.competitors.work import CLASSES, Work
from jaxdl import data, initializers, models, optimizers
from jaxdl.training import Task, supervised, train
from jaxdl.training.population import compile_population


def model_of(work: Work, functional: Any = jaxdl.functional) -> models.Model:
    """The network."""
    if work.filters:
        return models.convnet(work.filters, work.hidden, CLASSES, functional=functional)
    return models.mlp(work.hidden, CLASSES, kernel_init=initializers.glorot_uniform, functional=functional)


def task_of(work: Work, functional: Any = jaxdl.functional, optimizer: Any = None) -> Task:
    """The network, its loss and its rule: plain gradient descent for a convolutional one, else Adam."""
    model = model_of(work, functional)
    rule = optimizer or (optimizers.sgd if work.filters else optimizers.adam)
    return Task(model, supervised(model, functional.cross_entropy), rule(work.rate), work.batch)


def examples_of(work: Work) -> data.Dataset:
    """The data on the device."""
    return jax.device_put(data.from_arrays(work.inputs, work.labels))


def last_loss(work: Work, task: Task):
    """A function of data and key: the mean loss over the last epoch."""
    return lambda examples, key: train(task, examples, key, epochs=work.epochs)[1].loss[-1]


def alone(work: Work) -> Prepared:
    """One network: `train` under `jax.jit`."""
    examples, key = examples_of(work), jax.random.key(1)
    began = time.perf_counter()
    program = jax.jit(last_loss(work, task_of(work))).lower(examples, key).compile()
    compiling = time.perf_counter() - began
    program(examples, key).block_until_ready()
    return Prepared(lambda: float(program(examples, key)), compile=compiling)


def population(work: Work, members: int, optimizer: Any = None) -> Prepared:
    """So many networks: `train` in `compile_population`."""
    examples, keys = examples_of(work), jax.random.split(jax.random.key(1), members)
    began = time.perf_counter()
    program = compile_population(last_loss(work, task_of(work, optimizer=optimizer)), keys, shared=(examples,))
    compiling = time.perf_counter() - began
    jax.block_until_ready(program((examples,), (keys,)))
    return Prepared(lambda: float(np.mean(program((examples,), (keys,)))), compile=compiling)
