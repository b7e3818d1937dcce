import jax
import jax.numpy as jnp
import optax
import pytest

import jaxdl.functional as F


def test_hinge_is_zero_from_the_margin_on_and_grows_by_one_per_unit():
    scores, labels = jnp.array([2.0, 1.0, 0.0, -1.0, -1.0, 0.5]), jnp.array([1, 1, 1, 1, -1, -1])
    assert F.hinge(scores, labels).tolist() == [0.0, 0.0, 1.0, 2.0, 0.0, 1.5]


def test_hinge_is_optaxs(random):
    scores, labels = jnp.asarray(random.normal(size=20), jnp.float32), jnp.asarray(random.choice([-1, 1], 20))
    assert jnp.array_equal(F.hinge(scores, labels), optax.hinge_loss(scores, labels.astype(jnp.float32)))


def test_at_the_margin_the_derivative_is_zero():
    scores, labels = jnp.array([1.0, -1.0]), jnp.array([1, -1])
    assert F.hinge_vjp(jnp.ones(2), scores, labels)[0].tolist() == [0.0, 0.0]
    assert jax.grad(lambda y: F.hinge(y, labels).sum())(scores).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("label", [0, 2, -2])
def test_a_label_that_is_no_sign_gives_nan_in_loss_and_gradient(label):
    loss, gradient = jax.vjp(lambda y: F.hinge(y, jnp.array([1, label])), jnp.zeros(2))
    assert jnp.isnan(loss).tolist() == [False, True]
    assert jnp.isnan(gradient(jnp.ones(2))[0]).tolist() == [False, True]


def test_wrong_labels_are_named(unchecked):
    with pytest.raises(TypeError, match="labels must be integers"):
        unchecked(F.hinge)(jnp.zeros(2), jnp.zeros(2))
    with pytest.raises(ValueError, match=r"scores must have the shape \(batch,\), but was given as \(2, 1\)"):
        unchecked(F.hinge)(jnp.zeros((2, 1)), jnp.ones(2, int))
