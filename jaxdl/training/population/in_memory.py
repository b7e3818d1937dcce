"""What carries a population on: its programs, where its members lie, and how many steps are taken at a time."""

import functools
import time
from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh
from jax.stages import Lowered
from jaxtyping import Int

from jaxdl.data import Dataset
from jaxdl.system.interruption import run_interruptibly
from jaxdl.system.multihost import broadcast_from_first, to_host
from jaxdl.training.checkpoints.resume import digest_of
from jaxdl.training.input_checks import check
from jaxdl.training.population.autotune import WORTH, compiled_to_fit, fastest, layouts_for, smaller_for
from jaxdl.training.population.member import Course, Member, advance, begin, going_on
from jaxdl.training.population.population import compile_population, finished
from jaxdl.training.population.sharding import (
    Layout,
    by_member,
    mesh_of,
    on_all,
    over_members,
    pad_members,
    placed,
    shapes_on,
    together,
)

PACE = 0.5  # seconds, about, between two looks at what is computed: a signal waits for so long, and progress is told
FIRST, FASTER = 1, 8  # steps before the first look; and so many times as many before the next, at most
MEASURED = 0.2  # seconds of steps from which the time of one is taken


class Crew(NamedTuple):
    """The members as they lie on the devices, the place of each, and how many places there are: beyond is filling."""

    members: Member
    places: Int[np.ndarray, "members"]
    count: int

    def in_order(self, tree: Any) -> Any:
        """What belongs to the members of the crew, in the order of their places, without the filling."""
        where = np.argsort(self.places)[: self.count]
        if np.array_equal(where, np.arange(len(self.places))):
            return tree
        return jax.tree.map(lambda leaf: leaf[where], tree)


class Engine(NamedTuple):
    """How a population is carried on.

    `text()` is that of its programs, and `data()` what is known of its data. `like` has the shapes of the members that
    `begin()` gives. `compile(members, left, layout)`, with so many steps left, gives the layout, which is the fastest
    where none is said, and `go_on(step, wait)`: it yields the crew and its step after each piece of the work, and waits
    for any by `wait(crew)`. What is yielded is gone with the next piece.
    """

    text: Callable[[], str]
    data: Callable[[], str]
    like: Member
    begin: Callable[[], Member]
    compile: Callable[..., tuple[Layout, Callable[..., Generator[tuple[Crew, int]]]]]


class Machine(NamedTuple):
    """A compiled program for one layout: `take(members, *counts)` gives them on, and what it was given is gone."""

    layout: Layout
    mesh: Mesh
    take: Callable[..., Member]


def engine_of_dataset(
    course: Course, data: Dataset, dev: Dataset, keys: Any, order: Any, devices: Sequence[jax.Device] | None
) -> Engine:
    """Members that are trained on a data set that lies on the devices, as many steps at a time as take PACE."""
    check(course.task, data, dev, epochs=course.epochs)
    steps = data.size // course.task.batch_size
    start, one = functools.partial(begin, course, steps=steps), jax.jit(functools.partial(advance, course))
    like, shared = shapes_of_members(start, (data, dev), keys), (data, dev, order)
    counts = (np.int32(0), np.int32(0))
    layouts = layouts_for(keys.shape[0], course.task.batch_size // course.task.microbatches, devices)
    lower = functools.lru_cache(lambda layout: lower_crew(one, (*shared, *counts), like, layout, devices))

    def compiled(members, left, layout):
        build = functools.partial(machine, lower, shared, members, devices=devices)
        seconds = lambda built: left * seconds_of_a_step(built, members, left)  # noqa: E731
        found = fastest(lower, [layout] if layout else layouts, build, seconds)
        crew = crew_of(members, found.layout, found.mesh)
        return found.layout, functools.partial(in_pieces, found, crew, steps, course.epochs * steps)

    return Engine(
        text=lambda: text_of(start, (data, dev), keys) + text_of(one, (*shared, *counts), like),
        data=lambda: digest_of(data),
        like=like,
        begin=lambda: begun(start, (data, dev), keys, layouts[0], devices),
        compile=compiled,
    )


def shapes_of_members(start: Callable, shared: tuple, keys: Any) -> Member:
    """The shapes of the members that `start(*shared, key)` gives for each key."""
    return jax.eval_shape(jax.vmap(lambda key: start(*shared, key)), keys)


def text_of(one: Callable, shared: tuple, members: Any) -> str:
    """The text of `one(*shared, member)` for one of the members, which depends on no layout."""
    member = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), members)
    return jax.jit(one).lower(*shared, member).as_text()


def begun(start: Callable, shared: tuple, keys: Any, layout: Layout, devices: Sequence[jax.Device] | None) -> Member:
    """The members that `start(*shared, key)` gives."""
    program = run_interruptibly(lambda: compile_population(start, keys, shared=shared, devices=devices, layout=layout))
    return program(shared, (keys,))


