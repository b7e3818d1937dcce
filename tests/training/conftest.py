"""Data and compiled programs that the tests of training share."""

import functools

import jax
import numpy as np
import pytest

from jaxdl import data
from jaxdl.training.population import in_memory, runner, streamed


@pytest.fixture(scope="session")
def digits():
    """A hundred digits: three batches of 32, and four examples that fill no batch."""
    return data.take(data.load_digits(), np.arange(100))


@pytest.fixture(scope="module")
def shared_programs():
    """Trace and compile each program of `fit` once for all tests of a file: fits of equal FitConfigs share programs."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (in_memory, streamed):
            for name in ("lower_members", "text_of_program"):
                patch.setattr(module, name, memoized(getattr(module, name)))
        patch.setattr(runner, "compile_population", memoized(runner.compile_population))
        yield


@pytest.fixture
def one_step_at_a_time(monkeypatch):
    """Make chunks as short as possible: one step in memory, one chunk of batches of a stream."""
    monkeypatch.setattr(in_memory, "CHUNK_SECONDS", 0.0)
    monkeypatch.setattr(streamed, "CHUNK_SECONDS", 0.0)


def memoized(function):
    """Cache the results of a function that looks at programs, shapes and devices, but at no values of arrays."""
    results = {}

    def call(*arguments, **settings):
        leaves, structure = jax.tree.flatten((arguments, settings))
        key = structure, tuple(map(identity_of, leaves)), jax.config.jax_enable_x64
        if key not in results:
            results[key] = function(*arguments, **settings)
        return results[key]

    return call


def identity_of(leaf):
    leaf = getattr(leaf, "__wrapped__", leaf)  # of jax.jit
    if isinstance(leaf, functools.partial):
        return leaf.func, leaf.args, tuple(leaf.keywords.items())
    return (leaf.shape, leaf.dtype) if hasattr(leaf, "dtype") else leaf
