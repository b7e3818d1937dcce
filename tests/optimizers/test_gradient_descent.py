import jax
import numpy as np
import optax
import pytest

from jaxdl.optimizers import momentum, nesterov, sgd
from tests.trajectories import PARAMS, assert_close, gradient_at, torch_trajectory, trajectory

L2 = optax.add_decayed_weights
TORCH = {
    "sgd": (sgd(0.05), lambda o, p: o.SGD(p, 0.05)),
    "sgd, L2": (optax.chain(L2(0.1), sgd(0.05)), lambda o, p: o.SGD(p, 0.05, weight_decay=0.1)),
    "momentum": (momentum(0.05, decay=0.8), lambda o, p: o.SGD(p, 0.05, momentum=0.8)),
    "momentum, dampened": (
        momentum(0.05, decay=0.8, dampening=0.3),
        lambda o, p: o.SGD(p, 0.05, momentum=0.8, dampening=0.3),
    ),
    "momentum, dampened, L2": (
        optax.chain(L2(0.1), momentum(0.05, dampening=0.9)),
        lambda o, p: o.SGD(p, 0.05, momentum=0.9, dampening=0.9, weight_decay=0.1),
    ),
    "nesterov": (nesterov(0.05, decay=0.8), lambda o, p: o.SGD(p, 0.05, momentum=0.8, nesterov=True)),
    "nesterov, L2": (
        optax.chain(L2(0.1), nesterov(0.05)),
        lambda o, p: o.SGD(p, 0.05, momentum=0.9, nesterov=True, weight_decay=0.1),
    ),
}


@pytest.mark.parametrize("name", TORCH)
def test_twelve_steps_equal_pytorch(torch, double, name):
    optimizer, build = TORCH[name]
    expected = torch_trajectory(torch, lambda params: build(torch.optim, params))
    assert_close(trajectory(optimizer), expected, 1e-12)


@pytest.mark.parametrize(
    ("ours", "optaxs"),
    [
        (sgd(0.05), optax.sgd(0.05)),
        (sgd(optax.linear_schedule(0.1, 0.0, 10)), optax.sgd(optax.linear_schedule(0.1, 0.0, 10))),
        (momentum(0.05), optax.sgd(0.05, momentum=0.9)),
        (momentum(0.05, decay=0.8), optax.sgd(0.05, momentum=0.8)),
        (nesterov(0.05, decay=0.8), optax.sgd(0.05, momentum=0.8, nesterov=True)),
    ],
)
def test_twelve_steps_equal_optax(ours, optaxs, double):
    assert_close(*jax.jit(lambda params: [trajectory(each, params=params) for each in (ours, optaxs)])(PARAMS), 1e-12)


@pytest.mark.parametrize("learning_rate", [0.49, 0.51])
def test_sgd_on_a_quadratic_converges_below_two_over_the_curvature_and_diverges_above(learning_rate):
    path = trajectory(sgd(learning_rate), steps=200, loss=lambda params: 2 * (params["w"] ** 2).sum())
    largest = float(abs(path["w"][-1]).max())
    assert largest < 0.1 if learning_rate < 0.5 else largest > 10


def test_nesterov_evaluates_the_gradient_at_the_lookahead_point(double):
    learning_rate, decay = 0.05, 0.8
    path = trajectory(nesterov(learning_rate, decay=decay))
    position, velocity = PARAMS, jax.tree.map(np.zeros_like, PARAMS)
    lookahead = lambda position, velocity: jax.tree.map(lambda x, v: x - learning_rate * decay * v, position, velocity)
    for step in range(12):
        gradient = gradient_at(lookahead(position, velocity))
        velocity = jax.tree.map(lambda v, g: decay * v + g, velocity, gradient)
        position = jax.tree.map(lambda x, v: x - learning_rate * v, position, velocity)
        assert_close(jax.tree.map(lambda leaf: leaf[step], path), lookahead(position, velocity), 1e-12)
