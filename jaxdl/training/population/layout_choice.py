"""Choose the layout of a population: by a rule, or by measuring the possible layouts."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
from jax.stages import Lowered

from jaxdl.backpropagation import count_multiply_adds, inner_jaxprs
from jaxdl.training.layout import Layout

AT_ONCE = 16  # members that a CPU core computes together if their steps are small
SMALL_STEP = 1e6  # operations of a step of one member up to which a CPU core computes several members together
LARGE_STEP = 1e10  # operations of a step from which spare accelerators share its batch
MEASURED_AT_ONCE = (1, 16, 128)  # numbers of members at once that are measured on a CPU


def choose_layout(
    trace: Callable[[], Any],
    members: int,
    batch_size: int | None = None,
    devices: Sequence[jax.Device] | None = None,
) -> Layout:
    """Return the layout of a population: a function of shapes, the kind of device and the number of devices alone.

    The members are divided among as many devices as possible. An accelerator computes all its members at once. A CPU
    core computes one after another, or 16 at once if it has that many and a step of one member takes at most a million
    operations: the time of such a step is mostly that of starting its operations, which members at once share.

    With a batch size, spare accelerators share the batches of members whose step takes at least 10^10 operations; on
    the cores of a CPU that is slower.

    Args:
        trace: Returns the jaxpr of one member; called only if the choice depends on it.
        members: Number of members.
        batch_size: Number of examples in a batch that devices may share.
        devices: Devices to use; all by default.
    """
    devices = devices or jax.devices()
    by_member, by_batch = _divisions(members, batch_size, devices)
    local = -(-members // by_member)
    if devices[0].platform == "cpu":
        together = local >= AT_ONCE and operations_of_step(trace()) <= SMALL_STEP
        return Layout(by_member, 1, _equal_chunks(local) if together else 1)
    if by_batch > 1 and jax.process_count() == 1 and operations_of_step(trace()) < LARGE_STEP:
        by_batch = 1
    return Layout(by_member, by_batch, local)


def possible_layouts(
    members: int, batch_size: int | None = None, devices: Sequence[jax.Device] | None = None
) -> list[Layout]:
    """Return the layouts to measure; with a batch size, spare devices may share each batch."""
    devices = devices or jax.devices()
    by_member, by_batch = _divisions(members, batch_size, devices)
    local = -(-members // by_member)
    counts = [min(local, count) for count in MEASURED_AT_ONCE] if devices[0].platform == "cpu" else [local, 1]
    shares = [by_batch] if jax.process_count() > 1 else [1, by_batch]
    return list(dict.fromkeys(Layout(by_member, share, count) for share in shares for count in counts))


def fastest(layouts: list[Layout], build: Callable[[Layout], Any], seconds: Callable[[Any], float]) -> Any:
    """Return `build(layout)` for the layout of the least `seconds(built)`."""
    best = build(layouts[0])
    least = seconds(best) if len(layouts) > 1 else 0.0
    for layout in layouts[1:]:
        other = build(layout)
        measured = seconds(other)
        best, least = (other, measured) if measured < least else (best, least)
    return best


def operations_of_step(jaxpr: Any) -> int:
    """Count the multiply-adds, and the numbers that all other operations return, of one run of the innermost loop.

    In a training this is a step. Loops without a matrix product or convolution do not count if others have one. A
    program without a loop counts as a whole.
    """
    sums: dict[int, list[int]] = {}
    for depth, equation in _equations(jaxpr, 0):
        multiply_adds = count_multiply_adds(equation)
        level = sums.setdefault(depth, [0, 0])
        level[0] += multiply_adds
        level[1] += 0 if multiply_adds else sum(math.prod(getattr(out.aval, "shape", ())) for out in equation.outvars)
    with_products = {depth: level for depth, level in sums.items() if level[0]}
    return sum((with_products or sums)[max(with_products or sums)]) if sums else 0


def avoid_deadlock(lower: Callable[[Layout], Lowered], layouts: list[Layout]) -> list[Layout]:
    """Restrict the layouts to one device if the program calls LAPACK on a CPU.

    LAPACK calls wait for threads of a pool that all CPU devices share. Two devices can take all threads and wait for
    each other forever.
    """
    alone = [layout._replace(by_member=1, by_batch=1) for layout in layouts]
    shared = jax.devices()[0].platform == "cpu" and jax.process_count() == 1 and alone != layouts
    return list(dict.fromkeys(alone)) if shared and "lapack" in lower(layouts[0]).as_text() else layouts


def _divisions(members, batch_size, devices) -> tuple[int, int]:
    """Return the number of devices that divide the members, and of those that can share each batch."""
    by_member = min(members, len(devices))
    spare = len(devices) // by_member
    by_batch = max(count for count in range(1, spare + 1) if (batch_size or 1) % count == 0)
    if jax.process_count() > 1 and by_member * by_batch < len(devices):
        return len(devices), 1  # every process must take part, even if some compute padding
    return by_member, by_batch


def _equal_chunks(local) -> int:
    """Return the size of the fewest equal chunks of at most AT_ONCE members."""
    return -(-local // -(-local // AT_ONCE))


def _equations(jaxpr, depth) -> Iterator[tuple[int, Any]]:
    """Yield every equation without a jaxpr inside, and the number of loops around it."""
    for equation in jaxpr.eqns:
        parts = [*inner_jaxprs(equation)]
        for part in parts:
            yield from _equations(part, depth + (equation.primitive.name in ("scan", "while")))
        if not parts:
            yield depth, equation
