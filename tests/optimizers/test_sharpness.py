import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.optimizers import sam, sgd
from tests.trajectories import PARAMS, assert_close, gradient_at, trajectory


def test_the_step_uses_the_gradient_uphill(double):
    gradient = gradient_at(PARAMS)
    norm = np.sqrt(sum((g**2).sum() for g in jax.tree.leaves(gradient)))
    uphill = jax.tree.map(lambda w, g: w + 0.2 * g / norm, PARAMS, gradient)
    expected = jax.tree.map(lambda w, g: w - 0.1 * g, PARAMS, gradient_at(uphill))
    path = trajectory(sam(sgd(0.1), radius=0.2), steps=1)
    assert_close(jax.tree.map(lambda leaf: leaf[0], path), expected, 1e-12)


def test_the_default_radius_is_that_of_the_paper(double):
    by_default, explicit = (trajectory(sam(sgd(0.1), **radius), steps=1) for radius in ({}, {"radius": 0.05}))
    assert_close(by_default, explicit, 0)


def test_a_zero_gradient_gives_a_zero_step():
    quadratic = lambda params: (params["w"] ** 2).sum()  # its gradient at NaN is NaN
    path = trajectory(sam(sgd(0.1)), steps=2, params={"w": np.zeros(2)}, loss=quadratic)
    assert path["w"].tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("given", [{}, {"value": 1.0}])
def test_a_missing_loss_raises(given):
    optimizer = sam(sgd(0.1))
    with pytest.raises(ValueError, match=r"sam needs the loss: call update\(gradient, state, params, value=loss"):
        optimizer.update(PARAMS, optimizer.init(jax.tree.map(jnp.asarray, PARAMS)), PARAMS, **given)


def test_a_negative_radius_raises():
    with pytest.raises(ValueError, match=r"radius must be at least 0, got -1\.0"):
        sam(sgd(0.1), radius=-1.0)
