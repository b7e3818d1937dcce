"""Receptive fields of pooled outputs."""

import jax.numpy as jnp
import numpy as np

from experiments import pooled_outputs


def test_a_pixel_is_in_the_receptive_fields_that_are_counted_by_hand():
    """The 3×3 windows that hold row 9, column 13 have centers in rows 8 to 10 and columns 12 to 14; then pooling."""
    images = jnp.zeros((1, 22, 22, 1)).at[0, 9, 13, 0].set(0.1)
    for window, expected in ((2, [[4, 6], [4, 7], [5, 6], [5, 7]]), (4, [[2, 3]])):
        with_ink = np.asarray(pooled_outputs.sees_ink(images, window))
        assert (with_ink == with_ink[..., :1]).all()
        assert np.argwhere(with_ink[0, :, :, 0]).tolist() == expected
