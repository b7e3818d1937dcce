import jax
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


BROKEN = jnp.array([1.0, jnp.nan, jnp.inf, -jnp.inf, 3.0])
MASK = jnp.array([1.0, 0.0, 0.0, 0.0, 1.0])


def test_what_has_no_weight_may_be_anything_in_value_and_gradient():
    value, (v_bar, w_bar) = jax.value_and_grad(F.weighted_mean, argnums=(0, 1))(BROKEN, MASK)
    assert value == 2.0
    assert v_bar.tolist() == [0.5, 0, 0, 0, 0.5]
    assert w_bar.tolist() == [-0.5, -1, -1, -1, 0.5]
    by_hand = F.weighted_mean_vjp(jnp.array(1.0), BROKEN, MASK)
    assert [leaf.tolist() for leaf in by_hand] == [v_bar.tolist(), w_bar.tolist()]


@pytest.mark.parametrize("broken", [jnp.nan, jnp.inf])
def test_what_has_a_weight_is_not_hidden(broken):
    assert not jnp.isfinite(F.weighted_mean(jnp.array([1.0, broken]), jnp.array([1.0, 0.1])))


def test_a_finite_value_of_weight_zero_keeps_the_true_derivatives():
    v_bar, w_bar = jax.grad(F.weighted_mean, argnums=(0, 1))(jnp.array([1.0, 9.0, 3.0]), jnp.array([1.0, 0.0, 1.0]))
    assert v_bar.tolist() == [0.5, 0, 0.5]
    assert w_bar.tolist() == [-0.5, 3.5, 0.5]


@pytest.mark.parametrize("values", [jnp.ones(5), BROKEN, jnp.full(5, jnp.nan), jnp.zeros(5)])
def test_the_gradients_of_the_mean_of_nothing_are_nan_too(values):
    for gradient in (
        *jax.grad(F.weighted_mean, argnums=(0, 1))(values, jnp.zeros(5)),
        *F.weighted_mean_vjp(jnp.array(1.0), values, jnp.zeros(5)),
    ):
        assert jnp.isnan(gradient).all()
