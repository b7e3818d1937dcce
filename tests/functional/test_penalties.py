import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from tests.functional.compiled import run

PARAMS = {"weights": jnp.array([[3.0, -4.0], [0.0, 1.0]]), "bias": jnp.array([-2.0])}


def test_l1_is_the_sum_of_absolute_values_over_the_tree():
    assert run(F.l1, PARAMS) == 10.0


def test_l2_is_half_the_sum_of_squares_over_the_tree():
    assert run(F.l2, PARAMS) == 15.0


def test_the_gradient_of_l2_is_the_parameters():
    assert jax.tree.all(jax.tree.map(np.array_equal, run(jax.grad(F.l2), PARAMS), PARAMS))


def test_the_derivative_of_l1_at_zero_is_zero():
    assert run(jax.grad(F.l1), {"w": jnp.array([0.0, -0.0, 5.0])})["w"].tolist() == [0.0, 0.0, 1.0]


def test_nan_propagates():
    assert np.isnan(run(F.l1, {"w": jnp.array([1.0, jnp.nan])}))


@pytest.mark.parametrize(("ratio", "expected"), [(1.0, 10.0), (0.0, 15.0), (0.5, 12.5), (0.2, 14.0)])
def test_elastic_net_is_a_mixture_of_l1_and_l2(ratio, expected):
    assert run(F.elastic_net, PARAMS, ratio=ratio) == pytest.approx(expected)


def test_the_derivative_of_elastic_net_at_zero_is_zero():
    w = {"w": jnp.array([0.0, -0.0, 5.0])}
    assert run(jax.grad(F.elastic_net), w)["w"].tolist() == [0.0, 0.0, 3.0]
    assert run(F.elastic_net_vjp, jnp.array(1.0), w)[0]["w"].tolist() == [0.0, 0.0, 3.0]


@pytest.mark.parametrize("ratio", [-0.1, 1.1])
def test_an_invalid_ratio_gives_nan_in_value_and_gradient(ratio):
    value, gradient = jax.jit(jax.value_and_grad(lambda w, ratio: F.elastic_net(w, ratio=ratio)))(PARAMS, ratio)
    assert np.isnan(value)
    assert all(np.isnan(leaf).all() for leaf in jax.tree.leaves(gradient))


def test_the_minimizer_with_an_elastic_net_is_soft_thresholded_and_shrunk(double):
    """For an orthonormal design the minimizer is known in closed form (Zou and Hastie 2005, equation 6)."""
    target, weight, ratio = jnp.array([2.0, -1.0, 0.1]), 0.5, 0.4
    thresholded = run(F.soft_threshold, target, threshold=weight * ratio)
    solution = thresholded / (1 + weight * (1 - ratio))
    slope = run(jax.grad(lambda w: F.l2(w - target) + weight * F.elastic_net(w, ratio=ratio)), solution)
    assert np.abs(slope[:2]).max() < 1e-12
    assert solution[2] == 0
    assert np.abs(slope[2]) <= weight * ratio


@pytest.mark.parametrize("params", [[1.0, 2.0], {"w": jnp.array([1, 2])}])
def test_leaves_that_are_not_floating_arrays_raise(unchecked, params):
    for f in (F.l1, F.l2, F.soft_threshold):
        with pytest.raises(TypeError, match=r"params must be floating arrays, got (float|int32): convert it"):
            unchecked(f)(params)
