import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

import jaxdl.functional as F
from tests.functional.compiled import run


def test_kl_divergence_equals_scipy(random, double):
    t, q = random.dirichlet(np.ones(5), 6), random.dirichlet(np.ones(5), 6)
    ours = run(F.kl_divergence, jnp.log(jnp.asarray(q)), jnp.asarray(t))
    np.testing.assert_allclose(ours, scipy.stats.entropy(t, q, axis=1), rtol=1e-12)


def test_the_divergence_of_a_distribution_from_itself_is_zero():
    t = jnp.array([[0.5, 0.5, 0.0], [0.25, 0.25, 0.5]])
    np.testing.assert_allclose(run(F.kl_divergence, jnp.log(t), t), [0, 0], atol=1e-7)


def test_the_derivative_at_target_zero_omits_the_infinite_term(double):
    log_q, t = jnp.log(jnp.array([[0.5, 0.25, 0.25]])), jnp.array([[0.0, 0.5, 0.5]])
    expected = [[np.log(2), np.log(0.5) + 1 - np.log(0.25), np.log(0.5) + 1 - np.log(0.25)]]
    np.testing.assert_allclose(jax.jit(jax.grad(lambda t: F.kl_divergence(log_q, t).sum()))(t), expected, rtol=1e-12)
    np.testing.assert_allclose(run(F.kl_divergence_vjp, jnp.ones(1), log_q, t)[1], expected, rtol=1e-12)


def test_a_negative_target_gives_nan_in_the_loss_and_its_gradients():
    log_q, t = jnp.log(jnp.full((2, 2), 0.5)), jnp.array([[0.5, 0.5], [1.5, -0.5]])
    loss, pull = jax.vjp(jax.jit(F.kl_divergence), log_q, t)
    assert jnp.isnan(loss).tolist() == [False, True]
    for gradient in (*pull(jnp.ones(2)), *run(F.kl_divergence_vjp, jnp.ones(2), log_q, t)):
        assert jnp.isnan(gradient).tolist() == [[False, False], [False, True]]


@pytest.mark.parametrize("loss", [F.kl_divergence, F.soft_cross_entropy])
def test_probability_zero_costs_nothing_at_target_zero_and_infinity_elsewhere(loss):
    logs = jnp.array([[-jnp.inf, 0.0], [-jnp.inf, 0.0]])
    t = jnp.array([[0.0, 1.0], [0.5, 0.5]])
    assert run(loss, logs, t).tolist() == [0, np.inf]
    for gradient in run(jax.grad(lambda *a: loss(*a)[0], argnums=(0, 1)), logs[:1], t[:1]):
        assert jnp.isfinite(gradient).all()


def test_targets_may_have_any_sum(random, double):
    logits, targets = jnp.asarray(random.normal(size=(3, 4))), jnp.asarray(random.normal(size=(3, 4)))
    loss, pull = jax.vjp(jax.jit(F.soft_cross_entropy), logits, targets)
    np.testing.assert_allclose(run(F.soft_cross_entropy, logits, 3 * targets), 3 * loss, rtol=1e-12)
    logits_bar, _ = pull(jnp.ones(3))
    np.testing.assert_allclose(logits_bar.sum(axis=1), 0, atol=1e-14)  # the loss is invariant to a shift of the logits


def test_the_gradient_is_zero_if_the_softmax_equals_the_targets(random, double):
    logits = jnp.asarray(random.normal(size=(3, 4)))
    logits_bar, _ = run(F.soft_cross_entropy_vjp, jnp.ones(3), logits, F.softmax(logits))
    np.testing.assert_allclose(logits_bar, 0, atol=1e-15)


def test_one_hot_targets_give_the_cross_entropy_with_labels(random):
    logits, labels = jnp.asarray(random.normal(size=(5, 3)), jnp.float32), jnp.asarray(random.integers(0, 3, 5))
    assert jnp.array_equal(run(F.soft_cross_entropy, logits, jnp.eye(3)[labels]), run(F.cross_entropy, logits, labels))
