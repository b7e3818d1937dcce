"""A small task, and calls of every function of `jaxdl.training` that takes one, for tests of their error messages."""

import contextlib
import inspect
import warnings

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import data, metrics, models, optimizers, training

EXAMPLES, CLASSES = 12, 3
INPUTS = np.random.default_rng(0).normal(size=(EXAMPLES, 4)).astype(np.float32)
LABELS = (np.arange(EXAMPLES) % CLASSES).astype(np.int32)
WEIGHTS = np.ones(EXAMPLES, np.float32)
KEY, KEYS = jax.random.key(0), jax.random.split(jax.random.key(0), 2)


def linear(outputs):
    """Return a linear model that is initialized without compiling anything."""
    init = lambda key, x: ({"w": jnp.asarray(np.zeros((x.shape[-1], outputs), np.float32))}, {})
    return models.Model(init, lambda params, stats, x, *, key=None: (x @ params["w"], stats))


TASK = training.Task(linear(CLASSES), F.cross_entropy, optimizers.sgd(0.1), 4, {"accuracy": metrics.accuracy})


def task_of(**settings):
    return TASK._replace(**settings)


def dataset(inputs=INPUTS, labels=LABELS, weights=WEIGHTS):
    return data.Dataset(*(None if field is None else jnp.asarray(field) for field in (inputs, labels, weights)))


def state_of(inputs=4, outputs=CLASSES):
    zero = jnp.asarray(np.zeros((), np.int32))
    params = {"w": jnp.asarray(np.zeros((inputs, outputs), np.float32))}
    return training.State(KEY, zero, zero, params, {}, optimizers.sgd(0.1).init(params))


DATA, STATE = dataset(), state_of()
unchecked = inspect.unwrap  # without the run-time type checks of the tests
train, resume, start, fit = (unchecked(f) for f in (training.train, training.resume, training.start, training.fit))
evaluate, outputs_of = unchecked(training.evaluate), unchecked(training.outputs_of)
population = unchecked(training.population)

TRAINING = {
    "start": lambda task, data: start(task, data, KEY),
    "train": lambda task, data: train(task, data, KEY, epochs=1),
    "resume": lambda task, data: resume(task, data, STATE, epochs=1),
    "fit": lambda task, data: fit(task, data, KEYS, epochs=1, dev=DATA),
    "population": lambda task, data: population(lambda key: train(task, data, key, epochs=1), KEYS),
    "jit": lambda task, data: jax.eval_shape(lambda key: train(task, data, key, epochs=1), KEY),
}
EVALUATION = {
    "evaluate": lambda task, data: evaluate(task, STATE, data),
    "outputs_of": lambda task, data: outputs_of(task, STATE, data),
}


@contextlib.contextmanager
def raises(kind, message):
    """Expect an error, as a user without run-time type checks sees it."""
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        with warnings.catch_warnings(), pytest.raises(kind, match=message):
            warnings.simplefilter("ignore")
            yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)
