import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxdl.functional as F
from tests.functional.compiled import run, run_with_gradient


def test_hinge_is_zero_beyond_the_margin_and_linear_below():
    scores, labels = jnp.array([2.0, 1.0, 0.0, -1.0, -1.0, 0.5]), jnp.array([1, 1, 1, 1, -1, -1])
    assert run(F.hinge, scores, labels).tolist() == [0.0, 0.0, 1.0, 2.0, 0.0, 1.5]


def test_hinge_is_optaxs(random):
    scores, labels = jnp.asarray(random.normal(size=20), jnp.float32), jnp.asarray(random.choice([-1, 1], 20))
    assert np.array_equal(run(F.hinge, scores, labels), optax.hinge_loss(scores, labels.astype(jnp.float32)))


def test_the_hinge_derivative_at_the_margin_is_zero():
    scores, labels = jnp.array([1.0, -1.0]), jnp.array([1, -1])
    assert run(F.hinge_vjp, np.ones(2), scores, labels)[0].tolist() == [0.0, 0.0]
    assert run_with_gradient(F.hinge, scores, labels)[1].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("label", [0, 2, -2])
def test_an_invalid_label_gives_nan_in_hinge_and_gradient(label):
    loss, gradient = run_with_gradient(F.hinge, np.zeros(2), np.array([1, label]))
    assert np.isnan(loss).tolist() == [False, True]
    assert np.isnan(gradient).tolist() == [False, True]


def test_wrong_labels_raise(unchecked):
    with pytest.raises(TypeError, match="labels must be integers"):
        unchecked(F.hinge)(jnp.zeros(2), jnp.zeros(2))
    with pytest.raises(
        ValueError, match=r"scores must have the shape \(batch,\), got \(2, 1\): take its column, scores\[:, 0\]"
    ):
        unchecked(F.hinge)(jnp.zeros((2, 1)), jnp.ones(2, int))


def test_squared_hinge_is_the_square_of_hinge_with_a_continuous_slope():
    scores, labels = jnp.array([2.0, 1.0, 0.0, -1.0, -1.0, 0.5]), jnp.array([1, 1, 1, 1, -1, -1])
    loss, gradient = run_with_gradient(F.squared_hinge, scores, labels)
    assert loss.tolist() == [0.0, 0.0, 1.0, 4.0, 0.0, 2.25]
    assert gradient.tolist() == [0.0, 0.0, -2.0, -4.0, 0.0, 3.0]
    bend = jax.jit(jax.vmap(jax.hessian(lambda y: F.squared_hinge(y[None], jnp.array([1]))[0])))
    assert bend(jnp.array([0.5, 1.0, 1.5])).tolist() == [2, 0, 0]


def test_perceptron_is_zero_for_the_right_sign():
    scores, labels = jnp.array([2.0, -2.0, 2.0, -0.5]), jnp.array([1, -1, -1, 1])
    assert run(F.perceptron, scores, labels).tolist() == [0.0, 0.0, 2.0, 0.5]


def test_the_perceptron_has_a_gradient_on_the_boundary():
    scores, labels = jnp.array([0.0, -0.0, 0.0]), jnp.array([1, 1, -1])
    assert run(F.perceptron_vjp, np.ones(3), scores, labels)[0].tolist() == [-1, -1, 1]
    assert run_with_gradient(F.perceptron, scores, labels)[1].tolist() == [-1, -1, 1]


def test_the_perceptron_converges_on_separable_data_from_zero_weights(random):
    x = random.normal(size=(40, 2)).astype(np.float32)
    x, labels = x + 0.5 * np.sign(x[:, :1] + x[:, 1:]), np.sign(x[:, 0] + x[:, 1]).astype(int)
    w = np.zeros((2, 1), np.float32)
    for _ in range(50):
        (g,) = run(F.perceptron_vjp, np.ones(40), (x @ w)[:, 0], labels)
        w = w - run(F.dense_vjp, g[:, None], x, w, np.zeros(1))[1]
    assert np.array_equal(np.sign(x @ w)[:, 0].astype(int), labels)


def test_multiclass_hinge_counts_the_strongest_rival_and_weston_watkins_all_rivals():
    scores, labels = jnp.array([[2.0, 0.5, -1.0], [2.0, 1.5, 1.25], [0.0, 3.0, 1.0]]), jnp.array([0, 0, 2])
    assert run(F.multiclass_hinge, scores, labels).tolist() == [0.0, 0.5, 3.0]
    assert run(F.weston_watkins, scores, labels).tolist() == [0.0, 0.75, 3.0]


def test_both_multiclass_losses_of_two_classes_are_the_hinge_of_the_difference(random):
    scores, labels = jnp.asarray(random.normal(size=(9, 2)), jnp.float32), jnp.asarray(random.integers(0, 2, 9))
    binary = run(F.hinge, scores[:, 1] - scores[:, 0], 2 * labels - 1)
    np.testing.assert_allclose(run(F.multiclass_hinge, scores, labels), binary, rtol=1e-5)
    np.testing.assert_allclose(run(F.weston_watkins, scores, labels), binary, rtol=1e-5)


