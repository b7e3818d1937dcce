"""Fits on data that lie on the devices: layouts, chunks of steps, and members that stop early."""

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
from jaxdl import data, metrics, models, optimizers
from jaxdl.training import Checkpoints, Task, fit
from jaxdl.training.layout import Layout, mesh_of
from jaxdl.training.population import in_memory
from jaxdl.training.population.in_memory import _near_epoch_end, rebalance
from jaxdl.training.population.member import FitConfig, init_member
from jaxdl.training.population.population import CompiledPopulation
from jaxdl.training.population.runner import place_members

MODEL = models.mlp((8,), 10)
TASK = Task(MODEL, F.cross_entropy, optimizers.momentum(0.05), 16, metrics={"accuracy": metrics.accuracy})
CONFIG = FitConfig(TASK, 3)
pytestmark = pytest.mark.usefixtures("shared_programs")


@pytest.fixture(scope="module")
def examples(digits):
    return data.take(digits, np.arange(64))


def fitted(examples, **settings):
    keys = jax.random.split(jax.random.key(0), 3)
    return fit(TASK, examples, keys, epochs=3, dev=examples, **settings)


@pytest.fixture(scope="module")
def on_one_device(examples):
    found = fitted(examples, devices=jax.devices()[:1])
    assert found.layout == Layout(1, 1, 1)
    return found


@pytest.mark.parametrize("layout", [Layout(2, 1, 2), Layout(1, 2, 1)], ids=str)
def test_a_fit_gives_the_same_result_in_every_layout(examples, on_one_device, layout):
    found = fitted(examples, layout=layout)
    assert found.layout == layout
    for ours, its in zip(jax.tree.leaves(found.state.params), jax.tree.leaves(on_one_device.state.params), strict=True):
        assert ours.shape == its.shape
        assert abs(ours - its).max() <= 1e-5 * abs(its).max()
    np.testing.assert_allclose(found.history.loss, on_one_device.history.loss, rtol=1e-5)


def test_a_fit_on_two_devices_can_be_resumed_on_one(examples, on_one_device, tmp_path):
    """With one member at a time the result is bit-identical to that of one device from the start."""
    checkpoints = Checkpoints(tmp_path, 0.0)
    interrupt = lambda progress: signal.raise_signal(signal.SIGINT)
    part = fitted(examples, checkpoints=checkpoints, watch=interrupt)
    assert part.interrupted
    assert part.layout == Layout(2, 1, 1)
    rest = fitted(examples, checkpoints=checkpoints, devices=jax.devices()[:1])
    assert rest.layout == Layout(1, 1, 1)
    jax.tree.map(np.testing.assert_array_equal, rest.state.params, on_one_device.state.params)


def test_a_slow_machine_gives_the_bits_of_a_fast_one(examples, monkeypatch):
    """The steps per call, and when members that stopped give up their place in a chunk, depend on the clock."""
    keys = jax.random.split(jax.random.key(0), 33)

    def trained(chunk_seconds):
        monkeypatch.setattr(in_memory, "CHUNK_SECONDS", chunk_seconds)
        orders = []
        watch = lambda progress: orders.append(int(progress.active.sum()))
        rate = TASK._replace(optimizer=optimizers.momentum(1.0))  # of these members some stop early
        found = fit(rate, examples, jax.random.clone(keys), epochs=5, dev=examples, patience=1, watch=watch)
        assert found.layout == Layout(2, 1, 9)
        return found, orders

    (slow, often), (fast, seldom) = trained(0.0), trained(100.0)
    assert len(often) > 2 * len(seldom)
    assert 0 < often[-2] < 33
    jax.tree.map(np.testing.assert_array_equal, (slow.state.params, slow.best), (fast.state.params, fast.best))
    np.testing.assert_array_equal(slow.epochs, fast.epochs)


