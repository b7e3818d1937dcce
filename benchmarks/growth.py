"""How does the cost of a population grow: with its members, the width, the batch, and the devices?

    python -m benchmarks run growth

With members it falls and then does not grow: of two a member takes 0.34 of the 41 ms of one alone (0.33 to 0.77), of 4
to 64 0.30 to 0.32 of it. With the width it grows 1.2 to 2.8 times for twice the width. Batches of 8 take 2.5 times as
long for an epoch as batches of 128 (1 / 0.394; 0.376 to 0.405), those hardly longer than batches of 512. Two devices
with twice the work take 1.05 times as long as one (1.03 to 1.06). Median and interval of 5 rounds on 2 CPU cores, jax
0.10.2.

The work: networks 784-w-w-10 on 3,840 images of MNIST with Adam, one epoch; sixteen of them with w = 128 and batches of
128, where nothing else is said. Growth with members is told for a member, with the batch for an epoch, with the width
for a population. Devices are CPU devices in a fresh interpreter each, as many as are said, with sixteen members and one
core for each: perfect scaling takes the same time for any number.
"""

import functools
import json
import os
import subprocess
import sys

from benchmarks.benchmark import AbsentError, Benchmark, Case, Competitor
from benchmarks.competitors import by_jaxdl, work
from benchmarks.mnist import mnist

MEMBERS, WIDTH, BATCH, IMAGES = 16, 128, 128, 3840
GROWN = {"members": (1, 2, 4, 8, 16, 32, 64), "width": (16, 32, 64, 128, 256, 512), "batch": (8, 32, 128, 512)}
NAMED = {"members": "{} members", "width": "width {}", "batch": "batches of {}", "devices": "{} devices"}


def networks(*, members=MEMBERS, width=WIDTH, batch=BATCH):
    """A population of this size, ready to be trained."""
    of = work.mnist_mlp(steps=IMAGES // batch, batch=batch, hidden=(width, width))
    return by_jaxdl.population(of, members)


def grown(axis):
    """A population for each size on one axis; smaller ones first."""
    mnist()  # or there is nothing to compare
    return [
        Competitor(
            NAMED[axis].format(size),
            functools.partial(networks, **{axis: size}),
            units=size if axis == "members" else 1,
            at=size,
        )
        for size in GROWN[axis]
    ]


def on_devices():
    """The same work for each device, one device to a core."""
    cores = os.cpu_count() or 1
    if cores < 2:
        raise AbsentError("it needs two cores, and there is one")
    mnist()
    counts = sorted({2**power for power in range(cores.bit_length()) if 2**power <= cores} | {cores})
    return [
        Competitor(NAMED["devices"].format(count), functools.partial(interpreter, count), at=count) for count in counts
    ]


def interpreter(devices):
    """A fresh interpreter with so many devices and cores, that trains whenever it is sent a line."""
    command = [sys.executable, "-m", "benchmarks.competitors.on_devices", str(devices), str(MEMBERS * devices)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    asked, told = child.stdin, child.stdout
    assert asked
    assert told  # both are pipes

    def run():
        asked.write("train\n")
        asked.flush()
        line = told.readline()
        if not line:
            raise RuntimeError(f"an interpreter with {devices} devices must train, but has ended: {command}")
        return tuple(json.loads(line))

    run()
    return run


SAID = {
    "members": f"members of 784-{WIDTH}-{WIDTH}-10",
    "width": f"width of {MEMBERS} networks with two hidden layers",
    "batch": f"batch of {MEMBERS} networks 784-{WIDTH}-{WIDTH}-10",
}
UNITS = {"members": "member", "width": "population", "batch": "epoch"}
benchmark = Benchmark(
    name="growth",
    question="How does the cost of a population grow with members, width, batch and devices?",
    cases=(
        *(Case(said, functools.partial(grown, axis), 1.0, UNITS[axis], axis=axis) for axis, said in SAID.items()),
        Case(
            f"devices, {MEMBERS} networks 784-{WIDTH}-{WIDTH}-10 on each", on_devices, 0.1, "population", axis="devices"
        ),
    ),
    rounds=5,
)
