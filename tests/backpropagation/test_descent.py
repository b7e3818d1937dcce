import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from experiments import published_run
from jaxdl.backpropagation import Layer, forward, layer, sgd_by_hand


def test_three_epochs_of_a_published_run_are_reproduced_to_the_last_published_digit(data_dir):
    """Nielsen, *Neural Networks and Deep Learning* (2015)."""
    for (correct, cost), number in zip(published_run.epochs(), (1, 2, 3), strict=False):
        assert correct == published_run.PUBLISHED[number][0]
        assert cost == pytest.approx(published_run.PUBLISHED[number][1], abs=published_run.TOLERANCE)


def test_weight_decay_shrinks_weights_but_not_biases(random, double):
    network = (layer(F.dense), layer(F.squared_error))
    w, b = random.normal(size=(3, 2)), random.normal(size=2)
    x, t = random.normal(size=(4, 5, 3)), random.normal(size=(4, 5, 2))
    ((w_new, b_new),), losses = sgd_by_hand(network, ((w, b),), (x, t), 0.1, 0.3)
    for inputs, targets, loss in zip(x, t, losses, strict=True):
        error = inputs @ w + b - targets
        np.testing.assert_allclose(loss, (error**2).sum() / 5, rtol=1e-12)
        w = (1 - 0.1 * 0.3) * w - 0.1 * 2 * inputs.T @ error / 5
        b = b - 0.1 * 2 * error.sum(axis=0) / 5
    np.testing.assert_allclose(w_new, w, rtol=1e-12)
    np.testing.assert_allclose(b_new, b, rtol=1e-12)


def test_integer_parameters_stay(random, double):
    network = (layer(F.embed), layer(F.dense), layer(F.cross_entropy))
    ids, rows = jnp.array([0, 2, 1, 1]), jnp.asarray(random.normal(size=(4, 3)))
    params = ((ids,), (jnp.asarray(random.normal(size=(3, 2))), jnp.zeros(2)))
    labels = jnp.array([[0, 1, 1, 0]])
    (moved, dense), _ = sgd_by_hand(network, params, (rows[None], labels), 0.1)
    (expected,), _ = sgd_by_hand(network[1:], params[1:], (rows[ids][None], labels), 0.1)
    np.testing.assert_array_equal(moved[0], ids)
    for ours, without in zip(dense, expected, strict=True):
        np.testing.assert_allclose(ours, without, rtol=1e-12)


def test_loss_with_several_numbers_per_example_raises(random):
    network = (layer(F.dense), layer(F.sigmoid))
    params = ((jnp.zeros((3, 2)), jnp.zeros(2)),)
    with pytest.raises(ValueError, match=r"one number per example, \(5,\), but its last layer returned \(5, 2\)"):
        sgd_by_hand(network, params, (jnp.zeros((4, 5, 3)),), 0.1)


def test_one_step_equals_the_hand_calculation_in_scikit_learns_tests(double):
    """A 3-2-1 network of logistic units: one example, one step, an L2 penalty of 0.1 on weights but not on biases."""
    network = tuple(map(layer, (F.dense, F.sigmoid, F.dense, F.sigmoid_binary_cross_entropy)))
    params = (
        (jnp.array([[0.1, 0.2], [0.3, 0.1], [0.5, 0.0]]), jnp.array([0.1, 0.1])),
        (),
        (jnp.array([[0.1], [0.2]]), jnp.array([1.0])),
    )
    batches = (jnp.array([[[0.6, 0.8, 0.7]]]), jnp.array([[[0.0]]]))
    ((w1, b1), _, (w2, b2)), _ = sgd_by_hand(network, params, batches, learning_rate=0.1, weight_decay=0.1)
    np.testing.assert_allclose(w1, [[0.098, 0.195756], [0.2956664, 0.096008], [0.4939998, -0.002244]], atol=5e-4)
    np.testing.assert_allclose(w2[:, 0], [0.04706, 0.154089], atol=5e-4)
    np.testing.assert_allclose(b1, [0.098333, 0.09626], atol=5e-4)
    np.testing.assert_allclose(b2, [0.9235], atol=5e-4)
    logits, _ = forward(network[:-1], ((w1, b1), (), (w2, b2)), batches[0][0])
    assert float(F.sigmoid(logits)[0, 0]) == pytest.approx(0.739, abs=5e-4)


