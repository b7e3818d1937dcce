import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.training import in_batches


@pytest.mark.parametrize("examples", [1, 7, 8, 9, 16, 20])
def test_every_example_is_computed_once_and_stays_in_place(examples):
    inputs = {"a": jnp.arange(examples * 2.0).reshape(examples, 2), "b": jnp.arange(examples)}
    sizes = []

    def f(batch):
        sizes.append(len(batch["b"]))
        return batch["a"].sum(axis=1) + 0.5, batch["b"]

    found = in_batches(f, inputs, rows=8)
    np.testing.assert_array_equal(found[0], inputs["a"].sum(axis=1) + 0.5)
    np.testing.assert_array_equal(found[1], inputs["b"])
    assert max(sizes) <= 8
    assert len(sizes) == 1  # traced once
