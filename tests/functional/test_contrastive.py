import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from tests.functional.compiled import run, run_with_gradient

ZERO, EAST, NORTH = [0.0, 0.0], [1.0, 0.0], [0.0, 1.0]


def test_the_triplet_loss_is_the_missing_part_of_the_margin():
    anchor, positive = jnp.zeros((3, 2)), jnp.array([[3.0, 4.0]] * 3)
    negative = jnp.array([[0.0, 5.5], [0.0, 6.0], [0.0, -7.0]])
    assert run(F.triplet, anchor, positive, negative).tolist() == [0.5, 0, 0]
    assert run(F.triplet, anchor, positive, negative, margin=2.0).tolist() == [1.5, 1, 0]


def test_the_triplet_derivative_at_the_margin_is_zero_unlike_in_pytorch(torch):
    arrays = [[ZERO], [[3.0, 4.0]], [[0.0, 6.0]]]
    for gradient in jax.jit(jax.grad(lambda *a: F.triplet(*a).sum(), argnums=(0, 1, 2)))(*map(jnp.array, arrays)):
        assert gradient.tolist() == [ZERO]
    theirs = [torch.tensor(array, requires_grad=True) for array in arrays]
    torch.nn.functional.triplet_margin_loss(*theirs, eps=0).backward()
    np.testing.assert_allclose(theirs[1].grad, [[0.6, 0.8]], rtol=1e-6)


@pytest.mark.parametrize("of", [jax.jacobian, jax.hessian])
def test_equal_vectors_have_zero_derivatives(of):
    triple = jnp.array([EAST]), jnp.array([EAST]), jnp.array([EAST])
    for leaf in jax.tree.leaves(jax.jit(of(lambda *a: F.triplet(*a)[0], argnums=(0, 1, 2)))(*triple)):
        assert (leaf == 0).all()


def test_the_cosine_is_one_for_parallel_and_zero_for_orthogonal_vectors():
    x, y = jnp.array([EAST, EAST, EAST, EAST]), 5 * jnp.array([EAST, NORTH, EAST, NORTH])
    labels = jnp.array([1, 1, -1, -1])
    np.testing.assert_allclose(run(F.cosine_embedding, x, y, labels), [0, 1, 1, 0], atol=1e-6)
    np.testing.assert_allclose(run(F.cosine_embedding, x, y, labels, margin=0.25), [0, 1, 0.75, 0], atol=1e-6)


def test_the_cosine_derivative_at_the_margin_is_zero_unlike_in_pytorch(torch):
    x, y, labels = jnp.array([EAST]), jnp.array([NORTH]), jnp.array([-1])
    gradients = jax.jit(jax.grad(lambda x, y: F.cosine_embedding(x, y, labels).sum(), argnums=(0, 1)))(x, y)
    by_hand = run(F.cosine_embedding_vjp, np.ones(1), x, y, labels)
    assert [gradient.tolist() for gradient in (*gradients, *by_hand)] == [[ZERO]] * 4
    theirs = torch.tensor([EAST], requires_grad=True)
    torch.nn.functional.cosine_embedding_loss(theirs, torch.tensor([NORTH]), torch.tensor([-1])).backward()
    assert theirs.grad.tolist() == [NORTH]


def test_the_cosine_of_a_zero_vector_is_zero_as_in_pytorch(torch):
    x, y, labels = [ZERO, ZERO, EAST], [EAST, ZERO, ZERO], [1, 1, -1]
    ours = run(F.cosine_embedding, jnp.array(x), jnp.array(y), jnp.array(labels))
    theirs = torch.nn.functional.cosine_embedding_loss(*map(torch.tensor, (x, y, labels)), reduction="none")
    assert ours.tolist() == theirs.tolist() == [1, 1, 0]
    hessian = jax.jit(jax.hessian(lambda x: F.cosine_embedding(x, jnp.array(y), jnp.array(labels)).sum()))(jnp.array(x))
    assert jnp.isfinite(hessian).all()


@pytest.mark.parametrize("label", [0, 2, -2])
def test_an_invalid_label_gives_nan_in_loss_and_gradient(label):
    labels = jnp.array([1, label])
    loss, pull = jax.vjp(
        jax.jit(lambda x: F.cosine_embedding(x, jnp.array([EAST, NORTH]), labels)), jnp.array([NORTH, EAST])
    )
    assert jnp.isnan(loss).tolist() == [False, True]
    assert jnp.isnan(pull(jnp.ones(2))[0]).tolist() == [[False] * 2, [True] * 2]


