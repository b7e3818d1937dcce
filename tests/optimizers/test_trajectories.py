"""Twelve steps of every rule, in float64, beside PyTorch's."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl import optimizers as ours
from tests.optimizers.trajectories import PARAMS, same, theirs, trajectory

L2 = optax.add_decayed_weights
RULES = {
    "sgd": (ours.sgd(0.05), lambda o, p: o.SGD(p, 0.05)),
    "sgd, L2": (optax.chain(L2(0.1), ours.sgd(0.05)), lambda o, p: o.SGD(p, 0.05, weight_decay=0.1)),
    "momentum": (ours.momentum(0.05, decay=0.8), lambda o, p: o.SGD(p, 0.05, momentum=0.8)),
    "momentum, dampened": (
        ours.momentum(0.05, decay=0.8, dampening=0.3),
        lambda o, p: o.SGD(p, 0.05, momentum=0.8, dampening=0.3),
    ),
    "momentum, dampened, L2": (
        optax.chain(L2(0.1), ours.momentum(0.05, dampening=0.9)),
        lambda o, p: o.SGD(p, 0.05, momentum=0.9, dampening=0.9, weight_decay=0.1),
    ),
    "nesterov": (ours.nesterov(0.05, decay=0.8), lambda o, p: o.SGD(p, 0.05, momentum=0.8, nesterov=True)),
    "nesterov, L2": (
        optax.chain(L2(0.1), ours.nesterov(0.05)),
        lambda o, p: o.SGD(p, 0.05, momentum=0.9, nesterov=True, weight_decay=0.1),
    ),
    "adagrad": (ours.adagrad(0.3), lambda o, p: o.Adagrad(p, 0.3)),
    "adagrad, eps": (ours.adagrad(0.3, eps=0.1), lambda o, p: o.Adagrad(p, 0.3, eps=0.1)),
    "adagrad, decaying": (
        ours.adagrad(lambda step: 0.3 / (1 + step * 0.5)),
        lambda o, p: o.Adagrad(p, 0.3, lr_decay=0.5),
    ),
    "rmsprop": (ours.rmsprop(0.05), lambda o, p: o.RMSprop(p, 0.05)),
    "rmsprop, all": (
        optax.chain(L2(0.1), ours.rmsprop(0.05, decay=0.8, eps=0.1, momentum=0.7)),
        lambda o, p: o.RMSprop(p, 0.05, alpha=0.8, eps=0.1, momentum=0.7, weight_decay=0.1),
    ),
    "rmsprop, centered": (ours.centered_rmsprop(0.05), lambda o, p: o.RMSprop(p, 0.05, centered=True)),
    "rmsprop, centered, all": (
        ours.centered_rmsprop(0.05, decay=0.8, eps=0.1, momentum=0.7),
        lambda o, p: o.RMSprop(p, 0.05, alpha=0.8, eps=0.1, momentum=0.7, centered=True),
    ),
    "adadelta": (ours.adadelta(), lambda o, p: o.Adadelta(p)),
    "adadelta, all": (
        ours.adadelta(2.0, decay=0.8, eps=1e-3),
        lambda o, p: o.Adadelta(p, 2.0, rho=0.8, eps=1e-3),
    ),
    "adam": (ours.adam(0.05), lambda o, p: o.Adam(p, 0.05)),
    "adam, all": (
        ours.adam(0.05, b1=0.8, b2=0.9, eps=1e-2),
        lambda o, p: o.Adam(p, 0.05, betas=(0.8, 0.9), eps=1e-2),
    ),
    "adam, L2": (ours.adam_l2(0.05, strength=0.1), lambda o, p: o.Adam(p, 0.05, weight_decay=0.1)),
    "adam, L2 as it comes": (ours.adam_l2(0.05), lambda o, p: o.Adam(p, 0.05, weight_decay=1e-4)),
    "adam, L2 of matrices": (
        ours.adam_l2(0.05, strength=0.1, mask=ours.weights),
        lambda o, p: o.Adam([{"params": p[:1], "weight_decay": 0.1}, {"params": p[1:]}], 0.05),
    ),
    "adamw": (ours.adamw(0.05, weight_decay=0.1), lambda o, p: o.AdamW(p, 0.05, weight_decay=0.1)),
    "adamax": (
        ours.adamax(0.05, b1=0.8, b2=0.9, eps=1e-2),
        lambda o, p: o.Adamax(p, 0.05, betas=(0.8, 0.9), eps=1e-2),
    ),
    "nadam": (ours.nadam(0.05), lambda o, p: o.NAdam(p, 0.05)),
    "nadam, all": (
        ours.nadam(0.05, b1=0.8, b2=0.9, eps=1e-2, momentum_decay=0.1),
        lambda o, p: o.NAdam(p, 0.05, betas=(0.8, 0.9), eps=1e-2, momentum_decay=0.1),
    ),
    "radam": (ours.radam(0.05), lambda o, p: o.RAdam(p, 0.05)),
    "radam, all": (
        ours.radam(0.05, b1=0.8, b2=0.9, eps=1e-2),
        lambda o, p: o.RAdam(p, 0.05, betas=(0.8, 0.9), eps=1e-2),
    ),
    "radam, a short memory": (ours.radam(0.05, b2=0.5), lambda o, p: o.RAdam(p, 0.05, betas=(0.9, 0.5))),
    "amsgrad": (ours.amsgrad(0.05), lambda o, p: o.Adam(p, 0.05, amsgrad=True)),
    "amsgrad, all": (
        ours.amsgrad(0.3, b1=0.5, b2=0.6, eps=1e-2),
        lambda o, p: o.Adam(p, 0.3, betas=(0.5, 0.6), eps=1e-2, amsgrad=True),
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_a_trajectory_is_pytorchs(torch, double, name):
    rule, of_torch = RULES[name]
    same(trajectory(rule), theirs(torch, lambda params: of_torch(torch.optim, params)), 1e-12)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_muons_matrices_move_as_pytorchs_do(torch, double, monkeypatch, decay):
    monkeypatch.setattr(torch.Tensor, "bfloat16", lambda tensor: tensor.clone())  # PyTorch orthogonalizes in bfloat16
    bend = lambda w, cosh: cosh(w).sum() + (w[0] * w[1]).sum() ** 2
    rule = ours.muon(0.02, weight_decay=decay, nesterov=False)
    path = trajectory(rule, params={"w": PARAMS["w"]}, loss=lambda params: bend(params["w"], jnp.cosh))
    transposed = torch.tensor(PARAMS["w"].T.copy(), requires_grad=True)  # PyTorch counts outputs first
    optimizer = torch.optim.Muon([transposed], 0.02, weight_decay=decay, nesterov=False)
    for ours_now in path["w"]:
        optimizer.zero_grad()
        bend(transposed.T, torch.cosh).backward()
        optimizer.step()
        np.testing.assert_allclose(ours_now, transposed.detach().numpy().T, atol=1e-8)  # optax adds as much to a norm


def test_gradients_are_clipped_as_pytorch_clips_them(torch, double):
    by_value = optax.chain(ours.clip_by_value(0.3), ours.sgd(0.1))
    clip = torch.nn.utils
    same(
        trajectory(by_value),
        theirs(torch, lambda p: torch.optim.SGD(p, 0.1), before=lambda p: clip.clip_grad_value_(p, 0.3)),
        1e-12,
    )
    by_norm = optax.chain(ours.clip_by_norm(1.5), ours.sgd(0.1))
    same(
        trajectory(by_norm),
        theirs(torch, lambda p: torch.optim.SGD(p, 0.1), before=lambda p: clip.clip_grad_norm_(p, 1.5)),
        1e-5,
    )


@pytest.mark.parametrize("settings", [{}, {"cooldown": 2}, {"threshold": 0.05, "least": 0.3}])
def test_on_a_plateau_the_rate_falls_as_pytorchs_does(torch, double, settings):
    rate = 0.9
    schedulers = []

    def step(optimizer, value):
        if not schedulers:
            schedulers.append(
                torch.optim.lr_scheduler.ReduceLROnPlateau(
                    optimizer,
                    factor=0.5,
                    patience=1,
                    threshold=settings.get("threshold", 1e-4),
                    cooldown=settings.get("cooldown", 0),
                    min_lr=rate * settings.get("least", 0.0),
                    eps=0.0,
                )
            )
        schedulers[0].step(value)

    rule = optax.chain(ours.sgd(rate), ours.on_plateau(factor=0.5, patience=1, **settings))
    yours = theirs(torch, lambda p: torch.optim.SGD(p, rate), scheduler=step)
    same(trajectory(rule), yours, 1e-12)
    assert schedulers[0].optimizer.param_groups[0]["lr"] < rate


@pytest.mark.parametrize("b2", [0.999, 0.9995, 0.9999])
def test_radam_begins_to_measure_in_float32_when_pytorch_does(torch, b2):
    weight = torch.ones(1, requires_grad=True)
    optimizer = torch.optim.RAdam([weight], 0.1, betas=(0.9, b2))
    path = trajectory(ours.radam(0.1, b2=b2), params={"w": np.ones(1, np.float32)}, loss=lambda p: p["w"].sum())
    for now in path["w"]:
        optimizer.zero_grad()
        weight.sum().backward()
        optimizer.step()
        np.testing.assert_allclose(now, weight.detach().numpy(), rtol=2e-4)


def test_sums_over_many_steps_do_not_overflow_in_half_precision():
    """The sum of the ages of all squares passes the largest float16 after 600 steps."""
    rule = ours.radam(1e-3)
    path = trajectory(rule, 600, params={"w": np.ones(1, np.float16)}, loss=lambda params: params["w"].sum())
    assert jnp.isfinite(path["w"]).all()
