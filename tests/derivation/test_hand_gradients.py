"""`by_hand` keeps the values and differentiates by the hand-derived VJPs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import derivation, models


def test_values_are_equal_and_the_gradient_is_the_hand_derived_vjp(random):
    hand = derivation.by_hand()
    x = jnp.asarray(random.normal(size=(4, 3)), jnp.float32)
    assert jnp.array_equal(hand.softmax(x), F.softmax(x))
    g = jnp.asarray(random.normal(size=(4, 3)), jnp.float32)
    assert jnp.array_equal(jax.vjp(hand.softmax, x)[1](g)[0], F.softmax_vjp(g, x)[0])


def test_settings_may_be_traced_and_arguments_may_be_keys_and_integers(random):
    hand = derivation.by_hand()
    x, labels = jnp.asarray(random.normal(size=(4, 3)), jnp.float32), jnp.array([0, 1, 2, 0])

    def loss(x, f, temperature):
        noisy = f.dropout(jax.random.key(1), f.softmax(x, temperature=temperature), rate=0.25)
        return f.cross_entropy(noisy, labels).sum()

    for temperature in (0.5, jnp.float32(2.0)):
        by_hand, by_jax = (jax.jit(jax.grad(lambda x, t, f=f: loss(x, f, t)))(x, temperature) for f in (hand, F))
        np.testing.assert_allclose(by_hand, by_jax, rtol=1e-5, atol=1e-7)


def test_arguments_may_be_passed_by_keyword():
    hand = derivation.by_hand()
    x, w, b = jnp.ones((2, 3)), jnp.ones((3, 4)), jnp.ones(4)
    gradient = jax.grad(lambda w: hand.dense(x, weights=w, bias=b).sum())(w)
    assert jnp.array_equal(gradient, jnp.full((3, 4), 2.0))


def test_gradient_of_a_setting_is_nan_and_not_zero():
    hand = derivation.by_hand()
    assert jnp.isnan(jax.grad(lambda t: hand.softmax(jnp.array([1.0, 2.0]), temperature=t)[0])(jnp.array(1.0)))


def test_integer_instead_of_a_float_raises(unchecked):
    with pytest.raises(TypeError, match="values must be floating, got int32"):
        unchecked(F.weighted_mean)(jnp.array([0, 1]), jnp.ones(2))


def test_is_hashable_as_a_module_is():
    assert hash(models.MLP((3,), 2, functional=derivation.by_hand()))


def test_replaced_vjp_changes_the_gradient(monkeypatch):
    def relu_vjp(g, z):
        return (7 * g,)

    def softmax_vjp(g, logits, *, temperature=1.0):
        return (7 * g,)

    for module, f_vjp in [("rectifiers", relu_vjp), ("softmaxes", softmax_vjp)]:
        f_vjp.__module__ = f"jaxdl.functional.{module}"
        monkeypatch.setattr(f"jaxdl.functional.{module}.{f_vjp.__name__}", f_vjp)
    hand = derivation.by_hand()
    assert jax.grad(hand.relu)(jnp.array(1.0)) == 7.0
    for temperature in (2.0, jnp.float32(2.0)):
        assert jax.grad(lambda z: hand.softmax(z, temperature=temperature)[0])(jnp.ones(2)).tolist() == [7.0, 0.0]