def test_a_measured_layout_is_saved_before_the_first_step_and_kept_by_a_resumed_fit(examples, tmp_path, monkeypatch):
    monkeypatch.setattr(in_memory, "possible_layouts", lambda *_: [Layout(1, 1, 1), Layout(1, 1, 3)])
    seconds = {1: 2.0, 3: 1.0}
    monkeypatch.setattr(in_memory, "seconds_per_step", lambda program, *_: seconds[program.layout.at_once])
    checkpoints = Checkpoints(tmp_path, 1e9)

    def crash(runner, *_):
        raise RuntimeError(str(runner._program.layout))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(in_memory.InMemoryRunner, "run_chunk", crash)
        with pytest.raises(RuntimeError, match="at_once=3"):
            fitted(examples, checkpoints=checkpoints, layout="measured")
    seconds[3] = 3.0
    assert fitted(examples, checkpoints=checkpoints, layout="measured").layout == Layout(1, 1, 3)


@pytest.mark.slow
def test_eight_devices_give_the_bits_of_one(tmp_path):
    program = """
        import jax, numpy as np
        import jaxdl.functional as F
        from jaxdl import data, metrics, models, optimizers, training

        training.use_all_cores()
        assert jax.device_count() == 8
        digits = data.take(data.load_digits(), np.arange(64))
        model = models.mlp((8,), 10)
        task = training.Task(model, F.cross_entropy, optimizers.sgd(0.1), 16)
        keys = jax.random.split(jax.random.key(0), 11)
        common = dict(epochs=2, dev=digits, observe=lambda state, dev: {})
        one = training.fit(task, digits, keys, **common, devices=jax.devices()[:1])
        for members in (3, 11):
            eight = training.fit(task, digits, jax.random.clone(keys)[:members], **common)
            assert eight.layout.by_member == min(members, 8), eight.layout
            for a, b in zip(jax.tree.leaves(eight.state.params), jax.tree.leaves(one.state.params)):
                np.testing.assert_array_equal(a, b[:members])
    """
    environment = {**os.environ, "JAX_NUM_CPU_DEVICES": "8", "JAXDL_CACHE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def eight_members(examples):
    init = jax.vmap(lambda key: init_member(CONFIG, examples, examples, key, {}, steps=4))
    return jax.jit(init)(jax.random.split(jax.random.key(0), 8))


@pytest.mark.parametrize("at_once", [1, 2])
def test_active_members_come_first_on_every_device(eight_members, at_once):
    """The two active members are placed on the first device; afterwards each device has one of them."""
    layout = Layout(2, 1, at_once)
    mesh = mesh_of(layout)
    stopped = jnp.array([0, 3, 0, 3, 3, 3, 3, 3])
    placed = place_members(eight_members._replace(stopped=stopped), layout, mesh)
    again = rebalance(placed, CompiledPopulation(layout, mesh, None))
    assert again is not placed
    assert again.indices[[0, 4]].tolist() == [0, 2]
    assert sorted(again.indices.tolist()) == list(range(8))
    back = again.in_order(again.members)
    np.testing.assert_array_equal(back.stopped, stopped)
    jax.tree.map(np.testing.assert_array_equal, back.params, eight_members.params)
    assert rebalance(again, CompiledPopulation(layout, mesh, None)) is again


@pytest.mark.parametrize(
    ("step", "count", "steps", "expected"),
    [
        (0, 8, 468, 8),  # far from an end
        (72, 390, 468, 396),  # a little before an end
        (0, 500, 468, 468),  # a little after an end
        (0, 480_000, 33, 479_985),  # many epochs
        (8, 8, 33, 8),
        (24, 8, 33, 9),
        (30, 2, 33, 3),
        (32, 1, 33, 1),
        (0, 1, 1, 1),
        (5, 100, 300, 100),
        (250, 300, 300, 350),
        (299, 2, 300, 1),
    ],
)
def test_a_chunk_of_steps_ends_with_an_epoch_if_one_ends_near(step, count, steps, expected):
    found = _near_epoch_end(step, count, steps)
    assert found == expected
    assert 1 <= found <= 1.5 * count + 1
