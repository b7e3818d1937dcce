import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl.backpropagation import cost, count_operations, count_paths, forward, layer
from tests.backpropagation.linear_chains import linear_chain


def test_paths_multiply_with_depth_while_the_reverse_pass_grows_linearly(random):
    """Each further layer of w units multiplies the paths by w and adds a constant to the reverse pass."""
    costs = [cost(*linear_chain(random, [4] * (depth + 1))) for depth in range(1, 7)]
    for depth, one in enumerate(costs, 1):
        # a weight or bias of layer l has w^(depth - l) paths to the loss
        assert one.paths == sum((4 * 4 + 4) * 4 ** (depth - place) for place in range(1, depth + 1))
        assert one.parameters == depth * 20
        assert one.reverse < 4 * one.forward
    reverse, forward_mode = (np.diff([getattr(one, name) for one in costs]) for name in ("reverse", "forward_mode"))
    assert len(set(reverse)) == 1
    assert len(set(np.diff(forward_mode))) == 1  # parameters times operations: quadratic in depth
    enumeration = [one.enumeration for one in costs]
    assert enumeration[-1] / enumeration[-2] > 4
    assert costs[0].enumeration < costs[0].forward_mode  # a single layer has no common parts of paths
    assert costs[-1].enumeration > costs[-1].forward_mode


def test_each_cost_is_that_of_its_definition(random):
    network, params, batch = linear_chain(random, [3, 2, 4, 2])
    one, (paths, factors) = cost(network, params, batch), count_paths(network, params, batch)
    losses = lambda params: forward(network, (*params, batch[1:]), batch[0])[0]
    direction = count_operations(lambda params: jax.jvp(losses, (params,), (params,)), params)
    assert one.parameters == 8 + 12 + 10
    assert one.forward == count_operations(losses, params)
    assert one.forward_mode == one.parameters * direction
    assert direction > 1.5 * one.forward
    # each path is a product, and the paths of a parameter are summed
    assert one.enumeration == one.forward + (factors - paths) + (paths - one.parameters)


def test_integer_arguments_are_not_parameters(random):
    network = (layer(F.embed), layer(F.dense), layer(F.cross_entropy))
    params = ((jnp.array([0, 1]),), (jnp.asarray(random.normal(size=(3, 2)), jnp.float32), jnp.zeros(2)))
    batch = (jnp.ones((2, 3)), jnp.array([0, 1]))
    assert cost(network, params, batch).parameters == 8


def test_network_without_a_loss_per_example_raises(random):
    _, params, batch = linear_chain(random, [2, 3])
    with pytest.raises(ValueError, match=r"one number per example, \(1,\), but its last layer returned \(1, 3\)"):
        cost((layer(F.dense), layer(F.relu)), params, batch[:1])
