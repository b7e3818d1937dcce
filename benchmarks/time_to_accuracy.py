"""Benchmark: how long does it take from starting Python to 97 % and to 99 % test accuracy on MNIST?

    python -m benchmarks run time_to_accuracy

97 % takes jaxdl 5.5 s with a warm compilation cache and 7.1 s with a cold one, 1.3 times as long (1.2 to 1.6). PyTorch
takes 1.5 times as long as jaxdl with a warm cache (1.5 to 1.6). 99 % takes jaxdl 23 s with a warm cache, 1.2 times as
long with a cold one (1.1 to 1.2), and PyTorch 1.3 times as long (1.1 to 2.0). Importing jax takes 1.9 s of each. Median
and interval of 5 rounds on 2 CPU cores, jax 0.10.2, PyTorch 2.13.0.

Workload: a new interpreter imports what it needs, reads the images, compiles, and trains until it reaches the accuracy
on the 10,000 test images, which is measured after each epoch: 97 % with an MLP 784-256-128-10, 99 % with a
convolutional network with 16 and 32 filters and 128 hidden units, both with Adam and a decaying learning rate. With a
cold cache jax compiles everything; with a warm cache it reads the compiled programs of an earlier run from disk.
PyTorch compiles nothing. Each round has its own seed, the same for all competitors.
"""

import functools
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from benchmarks.competitors.mnist import mnist_bytes
from benchmarks.competitors.tuning import require_cpu_backend
from benchmarks.harness.measure import Benchmark, BenchmarkCase, Competitor
from benchmarks.to_accuracy.goals import GOALS

ROOT = pathlib.Path(__file__).parents[1]


def train_in_interpreter(program: str, goal: str, seed: int, cache: str) -> float:
    """Start an interpreter that trains until the goal is reached, and return the accuracy."""
    environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": cache, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", f"benchmarks.to_accuracy.{program}", goal, str(seed)]
    ended = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    if ended.returncode:
        raise RuntimeError(f"{program} did not reach {goal} % accuracy: {ended.stderr.splitlines()[-1]}")
    return json.loads(ended.stdout)[0]


def cold(goal):
    """Prepare jaxdl with a new, empty cache for each run."""
    seeds = itertools.count()

    def run():
        with tempfile.TemporaryDirectory() as cache:
            return train_in_interpreter("by_jaxdl", goal, next(seeds), cache)

    return run


def warm(goal):
    """Prepare jaxdl with a cache that an earlier run has filled."""
    seeds, cache = itertools.count(), tempfile.TemporaryDirectory()
    train_in_interpreter("by_jaxdl", goal, 0, cache.name)
    return lambda: train_in_interpreter("by_jaxdl", goal, next(seeds), cache.name)


def pytorch(goal):
    """Prepare PyTorch, which has no cache."""
    require_cpu_backend()
    seeds = itertools.count()
    return lambda: train_in_interpreter("by_pytorch", goal, next(seeds), "")


def competitors(goal):
    """Return jaxdl with a warm and with a cold cache, and PyTorch."""
    mnist_bytes()  # raises if MNIST is missing
    return [
        Competitor("jaxdl, warm cache", functools.partial(warm, goal)),
        Competitor("jaxdl, cold cache", functools.partial(cold, goal)),
        Competitor("PyTorch", functools.partial(pytorch, goal), requires=("torch",)),
    ]


def _case(goal):
    return BenchmarkCase(f"{goal} % test accuracy", functools.partial(competitors, goal), tolerance=0.01)


benchmark = Benchmark(
    name="time_to_accuracy",
    question="How long does it take from starting Python to 97 % and to 99 % test accuracy on MNIST?",
    cases=tuple(map(_case, GOALS)),
    rounds=5,
    warm_up_rounds=0,  # every run starts a new interpreter
)
