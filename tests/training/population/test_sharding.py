"""Populations on several devices: every layout computes the same, and none costs what has ended."""

import os
import signal
import subprocess
import sys
import textwrap

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import data, models, optimizers
from jaxdl.training import Checkpoints, Task, classification, fit, population, supervised, train, use_all_cores
from jaxdl.training.layout import Layout, mesh_of
from jaxdl.training.population.autotune import (
    compile_within_memory,
    layouts_for,
    needed_bytes,
    remember,
    remembered,
    smaller,
)
from jaxdl.training.population.in_memory import rebalance
from jaxdl.training.population.member import FitConfig, init_member, train_steps
from jaxdl.training.population.population import CompiledPopulation, compile_population
from jaxdl.training.population.runner import PlacedMembers, lower_members, place_members

POPULATION = sys.modules["jaxdl.training.population.population"]  # the package's `population` is the function
MODEL = models.mlp((8,), 10)
TASK = Task(MODEL, supervised(MODEL, F.cross_entropy), optimizers.adam(1e-2), 16)
LAYOUTS = [Layout(1, 1, 1), Layout(2, 1, 1), Layout(2, 1, 2), Layout(1, 1, 3), Layout(1, 2, 1), Layout(1, 2, 3)]


@pytest.fixture(scope="module")
def digits():
    return data.take(data.load_digits(), np.arange(64))


def trained(digits, key):
    state, history = train(TASK, digits, key, epochs=3)
    return {"params": state.params, "key": state.key, "loss": history.loss}


def keys(count=3):
    return jax.random.split(jax.random.key(0), count)


@pytest.fixture(scope="module")
def alone(digits):
    program = jax.jit(trained)
    return [program(digits, key) for key in keys()]


@pytest.mark.parametrize("layout", [layout for layout in LAYOUTS if layout.by_batch == 1], ids=str)
def test_every_layout_computes_what_each_member_computes_alone(digits, alone, layout):
    program = compile_population(trained, keys(), shared=(digits,), layout=layout)
    found = program((digits,), (keys(),))
    assert program.layout == layout
    assert found["loss"].devices() == {jax.devices()[0]}
    for index, one in enumerate(alone):
        assert jnp.array_equal(jax.random.key_data(found["key"][index]), jax.random.key_data(one["key"]))
        for ours, its in zip(jax.tree.leaves(found["params"]), jax.tree.leaves(one["params"]), strict=True):
            if layout.at_once == 1:
                np.testing.assert_array_equal(ours[index], its)
            else:
                assert abs(ours[index] - its).max() <= 1e-5 * abs(its).max()


@pytest.mark.parametrize("layout", [Layout(2, 1, 2), Layout(1, 2, 1)], ids=str)
def test_a_fit_comes_to_the_same_in_every_layout(digits, layout, monkeypatch):
    settings = {"epochs": 3, "dev": digits, "observe": classification(MODEL)}
    first, other = (fitted_in(monkeypatch, digits, each, settings) for each in (LAYOUTS[0], layout))
    assert other.layout == layout
    for ours, its in zip(jax.tree.leaves(other.state.params), jax.tree.leaves(first.state.params), strict=True):
        assert ours.shape == its.shape
        assert abs(ours - its).max() <= 1e-5 * abs(its).max()
    np.testing.assert_allclose(other.history.loss, first.history.loss, rtol=1e-5)


def fitted_in(monkeypatch, digits, layout, settings):
    with monkeypatch.context() as patch:
        patch.setattr("jaxdl.training.population.in_memory.layouts_for", lambda *_: [layout])
        return fit(TASK, digits, keys(), **settings)


def test_a_device_of_a_batch_sees_its_part_and_all_add_up_their_gradients(digits):
    like = jax.eval_shape(jax.vmap(lambda key: init_member(course(digits), digits, digits, key, steps=4)), keys(1))
    one = lambda data, dev, order, done, count, member: train_steps(
        course(digits), data, dev, order, done, count, member
    )
    shared = (digits, digits, None, np.int32(0), np.int32(0))
    layouts = (Layout(1, 2, 1), Layout(1, 1, 1))
    two, alone = (lower_members(one, shared, like, layout, None).compile().as_text() for layout in layouts)
    assert ["all-reduce" in text for text in (two, alone)] == [True, False]
    assert ["f32[16,64]" in text for text in (two, alone)] == [False, True]  # a whole batch of images, as rows


