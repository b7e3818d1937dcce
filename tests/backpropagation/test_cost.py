import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl.backpropagation import Residual, backward, cost, count_paths, forward, layer, operations

SINGLE = {"x": jnp.ones((7, 16)), "w": jnp.ones((16, 10)), "b": jnp.ones(10)}


def linear_chain(random, widths, examples=1):
    """Dense layers and a squared error."""
    shapes = list(itertools.pairwise(widths))
    network = (*(layer(F.dense) for _ in shapes), layer(F.squared_error))
    params = tuple((jnp.asarray(random.normal(size=s)), jnp.asarray(random.normal(size=s[1]))) for s in shapes)
    batch = tuple(jnp.asarray(random.normal(size=(examples, width))) for width in (widths[0], widths[-1]))
    return network, params, batch


def enumerated(params, inputs, targets):
    """The gradient as a sum over paths, each multiplied out; and how many paths and factors there were."""
    signals = [np.asarray(inputs)[0]]
    for w, b in params:
        signals.append(signals[-1] @ np.asarray(w) + np.asarray(b))
    last = 2 * (signals[-1] - np.asarray(targets)[0])
    gradient, paths, factors = [], 0, 0
    for depth, (w, b) in enumerate(params):
        of_w, of_b = np.zeros(w.shape), np.zeros(b.shape)
        later = [np.asarray(v) for v, _ in params[depth + 1 :]]
        for i, o in np.ndindex(w.shape):
            for units in itertools.product(*(range(v.shape[1]) for v in later)):
                along = (o, *units)
                product = np.prod([v[k] for v, k in zip(later, itertools.pairwise(along), strict=True)])
                of_w[i, o] += signals[depth][i] * product * last[along[-1]]
                paths, factors = paths + 1, factors + len(later) + 2
                if i == 0:
                    of_b[o] += product * last[along[-1]]
                    paths, factors = paths + 1, factors + len(later) + 2
        gradient.append((of_w, of_b))
    return gradient, paths, factors


def test_the_paths_that_are_counted_are_those_that_an_enumeration_walks(random, double):
    network, params, batch = linear_chain(random, [3, 2, 4, 2])
    gradient, paths, factors = enumerated(params, *batch)
    assert count_paths(network, params, batch) == (paths, factors)

    @jax.jit
    def sweep(params, batch):
        losses, tape = forward(network, (*params, batch[1:]), batch[0])
        return backward(network, tape, jnp.ones_like(losses))[1]

    swept = sweep(params, batch)
    for of_paths, of_sweep in zip(jax.tree.leaves(gradient), jax.tree.leaves(swept[:-1]), strict=True):
        np.testing.assert_allclose(of_paths, of_sweep, rtol=1e-12)


def test_paths_multiply_with_depth_while_the_sweep_grows_by_a_layer(random):
    """A layer of w units more: w times the paths, for the sweep the same number of operations each time."""
    costs = [cost(*linear_chain(random, [4] * (depth + 1))) for depth in range(1, 7)]
    for depth, one in enumerate(costs, 1):
        # a weight or bias of layer l reaches the loss in w^(depth - l) ways
        assert one.paths == sum((4 * 4 + 4) * 4 ** (depth - place) for place in range(1, depth + 1))
        assert one.parameters == depth * 20
        assert one.reverse < 4 * one.forward
    reverse, forward_mode = (np.diff([getattr(one, name) for one in costs]) for name in ("reverse", "forward_mode"))
    assert len(set(reverse)) == 1
    assert len(set(np.diff(forward_mode))) == 1  # parameters times operations: quadratic in depth
    enumeration = [one.enumeration for one in costs]
    assert enumeration[-1] / enumeration[-2] > 4
    assert costs[0].enumeration < costs[0].forward_mode  # with one layer there is nothing to share
    assert costs[-1].enumeration > costs[-1].forward_mode


def test_a_residual_doubles_the_paths_and_going_around_is_no_factor(random):
    around = Residual((layer(F.tanh),))
    network = (layer(F.dense), around, around, layer(F.squared_error))
    _, params, batch = linear_chain(random, [2, 3])
    params = (*params, ((),), ((),))
    # 9 parameters, each 4 ways through two residuals: of 2, 3, 3 and 4 factors
    assert count_paths(network, params, batch) == (9 * 4, 9 * 12)


def test_a_relu_that_is_off_still_counts_and_a_pool_meets_its_window(random):
    network = (layer(F.dense), layer(F.relu), layer(F.squared_error))
    _, params, batch = linear_chain(random, [2, 3])
    assert count_paths(network, (*jax.tree.map(lambda w: 0 * w - 1, params), ()), batch) == (9, 27)
    kernel, bias = jnp.ones((2, 2, 1, 1)), jnp.zeros(1)
    pooled = (layer(F.conv2d), layer(F.max_pool), layer(F.reshape), layer(F.squared_error))
    batch = (jnp.asarray(random.normal(size=(1, 5, 5, 1)), jnp.float32), jnp.zeros((1, 4)))
    # each number of the 2×2 kernel, and the bias, meets all 16 places of the image, and each ends in one of 4 windows
    assert count_paths(pooled, ((kernel, bias), (), ()), batch)[0] == 5 * 16


