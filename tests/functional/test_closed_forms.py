"""What several functions together must give, known on paper."""

import jax
import jax.numpy as jnp
import numpy as np

import jaxdl.functional as F
from jaxdl import derivation


def micrograd(relu, a, b):
    """The expression in the README of micrograd."""
    c = a + b
    d = a * b + b**3
    c = c + c + 1
    c = c + 1 + c - a
    d = d + d * 2 + relu(b + a)
    d = d + 3 * d + relu(b - a)
    f = (c - d) ** 2
    g = f / 2
    return g + 10 / f


def test_the_expression_of_micrograd_by_jax_and_by_hand(double):
    for functional in (F, derivation.by_hand()):
        g, slopes = jax.value_and_grad(lambda a, b: micrograd(functional.relu, a, b), (0, 1))(-4.0, 2.0)
        np.testing.assert_allclose([g, *slopes], [24.7041, 138.8338, 645.5773], atol=5e-5)


def test_two_dense_layers_are_one(random, double):
    x, w1, w2, b1, b2 = (jnp.asarray(random.normal(size=s)) for s in [(5, 4), (4, 7), (7, 3), 7, 3])
    np.testing.assert_allclose(F.dense(F.dense(x, w1, b1), w2, b2), F.dense(x, w1 @ w2, b1 @ w2 + b2), rtol=1e-12)


def test_the_strongest_attack_on_logistic_regression_is_a_margin_of_the_l1_norm(random, double):
    """FGSM: of all x within ε of the example, the loss is softplus(ε‖w‖₁ − s(w·x + b)) at most, and there it is."""
    x, w, b, epsilon = jnp.asarray(random.normal(size=(9, 5))), jnp.asarray(random.normal(size=5)), 0.3, 0.25
    labels = jnp.asarray(random.integers(0, 2, 9))
    loss = lambda x: F.binary_cross_entropy(x @ w + b, labels)
    attacked = x + epsilon * jnp.sign(jax.grad(lambda x: loss(x).sum())(x))
    margin = (2 * labels - 1).astype(float) * (x @ w + b)
    np.testing.assert_allclose(loss(attacked), F.softplus(epsilon * F.l1(w) - margin), rtol=1e-12)


def test_dropout_in_linear_regression_costs_a_ridge_on_average(random):
    """With inverted dropout E‖y − (x∘m/q)w‖² = ‖y − xw‖² + (r/q) Σ_j ‖x_j‖² w_j², for a rate r and q = 1 − r."""
    x, y, w = (jnp.asarray(random.normal(size=s), jnp.float32) for s in [(20, 4), 20, 4])
    rate = 0.3
    keys = jax.random.split(jax.random.key(0), 20_000)
    losses = jax.vmap(lambda key: ((y - F.dropout(key, x, rate=rate) @ w) ** 2).sum())(keys)
    expected = ((y - x @ w) ** 2).sum() + rate / (1 - rate) * ((x**2).sum(axis=0) * w**2).sum()
    assert abs(losses.mean() - expected) < 5 * losses.std() / len(keys) ** 0.5
    assert losses.std() / len(keys) ** 0.5 < 0.01 * expected


def test_cross_entropy_is_likelihood_and_divergence_plus_entropy(random, double):
    logits, targets = jnp.asarray(random.normal(size=(6, 4))), jnp.asarray(random.dirichlet(np.ones(4), 6))
    labels = jnp.asarray(random.integers(0, 4, 6))
    np.testing.assert_allclose(
        F.cross_entropy(logits, labels), F.negative_log_likelihood(F.log_softmax(logits), labels), rtol=1e-12
    )
    entropy = -(targets * jnp.log(targets)).sum(axis=1)
    np.testing.assert_allclose(
        F.soft_cross_entropy(logits, targets), F.kl_divergence(F.log_softmax(logits), targets) + entropy, rtol=1e-12
    )
