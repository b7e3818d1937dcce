import jax
import numpy as np
import optax
import pytest

from jaxdl.optimizers import adam, adam_l2, adamax, adamw, amsgrad, decay_mask, nadam, radam
from tests.trajectories import PARAMS, assert_close, first_step, gradient_at, torch_trajectory, trajectory

TORCH = {
    "adam": (adam(0.05), lambda o, p: o.Adam(p, 0.05)),
    "adam, all": (
        adam(0.05, b1=0.8, b2=0.9, eps=1e-2),
        lambda o, p: o.Adam(p, 0.05, betas=(0.8, 0.9), eps=1e-2),
    ),
    "adam_l2": (adam_l2(0.05, l2=0.1), lambda o, p: o.Adam(p, 0.05, weight_decay=0.1)),
    "adam_l2, default": (adam_l2(0.05), lambda o, p: o.Adam(p, 0.05, weight_decay=1e-4)),
    "adam_l2, masked": (
        adam_l2(0.05, l2=0.1, mask=decay_mask),
        lambda o, p: o.Adam([{"params": p[:1], "weight_decay": 0.1}, {"params": p[1:]}], 0.05),
    ),
    "adamw": (adamw(0.05, weight_decay=0.1), lambda o, p: o.AdamW(p, 0.05, weight_decay=0.1)),
    "adamax": (
        adamax(0.05, b1=0.8, b2=0.9, eps=1e-2),
        lambda o, p: o.Adamax(p, 0.05, betas=(0.8, 0.9), eps=1e-2),
    ),
    "nadam": (nadam(0.05), lambda o, p: o.NAdam(p, 0.05)),
    "nadam, all": (
        nadam(0.05, b1=0.8, b2=0.9, eps=1e-2, momentum_decay=0.1),
        lambda o, p: o.NAdam(p, 0.05, betas=(0.8, 0.9), eps=1e-2, momentum_decay=0.1),
    ),
    "radam": (radam(0.05), lambda o, p: o.RAdam(p, 0.05)),
    "radam, all": (
        radam(0.05, b1=0.8, b2=0.9, eps=1e-2),
        lambda o, p: o.RAdam(p, 0.05, betas=(0.8, 0.9), eps=1e-2),
    ),
    "radam, never rectified": (radam(0.05, b2=0.5), lambda o, p: o.RAdam(p, 0.05, betas=(0.9, 0.5))),
    "amsgrad": (amsgrad(0.05), lambda o, p: o.Adam(p, 0.05, amsgrad=True)),
    "amsgrad, all": (
        amsgrad(0.3, b1=0.5, b2=0.6, eps=1e-2),
        lambda o, p: o.Adam(p, 0.3, betas=(0.5, 0.6), eps=1e-2, amsgrad=True),
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
        (adam(0.05, b1=0.8, b2=0.99, eps=1e-3), optax.adam(0.05, b1=0.8, b2=0.99, eps=1e-3)),
        (adamw(0.05), optax.adamw(0.05)),
        (adamw(0.05, weight_decay=0.1), optax.adamw(0.05, weight_decay=0.1)),
        (adamax(0.05), optax.adamax(0.05)),
        (nadam(0.05, momentum_decay=1e9), optax.nadam(0.05)),
        (radam(0.05, eps=0.0, b2=0.9), optax.radam(0.05, eps=0.0, b2=0.9)),
    ],
)
def test_twelve_steps_equal_optax(ours, optaxs, double):
    assert_close(*jax.jit(lambda params: [trajectory(each, params=params) for each in (ours, optaxs)])(PARAMS), 1e-12)


def test_the_first_step_of_adam_is_the_learning_rate_times_the_sign_of_the_gradient(double):
    expected = jax.tree.map(lambda g: -0.05 * np.sign(g), gradient_at(PARAMS))
    assert_close(first_step(adam(0.05)), expected, 1e-6)


def test_decoupled_weight_decay_differs_from_a_penalty_inside_adam(double):
    without, decayed = first_step(adam(0.05)), first_step(adamw(0.05, weight_decay=0.1))
    assert_close(jax.tree.map(np.subtract, decayed, without), jax.tree.map(lambda w: -0.05 * 0.1 * w, PARAMS), 1e-12)
    penalized = first_step(adam_l2(0.05, l2=0.1))  # still the sign of the gradient
    expected = jax.tree.map(lambda g, w: -0.05 * np.sign(g + 0.1 * w), gradient_at(PARAMS), PARAMS)
    assert_close(penalized, expected, 1e-6)


@pytest.mark.parametrize("b2", [0.999, 0.9995, 0.9999])
def test_radam_starts_to_rectify_in_float32_when_pytorch_does(torch, b2):
    weight = torch.ones(1, requires_grad=True)
    optimizer = torch.optim.RAdam([weight], 0.1, betas=(0.9, b2))
    path = trajectory(radam(0.1, b2=b2), params={"w": np.ones(1, np.float32)}, loss=lambda p: p["w"].sum())
    for expected in path["w"]:
        optimizer.zero_grad()
        weight.sum().backward()
        optimizer.step()
        np.testing.assert_allclose(expected, weight.detach().numpy(), rtol=2e-4)
