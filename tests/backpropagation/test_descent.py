"""A published training run by derivations written by hand: Nielsen, *Neural Networks and Deep Learning* (2015)."""

import random as standard_random

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl.backpropagation import forward, layer, sgd_by_hand

NETWORK = tuple(map(layer, (F.dense, F.sigmoid, F.dense, F.sigmoid_cross_entropy)))


def nielsens_start(sizes):
    """Biases first, then weights; a first draw is thrown away. Weights are (outputs, inputs) in the book."""
    numpy_random = np.random.RandomState(12345678)
    for _ in range(2):
        biases = [numpy_random.randn(size, 1)[:, 0] for size in sizes[1:]]
        weights = [numpy_random.randn(*shape).T for shape in zip(sizes[1:], sizes[:-1], strict=True)]
    return ((weights[0], biases[0]), (), (weights[1], biases[1]))


def nielsens_orders(examples):
    """Python 2 shuffled in place, and went on from the last epoch's order."""
    draw, order = standard_random.Random(12345678), list(range(examples))
    while True:
        for i in reversed(range(1, examples)):
            j = int(draw.random() * (i + 1))
            order[i], order[j] = order[j], order[i]
        yield np.array(order)


def test_three_epochs_of_a_published_run_are_reproduced_to_the_last_published_digit(data_dir, double):
    with np.load(data_dir / "mnist.npz") as mnist:
        images, labels = mnist["x_train"][:1000], mnist["y_train"][:1000]
        test_images, test_labels = mnist["x_test"], mnist["y_test"]
    as_published = lambda images: jnp.asarray(images.reshape(len(images), -1) / np.float32(256), jnp.float64)
    inputs, targets, test_inputs = as_published(images), jnp.eye(10)[labels], as_published(test_images)

    @jax.jit
    def epoch(params, order):
        batches = tuple(array[order].reshape(100, 10, -1) for array in (inputs, targets))
        params, _ = sgd_by_hand(NETWORK, params, batches, 0.5)
        cost = forward(NETWORK, (*params, (targets,)), inputs)[0].mean()
        scores, _ = forward(NETWORK[:-1], params, test_inputs)
        return params, (scores.argmax(axis=1) == test_labels).sum(), cost

    params, orders = nielsens_start([784, 30, 10]), nielsens_orders(1000)
    for correct, cost in ((5887, 1.843364786033), (6505, 1.477743422760), (6970, 1.207286129598)):
        params, ours, our_cost = epoch(params, next(orders))
        assert int(ours) == correct
        assert float(our_cost) == pytest.approx(cost, abs=6e-13)


def test_decay_shrinks_weights_and_not_biases(random, double):
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


def test_what_is_not_floating_among_the_parameters_stays(random, double):
    network = (layer(F.embed), layer(F.dense), layer(F.cross_entropy))
    ids, rows = jnp.array([0, 2, 1, 1]), jnp.asarray(random.normal(size=(4, 3)))
    params = ((ids,), (jnp.asarray(random.normal(size=(3, 2))), jnp.zeros(2)))
    labels = jnp.array([[0, 1, 1, 0]])
    (moved, dense), _ = sgd_by_hand(network, params, (rows[None], labels), 0.1)
    (expected,), _ = sgd_by_hand(network[1:], params[1:], (rows[ids][None], labels), 0.1)
    np.testing.assert_array_equal(moved[0], ids)
    for ours, without in zip(dense, expected, strict=True):
        np.testing.assert_allclose(ours, without, rtol=1e-12)


def test_a_loss_of_other_than_one_number_per_example_is_told(random):
    network = (layer(F.dense), layer(F.sigmoid))
    params = ((jnp.zeros((3, 2)), jnp.zeros(2)),)
    with pytest.raises(ValueError, match=r"one number per example, \(5,\), but its last layer returned \(5, 2\)"):
        sgd_by_hand(network, params, (jnp.zeros((4, 5, 3)),), 0.1)
