"""How long does it take from the start of Python to 97 % and to 99 % test accuracy on MNIST?

    python -m benchmarks run time_to_accuracy

To 97 % in 3.1 s with a warm cache, and in 5.2 s with a cold one, 1.6 times as long (1.5 to 1.7); PyTorch takes 1.5
times as long as with the warm one (1.3 to 1.8). To 99 % in 22 s with a warm cache, 1.1 times as long with a cold one
(1.1 to 1.4), and with PyTorch 1.3 times (1.2 to 1.9). Median and interval of 5 rounds on 2 CPU cores, jax 0.10.2,
PyTorch 2.13.0.

The work: an interpreter is started, imports what it needs, reads the images, compiles, and trains until the accuracy on
the 10,000 test images, taken after each epoch, is reached: 97 % by an MLP 784-256-128-10, 99 % by a convolutional
network with 16 and 32 filters and 128 hidden units, both with Adam and a falling rate. With a cold cache jax compiles
everything; with a warm one an earlier run has left its compiled programs on disk. PyTorch compiles nothing. Each round
has a seed of its own, the same for all.
"""

import functools
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from benchmarks.benchmark import Benchmark, Case, Competitor
from benchmarks.competitors.settings import on_cpus_alone
from benchmarks.mnist import mnist
from benchmarks.to_accuracy.course import COURSES

ROOT = pathlib.Path(__file__).parents[1]


def reached(program: str, course: str, seed: int, cache: str) -> float:
    """Start an interpreter that trains until the accuracy is reached; the accuracy."""
    environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": cache, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", f"benchmarks.to_accuracy.{program}", course, str(seed)]
    ended = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    if ended.returncode:
        raise RuntimeError(f"{program} did not come to {course} %: {ended.stderr.splitlines()[-1]}")
    return json.loads(ended.stdout)[0]


def cold(course):
    """jaxdl, with an empty cache each time."""
    seeds = itertools.count()

    def run():
        with tempfile.TemporaryDirectory() as cache:
            return reached("by_jaxdl", course, next(seeds), cache)

    return run


def warm(course):
    """jaxdl, with the cache that an earlier run has left."""
    seeds, cache = itertools.count(), tempfile.TemporaryDirectory()
    reached("by_jaxdl", course, 0, cache.name)
    return lambda: reached("by_jaxdl", course, next(seeds), cache.name)


def in_pytorch(course):
    """PyTorch, which keeps nothing."""
    on_cpus_alone()
    seeds = itertools.count()
    return lambda: reached("by_pytorch", course, next(seeds), "")


def everybody(course):
    """With both caches of jaxdl, and with PyTorch."""
    mnist()  # or there is nothing to learn
    return [
        Competitor("jaxdl, warm cache", functools.partial(warm, course)),
        Competitor("jaxdl, cold cache", functools.partial(cold, course)),
        Competitor("PyTorch", functools.partial(in_pytorch, course), needs=("torch",)),
    ]


benchmark = Benchmark(
    name="time_to_accuracy",
    question="How long does it take from the start of Python to 97 % and to 99 % test accuracy on MNIST?",
    cases=tuple(Case(f"{name} %", functools.partial(everybody, name), same_work=0.01) for name in COURSES),
    rounds=5,
    warm_up=0,  # every interpreter is a new one
)
