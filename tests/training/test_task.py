import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import data, models, optimizers
from jaxdl.training import State, Task
from jaxdl.training.task import transform_inputs

MODEL = models.mlp((), 2)
TASK = Task(MODEL, F.cross_entropy, optimizers.sgd(0.1), batch_size=2)
BYTES = data.Dataset(jnp.array([[0], [255]], jnp.uint8), jnp.array([0, 1]), jnp.array([1.0, 2.0]))


def test_a_task_has_one_microbatch_and_no_transform_by_default():
    assert TASK.microbatches == 1
    assert transform_inputs(TASK, BYTES).inputs is BYTES.inputs


def test_the_transform_is_applied_to_the_inputs_only():
    transformed = transform_inputs(TASK._replace(transform=lambda pixels: pixels / 255), BYTES)
    assert transformed.inputs.tolist() == [[0.0], [1.0]]
    assert transformed.labels is BYTES.labels
    assert transformed.weights is BYTES.weights


def test_a_state_is_a_tree_of_all_that_a_step_depends_on():
    zero = jnp.int32(0)
    state = State(jax.random.key(0), zero, zero, {"w": np.ones(2)}, {}, ())
    assert len(jax.tree.leaves(state)) == 4


def test_a_member_must_be_one_of_the_population():
    """An index out of range is an error: jax would return the last member."""
    zero = jnp.int32(0)
    state = State(jax.random.split(jax.random.key(0), 3), zero, zero, {"w": np.arange(3)}, {}, ())
    assert [state.member(number).params["w"] for number in (0, -1)] == [0, 2]
    for number in (3, -4):
        with pytest.raises(IndexError, match=f"number must be from 0 to 2, a member of the state, got {number}"):
            state.member(number)
    with pytest.raises(TypeError, match="number must be an integer, got 'a'"):
        inspect.unwrap(State.member)(state, "a")
    with pytest.raises(ValueError, match="the state is that of one model, not of a population: use it as it is"):
        state.member(1).member(0)
