"""Choose the fastest layout of a population: list candidates, measure them, and remember the choice on disk."""

import hashlib
import json
import math
import os
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.stages import Compiled, Lowered

from jaxdl.system.interruption import run_interruptibly
from jaxdl.system.multihost import broadcast_from_first, max_over_processes
from jaxdl.system.storage import cache_dir, whole_file
from jaxdl.training.layout import Layout

MIN_SECONDS = 4.0  # remaining seconds from which it pays to compile and measure other layouts
AT_ONCE = (16, 128)  # members that a CPU core may compute together; larger numbers overflow its caches
MAX_REMEMBERED = 1000  # choices kept on disk


def layouts_for(
    members: int, batch_size: int | None = None, devices: Sequence[jax.Device] | None = None
) -> list[Layout]:
    """List layouts that may be the fastest, the likeliest first: one member at a time on a CPU, else all at once.

    With a batch size, spare devices may share each batch.
    """
    devices = devices or jax.devices()
    by_member = min(members, len(devices))
    spare = len(devices) // by_member
    by_batch = max(count for count in range(1, spare + 1) if (batch_size or 1) % count == 0)
    if jax.process_count() > 1 and by_member * by_batch < len(devices):
        by_member, by_batch = len(devices), 1  # every process must take part, even if some compute padding
    local = -(-members // by_member)
    on_cpu = devices[0].platform == "cpu"
    at_once = dict.fromkeys((1, *(min(local, count) for count in AT_ONCE)) if on_cpu else (local, 1))
    unshared = [Layout(by_member, 1, count) for count in at_once]
    if by_batch == 1:
        return unshared
    shared = [Layout(by_member, by_batch, count) for count in at_once]
    return shared if jax.process_count() > 1 else unshared + shared


def fastest(
    lower: Callable[[Layout], Lowered],
    layouts: list[Layout],
    build: Callable[[Layout], Any],
    seconds: Callable[[Any], float],
) -> Any:
    """Return `build(layout)` for the fastest layout, measured now or in an earlier run.

    `seconds(built)` measures the time that all members would take. If the first layout takes long enough, the others
    are built and measured too, and the choice is remembered. `build` must return an object with a `layout`.
    """
    layouts = avoid_deadlock(lower, layouts)
    if len(layouts) == 1:
        return build(layouts[0])
    text = lower(layouts[0]).as_text()
    known = remembered(text, layouts)
    if known:
        return build(known)
    best = build(layouts[0])
    least = seconds(best)
    if least < MIN_SECONDS:
        return best
    for layout in layouts[1:]:
        other = build(layout)
        measured = seconds(other)
        best, least = (other, measured) if measured < least else (best, least)
    remember(text, best.layout)
    return best


def avoid_deadlock(lower: Callable[[Layout], Lowered], layouts: list[Layout]) -> list[Layout]:
    """Restrict the layouts to one device if the program calls LAPACK on a CPU.

    LAPACK calls wait for threads of a pool that all CPU devices share. Two devices can take all threads and wait for
    each other forever.
    """
    alone = [layout._replace(by_member=1, by_batch=1) for layout in layouts]
    shared = jax.devices()[0].platform == "cpu" and jax.process_count() == 1 and alone != layouts
    return list(dict.fromkeys(alone)) if shared and "lapack" in lower(layouts[0]).as_text() else layouts


def is_possible(layout: Layout, devices: Sequence[jax.Device] | None = None) -> bool:
    """Return whether there are enough devices for a layout, and a part of it for every process."""
    needed, available = layout.by_member * layout.by_batch, len(devices or jax.devices())
    return needed == available or (needed < available and jax.process_count() == 1)


def remembered(text: str, layouts: list[Layout]) -> Layout | None:
    """Return the layout that was the fastest for a program with this text on this machine, if it is known."""
    found = _choices().get(_key(text))
    number = next((number for number, layout in enumerate(layouts) if list(layout) == found), -1)
    number = broadcast_from_first(number)
    return None if number < 0 else layouts[number]


def remember(text: str, layout: Layout) -> None:
    """Store the fastest layout for a program with this text; do nothing if the cache cannot be written."""
    choices = {**_choices(), _key(text): list(layout)}
    try:
        with whole_file(_path()) as file:
            file.write(json.dumps(dict(list(choices.items())[-MAX_REMEMBERED:])).encode())
    except OSError:
        return


def compile_within_memory(lower: Callable[[Layout], Lowered], layout: Layout) -> tuple[Compiled, Layout]:
    """Compile the program of a layout, with fewer members at once if it needs more memory than is free."""
    while True:
        program = run_interruptibly(lower(layout).compile)
        if not max_over_processes(int(layout.at_once > 1 and needed_bytes(program) > free_bytes())):
            return program, layout
        layout = smaller(layout)


def smaller(layout: Layout) -> Layout:
    """Return the layout with half as many members at once."""
    return layout._replace(at_once=layout.at_once // 2)


def smaller_after(error: jax.errors.JaxRuntimeError, layout: Layout) -> Layout:
    """Return a smaller layout after an out-of-memory error; raise any other error, or if one member does not fit."""
    if "RESOURCE_EXHAUSTED" not in str(error) or layout.at_once == 1:
        raise error
    return smaller(layout)


def needed_bytes(program: Compiled) -> int:
    """Return the memory that a program needs on each device, besides its arguments."""
    found = program.memory_analysis()
    if found is None:
        return 0
    return found.temp_size_in_bytes + found.output_size_in_bytes - found.alias_size_in_bytes


def free_bytes() -> float:
    """Return the free memory of each device; the devices of a CPU share the memory of the host equally."""
    device = jax.local_devices()[0]
    stats = device.memory_stats() or {}
    if "bytes_limit" in stats:
        return stats["bytes_limit"] - stats["bytes_in_use"]
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            lines = dict(line.split(":") for line in file)
        return int(lines["MemAvailable"].split()[0]) * 1024 / jax.local_device_count()
    except (OSError, KeyError, ValueError):
        return math.inf


def _key(text) -> str:
    device = jax.devices()[0]
    machine = (device.device_kind, jax.device_count(), jax.process_count(), os.cpu_count(), jax.__version__)
    return hashlib.sha256(f"{machine}{text}".encode()).hexdigest()


def _path():
    return cache_dir() / "layouts.json"


def _choices() -> dict[str, Any]:
    try:
        found = json.loads(_path().read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
