import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

import jaxdl.functional as F
from tests.functional.compiled import run


def test_softmax_equals_scipy(random, double):
    z = 5 * random.normal(size=(6, 4))
    np.testing.assert_allclose(run(F.softmax, jnp.asarray(z)), scipy.special.softmax(z, axis=-1), rtol=1e-13)


def test_each_row_is_shifted_by_its_own_largest_logit():
    z = jnp.array([[0.0, 1.0], [500.0, 501.0]])
    np.testing.assert_allclose(run(F.softmax, z), scipy.special.softmax(z, axis=-1), rtol=1e-6)


def test_classes_are_the_last_of_any_number_of_axes(random):
    z = random.normal(size=(2, 3, 4)).astype(np.float32)
    np.testing.assert_allclose(run(F.softmax, jnp.asarray(z)), scipy.special.softmax(z, axis=-1), rtol=1e-6)


def test_temperature_divides_the_logits(random, double):
    z = random.normal(size=(6, 4))
    np.testing.assert_allclose(
        run(F.softmax, jnp.asarray(z), temperature=3.0), scipy.special.softmax(z / 3, axis=-1), rtol=1e-13
    )


@pytest.mark.parametrize("temperature", [0.0, -1.0, jnp.nan])
def test_softmax_with_an_invalid_temperature_is_nan(temperature):
    assert jnp.isnan(F.softmax(jnp.ones((1, 2)), temperature=temperature)).all()


def test_softmax_of_two_classes_is_the_sigmoid_of_their_difference(random, double):
    z = jnp.asarray(random.normal(size=(9, 2)))
    np.testing.assert_allclose(run(F.softmax, z)[:, 1], run(F.sigmoid, z[:, 1] - z[:, 0]), rtol=1e-13)


def test_extreme_logits_give_a_distribution_and_a_finite_gradient():
    z = jnp.array([[1e4, -1e4, 0.0], [1e4, 1e4, 1e4]])
    p, by_hand, by_jax = jax.jit(
        lambda z: (
            F.softmax(z),
            F.softmax_vjp(jnp.ones_like(z), z)[0],
            jax.grad(lambda z: F.softmax(z)[:, 0].sum())(z),
        )
    )(z)
    np.testing.assert_allclose(p, [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]], rtol=1e-6)
    assert np.isfinite(by_hand).all()
    assert np.isfinite(by_jax).all()


def test_gradient_of_the_logits_sums_to_zero(random, double):
    z, g = (jnp.asarray(random.normal(size=(6, 4))) for _ in range(2))
    np.testing.assert_allclose(run(F.softmax_vjp, g, z)[0].sum(axis=-1), np.zeros(6), atol=1e-15)


@pytest.mark.parametrize("temperature", [1.0, 0.5, 3.0])
def test_log_softmax_and_its_gradient_equal_pytorch(torch, random, double, temperature):

    @jax.jit
    def with_cotangent(g, z):
        return F.log_softmax(z, temperature=temperature), *F.log_softmax_vjp(g, z, temperature=temperature)

    for shape in [(6, 4), (1, 7), (2, 3, 5)]:
        z, g = 5 * random.normal(size=shape), random.normal(size=shape)
        theirs = torch.tensor(z, requires_grad=True)
        y = torch.nn.functional.log_softmax(theirs / temperature, dim=-1)
        y.backward(torch.tensor(g))
        ours, z_bar = with_cotangent(g, z)
        np.testing.assert_allclose(ours, y.detach(), rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(z_bar, theirs.grad, rtol=1e-11, atol=1e-14)


def test_log_softmax_is_the_log_of_softmax_and_its_label_entry_is_minus_the_cross_entropy(random, double):
    z, labels = jnp.asarray(random.normal(size=(6, 4))), jnp.array([0, 1, 2, 3, 0, 1])
    logarithms, p, losses = jax.jit(lambda z: (F.log_softmax(z), F.softmax(z), F.cross_entropy(z, labels)))(z)
    np.testing.assert_allclose(np.exp(logarithms), p, rtol=1e-13)
    np.testing.assert_allclose(logarithms[jnp.arange(6), labels], -losses, rtol=1e-13)


def test_log_softmax_is_finite_where_the_probability_is_rounded_to_zero():
    z = jnp.array([[1e4, -1e4, 0.0], [1e4, 1e4, 1e4]])
    y, by_hand, by_jax = jax.jit(
        lambda z: (
            F.log_softmax(z),
            F.log_softmax_vjp(jnp.ones_like(z), z)[0],
            jax.grad(lambda z: F.log_softmax(z)[:, 1].sum())(z),
        )
    )(z)
    np.testing.assert_allclose(y, [[0, -2e4, -1e4], [-np.log(3)] * 3], rtol=1e-6)
    assert np.isfinite(by_hand).all()
    assert np.isfinite(by_jax).all()


@pytest.mark.parametrize("temperature", [0.0, -1.0, jnp.nan])
def test_log_softmax_and_its_gradient_with_an_invalid_temperature_are_nan(temperature):
    z = jnp.array([[1.0, -2.0]])

    def with_both_gradients(g, z):
        value, pull = jax.vjp(lambda z: F.log_softmax(z, temperature=temperature), z)
        return value, *pull(g), *F.log_softmax_vjp(g, z, temperature=temperature)

    for result in run(with_both_gradients, np.ones((1, 2)), z):
        assert np.isnan(result).all()


def test_hessian_of_minus_log_softmax_is_the_jacobian_of_softmax(random, double):
    """For every class it is the covariance of a one-hot sample, diag(p) - p pᵀ."""
    z = jnp.asarray(random.normal(size=4))
    p = run(F.softmax, z)
    hessians = jax.jit(lambda z: [jax.hessian(lambda z, k=k: -F.log_softmax(z)[k])(z) for k in (0, 3)])
    for hessian in hessians(z):
        np.testing.assert_allclose(hessian, np.diag(p) - np.outer(p, p), rtol=1e-11, atol=1e-15)


def test_rows_of_very_different_magnitude_do_not_affect_each_other():
    logits = jnp.array([[1e4, 1e4 + 1], [-1e4, -1e4 + 1]])
    for f in (F.softmax, F.log_softmax):
        np.testing.assert_allclose(f(logits), [f(jnp.array([0.0, 1.0]))] * 2, rtol=1e-6)


@pytest.mark.parametrize("shape", [(3, 0), (0,), (0, 4)])
def test_zero_classes_give_an_empty_result_with_a_gradient(shape):
    for f in (F.softmax, F.log_softmax):
        f_vjp = getattr(F, f"{f.__name__}_vjp")
        results = jax.eval_shape(lambda z, f=f, h=f_vjp: (f(z), jax.vjp(f, z)[1](z), h(z, z)), jnp.zeros(shape))
        assert {leaf.shape for leaf in jax.tree.leaves(results)} == {shape}


def test_losses_of_zero_classes_are_zero_or_nan_for_a_label():
    z, labels = np.zeros((3, 0), np.float32), np.array([0, -1, -100])
    assert run(F.soft_cross_entropy, z, z).tolist() == run(F.listwise_softmax, z, z).tolist() == [0, 0, 0]
    for f in (F.cross_entropy, F.negative_log_likelihood):
        assert np.isnan(run(f, z, labels)).tolist() == [True, True, False]
        assert run(getattr(F, f"{f.__name__}_vjp"), np.ones(3, np.float32), z, labels)[0].shape == (3, 0)
