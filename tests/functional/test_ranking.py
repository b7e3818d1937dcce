import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxdl.functional as F
from tests.functional.compiled import run


def test_pairwise_hinge_is_zero_only_beyond_the_margin():
    better, worse = jnp.array([3.0, 1.0, 0.5, 0.0]), jnp.array([0.0, 0.0, 0.0, 2.0])
    assert run(F.pairwise_hinge, better, worse).tolist() == [0, 0, 0.5, 3]
    assert run(F.pairwise_hinge, better, worse, margin=2.0).tolist() == [0, 1, 1.5, 4]


def test_derivative_at_the_margin_is_zero_where_pytorch_takes_the_slope(torch):
    better, worse = jnp.array([1.0, 0.5]), jnp.zeros(2)
    gradients = run(jax.grad(lambda *a: F.pairwise_hinge(*a).sum(), argnums=(0, 1)), better, worse)
    assert [gradient.tolist() for gradient in gradients] == [[0, -1], [0, 1]]
    theirs = torch.tensor([1.0, 0.5], requires_grad=True)
    torch.nn.functional.margin_ranking_loss(
        theirs, torch.zeros(2), torch.ones(2), margin=1.0, reduction="sum"
    ).backward()
    assert theirs.grad.tolist() == [-1, -1]


def test_pairwise_logistic_is_the_binary_cross_entropy_of_the_difference(random, double):
    better, worse = jnp.asarray(random.normal(size=(2, 9)))
    difference = run(F.sigmoid_binary_cross_entropy, better - worse, np.ones(9, int))
    np.testing.assert_allclose(run(F.pairwise_logistic, better, worse), difference, rtol=1e-14)


def test_tie_costs_log_two():
    assert float(run(F.pairwise_logistic, jnp.array([3.0]), jnp.array([3.0]))[0]) == pytest.approx(np.log(2))


def test_gradient_of_a_well_ordered_pair_keeps_its_digits():
    gradient, _ = run(F.pairwise_logistic_vjp, np.ones(1), jnp.array([30.0]), jnp.array([0.0]))
    np.testing.assert_allclose(gradient, [-np.exp(-30)], rtol=1e-5)


@pytest.fixture
def lists(random):
    scores, relevance = random.normal(size=(4, 5)), 1.0 * random.integers(0, 3, (4, 5))
    present = np.arange(5) < np.array([[5], [3], [1], [0]])
    return scores.astype(np.float32), relevance.astype(np.float32), jnp.asarray(present)


def test_loss_of_padded_lists_equals_optax(lists):
    scores, relevance, present = lists
    optaxs = functools.partial(optax.losses.ranking_softmax_loss, reduce_fn=None)
    theirs = jax.jit(lambda s, y, where: optaxs(s, y, where=where))(scores[:3], relevance[:3], present[:3])
    np.testing.assert_allclose(
        run(F.listwise_softmax, scores, relevance, present=present)[:3], theirs, rtol=1e-5, atol=1e-6
    )


def test_padded_list_has_the_loss_of_the_short_list(lists):
    scores, relevance, present = lists
    short = run(F.listwise_softmax, scores[1:2, :3], relevance[1:2, :3])
    np.testing.assert_allclose(run(F.listwise_softmax, scores, relevance, present=present)[1], short[0], rtol=1e-6)


def test_list_of_padding_has_loss_and_gradient_zero(lists):
    scores, relevance, present = lists

    @jax.jit
    def with_gradients(*arguments):
        loss, pull = jax.vjp(lambda *a: F.listwise_softmax(*a, present=present), *arguments)
        return loss, pull(jnp.ones(4))

    loss, gradients = with_gradients(scores, relevance)
    assert loss[3] == 0
    assert np.isfinite(loss).all()
    for gradient in gradients:
        assert gradient[3].tolist() == [0] * 5
        assert np.isfinite(gradient).all()


def test_values_in_the_padding_affect_no_derivative(lists):
    scores, relevance, present = lists
    padding = np.where(present, 0, np.float32(np.nan))
    loss = lambda s, y: F.listwise_softmax(s, y, present=present).sum()
    for derivative in (jax.grad, jax.hessian):
        clean, padded = (
            jax.jit(derivative(loss, argnums=(0, 1)))(*a) for a in [lists[:2], (scores + padding, relevance + padding)]
        )
        for a, b in zip(jax.tree.leaves(clean), jax.tree.leaves(padded), strict=True):
            assert np.isfinite(b).all()
            np.testing.assert_allclose(a, b, rtol=1e-6)


def test_one_relevant_item_gives_the_cross_entropy_of_a_label(lists):
    scores, _, _ = lists
    labels = jnp.array([0, 3, 2, 4])
    np.testing.assert_allclose(
        run(F.listwise_softmax, scores, np.eye(5)[labels]), run(F.cross_entropy, scores, labels), rtol=1e-6
    )


@pytest.mark.parametrize("shape", [(5,), (4, 1), (5, 4)])
def test_present_of_another_shape_raises(unchecked, lists, shape):
    scores, relevance, _ = lists
    with pytest.raises(
        ValueError, match=r"present must be one Boolean or have the shape \(4, 5\) of scores, got the sh"
    ):
        unchecked(F.listwise_softmax)(jnp.asarray(scores), jnp.asarray(relevance), present=np.ones(shape, bool))


def test_absent_item_ranks_below_every_score():
    loss = run(F.listwise_softmax, jnp.array([[-1e10, 5.0]]), np.ones((1, 2)), present=jnp.array([[True, False]]))
    assert loss.tolist() == [0]