def course(digits):
    return FitConfig(TASK, classification(MODEL), 3)


def test_layouts_begin_with_one_member_at_a_time_on_a_cpu():
    assert layouts_for(64) == [Layout(2, 1, 1), Layout(2, 1, 16), Layout(2, 1, 32)]
    assert layouts_for(1) == [Layout(1, 1, 1)]
    assert layouts_for(1, 32) == [Layout(1, 1, 1), Layout(1, 2, 1)]
    assert layouts_for(1, 33) == [Layout(1, 1, 1)]
    assert layouts_for(3, devices=jax.devices()[:1]) == [Layout(1, 1, 1), Layout(1, 1, 3)]


def test_a_layout_is_gone_on_with_where_it_is_possible(digits, tmp_path):
    """Two devices were there when it was begun; one of them goes on, to the same bits."""
    settings = {"epochs": 3, "dev": digits, "observe": classification(MODEL), "checkpoints": Checkpoints(tmp_path, 0.0)}
    begun = fit(TASK, digits, keys(), **settings, watch=lambda progress: signal.raise_signal(signal.SIGINT))
    assert begun.layout == Layout(2, 1, 1)
    alone = fit(TASK, digits, keys(), **settings, devices=jax.devices()[:1])
    assert alone.layout == Layout(1, 1, 1)
    whole = fit(TASK, digits, keys(), **{**settings, "checkpoints": None})
    jax.tree.map(np.testing.assert_array_equal, alone.state.params, whole.state.params)


class Accelerator:
    platform = "gpu"


def test_elsewhere_they_begin_with_all_members_at_once(unchecked):
    devices = [Accelerator()] * 4
    assert unchecked(layouts_for)(64, devices=devices)[0] == Layout(4, 1, 16)
    assert Layout(1, 4, 1) in unchecked(layouts_for)(1, 32, devices=devices)


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXDL_CACHE", str(tmp_path))
    return tmp_path


def test_what_was_the_fastest_is_measured_once_and_remembered(digits, own_cache, monkeypatch):
    monkeypatch.setattr("jaxdl.training.population.autotune.MIN_SECONDS", 0.0)
    measured = []
    original = POPULATION._seconds_per_member

    def seconds(program, shared, mapped):
        original(program, shared, mapped)
        measured.append(program.layout)
        return {1: 3.0, 16: 1.0}.get(program.layout.at_once, 2.0)

    monkeypatch.setattr(POPULATION, "_seconds_per_member", seconds)
    scaled = lambda offset, scale: (scale * jnp.arange(3.0) + offset).sum()
    scales = jnp.arange(80.0)
    for _ in range(2):
        assert compile_population(scaled, scales, shared=(1.0,)).layout == Layout(2, 1, 16)
    assert measured == [Layout(2, 1, 1), Layout(2, 1, 16)]
    np.testing.assert_allclose(population(scaled, scales, shared=(1.0,)), 3 * scales + 3)


@pytest.mark.parametrize("damage", [b"", b"[]", b"{", b'{"a": 3}'])
def test_a_memory_that_is_damaged_is_none(own_cache, damage):
    (own_cache / "layouts.json").write_bytes(damage)
    assert remembered("text", LAYOUTS) is None
    remember("text", LAYOUTS[2])
    assert remembered("text", LAYOUTS) == LAYOUTS[2]
    assert remembered("another", LAYOUTS) is None
    assert remembered("text", LAYOUTS[:2]) is None


def test_a_memory_that_cannot_be_written_is_none(monkeypatch, tmp_path):
    monkeypatch.setenv("JAXDL_CACHE", str(tmp_path / "file"))
    (tmp_path / "file").write_text("")
    remember("text", LAYOUTS[2])
    assert remembered("text", LAYOUTS) is None


def test_what_calls_lapack_is_computed_on_one_device_of_a_cpu():
    """Two of them would wait for each other, now and then."""
    solved = lambda key: jnp.linalg.svd(jax.random.normal(key, (5, 4)), compute_uv=False)
    for layout in (None, Layout(2, 1, 1)):
        program = compile_population(solved, keys(4), layout=layout)
        assert program.layout.by_member == 1
    assert population(solved, keys(4)).shape == (4, 4)
    assert compile_population(lambda key: jax.random.normal(key), keys(4)).layout.by_member == 2