def test_products_of_zero_cost_log_two_per_word():
    loss = run(F.negative_sampling, np.zeros((1, 3)), np.ones((1, 3)), np.ones((1, 4, 3)))
    np.testing.assert_allclose(loss, [5 * np.log(2)], rtol=1e-6)


def test_negative_sampling_is_logistic_regression_with_one_positive(random, double):
    center, context, negatives = random.normal(size=(2, 3)), random.normal(size=(2, 3)), random.normal(size=(2, 4, 3))
    products = np.concatenate([(center * context).sum(-1)[:, None], (center[:, None] * negatives).sum(-1)], axis=1)
    each = run(F.sigmoid_binary_cross_entropy, jnp.asarray(products.ravel()), jnp.asarray([1, 0, 0, 0, 0] * 2))
    loss = run(F.negative_sampling, *map(jnp.asarray, (center, context, negatives)))
    np.testing.assert_allclose(loss, each.reshape(2, 5).sum(1), rtol=1e-12)


def test_zero_negatives_leave_the_loss_of_the_context():
    loss = run(F.negative_sampling, np.ones((2, 3)), np.zeros((2, 3)), np.zeros((2, 0, 3)))
    np.testing.assert_allclose(loss, [np.log(2)] * 2, rtol=1e-6)


def test_the_cosine_of_tiny_vectors_equals_pytorch(torch, random, double):
    x, y = 1e-6 * random.normal(size=(2, 5, 3))
    labels = np.array([1, -1, 1, -1, 1])
    theirs = torch.nn.functional.cosine_embedding_loss(*map(torch.tensor, (x, y, labels)), reduction="none")
    np.testing.assert_allclose(run(F.cosine_embedding, *map(jnp.asarray, (x, y, labels))), theirs, rtol=1e-6)


def test_the_triplet_loss_has_the_norms_of_numpy(random, double):
    a, p, q = 3 * random.normal(size=(3, 8, 4))
    settings = [{"norm_degree": degree, "swap": swap} for degree in (1, 2, 3, 1.5) for swap in (False, True)]
    losses = run(lambda *arrays: [F.triplet(*arrays, margin=2.0, **each) for each in settings], a, p, q)
    for each, loss in zip(settings, losses, strict=True):
        to_positive, to_negative, swapped = (
            np.linalg.norm(v, each["norm_degree"], axis=1) for v in (a - p, a - q, p - q)
        )
        to_negative = np.minimum(to_negative, swapped) if each["swap"] else to_negative
        np.testing.assert_allclose(loss, np.maximum(0, to_positive - to_negative + 2), rtol=1e-12)


def test_equal_distances_of_a_swapped_triplet_share_the_derivative_as_in_pytorch(torch):
    arrays = [[ZERO], [[4.0, 0.0]], [[2.0, 0.0]]]
    theirs = [torch.tensor(array, requires_grad=True) for array in arrays]
    torch.nn.functional.triplet_margin_loss(*theirs, eps=0, swap=True).backward()
    for ours, leaf in zip(run(F.triplet_vjp, np.ones(1), *map(jnp.array, arrays), swap=True), theirs, strict=True):
        assert ours.tolist() == leaf.grad.tolist()


def test_large_powers_of_a_distance_do_not_overflow():
    a, p, q = np.float32([[[0, 0]], [[3e30, 4e30]], [[1e30, 0]]])
    np.testing.assert_allclose(run(F.triplet, a, p, q, norm_degree=1), [6e30], rtol=1e-6)
    np.testing.assert_allclose(run(F.triplet, a, p, q, norm_degree=4), [(3**4 + 4**4) ** 0.25 * 1e30 - 1e30], rtol=1e-6)


@pytest.mark.parametrize("degree", [0.5, np.inf, np.nan])
def test_a_degree_below_one_or_infinite_raises(degree):
    with pytest.raises(ValueError, match=rf"norm_degree must be at least 1 and finite, got {degree}\."):
        F.triplet(*jnp.zeros((3, 1, 2)), norm_degree=degree)


def test_hinge_embedding_costs_the_distance_or_the_missing_margin():
    distances, labels = jnp.array([0.5, 3.0, 0.5, 2.0, 3.0, 0.5]), jnp.array([1, 1, -1, -1, -1, 0])
    loss, gradient = run_with_gradient(functools.partial(F.hinge_embedding, margin=2.0), distances, labels)
    np.testing.assert_array_equal(loss, [0.5, 3, 1.5, 0, 0, np.nan])
    np.testing.assert_array_equal(gradient, [1, 1, -1, 0, 0, np.nan])
    np.testing.assert_array_equal(
        run(F.hinge_embedding_vjp, np.ones(6, np.float32), distances, labels, margin=2.0)[0], gradient
    )
