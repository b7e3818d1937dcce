import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F


def test_squared_error_sums_over_the_outputs_of_each_example():
    assert F.squared_error(jnp.array([[1.0, 2.0], [3.0, 5.0]]), jnp.array([[0.0, 4.0], [3.0, 4.0]])).tolist() == [
        5.0,
        1.0,
    ]


def test_targets_have_the_opposite_gradient():
    y_bar, t_bar = F.squared_error_vjp(jnp.ones(1), jnp.array([[3.0]]), jnp.array([[1.0]]))
    assert (y_bar.tolist(), t_bar.tolist()) == ([[4.0]], [[-4.0]])


def test_a_small_error_of_large_numbers_keeps_its_digits():
    assert F.squared_error(jnp.array([[10001.0]]), jnp.array([[10000.0]])).tolist() == [1.0]


def test_gradient_descent_on_it_ends_at_the_normal_equations(random, double):
    x, w_true = random.normal(size=(40, 3)), random.normal(size=(3, 1))
    y = x @ w_true + 0.1 * random.normal(size=(40, 1))
    x, y = jnp.asarray(x), jnp.asarray(y)
    w, b = jnp.zeros((3, 1)), jnp.zeros(1)
    for _ in range(2000):
        g, _ = F.squared_error_vjp(jnp.full(40, 1 / 40), F.dense(x, w, b), y)
        _, w_bar, b_bar = F.dense_vjp(g, x, w, b)
        w, b = w - 0.1 * w_bar, b - 0.1 * b_bar
    solution = np.linalg.lstsq(np.column_stack([x, np.ones(40)]), y)[0]
    np.testing.assert_allclose(jnp.concatenate([w, b[None]]), solution, rtol=1e-10)


def test_a_column_beside_a_row_is_refused_instead_of_broadcast(unchecked):
    with pytest.raises(ValueError, match=r"targets must have the shape \(batch, outputs\).*, but was given as \(4,\)"):
        unchecked(F.squared_error)(jnp.zeros((4, 1)), jnp.zeros(4))
