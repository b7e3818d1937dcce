import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import data, models
from jaxdl.training import State, in_batches, outputs_of, regression


@pytest.mark.parametrize("examples", [1, 7, 8, 9, 16, 20])
def test_every_example_is_computed_exactly_once_and_in_its_place(examples):
    inputs = {"a": jnp.arange(examples * 2.0).reshape(examples, 2), "b": jnp.arange(examples)}
    sizes = []

    def f(batch):
        sizes.append(len(batch["b"]))
        return batch["a"].sum(axis=1) + 0.5, batch["b"]

    found = in_batches(f, inputs, rows=8)
    np.testing.assert_array_equal(found[0], inputs["a"].sum(axis=1) + 0.5)
    np.testing.assert_array_equal(found[1], inputs["b"])
    assert max(sizes) <= 8
    assert len(sizes) == 1  # compiled once


def test_a_model_puts_out_the_same_in_batches(random, monkeypatch):
    model = models.mlp((4,), 3)
    whole = data.from_arrays(random.normal(size=(30, 5)), random.normal(size=(30, 3)))
    params, stats = model.init(jax.random.key(0), whole.inputs)
    state = State(jax.random.key(0), jnp.int32(0), jnp.int32(0), params, stats, ())
    at_once = model.apply(params, stats, whole.inputs)[0]
    monkeypatch.setattr(in_batches, "__kwdefaults__", {"rows": 8})
    np.testing.assert_allclose(outputs_of(model, state, whole), at_once, atol=1e-6)
    observed = regression(model, F.absolute_error)(state, whole)
    np.testing.assert_allclose(observed["loss"], F.absolute_error(at_once, whole.labels).mean(), rtol=1e-5)
    spread = ((whole.labels - whole.labels.mean(axis=0)) ** 2).sum()
    np.testing.assert_allclose(observed["r_squared"], 1 - ((at_once - whole.labels) ** 2).sum() / spread, rtol=1e-4)