@pytest.mark.parametrize(
    ("f", "arguments"),
    [
        (F.dense, (SINGLE["x"], SINGLE["w"], SINGLE["b"])),
        (F.dense_vjp, (jnp.ones((7, 10)), SINGLE["x"], SINGLE["w"], SINGLE["b"])),
        (F.squared_error, (SINGLE["x"], SINGLE["x"])),
        (
            lambda x, k: jax.lax.conv_general_dilated(
                x, k, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
            ),
            (jnp.ones((2, 6, 5, 3)), jnp.ones((3, 2, 3, 4))),
        ),
    ],
)
def test_the_count_is_the_compilers(f, arguments):
    assert operations(f, *arguments) == jax.jit(f).lower(*arguments).cost_analysis()["flops"]


def test_the_count_of_a_whole_sweep_is_the_compilers_to_one_percent(random):
    """The compiler counts some comparisons and selections otherwise, and exponentials apart."""
    network = (layer(F.dense), layer(F.relu), layer(F.dense), layer(F.relu), layer(F.dense), layer(F.squared_error))
    (w1, w2, w3), batch = linear_chain(random, [20, 30, 30, 10], examples=5)[1:]
    params = (w1, (), w2, (), w3)

    def sweep(params):
        losses, tape = forward(network, (*params, batch[1:]), batch[0])
        return backward(network, tape, jnp.ones_like(losses))

    # what is returned and not wanted is left out by the compiler, so that all of it is returned here
    compilers = jax.jit(sweep).lower(params).cost_analysis()["flops"]
    assert operations(sweep, params) == pytest.approx(compilers, rel=0.01)
    assert cost(network, params, batch).reverse == operations(sweep, params)


def test_a_loop_counts_as_often_as_it_runs_and_of_branches_the_dearest():
    assert operations(lambda x: jax.lax.scan(lambda c, r: (c + r, None), x[0], x)[0], jnp.ones((9, 4))) == 36
    cubes = lambda cheap: operations(lambda x: jax.lax.cond(True, lambda x: x * x * x, cheap, x), jnp.ones(5))
    assert cubes(lambda x: x) == cubes(lambda x: x * x) == 10


def test_a_reduction_takes_one_operation_less_than_it_has_numbers():
    for reduce in (jnp.sum, jnp.prod, jnp.max, jnp.min):
        assert operations(reduce, jnp.ones(9)) == 8
    assert operations(lambda x: x.at[jnp.array([0, 1])].add(jnp.ones(2)), jnp.ones(50)) < 20
    assert operations(lambda x: x[jnp.array([0, 1])], jnp.ones(50)) < 20


def test_each_cost_is_what_it_says(random):
    network, params, batch = linear_chain(random, [3, 2, 4, 2])
    one, (paths, factors) = cost(network, params, batch), count_paths(network, params, batch)
    losses = lambda params: forward(network, (*params, batch[1:]), batch[0])[0]
    direction = operations(lambda params: jax.jvp(losses, (params,), (params,)), params)
    assert one.parameters == 8 + 12 + 10
    assert one.forward == operations(losses, params)
    assert one.forward_mode == one.parameters * direction
    assert direction > 1.5 * one.forward
    # each path is multiplied out, and all paths of a parameter are added up
    assert one.enumeration == one.forward + (factors - paths) + (paths - one.parameters)


def test_what_is_not_floating_has_no_derivative(random):
    network = (layer(F.embed), layer(F.dense), layer(F.cross_entropy))
    params = ((jnp.array([0, 1]),), (jnp.asarray(random.normal(size=(3, 2)), jnp.float32), jnp.zeros(2)))
    batch = (jnp.ones((2, 3)), jnp.array([0, 1]))
    assert cost(network, params, batch).parameters == 8


def test_a_network_may_end_in_a_residual_or_in_no_loss(random):
    network = (layer(F.dense), layer(F.squared_error), Residual((layer(F.tanh),)))
    _, params, batch = linear_chain(random, [2, 3])
    batch = (batch[0],)
    network = (layer(F.dense), layer(F.reshape, {"shape": ()}), Residual((layer(F.tanh),)))
    params = ((jnp.ones((2, 1)), jnp.ones(1)), ())
    own_of_last = ((),)
    assert count_paths(network, params, (*batch, *own_of_last)) == (3 * 2, 3 * (2 + 3))
    with pytest.raises(ValueError, match=r"one number per example, \(1,\), but its last layer returned \(1, 3\)"):
        cost((layer(F.dense), layer(F.relu)), linear_chain(random, [2, 3])[1][:1], batch)
