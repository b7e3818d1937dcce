import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

import jaxdl.functional as F
from tests.functional.compiled import run, run_with_gradient


def test_cross_entropy_is_the_kl_divergence_from_one_hot_labels(random, double):
    logits, labels = jnp.asarray(random.normal(size=(5, 3))), jnp.asarray(random.integers(0, 3, 5))
    targets = np.eye(3)[labels]
    divergence = scipy.stats.entropy(targets, np.asarray(run(F.softmax, logits)), axis=1)
    np.testing.assert_allclose(run(F.cross_entropy, logits, labels), divergence, rtol=1e-12)


def test_equal_logits_of_ten_classes_cost_log_ten():
    assert float(run(F.cross_entropy, np.zeros((1, 10)), jnp.array([3]))[0]) == pytest.approx(np.log(10), rel=1e-6)


@pytest.mark.parametrize("dtype", [jnp.uint8, jnp.int8, jnp.uint32, jnp.int32])
def test_labels_may_be_integers_of_any_width(dtype):
    multiclass = (F.cross_entropy, F.negative_log_likelihood, F.multiclass_hinge, F.weston_watkins)

    def losses(labels, hundred):
        binary = F.sigmoid_binary_cross_entropy(jnp.array([-2.0, 2.0]), labels)
        of_300_classes = F.cross_entropy(jnp.zeros((2, 300)), labels)
        beyond = F.cross_entropy(jnp.zeros((1, 100)), hundred)
        return binary, of_300_classes, beyond, [loss(jnp.zeros((1, 300)), hundred) for loss in multiclass]

    binary, of_300_classes, beyond, within = run(losses, np.array([0, 1], dtype), np.array([100], dtype))
    np.testing.assert_allclose(binary, np.log1p(np.exp([-2.0, -2.0])), rtol=1e-6)
    np.testing.assert_allclose(of_300_classes, np.log([300.0, 300.0]), rtol=1e-6)
    assert np.isnan(beyond).all()
    assert np.isfinite(within).all()


