import inspect

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


def test_wrong_arguments_are_named():
    for f, inputs, rows, message in [
        (jnp.ones(3), abs, 1, "f must be a function, got an array of float32"),
        (abs, [1.0, 2.0], 1, "inputs must be a tree of arrays with the examples as their first axis, but contain 1.0"),
        (abs, {}, 1, "inputs must be a tree of arrays .*, but contain none"),
        (abs, jnp.ones(3), 0, "rows must be an integer from 1 on, got 0"),
        (abs, jnp.ones(3), "8", "rows must be an integer from 1 on, got '8'"),
    ]:
        with pytest.raises((TypeError, ValueError), match=message):
            inspect.unwrap(in_batches)(f, inputs, rows=rows)
