"""Benchmark: how does the training time of a population grow with its members, width, batch size and devices?

    python -m benchmarks run growth

With the number of members, the time per member first falls and then stays constant: 41 ms for a single member, 0.34
times that for each of 2 (0.33 to 0.77), and 0.30 to 0.32 times that for each of 4 to 64. Doubling the width takes 1.2
to 2.8 times as long. An epoch with batch size 8 takes 2.5 times as long as with batch size 128 (1 / 0.394; 0.376 to
0.405), which takes hardly longer than batch size 512. Two devices with twice the work take 1.05 times as long as one
(1.03 to 1.06). Median and interval of 5 rounds on 2 CPU cores, jax 0.10.2.

Workload: MLPs 784-w-w-10 trained with Adam on 3,840 images of MNIST for one epoch; unless the case varies them, 16
members with w = 128 and batch size 128. Times are per member when the number of members varies, per epoch when the
batch size varies, and per population otherwise. The devices are CPU devices of a new interpreter, with 16 members and
one core per device, so with perfect scaling the time does not depend on their number.
"""

import functools
import json
import os
import subprocess
import sys

from benchmarks.competitors import by_jaxdl, workload
from benchmarks.competitors.mnist import mnist_bytes
from benchmarks.competitors.tuning import core_counts
from benchmarks.harness.measure import Benchmark, BenchmarkCase, Competitor
from benchmarks.harness.requirements import MissingRequirementError

MEMBERS, WIDTH, BATCH, IMAGES = 16, 128, 128, 3840
SIZES = {"members": (1, 2, 4, 8, 16, 32, 64), "width": (16, 32, 64, 128, 256, 512), "batch": (8, 32, 128, 512)}
LABELS = {"members": "{} member{s}", "width": "width {}", "batch": "batch size {}", "devices": "{} device{s}"}


def competitor_name(axis, size):
    """Return the name of a competitor, such as "2 members"."""
    return LABELS[axis].format(size, s="s" if size > 1 else "")


def prepare_population(*, members=MEMBERS, width=WIDTH, batch=BATCH):
    """Prepare a population of this size."""
    mlp = workload.mnist_mlp(steps=IMAGES // batch, batch=batch, hidden=(width, width))
    return by_jaxdl.population(mlp, members)


def competitors(axis):
    """Return a population for each size on one axis, smallest first."""
    mnist_bytes()  # raises if MNIST is missing
    return [
        Competitor(
            competitor_name(axis, size),
            functools.partial(prepare_population, **{axis: size}),
            units=size if axis == "members" else 1,
            size=size,
        )
        for size in SIZES[axis]
    ]


def device_competitors():
    """Return populations on 1, 2, 4, … devices, each with one core and the same work per device."""
    cores = os.cpu_count() or 1
    if cores < 2:
        raise MissingRequirementError("it needs two CPU cores, but this machine has one")
    mnist_bytes()
    return [
        Competitor(competitor_name("devices", count), functools.partial(start_interpreter, count), size=count)
        for count in core_counts()
    ]


def start_interpreter(devices):
    """Start an interpreter with this many devices and cores; return a function that makes it train once."""
    sizes = map(str, (devices, MEMBERS * devices, IMAGES // BATCH, BATCH, WIDTH))
    command = [sys.executable, "-m", "benchmarks.competitors.on_devices", *sizes]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    requests, replies = child.stdin, child.stdout
    assert requests
    assert replies  # both are pipes

    def run():
        requests.write("train\n")
        requests.flush()
        line = replies.readline()
        if not line:
            raise RuntimeError(f"an interpreter with {devices} devices ended before it had trained: {command}")
        return tuple(json.loads(line))

    run()
    return run


CASES = {
    "members": f"number of members, MLPs 784-{WIDTH}-{WIDTH}-10",
    "width": f"width, {MEMBERS} MLPs with two hidden layers",
    "batch": f"batch size, {MEMBERS} MLPs 784-{WIDTH}-{WIDTH}-10",
}
UNITS = {"members": "member", "width": "population", "batch": "epoch"}
AXES = {"members": "members", "width": "width", "batch": "batch size"}
DEVICES = f"number of devices, {MEMBERS} MLPs 784-{WIDTH}-{WIDTH}-10 on each"
benchmark = Benchmark(
    name="growth",
    question="How does the training time of a population grow with its members, width, batch size and devices?",
    cases=(
        *(
            BenchmarkCase(name, functools.partial(competitors, axis), 1.0, UNITS[axis], axis=AXES[axis])
            for axis, name in CASES.items()
        ),
        BenchmarkCase(DEVICES, device_competitors, 0.1, "population", axis="devices"),
    ),
    rounds=5,
)
