"""The memory of a device: how many members its programs may compute at once."""

import math
import warnings
from collections.abc import Callable

import jax
from jax.stages import Compiled, Lowered

from jaxdl.system.interruption import run_interruptibly
from jaxdl.system.multihost import max_over_processes
from jaxdl.training.layout import Layout


def compile_within_memory(lower: Callable[[Layout], Lowered], layout: Layout) -> tuple[Compiled, Layout]:
    """Compile the program of a layout, with fewer members at once if it needs more memory than a device has."""
    while True:
        program = run_interruptibly(lower(layout).compile)
        if not max_over_processes(int(layout.at_once > 1 and needed_bytes(program) > bytes_of_device())):
            return program, layout
        layout = smaller(layout)


def smaller(layout: Layout) -> Layout:
    """Return the layout with half as many members at once."""
    return layout._replace(at_once=layout.at_once // 2)


def smaller_after(error: jax.errors.JaxRuntimeError, layout: Layout) -> Layout:
    """Return a smaller layout after an out-of-memory error; raise any other error, or if one member does not fit.

    The memory that other programs use decides this, so a warning says that results may differ in their last bits.
    """
    if "RESOURCE_EXHAUSTED" not in str(error) or layout.at_once == 1:
        raise error
    less = smaller(layout)
    warnings.warn(
        f"the memory is too full for {layout.at_once} members at once: training {less.at_once} at once. Results may "
        "differ in their last bits from those of a run with more free memory.",
        stacklevel=2,
    )
    return less


def needed_bytes(program: Compiled) -> int:
    """Return the memory that a program needs on each device, with its arguments."""
    found = program.memory_analysis()
    if found is None:
        return 0
    in_and_out = found.argument_size_in_bytes + found.output_size_in_bytes - found.alias_size_in_bytes
    return in_and_out + found.temp_size_in_bytes


def bytes_of_device() -> float:
    """Return the memory of a device, used or not; the devices of a CPU share half of the memory of the host."""
    device = jax.local_devices()[0]
    stats = device.memory_stats() or {}
    if "bytes_limit" in stats:
        return stats["bytes_limit"]
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            lines = dict(line.split(":") for line in file)
        return int(lines["MemTotal"].split()[0]) * 1024 / (2 * jax.local_device_count())
    except (OSError, KeyError, ValueError):
        return math.inf
