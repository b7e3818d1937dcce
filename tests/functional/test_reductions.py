import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F


def test_weighted_mean_is_numpys_average(random, double):
    values, weights = random.normal(size=9), random.uniform(size=9)
    np.testing.assert_allclose(
        F.weighted_mean(jnp.asarray(values), jnp.asarray(weights)), np.average(values, weights=weights), rtol=1e-14
    )


def test_the_gradient_of_a_weight_is_how_far_its_value_is_from_the_mean():
    _, weights_bar = F.weighted_mean_vjp(jnp.array(1.0), jnp.array([1.0, 4.0]), jnp.array([1.0, 2.0]))
    np.testing.assert_allclose(weights_bar, [-2 / 3, 1 / 3], rtol=1e-6)


def test_a_mask_gives_exactly_the_mean_of_what_is_left():
    values, mask = jnp.array([1.0, 100.0, 2.0, -7.0]), jnp.array([1.0, 0.0, 1.0, 0.0])
    assert F.weighted_mean(values, mask) == 1.5


def test_the_mean_of_nothing_is_nan():
    assert jnp.isnan(F.weighted_mean(jnp.ones(3), jnp.zeros(3)))


def test_different_shapes_are_refused(unchecked):
    with pytest.raises(ValueError, match=r"values must have the shape \(batch,\), but was given as \(3, 1\)"):
        unchecked(F.weighted_mean)(jnp.zeros((3, 1)), jnp.ones(3))
