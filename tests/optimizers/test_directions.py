import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl.optimizers import lion, muon, rprop
from tests.trajectories import PARAMS, assert_close, first_step, gradient_at, torch_trajectory, trajectory


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


@pytest.mark.parametrize(
    ("ours", "settings"),
    [
        (rprop(0.3), {"lr": 0.3}),
        (
            rprop(0.2, eta_minus=0.3, eta_plus=2.0, min_step_size=0.05, max_step_size=0.5),
            {"lr": 0.2, "etas": (0.3, 2.0), "step_sizes": (0.05, 0.5)},
        ),
        (rprop(9.0, max_step_size=0.1), {"lr": 9.0, "step_sizes": (1e-6, 0.1)}),
    ],
)
def test_twelve_steps_of_rprop_equal_pytorch(torch, double, ours, settings):
    expected = torch_trajectory(torch, lambda params: torch.optim.Rprop(params, **settings))
    assert_close(trajectory(ours), expected, 1e-12)


def rprop_by_numpy(gradients, size, shrink, grow, least, most):
    """Return the steps of one entry, by the algorithm as it is printed in the literature."""
    before, steps = 0.0, []
    for gradient in gradients:
        if before * gradient > 0:
            size = min(size * grow, most)
        elif before * gradient < 0:
            size, gradient = max(size * shrink, least), 0.0
        steps.append(-np.sign(gradient) * size)
        before = gradient
    return steps


def test_steps_of_rprop_equal_the_published_algorithm(random, double):
    gradients = random.normal(size=(40, 6)).round(1)  # with changes of sign and zeros
    optimizer = rprop(0.1, eta_minus=0.4, eta_plus=1.5, min_step_size=0.03, max_step_size=0.4)
    run = jax.jit(lambda g: jax.lax.scan(lambda state, g: optimizer.update(g, state)[::-1], optimizer.init(g[0]), g)[1])
    expected = [rprop_by_numpy(column, 0.1, 0.4, 1.5, 0.03, 0.4) for column in gradients.T]
    np.testing.assert_allclose(run(gradients), np.transpose(expected), rtol=1e-12)
    assert (gradients == 0).any()


def test_rprop_sees_the_sign_of_gradients_whose_product_underflows():
    optimizer = rprop(1.0)
    gradient, state = jnp.float32(1e-30), optimizer.init(jnp.float32(0))
    for expected in (-1.0, -1.2):
        update, state = optimizer.update(gradient, state)
        assert float(update) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"eta_minus": 1.0}, "eta_minus must be above 0 and below 1, got 1.0."),
        ({"eta_plus": 1.0}, "eta_plus must be above 1, got 1.0."),
        (
            {"min_step_size": 2.0, "max_step_size": 1.0},
            r"max_step_size must be at least min_step_size \(2.0\), got 1.0.",
        ),
    ],
)
def test_invalid_factors_or_bounds_of_rprop_raise(settings, message):
    with pytest.raises(ValueError, match=message):
        rprop(0.1, **settings)


def test_a_schedule_for_rprop_raises(unchecked):
    with pytest.raises(TypeError, match="learning_rate must be a number"):
        unchecked(rprop)(lambda step: 0.1)
