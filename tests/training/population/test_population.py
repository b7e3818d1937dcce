import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import data, models, optimizers
from jaxdl.training import Task, population, train
from jaxdl.training.layout import Layout
from jaxdl.training.population import population as module
from jaxdl.training.population.population import compile_population, lower_population

MODEL = models.mlp((8,), 10)
TASK = Task(MODEL, F.cross_entropy, optimizers.momentum(0.05), 16)
LAYOUTS = [Layout(2, 1, 1), Layout(2, 1, 2), Layout(1, 1, 3)]


def test_a_population_agrees_with_a_loop_over_its_members():
    keys, scales = jax.random.split(jax.random.key(0), 3), jnp.array([1.0, 2.0, 3.0])
    offset = {"by": jnp.arange(4.0)}
    one = lambda offset, key, scale: {"drawn": scale * jax.random.normal(key, (4,)) + offset["by"]}
    together = population(one, keys, scales, shared=(offset,))
    for index in range(3):
        alone = one(offset, jax.random.clone(keys)[index], scales[index])
        np.testing.assert_allclose(together["drawn"][index], alone["drawn"], rtol=1e-6)


def test_double_precision_is_preserved(double):
    found = population(lambda number: {"third": number / 3, "index": jnp.argmax(number)}, jnp.arange(1.0, 4.0))
    assert (found["third"].dtype, found["index"].dtype) == (np.float64, np.int64)
    np.testing.assert_array_equal(found["third"], np.arange(1.0, 4.0) / 3)


def test_shared_arrays_are_arguments_of_the_program_and_not_constants_in_it():
    large = jnp.ones(100_000)
    one = lambda large, scale: scale * large.sum()
    assert len(lower_population(one, jnp.ones(2), shared=(large,)).as_text()) < 5_000
    assert population(one, jnp.ones(2), shared=(large,)).tolist() == [100_000, 100_000]


def test_the_mapped_arguments_must_have_one_length():
    with pytest.raises(ValueError, match=r"mapped arguments must have a first axis of equal length, .* \[2, 3\]"):
        population(lambda *member: member, jnp.ones(2), jnp.ones(3))


@pytest.fixture(scope="module")
def examples(digits):
    return data.take(digits, np.arange(64))


def trained(digits, key):
    state, history = train(TASK, digits, key, epochs=3)
    return {"params": state.params, "key": state.key, "loss": history.loss}


def keys(count=3):
    return jax.random.split(jax.random.key(0), count)


@pytest.fixture(scope="module")
def alone(examples):
    program = jax.jit(trained)
    return [program(examples, key) for key in keys()]


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_every_layout_trains_each_member_as_if_it_were_alone(examples, alone, layout):
    """One member at a time gives the same bits; several at once differ by rounding."""
    program = compile_population(trained, keys(), shared=(examples,), layout=layout)
    found = program.run((examples,), (keys(),))
    assert program.layout == layout
    assert found["loss"].devices() == {jax.devices()[0]}
    for index, one in enumerate(alone):
        assert jnp.array_equal(jax.random.key_data(found["key"][index]), jax.random.key_data(one["key"]))
        for ours, its in zip(jax.tree.leaves(found["params"]), jax.tree.leaves(one["params"]), strict=True):
            if layout.at_once == 1:
                np.testing.assert_array_equal(ours[index], its)
            else:
                assert abs(ours[index] - its).max() <= 1e-5 * abs(its).max()


def test_layouts_are_measured_only_if_asked_for(monkeypatch):
    measured, original = [], module._seconds_per_member

    def seconds(program, shared, mapped):
        original(program, shared, mapped)
        measured.append(program.layout)
        return {1: 1.0, 16: 3.0}.get(program.layout.at_once, 2.0)

    monkeypatch.setattr(module, "_seconds_per_member", seconds)
    scaled = lambda offset, scale: (scale * jnp.arange(3.0) + offset).sum()
    scales = jnp.arange(80.0)
    assert compile_population(scaled, scales, shared=(1.0,)).layout == Layout(2, 1, 14)
    assert measured == []
    assert compile_population(scaled, scales, shared=(1.0,), layout="measured").layout == Layout(2, 1, 1)
    assert measured == [Layout(2, 1, 1), Layout(2, 1, 16), Layout(2, 1, 40)]
    np.testing.assert_allclose(population(scaled, scales, shared=(1.0,), layout="measured"), 3 * scales + 3)


def test_programs_that_call_lapack_use_one_device_of_a_cpu():
    """Two devices could wait for each other forever."""
    solved = lambda key: jnp.linalg.svd(jax.random.normal(key, (5, 4)), compute_uv=False)
    for layout in (None, Layout(2, 1, 1)):
        program = compile_population(solved, keys(4), layout=layout)
        assert program.layout.by_member == 1
    assert population(solved, keys(4)).shape == (4, 4)
    assert compile_population(lambda key: jax.random.normal(key), keys(4)).layout.by_member == 2


def test_after_an_out_of_memory_error_half_as_many_members_are_computed_at_once(monkeypatch):
    at_once = []

    def finished(run, *arguments):
        layout = run.args[1]
        at_once.append(layout.at_once)
        if layout.at_once > 1:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1 bytes")
        return run(*arguments)

    monkeypatch.setattr(module, "finished", finished)
    with pytest.warns(UserWarning, match="may differ in their last bits"):
        assert population(lambda x: 2 * x, jnp.arange(4.0), layout=Layout(1, 1, 4)).tolist() == [0, 2, 4, 6]
    assert at_once == [4, 2, 1]
