"""Which layout is the fastest: which there are, what was measured, and what is remembered of it on disk."""

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
from jaxdl.training.population.sharding import Layout

WORTH = 4.0  # seconds that a population must still take for other layouts to be compiled and measured
TOGETHER = (16, 128)  # members that a core may compute at once; of more its caches hold less
KEPT = 1000  # choices that are remembered


def layouts_for(
    members: int, batch_size: int | None = None, devices: Sequence[jax.Device] | None = None
) -> list[Layout]:
    """The layouts that may be the fastest, the likeliest first: on a CPU one member at a time, elsewhere all at once.

    With a batch size, devices that are more than the members may share each batch.
    """
    devices = devices or jax.devices()
    by_member = min(members, len(devices))
    spare = len(devices) // by_member
    by_batch = max(count for count in range(1, spare + 1) if (batch_size or 1) % count == 0)
    if jax.process_count() > 1 and by_member * by_batch < len(devices):
        by_member, by_batch = len(devices), 1  # each process has a part in it, though some compute what nobody needs
    local = -(-members // by_member)
    on_cpu = devices[0].platform == "cpu"
    at_once = dict.fromkeys((1, *(min(local, count) for count in TOGETHER)) if on_cpu else (local, 1))
    found = [Layout(by_member, 1, count) for count in at_once]
    if by_batch == 1:
        return found
    shared = [Layout(by_member, by_batch, count) for count in at_once]
    return shared if jax.process_count() > 1 else found + shared


def fastest(
    lower: Callable[[Layout], Lowered],
    layouts: list[Layout],
    build: Callable[[Layout], Any],
    seconds: Callable[[Any], float],
) -> Any:
    """What `build(layout)` makes of the layout that was the fastest here, before or now.

    `seconds(built)` measures how long all members would take. Where they take long in the first layout, the others are
    built and measured, too, and which it was is remembered. What is built says its `layout`.
    """
    layouts = without_waiting(lower, layouts)
    if len(layouts) == 1:
        return build(layouts[0])
    text = lower(layouts[0]).as_text()
    known = remembered(text, layouts)
    if known:
        return build(known)
    best = build(layouts[0])
    least = seconds(best)
    if least < WORTH:
        return best
    for layout in layouts[1:]:
        other = build(layout)
        took = seconds(other)
        best, least = (other, took) if took < least else (best, least)
    remember(text, best.layout)
    return best


def without_waiting(lower: Callable[[Layout], Lowered], layouts: list[Layout]) -> list[Layout]:
    """These layouts, on one device where a program calls LAPACK on a CPU.

    There it waits for threads of a pool that all devices of the CPU share; two devices that do so can take all there
    are, and wait for each other for ever.
    """
    alone = [layout._replace(by_member=1, by_batch=1) for layout in layouts]
    shared = jax.devices()[0].platform == "cpu" and jax.process_count() == 1 and alone != layouts
    return list(dict.fromkeys(alone)) if shared and "lapack" in lower(layouts[0]).as_text() else layouts


def is_possible(layout: Layout, devices: Sequence[jax.Device] | None = None) -> bool:
    """Are there devices for it, and has each process a part?"""
    wanted, there = layout.by_member * layout.by_batch, len(devices or jax.devices())
    return wanted == there or (wanted < there and jax.process_count() == 1)


def remembered(text: str, layouts: list[Layout]) -> Layout | None:
    """The one of these layouts that was the fastest for a program of this text on this machine, where it is known."""
    found = _choices().get(_key(text))
    number = broadcast_from_first(next((number for number, layout in enumerate(layouts) if list(layout) == found), -1))
    return None if number < 0 else layouts[number]


def remember(text: str, layout: Layout) -> None:
    """Keep for the next time that this layout is the fastest; where nothing can be written, nothing is kept."""
    kept = {**_choices(), _key(text): list(layout)}
    try:
        with whole_file(_path()) as file:
            file.write(json.dumps(dict(list(kept.items())[-KEPT:])).encode())
    except OSError:
        return


def compiled_to_fit(lower: Callable[[Layout], Lowered], layout: Layout) -> tuple[Compiled, Layout]:
    """The program, of a layout that computes fewer members at once where the memory does not hold what it needs."""
    while True:
        program = run_interruptibly(lower(layout).compile)
        if not max_over_processes(int(layout.at_once > 1 and needed_bytes(program) > free_bytes())):
            return program, layout
        layout = smaller(layout)


def smaller(layout: Layout) -> Layout:
    """Half as many members at once."""
    return layout._replace(at_once=layout.at_once // 2)


def smaller_for(error: jax.errors.JaxRuntimeError, layout: Layout) -> Layout:
    """The layout for a device that has said it has too little memory; raises what it has said else, and in vain."""
    if "RESOURCE_EXHAUSTED" not in str(error) or layout.at_once == 1:
        raise error
    return smaller(layout)


def needed_bytes(program: Compiled) -> int:
    """What a program takes on each device beside its arguments."""
    found = program.memory_analysis()
    if found is None:
        return 0
    return found.temp_size_in_bytes + found.output_size_in_bytes - found.alias_size_in_bytes


def free_bytes() -> float:
    """The memory that is free on each device; of a CPU's, each of its devices has a part."""
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
