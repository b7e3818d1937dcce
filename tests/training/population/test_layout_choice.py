"""The choice of a layout: the rule, the layouts to measure, and the count of operations that the rule looks at."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.training.layout import Layout
from jaxdl.training.population.layout_choice import choose_layout, fastest, operations_of_step, possible_layouts


class Accelerator:
    platform = "gpu"


def traced(f, *arguments):
    return jax.make_jaxpr(f)(*arguments).jaxpr


SMALL = traced(lambda x: x @ x, jnp.ones((8, 8)))
LARGE = traced(lambda x: x @ x, jnp.ones((128, 128)))


@pytest.mark.parametrize(
    ("jaxpr", "members", "layout"),
    [
        (SMALL, 1, Layout(1, 1, 1)),
        (SMALL, 30, Layout(2, 1, 1)),  # fewer than 16 on each of two devices
        (SMALL, 31, Layout(2, 1, 16)),
        (SMALL, 34, Layout(2, 1, 9)),  # 17 on each: a chunk of 9 and one of 8, which is padded
        (SMALL, 128, Layout(2, 1, 16)),
        (LARGE, 128, Layout(2, 1, 1)),
    ],
)
def test_a_cpu_computes_members_together_if_there_are_many_and_their_steps_are_small(jaxpr, members, layout):
    assert choose_layout(lambda: jaxpr, members, 32) == layout
    assert layout.padded(members) - members < max(2 * layout.at_once, 2)


def test_an_accelerator_computes_all_members_at_once_and_shares_only_large_batches(unchecked):
    devices = [Accelerator()] * 4
    assert unchecked(choose_layout)(lambda: SMALL, 64, devices=devices) == Layout(4, 1, 16)
    assert unchecked(choose_layout)(lambda: SMALL, 1, 32, devices) == Layout(1, 1, 1)
    huge = traced(lambda x: x @ x, jax.ShapeDtypeStruct((4096, 4096), np.float32))
    assert unchecked(choose_layout)(lambda: huge, 1, 32, devices) == Layout(1, 4, 1)
    assert unchecked(choose_layout)(lambda: huge, 1, 33, devices) == Layout(1, 3, 1)


def test_all_layouts_that_may_be_the_fastest_are_measured(unchecked):
    assert possible_layouts(64) == [Layout(2, 1, 1), Layout(2, 1, 16), Layout(2, 1, 32)]
    assert possible_layouts(1) == [Layout(1, 1, 1)]
    assert possible_layouts(1, 32) == [Layout(1, 1, 1), Layout(1, 2, 1)]
    assert possible_layouts(1, 33) == [Layout(1, 1, 1)]
    assert possible_layouts(3, devices=jax.devices()[:1]) == [Layout(1, 1, 1), Layout(1, 1, 3)]
    assert Layout(1, 4, 1) in unchecked(possible_layouts)(1, 32, [Accelerator()] * 4)


def test_the_fastest_layout_is_taken():
    layouts = [Layout(1, 1, 1), Layout(2, 1, 1), Layout(2, 1, 2)]
    seconds = dict(zip(layouts, (9.0, 7.0, 8.0), strict=True))
    build = lambda layout: types.SimpleNamespace(layout=layout)
    assert fastest(layouts, build, lambda built: seconds[built.layout]).layout == layouts[1]


def test_the_operations_of_the_innermost_loop_are_counted():
    weights, rows = jnp.ones((5, 7)), jnp.ones((11, 3, 5))

    def train(weights, rows):
        evaluated = rows.reshape(-1, 5) @ weights  # outside the loop of steps
        step = lambda carry, batch: (jnp.exp(carry), batch @ weights)
        epoch = lambda number, carry: jax.lax.scan(step, carry, rows)[0]
        found = jnp.searchsorted(jnp.sort(rows.ravel()), 0.5)  # a loop without a product
        return jax.lax.fori_loop(0, 2, epoch, weights), evaluated, found

    assert operations_of_step(traced(train, weights, rows)) == 3 * 5 * 7 + 5 * 7  # a product and an exponential
    assert operations_of_step(traced(lambda x: jnp.exp(x) + 1, rows)) == 2 * rows.size
    assert operations_of_step(traced(lambda: None)) == 0