def test_cross_entropy_of_confident_logits_is_accurate():
    loss = run(F.cross_entropy, jnp.array([[0.0, 30.0], [0.0, 1e4]]), jnp.array([1, 0]))
    np.testing.assert_allclose(loss, [np.log1p(np.exp(-30.0)), 1e4], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("label", [-1, 3, 100])
def test_an_invalid_label_gives_nan_in_loss_and_gradient(label):
    logits, labels = np.ones((2, 3)), jnp.array([0, label])
    loss, gradient = run_with_gradient(F.cross_entropy, logits, labels)
    assert np.isnan(loss).tolist() == [False, True]
    assert np.isnan(gradient).all(axis=1).tolist() == [False, True]


def test_cross_entropy_names_wrong_shapes_and_dtypes(unchecked):
    loss = unchecked(F.cross_entropy)
    with pytest.raises(TypeError, match=r"labels must be integers, got float32.*astype\('int32'\)"):
        loss(jnp.zeros((2, 3)), jnp.zeros(2))
    with pytest.raises(ValueError, match=r"labels must have the shape \(batch,\) with batch = 2, got \(2, 1\)"):
        loss(jnp.zeros((2, 3)), jnp.zeros((2, 1), int))
    with pytest.raises(ValueError, match=r"logits must have the shape \(batch, classes\), got \(3,\)"):
        loss(jnp.zeros(3), jnp.array(0))
    with pytest.raises(TypeError, match=r"logits must be floating, got int32"):
        loss(jnp.zeros((2, 3), int), jnp.zeros(2, int))


def test_cross_entropy_is_the_likelihood_of_log_softmax_and_the_divergence_plus_the_entropy(random, double):
    logits, labels = jnp.asarray(random.normal(size=(6, 4))), jnp.asarray(random.integers(0, 4, 6))
    targets = jnp.asarray(random.dirichlet(np.ones(4), 6))
    log_p = run(F.log_softmax, logits)
    np.testing.assert_allclose(
        run(F.cross_entropy, logits, labels), run(F.negative_log_likelihood, log_p, labels), rtol=1e-12
    )
    entropy = scipy.stats.entropy(targets, axis=1)
    np.testing.assert_allclose(
        run(F.soft_cross_entropy, logits, targets), run(F.kl_divergence, log_p, targets) + entropy, rtol=1e-12
    )


def test_label_smoothing_is_cross_entropy_with_soft_targets(random, double):
    logits, labels = jnp.asarray(random.normal(size=(6, 4))), jnp.asarray(random.integers(0, 4, 6))
    targets = 0.9 * np.eye(4)[labels] + 0.1 / 4
    np.testing.assert_allclose(
        run(F.cross_entropy, logits, labels, smoothing=0.1),
        run(F.soft_cross_entropy, logits, jnp.asarray(targets)),
        rtol=1e-12,
    )


def test_the_hessian_is_that_of_log_sum_exp(random, double):
    z = jnp.asarray(random.normal(size=4))
    p = run(F.softmax, z)
    hessian = jax.jit(jax.hessian(lambda z: F.cross_entropy(z[None], jnp.array([2]))[0]))(z)
    np.testing.assert_allclose(hessian, np.diag(p) - np.outer(p, p), atol=1e-14)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_mean_of_pytorch_is_the_one_in_the_docstring(torch, random, double, smoothing):
    logits, labels, w = random.normal(size=(8, 3)), random.integers(0, 3, 8), random.uniform(size=3)
    labels[2] = -100
    theirs = torch.nn.functional.cross_entropy(
        torch.tensor(logits), torch.tensor(labels), weight=torch.tensor(w), label_smoothing=smoothing
    )
    s = jnp.asarray(np.where(labels < 0, 0, w[labels.clip(0)]))
    logits, labels = jnp.asarray(logits), jnp.asarray(labels)
    losses = run(F.cross_entropy, logits, labels, smoothing=smoothing, class_weights=w)
    np.testing.assert_allclose(losses.sum() / s.sum(), theirs, rtol=1e-12)
    if not smoothing:
        np.testing.assert_allclose(run(F.weighted_mean, run(F.cross_entropy, logits, labels), s), theirs, rtol=1e-12)


@pytest.mark.parametrize("loss", [F.cross_entropy, F.negative_log_likelihood])
def test_ignored_examples_have_loss_and_gradient_zero_even_with_nan(loss):
    z = jnp.array([[0.0, 1.0], [jnp.nan, jnp.inf], [2.0, 1.0]])
    value, gradient = run_with_gradient(functools.partial(loss, ignored=7), z, np.array([0, 7, 1]))
    assert value[1] == 0
    assert gradient[1].tolist() == [0, 0]
    assert np.isfinite(value).all()
    assert (gradient[[0, 2]] != 0).any(axis=1).all()


def test_only_the_given_label_is_ignored():
    loss = run(F.cross_entropy, np.zeros((3, 2)), jnp.array([-100, 1, 0]), ignored=1)
    assert np.isnan(loss).tolist() == [True, False, False]
    assert loss[1:].tolist() == [0.0, pytest.approx(np.log(2))]


def test_a_large_unsigned_label_is_not_a_class():
    assert np.isnan(run(F.cross_entropy, np.zeros((1, 3)), jnp.array([2**32 - 1], jnp.uint32))).all()


def test_a_logit_of_minus_infinity_costs_only_examples_of_that_class():
    logits = jnp.array([[0.0, 1.0, -jnp.inf], [0.0, 1.0, -jnp.inf]])

    def with_gradient_of_the_first(logits, labels):
        loss, pull = jax.vjp(lambda z: F.cross_entropy(z, labels), logits)
        return loss, pull(jnp.array([1.0, 0.0]))[0][0]

    loss, gradient = run(with_gradient_of_the_first, logits, np.array([0, 2]))
    np.testing.assert_allclose(loss, [np.log1p(np.e), np.inf], rtol=1e-6)
    np.testing.assert_allclose(gradient, [-1 / (1 + np.exp(-1)), 1 / (1 + np.exp(-1)), 0], rtol=1e-6)


@pytest.mark.parametrize("shape", [(2,), (4,), (1, 3), (2, 3)])
@pytest.mark.parametrize("loss", [F.cross_entropy, F.negative_log_likelihood])
def test_class_weights_of_a_wrong_shape_raise(unchecked, loss, shape):
    with pytest.raises(
        ValueError, match=r"class_weights must be one number or one for each of the 3 classes, got the shape"
    ):
        unchecked(loss)(jnp.zeros((2, 3)), jnp.array([0, 1]), class_weights=np.ones(shape))


def test_settings_can_be_traced_and_mapped():
    logits, labels = jnp.array([[0.0, 1.0]]), jnp.array([0])
    loss = lambda e, w: F.cross_entropy(logits, labels, smoothing=e, class_weights=w)[0]

    def mapped_and_one_by_one(smoothing, weights):
        return jax.vmap(loss)(smoothing, weights), [loss(e, w) for e, w in [(0.0, 1.0), (0.5, 3.0)]]

    np.testing.assert_allclose(
        *run(mapped_and_one_by_one, np.array([0.0, 0.5]), np.array([[1.0, 1.0], [3.0, 3.0]])), rtol=1e-6
    )


def test_one_negative_class_weight_makes_every_loss_nan():
    labels = jnp.array([0, 1, 2])
    for loss in (F.cross_entropy, F.negative_log_likelihood):
        assert np.isnan(run(loss, -np.ones((3, 3)), labels, class_weights=jnp.array([1.0, -1.0, 1.0]))).all()


def test_an_unsigned_label_that_wraps_to_the_ignored_one_is_not_ignored():
    labels = jnp.array([2**32 - 100], jnp.uint32)
    assert np.isnan(run(F.cross_entropy, np.zeros((1, 3)), labels)).all()


def test_a_class_that_is_the_ignored_label_modulo_256_is_not_ignored():
    label = jnp.array([156], jnp.uint8)
    np.testing.assert_allclose(run(F.cross_entropy, np.zeros((1, 200)), label), [np.log(200)], rtol=1e-6)
