import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.special
import scipy.stats

import jaxdl.functional as F
from tests.functional.compiled import run


def standard_normal_mean(f):
    """Return the mean of f(z) over standard normal z."""
    density = lambda z: f(z) * scipy.stats.norm.pdf(z)
    return sum(scipy.integrate.quad(density, *half, epsabs=1e-12)[0] for half in [(-np.inf, 0), (0, np.inf)])


def test_selu_keeps_a_mean_of_zero_and_a_variance_of_one(double):
    selu = jax.jit(F.selu)
    assert standard_normal_mean(lambda z: float(selu(z))) == pytest.approx(0, abs=1e-10)
    assert standard_normal_mean(lambda z: float(selu(z)) ** 2) == pytest.approx(1, abs=1e-10)


def test_constants_of_selu_are_exact_in_float64(torch, double):
    z = torch.tensor([-40.0, 1.0], dtype=torch.float64)
    np.testing.assert_allclose(run(F.selu, jnp.asarray(z)), torch.selu(z), rtol=5e-16)


def test_softplus_of_zero_is_log_two_over_beta(double):
    for beta in (1.0, 4.0):
        assert float(run(F.softplus, jnp.array(0.0), beta=beta)) == pytest.approx(np.log(2) / beta, rel=1e-14)


def test_softplus_with_large_beta_is_relu():
    z = np.linspace(-2, 2, 9)
    np.testing.assert_allclose(run(F.softplus, z, beta=1e4), run(F.relu, z), atol=1e-4)


def test_softplus_minus_its_mirror_image_is_the_identity(random, double):
    z = jnp.asarray(10 * random.normal(size=50))
    np.testing.assert_allclose(run(F.softplus, z, beta=0.7) - run(F.softplus, -z, beta=0.7), z, rtol=1e-10)


def test_softplus_keeps_its_digits_beyond_pytorchs_threshold(double):
    z = jnp.array([-40.0, 25.0])
    np.testing.assert_allclose(run(F.softplus, z) - run(F.relu, z), [np.exp(-40), np.exp(-25)], rtol=1e-4)


def test_elu_keeps_its_digits_near_zero_and_its_gradient_in_the_tail():
    z = jnp.array([-1e-6, -20.0, -80.0])
    np.testing.assert_allclose(run(F.elu, z), np.expm1(np.asarray(z, np.float64)), rtol=1e-6)
    np.testing.assert_allclose(run(F.elu_vjp, np.ones(3), z)[0], np.exp(np.asarray(z, np.float64)), rtol=1e-5)
    np.testing.assert_allclose(run(F.celu_vjp, np.ones(3), z, alpha=2.0)[0], np.exp(z / 2), rtol=1e-5)


def test_elu_with_alpha_zero_is_relu():
    z = np.linspace(-3, 3, 13)
    assert run(F.elu, z, alpha=0.0).tolist() == run(F.relu, z).tolist()


def test_celu_is_a_rescaled_elu_without_a_kink(random, double):
    z = jnp.asarray(random.normal(size=50))
    np.testing.assert_allclose(run(F.celu, z, alpha=0.4), 0.4 * run(F.elu, z / 0.4), rtol=1e-13)
    derivative = jax.grad(lambda z: F.celu(z, alpha=0.4))
    assert float(derivative(0.0)) == 1
    np.testing.assert_allclose([derivative(-1e-12), derivative(1e-12)], 1, rtol=1e-11)


def test_gelu_keeps_its_digits_in_the_tail_where_one_plus_erf_is_zero(double):
    z = np.array([-35.0, -20.0, -9.0])
    np.testing.assert_allclose(run(F.gelu, jnp.asarray(z)), z * scipy.special.ndtr(z), rtol=1e-12)
    slope = scipy.special.ndtr(z) + z * scipy.stats.norm.pdf(z)
    np.testing.assert_allclose(run(F.gelu_vjp, np.ones(3), jnp.asarray(z))[0], slope, rtol=1e-12)


def test_gelu_is_the_expected_value_of_a_random_gate(double):
    """Hendrycks and Gimpel multiply z by a Bernoulli variable that is 1 with probability Φ(z)."""
    assert float(run(F.gelu, jnp.array(1.0))) == pytest.approx(0.8413447460685429, rel=1e-14)
    assert float(run(F.gelu, jnp.array(-1.0))) == pytest.approx(0.8413447460685429 - 1, rel=1e-14)


def test_gelu_tanh_differs_from_gelu_by_up_to_half_a_thousandth(double):
    z = np.linspace(-6, 6, 2001)
    gap = np.abs(run(F.gelu, z) - run(F.gelu_tanh, z)).max()
    assert 4e-4 < gap < 5e-4


def test_gelu_tanh_keeps_its_digits_in_the_tail(double):
    z = np.array([-8.0, -6.0, -5.0])
    u = np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)
    np.testing.assert_allclose(run(F.gelu_tanh, jnp.asarray(z)), z / (1 + np.exp(-2 * u)), rtol=1e-12)


def test_default_of_jax_is_gelu_tanh(double):
    z = np.linspace(-3, 3, 13)
    np.testing.assert_allclose(run(F.gelu_tanh, z), jax.nn.gelu(z), rtol=1e-11, atol=1e-16)
    np.testing.assert_allclose(run(F.gelu, z), jax.nn.gelu(z, approximate=False), rtol=1e-13)


def test_silu_by_the_hyperbolic_tangent_of_half_its_input(random, double):
    z = jnp.asarray(random.normal(size=50))
    np.testing.assert_allclose(run(F.silu, z), z * (1 + np.tanh(z / 2)) / 2, rtol=1e-13)
    assert run(F.silu_vjp, jnp.array(1.0), jnp.array(0.0)) == (0.5,)


def test_mish_is_a_rational_function_of_the_exponential(random, double):
    z = jnp.asarray(3 * random.normal(size=50))
    n = np.exp(z) * (np.exp(z) + 2)
    np.testing.assert_allclose(run(F.mish, z), z * n / (n + 2), rtol=1e-12)


def test_second_derivative_at_its_jump_is_the_left_one():
    assert jax.grad(jax.grad(lambda z: F.celu(z, alpha=0.5)))(0.0) == 2
    assert jax.grad(jax.grad(lambda z: F.elu(z, alpha=0.5)))(0.0) == 0.5
