import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

import jaxdl.functional as F


def test_cross_entropy_is_pytorchs_with_its_gradient(torch, random, double):
    logits, labels = 5 * random.normal(size=(8, 4)), random.integers(0, 4, 8)
    theirs = torch.tensor(logits, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(theirs, torch.tensor(labels), reduction="none")
    loss.sum().backward()
    ours = jnp.asarray(logits), jnp.asarray(labels)
    np.testing.assert_allclose(F.cross_entropy(*ours), loss.detach(), rtol=1e-12)
    np.testing.assert_allclose(F.cross_entropy_vjp(jnp.ones(8), *ours)[0], theirs.grad, rtol=1e-11, atol=1e-15)


def test_it_is_the_divergence_from_the_label_plus_its_entropy(random, double):
    logits, labels = jnp.asarray(random.normal(size=(5, 3))), jnp.asarray(random.integers(0, 3, 5))
    wanted = np.eye(3)[labels]
    divergence = scipy.stats.entropy(wanted, np.asarray(F.softmax(logits)), axis=1)
    np.testing.assert_allclose(F.cross_entropy(logits, labels), divergence, rtol=1e-12)


def test_knowing_nothing_of_ten_classes_costs_log_ten():
    assert float(F.cross_entropy(jnp.zeros((1, 10)), jnp.array([3]))[0]) == pytest.approx(np.log(10), rel=1e-6)


@pytest.mark.parametrize("dtype", [jnp.uint8, jnp.int8, jnp.uint32, jnp.int32])
def test_labels_may_be_integers_of_any_width(dtype):
    labels = jnp.array([0, 1], dtype)
    np.testing.assert_allclose(
        F.binary_cross_entropy(jnp.array([-2.0, 2.0]), labels), np.log1p(np.exp([-2.0, -2.0])), rtol=1e-6
    )
    np.testing.assert_allclose(F.cross_entropy(jnp.zeros((2, 300)), labels), np.log([300.0, 300.0]), rtol=1e-6)
    assert jnp.isnan(F.cross_entropy(jnp.zeros((1, 100)), jnp.array([100], dtype))).all()


def test_confidence_keeps_its_digits():
    loss = F.cross_entropy(jnp.array([[0.0, 30.0], [0.0, 1e4]]), jnp.array([1, 0]))
    np.testing.assert_allclose(loss, [np.log1p(np.exp(-30.0)), 1e4], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("label", [-1, 3, 100])
def test_a_label_that_is_no_class_gives_nan_in_loss_and_gradient(label):
    logits, labels = jnp.ones((2, 3)), jnp.array([0, label])
    loss = F.cross_entropy(logits, labels)
    gradient = jax.grad(lambda z: F.cross_entropy(z, labels).sum())(logits)
    assert jnp.isnan(loss).tolist() == [False, True]
    assert jnp.isnan(gradient).all(axis=1).tolist() == [False, True]


def test_wrong_shapes_and_dtypes_are_named(unchecked):
    loss = unchecked(F.cross_entropy)
    with pytest.raises(TypeError, match=r"labels must be integers, but was given as float32.*astype\('int32'\)"):
        loss(jnp.zeros((2, 3)), jnp.zeros(2))
    with pytest.raises(
        ValueError, match=r"labels must have the shape \(batch,\) with batch = 2, but was given as \(2, 1\)"
    ):
        loss(jnp.zeros((2, 3)), jnp.zeros((2, 1), int))
    with pytest.raises(ValueError, match=r"logits must have the shape \(batch, classes\), but was given as \(3,\)"):
        loss(jnp.zeros(3), jnp.array(0))
    with pytest.raises(TypeError, match=r"logits must be floating, but was given as int32"):
        loss(jnp.zeros((2, 3), int), jnp.zeros(2, int))


def test_binary_cross_entropy_is_pytorchs_with_its_gradient(torch, random, double):
    logits, labels = 5 * random.normal(size=30), random.integers(0, 2, 30)
    theirs = torch.tensor(logits, requires_grad=True)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(theirs, torch.tensor(labels * 1.0), reduction="none")
    loss.sum().backward()
    ours = jnp.asarray(logits), jnp.asarray(labels)
    np.testing.assert_allclose(F.binary_cross_entropy(*ours), loss.detach(), rtol=1e-12, atol=1e-15)  # theirs subtracts
    np.testing.assert_allclose(F.binary_cross_entropy_vjp(jnp.ones(30), *ours)[0], theirs.grad, rtol=1e-12)


def test_binary_cross_entropy_is_the_softmax_one_for_two_classes(random, double):
    z, labels = jnp.asarray(random.normal(size=9)), jnp.asarray(random.integers(0, 2, 9))
    np.testing.assert_allclose(
        F.binary_cross_entropy(z, labels),
        F.cross_entropy(jnp.stack([jnp.zeros(9), z], axis=1), labels),
        rtol=1e-12,
    )


def test_at_the_boundary_the_gradient_is_a_half():
    labels = jnp.array([0, 1])
    automatic = jax.grad(lambda z: F.binary_cross_entropy(z, labels).sum())(jnp.zeros(2))
    assert automatic.tolist() == [0.5, -0.5]
    assert F.binary_cross_entropy_vjp(jnp.ones(2), jnp.zeros(2), labels)[0].tolist() == [0.5, -0.5]


def test_the_binary_gradient_keeps_its_digits_in_the_tail():
    (gradient,) = F.binary_cross_entropy_vjp(jnp.ones(2), jnp.array([-30.0, 30.0]), jnp.array([0, 1]))
    np.testing.assert_allclose(gradient, [np.exp(-30), -np.exp(-30)], rtol=1e-5)


def test_binary_cross_entropy_is_finite_for_any_logit():
    z, labels = jnp.array([-1e4, -800.0, 800.0, 1e4]), jnp.array([1, 0, 1, 0])
    np.testing.assert_allclose(F.binary_cross_entropy(z, labels), [1e4, 0, 0, 1e4])
    assert jnp.isfinite(jax.grad(lambda z: F.binary_cross_entropy(z, labels).sum())(z)).all()


@pytest.mark.parametrize("label", [-1, 2])
def test_a_binary_label_that_is_none_gives_nan_in_loss_and_gradient(label):
    labels = jnp.array([0, label])
    loss, gradient = jax.vjp(lambda z: F.binary_cross_entropy(z, labels), jnp.ones(2))
    assert jnp.isnan(loss).tolist() == [False, True]
    assert jnp.isnan(gradient(jnp.ones(2))[0]).tolist() == [False, True]


def test_binary_labels_of_a_wrong_kind_are_named(unchecked):
    loss = unchecked(F.binary_cross_entropy)
    with pytest.raises(TypeError, match="labels must be integers"):
        loss(jnp.zeros(2), jnp.zeros(2))
    with pytest.raises(ValueError, match=r"logits must have the shape \(batch,\), but was given as \(2, 1\)"):
        loss(jnp.zeros((2, 1)), jnp.zeros(2, int))