def test_learning_rate_and_weight_decay_may_differ_between_steps(random, double):
    network = (layer(F.dense), layer(F.squared_error))
    params = ((random.normal(size=(3, 2)), random.normal(size=2)),)
    batches = (random.normal(size=(2, 5, 3)), random.normal(size=(2, 5, 2)))
    both, losses = sgd_by_hand(network, params, batches, np.array([0.1, 0.02]), np.array([0.3, 0.0]))
    first, loss = sgd_by_hand(network, params, tuple(array[:1] for array in batches), 0.1, 0.3)
    second, other = sgd_by_hand(network, first, tuple(array[1:] for array in batches), 0.02)
    np.testing.assert_allclose(losses, [loss[0], other[0]], rtol=1e-12)
    for ours, one_by_one in zip(both[0], second[0], strict=True):
        np.testing.assert_allclose(ours, one_by_one, rtol=1e-12)
    with pytest.raises(
        ValueError, match=r"learning_rate must be one number, or one for each of the 2 steps, got the shape \(3,\)"
    ):
        sgd_by_hand(network, params, batches, np.ones(3))


def test_float32_parameters_stay_float32(random, double):
    network, single = (layer(F.dense), layer(F.squared_error)), np.float32
    params = ((random.normal(size=(3, 2)).astype(single), random.normal(size=2).astype(single)),)
    batches = (random.normal(size=(2, 5, 3)).astype(single), random.normal(size=(2, 5, 2)).astype(single))
    descend = jax.jit(lambda params, batches, learning_rate: sgd_by_hand(network, params, batches, learning_rate, 0.3))
    moved, losses = descend(params, batches, 0.1)
    assert {leaf.dtype for leaf in jax.tree.leaves((moved, losses))} == {np.dtype(single)}


def test_weight_decay_alone_shrinks_kernels_of_any_rank_but_not_biases(double):
    """On images of zeros only weight decay changes a kernel."""
    network = (layer(F.conv2d), layer(F.reshape), layer(F.squared_error))
    params = ((jnp.ones((2, 2, 1, 3)), jnp.zeros(3)), ())
    batches = (jnp.zeros((2, 5, 2, 2, 1)), jnp.zeros((2, 5, 3)))
    ((kernel, bias), _), _ = sgd_by_hand(network, params, batches, 0.5, np.array([0.1, 0.2]))
    np.testing.assert_allclose(kernel, np.full((2, 2, 1, 3), 0.95 * 0.9), rtol=1e-12)
    np.testing.assert_array_equal(bias, np.zeros(3))


@pytest.mark.parametrize("returned", [(2,), ()])
def test_loss_for_another_number_of_examples_raises(returned):
    network = (layer(F.dense), Layer(lambda x: jnp.zeros(returned), lambda g, x: (0 * x,)))
    params = ((jnp.zeros((3, 2)), jnp.zeros(2)),)
    message = rf"one number per example, \(5,\), but its last layer returned {re.escape(str(returned))}"
    with pytest.raises(ValueError, match=message):
        sgd_by_hand(network, params, (jnp.zeros((4, 5, 3)),), 0.1)


def test_weight_decay_for_another_number_of_steps_raises():
    network = (layer(F.dense), layer(F.squared_error))
    batches = (jnp.zeros((4, 5, 3)), jnp.zeros((4, 5, 2)))
    with pytest.raises(
        ValueError, match=r"weight_decay must be one number, or one for each of the 4 steps, got .* \(4, 1\)"
    ):
        sgd_by_hand(network, ((jnp.zeros((3, 2)), jnp.zeros(2)),), batches, 0.1, jnp.zeros((4, 1)))


@pytest.mark.parametrize(
    "batches", [jnp.zeros((4, 5, 3)), (), (jnp.zeros((4, 5, 3)), jnp.zeros((3, 5, 2))), (jnp.zeros(()),)]
)
def test_malformed_batches_raise(batches, unchecked):
    network = (layer(F.dense), layer(F.squared_error))
    with pytest.raises(ValueError, match=r"batches must be a tuple of arrays \(inputs, \*arguments of the loss\)"):
        unchecked(sgd_by_hand)(network, ((jnp.zeros((3, 2)), jnp.zeros(2)),), batches, 0.1)


def test_bfloat16_parameters_stay_bfloat16():
    network = (layer(F.dense), layer(F.squared_error))
    params = ((jnp.ones((3, 2), jnp.bfloat16), jnp.zeros(2, jnp.bfloat16)),)
    widened = Layer(lambda x: x.astype(jnp.float32), lambda g, x: (g.astype(x.dtype),))
    batches = (jnp.ones((2, 5, 3), jnp.bfloat16), jnp.ones((2, 5, 2)))
    moved, _ = sgd_by_hand((network[0], widened, network[1]), (*params, ()), batches, 0.1)
    assert {leaf.dtype for leaf in jax.tree.leaves(moved)} == {jnp.dtype(jnp.bfloat16)}
