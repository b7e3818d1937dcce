import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

import jaxdl.functional as F

EXTREME = [-1e4, -745.0, -88.0, -1.0, 0.0, 1.0, 88.0, 745.0, 1e4]


def test_sigmoid_is_scipys_expit(random, double):
    z = 10 * random.normal(size=200)
    np.testing.assert_allclose(F.sigmoid(jnp.asarray(z)), scipy.special.expit(z), rtol=1e-13)


def test_tanh_keeps_its_digits_near_zero():
    z = jnp.array([1e-6, -3e-4])
    np.testing.assert_allclose(F.tanh(z), np.tanh(np.asarray(z, np.float64)), rtol=1e-6)


def test_tanh_is_twice_a_sigmoid_less_one(random, double):
    z = jnp.asarray(random.normal(size=200))
    np.testing.assert_allclose(F.tanh(z), 2 * F.sigmoid(2 * z) - 1, rtol=1e-12)


@pytest.mark.parametrize(("f", "f_vjp"), [(F.sigmoid, F.sigmoid_vjp), (F.tanh, F.tanh_vjp)])
def test_nothing_overflows_forward_or_backward(f, f_vjp):
    z = jnp.array(EXTREME, jnp.float32)
    assert jnp.isfinite(f(z)).all()
    assert jnp.isfinite(f_vjp(jnp.ones_like(z), z)[0]).all()
    assert jnp.isfinite(jax.vmap(jax.grad(f))(z)).all()


def test_the_derivative_of_the_sigmoid_keeps_its_digits_in_the_tail():
    z = jnp.array([20.0, 40.0, 80.0])
    np.testing.assert_allclose(F.sigmoid_vjp(jnp.ones(3), z)[0], np.exp(-z), rtol=1e-5)


def test_the_derivative_of_the_sigmoid_is_at_most_a_quarter():
    assert F.sigmoid_vjp(jnp.array(1.0), jnp.array(0.0)) == (0.25,)
