"""Benchmark: how long does `jaxdl train` take from pressing Enter to its first training step on digits?

    python -m benchmarks run first_step

4.5 s if an earlier run has filled the compilation cache, and 1.8 times as long with an empty cache (1.7 to 1.8).
Importing jax and multiplying two numbers takes 0.42 times as long (0.42 to 0.46), 1.9 s. Median and interval of 6
rounds on 2 CPU cores, jax 0.10.2.

Workload: `jaxdl train --data digits` in a new interpreter. It parses the options, reads, splits and prepares the data,
compiles the program of 16 networks or reads it from the cache, and trains each of them for one step. The time ends when
the first learning curves are written; the rest of the training runs only for its loss, which must agree. The lower
bound is an interpreter that imports jax and multiplies two numbers.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

from benchmarks.harness.measure import Benchmark, BenchmarkCase, Competitor

ROOT = pathlib.Path(__file__).parents[1]
LOWER_BOUND = "import jax; jax.block_until_ready(jax.numpy.float32(2) * jax.numpy.float32(3))"


def first_step(cache: str) -> tuple[float, float]:
    """Run the command with a cache directory; return its final loss and the seconds until its first step is done."""
    with tempfile.TemporaryDirectory() as directory:
        curves = pathlib.Path(directory) / "run" / "metrics.jsonl"
        command = [sys.executable, "-m", "jaxdl", "train", "--data", "digits", "--out", str(curves.parent)]
        environment = os.environ | {"JAXDL_CACHE": cache, "PYTHONPATH": str(ROOT)}
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        while not curves.exists():
            time.sleep(0.005)
            if process.poll() is not None:
                raise RuntimeError(f"jaxdl train ended before its first step, with exit status {process.returncode}.")
        seconds = time.perf_counter() - start
        process.wait()
        rows = [json.loads(line) for line in curves.read_text().splitlines()]
        return float(np.mean([row["train_loss"] for row in rows])), seconds


def warm():
    """Prepare runs with a cache that an earlier run has filled."""
    cache = tempfile.TemporaryDirectory()
    first_step(cache.name)
    return lambda: first_step(cache.name)


def cold():
    """Prepare runs with a new, empty cache each."""

    def run():
        with tempfile.TemporaryDirectory() as cache:
            return first_step(cache)

    return run


def lower_bound():
    """Prepare the shortest command that computes anything with jax."""

    def run():
        subprocess.run([sys.executable, "-c", LOWER_BOUND], check=True)

    return run


def competitors() -> list[Competitor]:
    """Return the command with a warm and with a cold cache, and the lower bound."""
    return [
        Competitor("warm cache", warm),
        Competitor("cold cache", cold),
        Competitor("import jax and multiply two numbers", lower_bound),
    ]


benchmark = Benchmark(
    name="first_step",
    question="How long does `jaxdl train` take from pressing Enter to its first training step on digits?",
    cases=(BenchmarkCase("16 MLPs 64-128-10", competitors, tolerance=0.01),),
    rounds=6,
    warm_up_rounds=0,  # every run starts a new interpreter
)
