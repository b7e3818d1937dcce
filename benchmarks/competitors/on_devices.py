"""Train a population in a process with a given number of CPU devices and cores, once for every line on standard input.

Usage: python -m benchmarks.competitors.on_devices DEVICES MEMBERS STEPS BATCH WIDTH
"""

import json
import os
import sys
import time


def main(devices: int, members: int, steps: int, batch: int, width: int) -> None:
    """Compile the training; then, for every line, run it and print its loss and seconds as JSON."""
    if hasattr(os, "sched_setaffinity"):  # one core per device: a single device would otherwise use all cores
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:devices])
    import jax

    jax.config.update("jax_num_cpu_devices", devices)
    from benchmarks.competitors import by_jaxdl, workload

    mlp = workload.mnist_mlp(steps=steps, batch=batch, hidden=(width, width))
    prepared = by_jaxdl.population(mlp, members)
    for _ in sys.stdin:
        start = time.perf_counter()
        loss = prepared.run()
        print(json.dumps([loss, time.perf_counter() - start]), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
