import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

import jaxdl.functional as F
from tests.functional.compiled import run


def test_soft_threshold_shrinks_every_leaf():
    params = {"weights": jnp.array([[3.0, -0.5], [0.25, -2.0]]), "bias": jnp.array([0.0])}
    shrunk = run(F.soft_threshold, params, threshold=0.5)
    assert jax.tree.map(lambda leaf: leaf.tolist(), shrunk) == {"weights": [[2.5, 0.0], [0.0, -1.5]], "bias": [0.0]}


@pytest.mark.parametrize("w", [-2.0, -0.5, -0.3, 0.0, 0.2, 0.5, 1.7])
def test_soft_threshold_minimizes_the_objective_of_the_proximal_map(double, w):
    objective = lambda y: (y - w) ** 2 / 2 + 0.5 * float(run(F.l1, y))
    best = scipy.optimize.minimize_scalar(objective, bounds=(-3, 3), method="bounded", options={"xatol": 1e-9}).x
    np.testing.assert_allclose(run(F.soft_threshold, jnp.asarray(w), threshold=0.5), best, atol=1e-6)


def test_derivative_at_the_threshold_is_zero():
    w = jnp.array([0.5, -0.5, 0.25, 0.75, -1.0])
    assert run(jax.grad(lambda w: F.soft_threshold(w, threshold=0.5).sum()), w).tolist() == [0, 0, 0, 1, 1]
    assert run(F.soft_threshold_vjp, np.ones(5), w, threshold=0.5)[0].tolist() == [0, 0, 0, 1, 1]


def test_threshold_zero_is_the_identity_on_parameters(random):
    w = jnp.asarray(random.normal(size=9), jnp.float32)
    assert np.array_equal(run(F.soft_threshold, w, threshold=0.0), w)


def test_proximal_gradient_solves_the_lasso_with_exact_zeros(random, double):
    x, _ = np.linalg.qr(random.normal(size=(20, 4)))
    y = x @ [2.0, 0.1, -1.0, 0.0]
    step = lambda _, w: F.soft_threshold(w - 0.5 * x.T @ (x @ w - y), threshold=0.5 * 0.3)
    w = run(lambda: jax.lax.fori_loop(0, 200, step, jnp.zeros(4)))
    np.testing.assert_allclose(w, run(F.soft_threshold, x.T @ y, threshold=0.3), atol=1e-12)
    assert w[1] == w[3] == 0


def test_max_norm_scales_only_units_beyond_the_limit():
    weights = jnp.array([[3.0, 0.3, 0.0], [4.0, 0.4, 0.0]])
    np.testing.assert_allclose(run(F.max_norm, weights), [[0.6, 0.3, 0.0], [0.8, 0.4, 0.0]], rtol=1e-6)
    assert np.array_equal(run(F.max_norm, weights, limit=5.0), weights)


def test_max_norm_is_idempotent_and_gives_the_nearest_point_of_the_ball(random, double):
    w = jnp.asarray(3 * random.normal(size=(3, 6)))
    y = run(F.max_norm, w, limit=1.5)
    np.testing.assert_allclose(run(F.max_norm, y, limit=1.5), y, rtol=1e-14)
    assert (np.linalg.norm(y, axis=0) <= 1.5 + 1e-12).all()
    inside = random.normal(size=(2000, 3, 1))
    inside = 1.5 * inside / np.linalg.norm(inside, axis=1, keepdims=True) * random.uniform(size=(2000, 1, 1)) ** (1 / 3)
    assert (np.linalg.norm(inside - w, axis=1) >= np.linalg.norm(y - w, axis=0) - 1e-12).all()


def test_max_norm_limits_each_output_channel_of_a_kernel(random):
    kernel = jnp.asarray(random.normal(size=(3, 3, 2, 4)), jnp.float32)
    limited = run(F.max_norm, kernel, limit=0.5)
    np.testing.assert_allclose(np.linalg.norm(limited.reshape(-1, 4), axis=0), [0.5] * 4, rtol=1e-5)
    np.testing.assert_allclose(
        limited, run(F.max_norm, kernel.reshape(-1, 4), limit=0.5).reshape(kernel.shape), rtol=1e-6
    )


def test_derivative_on_the_sphere_is_the_identity():
    w, g = jnp.array([[3.0], [4.0]]), jnp.array([[1.0], [1.0]])
    assert run(F.max_norm_vjp, g, w, limit=5.0)[0].tolist() == g.tolist()
    assert run(lambda g, w: jax.vjp(lambda w: F.max_norm(w, limit=5.0), w)[1](g), g, w)[0].tolist() == g.tolist()


def test_derivative_along_the_weights_is_zero_outside_the_ball(random, double):
    w = jnp.asarray(3 + random.uniform(size=(3, 2)))
    _, change = run(lambda w: jax.jvp(F.max_norm, (w,), (w,)), w)
    np.testing.assert_allclose(change, 0, atol=1e-15)


@pytest.mark.parametrize("limit", [1.0, 0.0])
def test_derivatives_at_zero_weights_are_finite(limit):
    w = jnp.array([[0.0, 1.0], [0.0, 2.0]])
    for derivative in (jax.grad, jax.hessian):
        assert jnp.isfinite(jax.jit(derivative(lambda w: F.max_norm(w, limit=limit).sum()))(w)).all()
    assert np.isfinite(run(F.max_norm_vjp, np.ones((2, 2)), w, limit=limit)[0]).all()


@pytest.mark.parametrize(("f", "settings"), [(F.soft_threshold, {"threshold": -0.5}), (F.max_norm, {"limit": -1.0})])
def test_invalid_setting_gives_nan_in_value_and_gradient(f, settings):
    w = jnp.array([[0.0, 1.0, 0.2], [0.0, -2.0, 0.2]])
    for value in (f(w, **settings), jax.jit(jax.grad(lambda w, settings: f(w, **settings).sum()))(w, settings)):
        assert np.isnan(value).all()


def test_nan_stays_in_its_leaf_entry_or_unit():
    w = jnp.array([[jnp.nan, 1.0], [3.0, 0.0]])
    assert np.isnan(run(F.soft_threshold, w)).tolist() == [[True, False], [False, False]]
    assert np.isnan(run(F.max_norm, w)).tolist() == [[True, False], [True, False]]


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_setting_of_another_precision_keeps_the_dtype(double, dtype):
    other = jnp.asarray(0.5, jnp.float64 if dtype == jnp.float32 else jnp.float32)
    w = jnp.ones((2, 2), dtype)
    results = jax.eval_shape(
        lambda w, other: (
            F.soft_threshold(w, threshold=other),
            F.soft_threshold_vjp(w, w, threshold=other),
            F.max_norm(w, limit=other),
            F.max_norm_vjp(w, w, limit=other),
            F.elastic_net(w, ratio=other),
        ),
        w,
        other,
    )
    assert [result.dtype for result in jax.tree.leaves(results)] == [dtype] * 5


def test_integers_raise(unchecked):
    with pytest.raises(TypeError, match="weights must be floating, got int"):
        unchecked(F.max_norm)(jnp.ones((2, 2), int))