def lower_crew(
    one: Callable, shared: tuple, like: Member, layout: Layout, devices: Sequence[jax.Device] | None
) -> Lowered:
    """The program of `one(*shared, member)` for a crew, which leaves chunks alone whose members have all ended."""
    mesh = mesh_of(layout, devices)
    every = lambda shared, members: together(lambda member: one(*shared, member), layout.at_once)(members)  # noqa: E731

    def of_chunk(shared, nothing, members):  # noqa: ARG001
        any_goes_on = going_on(members).any()
        return jax.lax.cond(any_goes_on, lambda members: every(shared, members), lambda members: members, members)

    count = layout.padded(like.stopped.shape[0])
    crew, everywhere = shapes_on(like, by_member(mesh), count), shapes_on(shared, on_all(mesh))
    chunks = count // (layout.by_member * layout.at_once)
    program = over_members(of_chunk, layout, mesh)
    return jax.jit(lambda shared, crew: program(shared, (), crew, 0, chunks), donate_argnums=1).lower(everywhere, crew)


def crew_of(members: Member, layout: Layout, mesh: Mesh) -> Crew:
    """A copy of the members, laid out."""
    there = members.stopped.shape[0]
    count = layout.padded(there)
    return Crew(placed(pad_members(to_host(members), count), by_member(mesh)), np.arange(count), there)


def machine(
    lower: Callable[[Layout], Lowered],
    shared: tuple,
    members: Member,
    layout: Layout,
    *,
    devices: Sequence[jax.Device] | None,
) -> Machine:
    """The program of this layout, or of one with fewer members at once where the memory does not hold so many.

    What is shared then lies on the devices, and the program has run, for no step.
    """
    while True:
        program, layout = compiled_to_fit(lower, layout)
        mesh = mesh_of(layout, devices)
        there = placed(shared, on_all(mesh))

        def take(members, *counts, program=program, there=there):
            return program((*there, *map(np.int32, counts)), members)

        try:
            finished(take, crew_of(members, layout, mesh).members, 0, 0)
            return Machine(layout, mesh, take)
        except jax.errors.JaxRuntimeError as error:
            layout = smaller_for(error, layout)


def seconds_of_a_step(of: Machine, members: Member, left: int) -> float:
    """How long all members take for a step, measured on a copy of them, and not for long where little is left to do."""
    crew, count = crew_of(members, of.layout, of.mesh).members, 1
    while True:
        began = time.perf_counter()
        crew = finished(of.take, crew, 0, count)
        took = broadcast_from_first(time.perf_counter() - began)
        if took >= MEASURED or took / count * left < WORTH or count >= left:
            return took / count
        count = min(left, 2 * count)


def in_pieces(
    of: Machine, crew: Crew, steps: int, total: int, step: int, wait: Callable[[Crew], Crew]
) -> Generator[tuple[Crew, int]]:
    """The crew and its step after each piece: about PACE seconds, to the end of an epoch where one is near."""
    wanted = FIRST
    while step < total:
        count, began = min(_near_an_end(step, wanted, steps), total - step), time.perf_counter()
        crew = wait(crew._replace(members=of.take(crew.members, step, count)))
        step += count
        took = broadcast_from_first(time.perf_counter() - began)
        yield crew, step
        wanted = max(1, int(count * min(PACE / took, FASTER)))
        crew = dealt(crew, of)


def dealt(crew: Crew, of: Machine) -> Crew:
    """The members that go on, dealt evenly to the devices and before the others, where that leaves chunks alone."""
    stopped, diverged = to_host((crew.members.stopped, crew.members.diverged))
    going = (stopped == 0) & (diverged == 0)
    by_device = going.reshape(of.layout.by_member, -1)
    chunks = by_device.reshape(of.layout.by_member, -1, of.layout.at_once).any(axis=2).sum(axis=1)
    if chunks.max() <= -(-going.sum() // (of.layout.by_member * of.layout.at_once)):
        return crew
    hands = np.argsort(~going, kind="stable").reshape(-1, of.layout.by_member).T.ravel()
    return crew._replace(members=_taking(of.mesh)(crew.members, hands), places=crew.places[hands])


@functools.lru_cache
def _taking(mesh) -> Callable[[Member, np.ndarray], Member]:
    """The program that takes members from where they are, compiled once for all hands."""
    take = lambda members, hands: jax.tree.map(lambda leaf: leaf[hands], members)  # noqa: E731
    return jax.jit(take, out_shardings=by_member(mesh))


def _near_an_end(step: int, count: int, steps: int) -> int:
    """About so many steps, up to the end of an epoch of `steps` where one is near: an order is drawn once, then."""
    end = round((step + count) / steps) * steps
    return end - step if abs(end - step - count) <= count // 2 else min(count, steps - step % steps)
