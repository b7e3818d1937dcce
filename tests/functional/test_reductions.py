import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from tests.functional.compiled import run


def test_weighted_mean_equals_numpy(random, double):
    values, weights = random.normal(size=9), random.uniform(size=9)
    np.testing.assert_allclose(
        run(F.weighted_mean, jnp.asarray(values), jnp.asarray(weights)), np.average(values, weights=weights), rtol=1e-14
    )


def test_gradient_of_a_weight_is_the_difference_of_its_value_from_the_mean():
    _, weights_bar = run(F.weighted_mean_vjp, jnp.array(1.0), jnp.array([1.0, 4.0]), jnp.array([1.0, 2.0]))
    np.testing.assert_allclose(weights_bar, [-2 / 3, 1 / 3], rtol=1e-6)


def test_mask_gives_exactly_the_mean_of_the_unmasked_values():
    values, mask = jnp.array([1.0, 100.0, 2.0, -7.0]), jnp.array([1.0, 0.0, 1.0, 0.0])
    assert run(F.weighted_mean, values, mask) == 1.5


def test_mean_with_all_weights_zero_is_nan():
    assert np.isnan(run(F.weighted_mean, np.ones(3), np.zeros(3)))


def test_column_of_values_raises(unchecked):
    with pytest.raises(ValueError, match=r"values must have the shape \(batch,\), got \(3, 1\)"):
        unchecked(F.weighted_mean)(jnp.zeros((3, 1)), jnp.ones(3))


NON_FINITE = jnp.array([1.0, jnp.nan, jnp.inf, -jnp.inf, 3.0])
MASK = jnp.array([1.0, 0.0, 0.0, 0.0, 1.0])


def test_nan_and_infinity_of_weight_zero_affect_neither_value_nor_gradient():
    value, (v_bar, w_bar) = jax.value_and_grad(F.weighted_mean, argnums=(0, 1))(NON_FINITE, MASK)
    assert value == 2.0
    assert v_bar.tolist() == [0.5, 0, 0, 0, 0.5]
    assert w_bar.tolist() == [-0.5, -1, -1, -1, 0.5]
    by_hand = run(F.weighted_mean_vjp, jnp.array(1.0), NON_FINITE, MASK)
    assert [leaf.tolist() for leaf in by_hand] == [v_bar.tolist(), w_bar.tolist()]


@pytest.mark.parametrize("non_finite", [jnp.nan, jnp.inf])
def test_nan_and_infinity_with_a_weight_are_kept(non_finite):
    assert not np.isfinite(run(F.weighted_mean, jnp.array([1.0, non_finite]), jnp.array([1.0, 0.1])))


def test_finite_value_of_weight_zero_keeps_the_true_derivatives():
    v_bar, w_bar = jax.grad(F.weighted_mean, argnums=(0, 1))(jnp.array([1.0, 9.0, 3.0]), jnp.array([1.0, 0.0, 1.0]))
    assert v_bar.tolist() == [0.5, 0, 0.5]
    assert w_bar.tolist() == [-0.5, 3.5, 0.5]


@pytest.mark.parametrize("values", [jnp.ones(5), NON_FINITE, jnp.full(5, jnp.nan), jnp.zeros(5)])
def test_gradients_with_all_weights_zero_are_nan(values):
    for gradient in (
        *jax.grad(F.weighted_mean, argnums=(0, 1))(values, jnp.zeros(5)),
        *run(F.weighted_mean_vjp, jnp.array(1.0), values, np.zeros(5)),
    ):
        assert np.isnan(gradient).all()