def test_as_many_are_computed_at_once_as_the_memory_holds(monkeypatch):
    squares = lambda x: jnp.sort(x @ x.T, axis=0).sum()  # a matrix that is kept before it is summed
    lower = lambda layout: jax.jit(jax.vmap(squares)).lower(jax.ShapeDtypeStruct((layout.at_once, 128, 8), np.float32))
    monkeypatch.setattr("jaxdl.training.population.autotune.free_bytes", lambda: 5 * 4 * 128**2)
    program, layout = compile_within_memory(lower, Layout(1, 1, 16))
    assert 1 <= layout.at_once <= 4
    assert needed_bytes(program) <= 5 * 4 * 128**2


def test_a_device_that_has_too_little_memory_gets_fewer_at_once(digits, monkeypatch):
    asked = []

    def too_large(run, *arguments):
        layout = run.args[1]
        asked.append(layout.at_once)
        if layout.at_once > 1:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1 bytes")
        return run(*arguments)

    monkeypatch.setattr(POPULATION, "finished", too_large)
    monkeypatch.setattr(POPULATION, "layouts_for", lambda *_, **__: [Layout(1, 1, 4)])
    assert population(lambda x: 2 * x, jnp.arange(4.0)).tolist() == [0, 2, 4, 6]
    assert asked == [4, 2, 1]
    assert smaller(Layout(1, 1, 4)) == Layout(1, 1, 2)


@pytest.mark.parametrize("at_once", [1, 2])
def test_members_that_go_on_are_dealt_evenly(digits, at_once):
    layout = Layout(2, 1, at_once)
    mesh = mesh_of(layout)
    members = jax.vmap(lambda key: init_member(course(digits), digits, digits, key, steps=4))(keys(8))
    stopped = jnp.array([0, 3, 0, 3, 3, 3, 3, 3])
    crew = place_members(members._replace(stopped=stopped), layout, mesh)
    again = rebalance(crew, CompiledPopulation(layout, mesh, None))
    assert again.indices[[0, 4]].tolist() == [0, 2] if at_once == 1 else again is not crew or at_once == 2
    assert sorted(again.indices.tolist()) == list(range(8))
    back = again.in_order(again.members)
    np.testing.assert_array_equal(back.stopped, stopped)
    jax.tree.map(np.testing.assert_array_equal, back.params, members.params)
    assert rebalance(again, CompiledPopulation(layout, mesh, None)) is again


def test_a_crew_without_its_filling_is_in_the_order_of_its_places():
    crew = PlacedMembers(None, np.array([2, 0, 3, 1]), 3)
    assert crew.in_order({"x": jnp.array([12, 10, 13, 11])})["x"].tolist() == [10, 11, 12]


def test_cores_become_devices_before_jax_begins_and_are_asked_for_in_vain_after(monkeypatch):
    assert use_all_cores.__module__ == "jaxdl.system.startup"
    monkeypatch.setenv("JAX_NUM_CPU_DEVICES", str(jax.device_count()))
    assert use_all_cores() == jax.device_count()
    monkeypatch.setenv("JAX_NUM_CPU_DEVICES", "64")
    with pytest.raises(
        RuntimeError, match=f"must be called before jax computes anything: jax already runs with {jax.device_count()}"
    ):
        use_all_cores()


def test_eight_devices_compute_what_one_computes(tmp_path):
    program = """
        import jax, numpy as np
        import jaxdl.functional as F
        from jaxdl import data, models, optimizers, training

        training.use_all_cores()
        assert jax.device_count() == 8
        digits = data.take(data.load_digits(), np.arange(64))
        model = models.mlp((8,), 10)
        task = training.Task(model, training.supervised(model, F.cross_entropy), optimizers.adam(1e-2), 16)
        for members in (3, 11):
            keys = jax.random.split(jax.random.key(0), members)
            common = dict(epochs=2, dev=digits, observe=training.classification(model))
            spread, one = (training.fit(task, digits, keys, **common, devices=d) for d in (None, jax.devices()[:1]))
            assert spread.layout.by_member == min(members, 8), spread.layout
            for a, b in zip(jax.tree.leaves(spread.state.params), jax.tree.leaves(one.state.params)):
                np.testing.assert_array_equal(a, b)
    """
    environment = {**os.environ, "JAX_NUM_CPU_DEVICES": "8", "JAXDL_CACHE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
