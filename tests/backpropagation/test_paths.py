import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl.backpropagation import Residual, backward, count_paths, forward, layer
from tests.backpropagation.linear_chains import linear_chain


def sum_over_paths(params, inputs, targets):
    """Return the gradient as a sum over paths, the number of paths, and the number of factors of their products."""
    activations = [np.asarray(inputs)[0]]
    for w, b in params:
        activations.append(activations[-1] @ np.asarray(w) + np.asarray(b))
    last = 2 * (activations[-1] - np.asarray(targets)[0])
    gradient, paths, factors = [], 0, 0
    for depth, (w, b) in enumerate(params):
        w_bar, b_bar = np.zeros(w.shape), np.zeros(b.shape)
        later = [np.asarray(v) for v, _ in params[depth + 1 :]]
        for i, o in np.ndindex(w.shape):
            for units in itertools.product(*(range(v.shape[1]) for v in later)):
                along = (o, *units)
                product = np.prod([v[k] for v, k in zip(later, itertools.pairwise(along), strict=True)])
                w_bar[i, o] += activations[depth][i] * product * last[along[-1]]
                paths, factors = paths + 1, factors + len(later) + 2
                if i == 0:
                    b_bar[o] += product * last[along[-1]]
                    paths, factors = paths + 1, factors + len(later) + 2
        gradient.append((w_bar, b_bar))
    return gradient, paths, factors


def test_count_equals_an_enumeration_of_all_paths(random, double):
    network, params, batch = linear_chain(random, [3, 2, 4, 2])
    gradient, paths, factors = sum_over_paths(params, *batch)
    assert count_paths(network, params, batch) == (paths, factors)

    @jax.jit
    def reverse_pass(params, batch):
        losses, tape = forward(network, (*params, batch[1:]), batch[0])
        return backward(network, tape, jnp.ones_like(losses))[1]

    by_reverse_pass = reverse_pass(params, batch)[:-1]
    for enumerated, leaf in zip(jax.tree.leaves(gradient), jax.tree.leaves(by_reverse_pass), strict=True):
        np.testing.assert_allclose(enumerated, leaf, rtol=1e-12)


def test_residual_doubles_the_paths_and_its_skip_connection_is_no_factor(random):
    residual = Residual((layer(F.tanh),))
    network = (layer(F.dense), residual, residual, layer(F.squared_error))
    _, params, batch = linear_chain(random, [2, 3])
    params = (*params, ((),), ((),))
    # 9 parameters, each with 4 paths through two residuals: of 2, 3, 3 and 4 factors
    assert count_paths(network, params, batch) == (9 * 4, 9 * 12)


def test_inactive_relu_counts_and_each_pooling_output_depends_on_its_window(random):
    network = (layer(F.dense), layer(F.relu), layer(F.squared_error))
    _, params, batch = linear_chain(random, [2, 3])
    assert count_paths(network, (*jax.tree.map(lambda w: 0 * w - 1, params), ()), batch) == (9, 27)
    kernel, bias = jnp.ones((2, 2, 1, 1)), jnp.zeros(1)
    pooled = (layer(F.conv2d), layer(F.max_pool), layer(F.reshape), layer(F.squared_error))
    batch = (jnp.asarray(random.normal(size=(1, 5, 5, 1)), jnp.float32), jnp.zeros((1, 4)))
    # each number of the 2×2 kernel, and the bias, affects all 16 outputs of the convolution, each in one of 4 windows
    assert count_paths(pooled, ((kernel, bias), (), ()), batch)[0] == 5 * 16


def test_network_may_end_in_a_residual(random):
    network = (layer(F.dense), layer(F.reshape, {"shape": ()}), Residual((layer(F.tanh),)))
    params = ((jnp.ones((2, 1)), jnp.ones(1)), ())
    inputs, loss_arguments = jnp.asarray(random.normal(size=(1, 2))), ((),)
    assert count_paths(network, params, (inputs, *loss_arguments)) == (3 * 2, 3 * (2 + 3))


def test_network_without_a_loss_per_example_raises(random):
    _, params, batch = linear_chain(random, [2, 3])
    with pytest.raises(ValueError, match=r"one number per example, \(1,\), but its last layer returned \(1, 3\)"):
        count_paths((layer(F.dense), layer(F.relu)), params, batch[:1])
