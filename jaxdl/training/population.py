"""A population: one training, many members, one compiled program."""

from collections.abc import Callable
from typing import Any

import jax
from jax.stages import Compiled, Lowered

from jaxdl.interruption import leavable


def lower_population(train_one: Callable, *mapped: Any, shared: tuple = ()) -> Lowered:
    """The program of `population` before it is compiled, for arguments of these shapes, which may stand for others.

    Raises ValueError where the mapped arguments do not have one first axis of the same length.
    """
    members = {leaf.shape[0] if leaf.ndim else 0 for leaf in jax.tree.leaves(mapped)}
    if len(members) != 1 or 0 in members:
        raise ValueError(
            f"mapped arguments must share a first axis, one entry for each member, but have {sorted(members)} entries: "
            "pass what all members share in shared."
        )
    every_member = jax.vmap(lambda shared, mapped: train_one(*shared, *mapped), in_axes=(None, 0))
    return jax.jit(every_member).lower(shared, mapped)


def compile_population(train_one: Callable, *mapped: Any, shared: tuple = ()) -> Compiled:
    """The compiled program that `population` runs, to be called as `program(shared, mapped)` with the same shapes.

    Raises ValueError where the mapped arguments do not have one first axis of the same length.
    """
    return leavable(lower_population(train_one, *mapped, shared=shared).compile)


def population(train_one: Callable, *mapped: Any, shared: tuple = ()) -> Any:
    """`train_one(*shared, *member)` for every member of the mapped arguments, in one compiled program.

    Seeds, rates, penalties and bootstrap weights are axes: `population(train_one, keys, rates, shared=(data,))`. Data
    travels in `shared`, never in a closure, where it would be compiled into the program. What comes back has the
    members as its first axis. It compiles each time, and is not itself traceable.
    """
    return compile_population(train_one, *mapped, shared=shared)(shared, mapped)