MULTICLASS = [F.multiclass_hinge, F.weston_watkins]


@pytest.mark.parametrize("loss", MULTICLASS)
def test_the_gradient_is_zero_at_the_margin_and_beyond(loss):
    _, gradient = run_with_gradient(loss, np.array([[2.0, 1.0, 1.0], [3.0, 1.0, 1.0]]), np.array([0, 0]))
    assert gradient.tolist() == [[0, 0, 0], [0, 0, 0]]


def test_the_first_of_tied_rivals_gets_the_gradient():
    scores, labels = jnp.array([[1.0, 0.0, 1.0, 1.0], [5.0, 2.0, 2.0, 0.0]]), jnp.array([1, 3])
    expected = [[1, -1, 0, 0], [1, 0, 0, -1]]
    assert run_with_gradient(F.multiclass_hinge, scores, labels)[1].tolist() == expected
    assert run(F.multiclass_hinge_vjp, np.ones(2), scores, labels)[0].tolist() == expected


@pytest.mark.parametrize("loss", MULTICLASS)
def test_the_loss_of_a_single_class_is_zero(loss):
    value, gradient = run_with_gradient(loss, np.array([[-2.0], [0.0], [1e4]]), np.zeros(3, int))
    assert value.tolist() == [0, 0, 0]
    assert gradient.tolist() == [[0], [0], [0]]


@pytest.mark.parametrize("label", [-1, 3, -100])
@pytest.mark.parametrize("loss", MULTICLASS)
def test_an_invalid_class_gives_nan_in_loss_and_gradient(loss, label):
    value, gradient = run_with_gradient(loss, np.ones((2, 3)), np.array([0, label]))
    assert np.isnan(value).tolist() == [False, True]
    assert np.isnan(gradient).tolist() == [[False] * 3, [True] * 3]


@pytest.mark.parametrize("loss", [F.squared_hinge, F.perceptron])
@pytest.mark.parametrize("label", [0, 2])
def test_an_invalid_label_gives_nan_in_every_binary_loss(loss, label):
    value, gradient = run_with_gradient(loss, np.full(2, 3.0), np.array([1, label]))
    assert np.isnan(value).tolist() == [False, True]
    assert np.isnan(gradient).tolist() == [False, True]


@pytest.mark.parametrize("f", [F.hinge, F.squared_hinge, F.perceptron])
def test_an_unsigned_255_is_not_minus_one(f):
    assert np.isnan(run(f, np.ones(2), jnp.array([255, 1], jnp.uint8))).tolist() == [True, False]


@pytest.mark.parametrize(("label_score", "loss"), [(jnp.inf, 0.0), (-jnp.inf, jnp.inf)])
def test_an_infinite_score_of_the_label_costs_zero_or_infinity(label_score, loss):
    scores = jnp.array([[label_score, 0.0, 1.0]])
    for f in (F.weston_watkins, F.multiclass_hinge):
        assert run(f, scores, jnp.array([0])).tolist() == [loss]


def test_the_largest_unsigned_label_is_not_minus_one():
    assert np.isnan(run(F.hinge, np.ones(1), jnp.array([2**32 - 1], jnp.uint32))).all()


def test_weston_watkins_with_exponent_two_sums_squares_with_a_continuous_slope():
    scores, labels = jnp.array([[2.0, 0.5, -1.0], [2.0, 1.5, 1.25], [0.0, -1.0, -1.0]]), jnp.array([0, 0, 0])
    squared = functools.partial(F.weston_watkins, exponent=2)
    loss, gradient = run_with_gradient(squared, scores, labels)
    assert loss.tolist() == [0, 0.3125, 0]
    assert gradient.tolist() == [[0, 0, 0], [-1.5, 1, 0.5], [0, 0, 0]]
    two_classes = run(squared, scores[:, :2], labels)
    np.testing.assert_allclose(
        two_classes, run(F.squared_hinge, scores[:, 0] - scores[:, 1], np.ones(3, int)), rtol=1e-6
    )


@pytest.mark.parametrize("exponent", [0, 3, 1.5])
def test_an_exponent_other_than_one_and_two_raises(unchecked, exponent):
    with pytest.raises(ValueError, match=rf"exponent must be 1 or 2, got {exponent}\."):
        unchecked(F.weston_watkins)(jnp.ones((1, 2)), jnp.array([0]), exponent=exponent)


def test_multiclass_hinge_without_classes_raises():
    with pytest.raises(ValueError, match=r"scores must have at least one class, got the shape \(3, 0\)"):
        F.multiclass_hinge(jnp.zeros((3, 0)), jnp.zeros(3, int))
