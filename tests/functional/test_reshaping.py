import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F


def test_reshape_is_row_major_as_in_numpy(random):
    x = random.normal(size=(3, 4, 5, 2)).astype(np.float32)
    np.testing.assert_array_equal(F.reshape(jnp.asarray(x)), x.reshape(3, -1))
    np.testing.assert_array_equal(F.reshape(jnp.asarray(x), shape=(8, -1)), x.reshape(3, 8, 5))


def test_a_column_becomes_one_number_per_example():
    assert F.reshape(jnp.array([[1.0], [2.0]]), shape=()).tolist() == [1, 2]


def test_vjp_of_reshape_inverts_it(random):
    x = jnp.asarray(random.normal(size=(2, 3, 4)), jnp.float32)
    np.testing.assert_array_equal(F.reshape_vjp(F.reshape(x, shape=(2, 6)), x, shape=(2, 6))[0], x)


def test_empty_batch_and_empty_examples_are_reshaped():
    assert F.reshape(jnp.zeros((0, 3, 4))).shape == (0, 12)
    assert F.reshape(jnp.zeros((4, 0)), shape=(-1, 3)).shape == (4, 0, 3)


@pytest.mark.parametrize("shape", [(5,), (-1, 5), (-1, -1), (-2, -3), (), (0, -1), (12, 0)])
def test_shape_of_another_size_raises(shape):
    with pytest.raises(ValueError, match=r"shape must hold the 12 numbers of each example \(3, 4\), got "):
        F.reshape(jnp.zeros((2, 3, 4)), shape=shape)
