"""How long after pressing return does `jaxdl train` take its first step on digits?

    python -m benchmarks run first_step

After 2.5 s where an earlier run has left its compiled programs in the cache, and with an empty cache 2.3 times as late
(2.1 to 2.5). To import jax and multiply two numbers takes 0.28 times as long (0.26 to 0.36), 0.7 s. Median and interval
of 6 rounds on 2 CPU cores, jax 0.10.2.

The work: `jaxdl train --data digits` is started in a new interpreter: it parses its options, reads, divides and
prepares the data, compiles the program of 16 networks, or reads it from the cache, and takes a step of each; what is
timed ends when the first curves are written. The rest of the training is let be, for its loss. The floor is an
interpreter that imports jax and multiplies two numbers.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

from benchmarks.benchmark import Benchmark, Case, Competitor

ROOT = pathlib.Path(__file__).parents[1]
FLOOR = "import jax; jax.block_until_ready(jax.numpy.float32(2) * jax.numpy.float32(3))"


def first_step(cache: str) -> tuple[float, float]:
    """The loss that a training comes to, and the seconds until its first step is done."""
    with tempfile.TemporaryDirectory() as directory:
        curves = pathlib.Path(directory) / "run" / "metrics.jsonl"
        command = [sys.executable, "-m", "jaxdl", "train", "--data", "digits", "--out", str(curves.parent)]
        environment = os.environ | {"JAXDL_CACHE": cache, "PYTHONPATH": str(ROOT)}
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        while not curves.exists():
            time.sleep(0.005)
            if process.poll() is not None:
                raise RuntimeError(f"jaxdl train must end well, but ended with {process.returncode}.")
        seconds = time.perf_counter() - began
        process.wait()
        rows = [json.loads(line) for line in curves.read_text().splitlines()]
        return float(np.mean([row["train_loss"] for row in rows])), seconds


def warm():
    """With what an earlier run has left in the cache."""
    cache = tempfile.TemporaryDirectory()
    first_step(cache.name)
    return lambda: first_step(cache.name)


def cold():
    """With an empty cache each time."""

    def run():
        with tempfile.TemporaryDirectory() as cache:
            return first_step(cache)

    return run


def floor():
    """The least that a command that computes with jax can take."""

    def run():
        subprocess.run([sys.executable, "-c", FLOOR], check=True)

    return run


def competitors() -> list[Competitor]:
    """With both caches, and the floor."""
    return [
        Competitor("warm cache", warm),
        Competitor("cold cache", cold),
        Competitor("import jax, and one product", floor),
    ]


benchmark = Benchmark(
    name="first_step",
    question="How long after pressing return does jaxdl train take its first step on digits?",
    cases=(Case("16 networks 64-128-10", competitors, same_work=0.01),),
    rounds=6,
    warm_up=0,  # every interpreter is a new one
)
