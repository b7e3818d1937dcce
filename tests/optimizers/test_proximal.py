import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl.optimizers import proximal_l1, sgd
from tests.trajectories import PARAMS, trajectory


def test_the_proximal_step_solves_the_lasso_of_an_orthonormal_design_with_exact_zeros(double, random):
    design, _ = np.linalg.qr(random.normal(size=(20, 6)))
    target = random.normal(size=20)
    squares = lambda params: ((design @ params["w"] - target) ** 2).sum() / 2

    def solution(l1):
        optimizer = optax.chain(sgd(0.3), proximal_l1(0.3, l1=l1))
        return trajectory(optimizer, steps=200, params={"w": np.ones(6)}, loss=squares)["w"][-1]

    penalties = np.array([0.1, 0.5, 1.0])
    least_squares = design.T @ target
    for l1, found in zip(penalties, np.asarray(jax.jit(jax.vmap(solution))(penalties)), strict=True):
        expected = np.sign(least_squares) * np.maximum(abs(least_squares) - l1, 0)
        np.testing.assert_allclose(found, expected, atol=1e-12)
        assert ((found == 0) == (expected == 0)).all()


def test_the_proximal_step_follows_a_schedule_and_skips_masked_parameters(double):
    schedule = lambda step: 0.1 / (1 + step)
    optimizer = optax.chain(sgd(0.0), proximal_l1(schedule, l1=2.0, mask=lambda p: {"w": True, "b": False}))
    path = trajectory(optimizer, steps=3)
    shrunk = np.cumsum([0.2, 0.1, 0.2 / 3])[:, None, None]
    expected = np.sign(PARAMS["w"]) * np.maximum(abs(PARAMS["w"]) - shrunk, 0)
    np.testing.assert_allclose(path["w"], expected, atol=1e-15)
    np.testing.assert_array_equal(path["b"], np.broadcast_to(PARAMS["b"], (3, 2)))


def test_missing_parameters_raise():
    params = jax.tree.map(jnp.asarray, PARAMS)
    proximal = proximal_l1(0.1, l1=1.0)
    with pytest.raises(ValueError, match=r"proximal_l1 needs the parameters: call update\(gradient, state, params\)"):
        proximal.update(params, proximal.init(params))


def test_negative_hyperparameters_raise():
    with pytest.raises(ValueError, match=r"l1 must be at least 0"):
        proximal_l1(0.1, l1=-1.0)
    with pytest.raises(ValueError, match=r"learning_rate must be at least 0"):
        proximal_l1(-0.1, l1=1.0)
