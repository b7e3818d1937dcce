import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.training.layout import Layout
from jaxdl.training.population import memory
from jaxdl.training.population.memory import compile_within_memory, needed_bytes, smaller, smaller_after


def test_members_at_once_are_halved_until_the_program_fits_into_memory(monkeypatch):
    squares = lambda x: jnp.sort(x @ x.T, axis=0).sum()  # the matrix is stored before it is summed
    lower = lambda layout: jax.jit(jax.vmap(squares)).lower(jax.ShapeDtypeStruct((layout.at_once, 128, 8), np.float32))
    monkeypatch.setattr(memory, "bytes_of_device", lambda: 5 * 4 * 128**2)
    program, layout = compile_within_memory(lower, Layout(1, 1, 16))
    assert 1 <= layout.at_once <= 4
    assert needed_bytes(program) <= 5 * 4 * 128**2


def test_only_an_out_of_memory_error_with_several_members_at_once_leads_to_a_smaller_layout():
    assert smaller(Layout(1, 1, 4)) == Layout(1, 1, 2)
    full = jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1 bytes")
    with pytest.warns(UserWarning, match="4 members at once: training 2 at once"):
        assert smaller_after(full, Layout(1, 1, 4)) == Layout(1, 1, 2)
    with pytest.raises(jax.errors.JaxRuntimeError, match="RESOURCE_EXHAUSTED"):
        smaller_after(full, Layout(2, 1, 1))
    with pytest.raises(jax.errors.JaxRuntimeError, match="INTERNAL"):
        smaller_after(jax.errors.JaxRuntimeError("INTERNAL: failed"), Layout(1, 1, 4))


def test_the_memory_of_the_host_is_divided_among_its_devices():
    assert 0 < memory.bytes_of_device() < 2**50
