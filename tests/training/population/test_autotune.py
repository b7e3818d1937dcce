"""The choice of a layout: candidates, measurements that are remembered on disk, and the memory of a device."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.training.layout import Layout
from jaxdl.training.population import autotune
from jaxdl.training.population.autotune import (
    compile_within_memory,
    fastest,
    is_possible,
    layouts_for,
    needed_bytes,
    remember,
    remembered,
    smaller,
    smaller_after,
)

LAYOUTS = [Layout(1, 1, 1), Layout(2, 1, 1), Layout(2, 1, 2)]


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXDL_CACHE", str(tmp_path))
    return tmp_path


def test_on_a_cpu_the_first_candidate_computes_one_member_at_a_time():
    assert layouts_for(64) == [Layout(2, 1, 1), Layout(2, 1, 16), Layout(2, 1, 32)]
    assert layouts_for(1) == [Layout(1, 1, 1)]
    assert layouts_for(1, 32) == [Layout(1, 1, 1), Layout(1, 2, 1)]
    assert layouts_for(1, 33) == [Layout(1, 1, 1)]
    assert layouts_for(3, devices=jax.devices()[:1]) == [Layout(1, 1, 1), Layout(1, 1, 3)]


class Accelerator:
    platform = "gpu"


def test_on_an_accelerator_the_first_candidate_computes_all_members_at_once(unchecked):
    devices = [Accelerator()] * 4
    assert unchecked(layouts_for)(64, devices=devices)[0] == Layout(4, 1, 16)
    assert Layout(1, 4, 1) in unchecked(layouts_for)(1, 32, devices=devices)


def lower(layout):
    return jax.jit(lambda x: x + 1).lower(1.0)


def build(layout):
    return types.SimpleNamespace(layout=layout)


SECONDS = {LAYOUTS[0]: 9.0, LAYOUTS[1]: 7.0, LAYOUTS[2]: 8.0}


def test_the_fastest_layout_is_measured_once_and_remembered(own_cache):
    measured = []

    def seconds(built):
        measured.append(built.layout)
        return SECONDS[built.layout]

    for _ in range(2):
        assert fastest(lower, LAYOUTS, build, seconds).layout == LAYOUTS[1]
    assert measured == LAYOUTS


def test_short_trainings_take_the_first_layout_without_measuring_others(own_cache):
    assert fastest(lower, LAYOUTS, build, lambda built: 3.9).layout == LAYOUTS[0]
    assert remembered(lower(LAYOUTS[0]).as_text(), LAYOUTS) is None


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"a": 3}'])
def test_a_damaged_file_of_choices_is_ignored_and_replaced(own_cache, content):
    (own_cache / "layouts.json").write_bytes(content)
    assert remembered("text", LAYOUTS) is None
    remember("text", LAYOUTS[2])
    assert remembered("text", LAYOUTS) == LAYOUTS[2]
    assert remembered("another", LAYOUTS) is None
    assert remembered("text", LAYOUTS[:2]) is None


def test_a_cache_that_cannot_be_written_is_ignored(monkeypatch, tmp_path):
    monkeypatch.setenv("JAXDL_CACHE", str(tmp_path / "file"))
    (tmp_path / "file").write_text("")
    remember("text", LAYOUTS[2])
    assert remembered("text", LAYOUTS) is None


def test_a_layout_is_possible_if_there_are_enough_devices():
    assert [is_possible(layout) for layout in (Layout(), Layout(2), Layout(1, 2), Layout(2, 2))] == [True] * 3 + [False]
    assert not is_possible(Layout(2), jax.devices()[:1])


def test_members_at_once_are_halved_until_the_program_fits_into_memory(monkeypatch):
    squares = lambda x: jnp.sort(x @ x.T, axis=0).sum()  # the matrix is stored before it is summed
    lower = lambda layout: jax.jit(jax.vmap(squares)).lower(jax.ShapeDtypeStruct((layout.at_once, 128, 8), np.float32))
    monkeypatch.setattr(autotune, "free_bytes", lambda: 5 * 4 * 128**2)
    program, layout = compile_within_memory(lower, Layout(1, 1, 16))
    assert 1 <= layout.at_once <= 4
    assert needed_bytes(program) <= 5 * 4 * 128**2


def test_only_an_out_of_memory_error_with_several_members_at_once_leads_to_a_smaller_layout():
    assert smaller(Layout(1, 1, 4)) == Layout(1, 1, 2)
    full = jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1 bytes")
    assert smaller_after(full, Layout(1, 1, 4)) == Layout(1, 1, 2)
    with pytest.raises(jax.errors.JaxRuntimeError, match="RESOURCE_EXHAUSTED"):
        smaller_after(full, Layout(2, 1, 1))
    with pytest.raises(jax.errors.JaxRuntimeError, match="INTERNAL"):
        smaller_after(jax.errors.JaxRuntimeError("INTERNAL: failed"), Layout(1, 1, 4))


def test_the_free_memory_of_the_host_is_divided_among_its_devices():
    assert 0 < autotune.free_bytes() < 2**50
