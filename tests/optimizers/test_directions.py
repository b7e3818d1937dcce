import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl.optimizers import lion, muon
from tests.trajectories import PARAMS, assert_close, first_step, gradient_at, trajectory


@pytest.mark.parametrize(
    ("ours", "optaxs"),
    [
        (lion(0.05, weight_decay=0.1), optax.lion(0.05, weight_decay=0.1)),
        (muon(0.05, weight_decay=0.1), optax.contrib.muon(0.05, weight_decay=0.1)),
        (muon(0.05, adam_learning_rate=0.2), optax.contrib.muon(0.05, adam_learning_rate=0.2)),
    ],
)
def test_twelve_steps_equal_optax(ours, optaxs, double):
    assert_close(*jax.jit(lambda params: [trajectory(each, params=params) for each in (ours, optaxs)])(PARAMS), 1e-12)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_muon_updates_matrices_as_pytorch_does(torch, double, monkeypatch, weight_decay):
    monkeypatch.setattr(torch.Tensor, "bfloat16", lambda tensor: tensor.clone())  # PyTorch orthogonalizes in bfloat16
    loss = lambda w, cosh: cosh(w).sum() + (w[0] * w[1]).sum() ** 2
    ours = muon(0.02, weight_decay=weight_decay, nesterov=False)
    path = trajectory(ours, params={"w": PARAMS["w"]}, loss=lambda params: loss(params["w"], jnp.cosh))
    transposed = torch.tensor(PARAMS["w"].T.copy(), requires_grad=True)  # PyTorch has outputs first
    optimizer = torch.optim.Muon([transposed], 0.02, weight_decay=weight_decay, nesterov=False)
    for w in path["w"]:
        optimizer.zero_grad()
        loss(transposed.T, torch.cosh).backward()
        optimizer.step()
        np.testing.assert_allclose(w, transposed.detach().numpy().T, atol=1e-8)  # optax adds 1e-8 to the norm


def test_lion_moves_every_parameter_by_the_learning_rate(double):
    steps = first_step(lion(0.05))
    assert all(np.allclose(np.abs(leaf), 0.05) for leaf in jax.tree.leaves(steps))


def test_muon_moves_a_matrix_about_equally_far_in_all_singular_directions(double):
    step = first_step(muon(1.0, nesterov=False))["w"] / np.sqrt(3 / 2)
    assert np.linalg.cond(gradient_at(PARAMS)["w"]) > 2
    singular_values = np.linalg.svd(step, compute_uv=False)
    assert (singular_values > 0.65).all()
    assert (singular_values < 1.25).all()


def test_muon_decays_only_the_masked_matrices():
    params = {"w": jnp.asarray(PARAMS["w"]), "u": jnp.ones((2, 2))}
    optimizer = muon(0.5, weight_decay=0.1, mask={"w": True, "u": False})
    updates, _ = jax.jit(lambda p: optimizer.update(jax.tree.map(jnp.zeros_like, p), optimizer.init(p), p))(params)
    np.testing.assert_allclose(updates["w"], -0.05 * PARAMS["w"], rtol=1e-6)
    assert not updates["u"].any()
