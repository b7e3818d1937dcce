import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import data, models, optimizers
from jaxdl.training import Task
from jaxdl.training.layout import Layout, mesh_of
from jaxdl.training.population.in_memory import InMemoryRunner
from jaxdl.training.population.member import FitConfig, init_member, train_steps
from jaxdl.training.population.runner import PlacedMembers, Runner, lower_members, place_members
from jaxdl.training.population.streamed import StreamedRunner

MODEL = models.mlp((8,), 10)
TASK = Task(MODEL, F.cross_entropy, optimizers.sgd(0.1), 16)
CONFIG = FitConfig(TASK, 3, observe=lambda state, dev: {})


@pytest.fixture(scope="module")
def examples(digits):
    return data.take(digits, np.arange(64))


def members_of(examples, count):
    init = jax.vmap(lambda key: init_member(CONFIG, examples, examples, key, {}, steps=4))
    return jax.jit(init)(jax.random.split(jax.random.key(0), count))


@pytest.mark.parametrize("runner", [InMemoryRunner, StreamedRunner])
def test_both_runners_have_the_methods_of_the_protocol(runner):
    methods = [name for name in vars(Runner) if not name.startswith("_")]
    assert "run_chunk" in methods
    assert all(callable(getattr(runner, name)) for name in methods)


def test_placed_members_are_put_in_order_without_padding():
    placed = PlacedMembers(None, np.array([2, 0, 3, 1]), 3)
    assert placed.in_order({"x": jnp.array([12, 10, 13, 11])})["x"].tolist() == [10, 11, 12]


def test_members_are_placed_with_padding_in_their_order(examples):
    layout = Layout(by_member=2, at_once=2)
    members = members_of(examples, 3)
    placed = place_members(members, layout, mesh_of(layout))
    assert (placed.indices.tolist(), placed.count) == ([0, 1, 2, 3], 3)
    assert placed.members.losses.sharding.spec == jax.P("member")
    jax.tree.map(np.testing.assert_array_equal, placed.in_order(placed.members).params, members.params)


def test_devices_that_share_a_batch_compute_a_part_each_and_add_their_gradients(examples):
    like = jax.eval_shape(lambda: members_of(examples, 1))

    def one(data, dev, order, done, count, member):
        return train_steps(CONFIG, data, dev, order, done, count, member)

    shared = (examples, examples, None, np.int32(0), np.int32(0))
    layouts = (Layout(1, 2, 1), Layout(1, 1, 1))
    two, alone = (lower_members(one, shared, like, layout, None).compile().as_text() for layout in layouts)
    assert ["all-reduce" in text for text in (two, alone)] == [True, False]
    assert ["f32[16,64]" in text for text in (two, alone)] == [False, True]  # a whole batch of flat images


def test_chunks_without_an_active_member_are_skipped(examples):
    layout = Layout(at_once=2)
    members = members_of(examples, 6)._replace(stopped=jnp.array([0, 3, 3, 3, 0, 0]))
    add = lambda amount, member: member._replace(losses=member.losses + amount)
    program = lower_members(add, (jnp.float32(1),), members, layout, None).compile()
    after = program((jnp.float32(1),), place_members(members, layout, mesh_of(layout)).members)
    assert after.losses[:, 0].tolist() == [1, 1, 0, 0, 1, 1]
