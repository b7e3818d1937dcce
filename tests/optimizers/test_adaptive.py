import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl.optimizers import adadelta, adafactor, adagrad, centered_rmsprop, rmsprop
from tests.trajectories import PARAMS, assert_close, torch_trajectory, trajectory

TORCH = {
    "adagrad": (adagrad(0.3), lambda o, p: o.Adagrad(p, 0.3)),
    "adagrad, eps": (adagrad(0.3, eps=0.1), lambda o, p: o.Adagrad(p, 0.3, eps=0.1)),
    "adagrad, initial": (
        adagrad(0.3, initial_accumulator_value=0.1),
        lambda o, p: o.Adagrad(p, 0.3, initial_accumulator_value=0.1),
    ),
    "adagrad, schedule": (
        adagrad(lambda step: 0.3 / (1 + step * 0.5)),
        lambda o, p: o.Adagrad(p, 0.3, lr_decay=0.5),
    ),
    "rmsprop": (rmsprop(0.05), lambda o, p: o.RMSprop(p, 0.05)),
    "rmsprop, all": (
        optax.chain(optax.add_decayed_weights(0.1), rmsprop(0.05, decay=0.8, eps=0.1, momentum=0.7)),
        lambda o, p: o.RMSprop(p, 0.05, alpha=0.8, eps=0.1, momentum=0.7, weight_decay=0.1),
    ),
    "centered_rmsprop": (centered_rmsprop(0.05), lambda o, p: o.RMSprop(p, 0.05, centered=True)),
    "centered_rmsprop, all": (
        centered_rmsprop(0.05, decay=0.8, eps=0.1, momentum=0.7),
        lambda o, p: o.RMSprop(p, 0.05, alpha=0.8, eps=0.1, momentum=0.7, centered=True),
    ),
    "adadelta": (adadelta(), lambda o, p: o.Adadelta(p)),
    "adadelta, all": (
        adadelta(2.0, decay=0.8, eps=1e-3),
        lambda o, p: o.Adadelta(p, 2.0, rho=0.8, eps=1e-3),
    ),
    "adafactor": (adafactor(0.05, min_dim_size_to_factor=2), lambda o, p: o.Adafactor(p, 0.05)),
    "adafactor, all": (
        adafactor(0.05, decay_rate=0.6, clipping_threshold=1.01, min_dim_size_to_factor=2, weight_decay=0.1),
        lambda o, p: o.Adafactor(p, 0.05, beta2_decay=-0.6, d=1.01, weight_decay=0.1),
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
        (rmsprop(0.05, eps=1e-3), optax.rmsprop(0.05, decay=0.99, eps=1e-3, eps_in_sqrt=False)),
        (adadelta(0.5), optax.adadelta(0.5)),
        (adagrad(0.3, eps=0.0, initial_accumulator_value=0.1), optax.adagrad(0.3, 0.1, eps=0.0)),
    ],
)
def test_twelve_steps_equal_optax(ours, optaxs, double):
    assert_close(*jax.jit(lambda params: [trajectory(each, params=params) for each in (ours, optaxs)])(PARAMS), 1e-12)


def test_adagrad_steps_fall_like_one_over_the_root_of_the_step(double):
    path = trajectory(adagrad(0.1), loss=lambda params: 7 * params["w"].sum() + params["b"].sum())
    steps = -jnp.diff(jnp.concatenate([jnp.asarray(PARAMS["w"])[None], path["w"]]), axis=0)
    np.testing.assert_allclose(
        steps, np.broadcast_to(0.1 / np.sqrt(np.arange(1, 13))[:, None, None], (12, 2, 3)), rtol=1e-9
    )


def test_centered_rmsprop_stays_finite_if_a_gradient_hardly_changes():
    optimizer = centered_rmsprop(1e-3, decay=0.9)
    path = trajectory(optimizer, steps=500, loss=lambda params: 0.1 * params["w"].sum() + 0 * params["b"].sum())
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(path))


def test_centered_rmsprop_treats_a_variance_rounded_below_zero_as_zero():
    gradient = jnp.linspace(0.05, 1.0, 500)
    optimizer = centered_rmsprop(1.0, decay=0.9, eps=1e-3)
    step = jax.jit(lambda state: optimizer.update(gradient, state, gradient))
    state = optimizer.init(gradient)
    for _ in range(300):
        updates, state = step(state)
    mean, square = map(np.asarray, state[0].moments)
    below_zero = square - mean**2 < 0
    assert below_zero.any()
    np.testing.assert_allclose(np.asarray(updates)[below_zero], -np.asarray(gradient)[below_zero] / 1e-3, rtol=1e-5)


@pytest.mark.parametrize(
    ("ours", "optaxs"),
    [
        (adafactor(0.05), optax.adafactor(0.05)),
        (
            adafactor(0.05, eps=0.1, multiply_by_parameter_scale=False, min_dim_size_to_factor=2, weight_decay=0.1),
            optax.adafactor(0.05, 2, eps=0.1, multiply_by_parameter_scale=False, weight_decay_rate=0.05 * 0.1),
        ),
    ],
)
def test_twelve_steps_of_adafactor_equal_optax_up_to_its_float32_decay_rate(ours, optaxs, double):
    assert_close(*jax.jit(lambda params: [trajectory(each, params=params) for each in (ours, optaxs)])(PARAMS), 1e-6)


def test_a_clipping_threshold_of_zero_raises():
    with pytest.raises(ValueError, match=r"^clipping_threshold must be above 0, got 0\.0\.$"):
        adafactor(0.1, clipping_threshold=0.0)
