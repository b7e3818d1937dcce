import jax
import jax.numpy as jnp

import jaxdl.functional as F

PARAMS = {"weights": jnp.array([[3.0, -4.0], [0.0, 1.0]]), "bias": jnp.array([-2.0])}


def test_l1_is_the_sum_of_magnitudes_over_the_whole_tree():
    assert F.l1(PARAMS) == 10.0


def test_l2_is_half_the_sum_of_squares_over_the_whole_tree():
    assert F.l2(PARAMS) == 15.0


def test_the_gradient_of_l2_is_the_parameters_themselves():
    assert jax.tree.all(jax.tree.map(jnp.array_equal, jax.grad(F.l2)(PARAMS), PARAMS))


def test_the_derivative_of_l1_at_zero_is_zero():
    assert jax.grad(F.l1)({"w": jnp.array([0.0, -0.0, 5.0])})["w"].tolist() == [0.0, 0.0, 1.0]


def test_nan_is_not_hidden():
    assert jnp.isnan(F.l1({"w": jnp.array([1.0, jnp.nan])}))
