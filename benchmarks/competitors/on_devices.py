"""A process with so many CPU devices and cores; whenever it reads a line it trains, and tells its seconds.

Started as python -m benchmarks.competitors.on_devices DEVICES MEMBERS
"""

import json
import os
import sys
import time


def main(devices: int, members: int) -> None:
    """Compile, and then train for every line, until there are no more."""
    if hasattr(os, "sched_setaffinity"):  # as many cores as devices: a device alone would take them all
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:devices])
    import jax

    jax.config.update("jax_num_cpu_devices", devices)
    from benchmarks.growth import networks

    prepared = networks(members=members)
    for _ in sys.stdin:
        began = time.perf_counter()
        loss = prepared.run()
        print(json.dumps([loss, time.perf_counter() - began]), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
