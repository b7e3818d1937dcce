import jax
import jax.numpy as jnp
import numpy as np
import scipy.special

import jaxdl.functional as F
from tests.functional.compiled import run


def test_sigmoid_equals_scipy(random, double):
    z = 10 * random.normal(size=200)
    np.testing.assert_allclose(run(F.sigmoid, jnp.asarray(z)), scipy.special.expit(z), rtol=1e-13)


def test_tanh_keeps_its_digits_near_zero():
    z = jnp.array([1e-6, -3e-4])
    np.testing.assert_allclose(run(F.tanh, z), np.tanh(np.asarray(z, np.float64)), rtol=1e-6)


def test_tanh_is_two_sigmoids_minus_one(random, double):
    z = jnp.asarray(random.normal(size=200))
    np.testing.assert_allclose(run(F.tanh, z), 2 * run(F.sigmoid, 2 * z) - 1, rtol=1e-12)


def test_derivative_of_sigmoid_keeps_its_digits_in_the_tail():
    z = jnp.array([20.0, 40.0, 80.0])
    np.testing.assert_allclose(run(F.sigmoid_vjp, np.ones(3), z)[0], np.exp(-z), rtol=1e-5)


def test_derivative_of_sigmoid_at_zero_is_a_quarter():
    assert run(F.sigmoid_vjp, jnp.array(1.0), jnp.array(0.0)) == (0.25,)


def test_log_sigmoid_keeps_its_digits_in_both_tails():
    z = jnp.array([-1e4, -200.0, -30.0, 30.0, 80.0])
    np.testing.assert_allclose(run(F.log_sigmoid, z), [-1e4, -200, -30, -np.exp(-30), -np.exp(-80)], rtol=1e-5)
    (z_bar,) = run(F.log_sigmoid_vjp, np.ones(5), z)
    np.testing.assert_allclose(z_bar, [1, 1, 1, np.exp(-30), np.exp(-80)], rtol=1e-5)


def test_log_sigmoid_equals_scipy(random, double):
    z = 10 * random.normal(size=200)
    np.testing.assert_allclose(run(F.log_sigmoid, jnp.asarray(z)), scipy.special.log_expit(z), rtol=1e-13)


def test_softsign_approaches_one_like_one_over_z(double):
    z = jnp.array([1e3, 1e4])
    np.testing.assert_allclose((1 - run(F.softsign, z)) * (1 + z), 1, rtol=1e-11)
    np.testing.assert_allclose(run(F.softsign_vjp, np.ones(2), z)[0], (1 + z) ** -2, rtol=1e-12)


def test_softsign_has_a_continuous_derivative_whose_derivative_jumps_at_zero():
    derivative, second = jax.jit(jax.grad(F.softsign)), jax.jit(jax.grad(jax.grad(F.softsign)))
    assert derivative(0.0) == derivative(-0.0) == 1
    np.testing.assert_allclose([second(-1e-6), second(0.0), second(1e-6)], [2, 0, -2], atol=1e-4)


def test_hard_tanh_and_hard_sigmoid_at_known_points():
    z = jnp.array([-9.0, -3.0, -1.0, 0.0, 1.0, 3.0, 9.0])
    np.testing.assert_allclose(run(F.hard_tanh, z), [-1, -1, -1, 0, 1, 1, 1])
    np.testing.assert_allclose(run(F.hard_sigmoid, z), [0, 0, 1 / 3, 1 / 2, 2 / 3, 1, 1], rtol=1e-6)


def test_hard_tanh_of_jax_has_the_derivative_one_at_its_kinks():
    assert jax.vmap(jax.grad(jax.nn.hard_tanh))(jnp.array([-1.0, 1.0])).tolist() == [1, 1]
    assert run(F.hard_tanh_vjp, np.ones(2), jnp.array([-1.0, 1.0]))[0].tolist() == [0, 0]


def test_derivative_of_hard_sigmoid_at_its_kinks_equals_pytorch(torch):
    z = torch.tensor([-3.0, 3.0], requires_grad=True)
    torch.nn.functional.hardsigmoid(z).sum().backward()
    assert run(F.hard_sigmoid_vjp, np.ones(2), jnp.array([-3.0, 3.0]))[0].tolist() == z.grad.tolist() == [0, 0]
